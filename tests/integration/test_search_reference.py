"""Searches of a random story, against reading everything that each reader is shown of it.

Goal: whatever the index holds and however the walk through it is cut, the pages of an answer put
together are every message that has what is sought and that the reader may see, each once, in order.
Method: people talk, edit, redact, come, go and change who sees the history; what a reader may see
is then asked of /messages, which knows no index, and searched by plain comparison.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from fixtures.room_house import ALICE, BOB, VISIBILITY
from fixtures.search_house import SearchHouse

from bongsu.errors import Forbidden
from bongsu.log.position import partition_of
from bongsu.postgres.database import Database
from bongsu.search import documents, finding, service
from bongsu.search.terms import terms_of

ROOMS, STEPS = 5, 90
WORDS = ("beacon", "hill", "torch", "화재", "데이터센터", "불")
TERMS = {
    "beacon": 1,
    "torch hill": 2,
    "화재": 1,
    "불": 1,
    "센터": 1,
    "데이터센터": 4,
}  # their parts
MOVES = {"leave": ("join", "invite"), "invite": ("join", "leave"), "join": ("leave",)}
ORDERS = ("recent", "rank")


@dataclass(frozen=True)
class Said:
    """A document as the story has it: what stands in it now, and the edit that says so."""

    event_id: str
    room: str
    position: int
    text: str
    sender: str
    edit: str | None = None
    ts: int = 0

    def has(self, term: str) -> bool:
        return all(
            part in self.text.split() if part.isascii() else part in self.text
            for part in term.split()
        )

    def place(self, term: str, order: str) -> tuple[float, int, int, int]:
        rank = TERMS[term] / len(terms_of(self.text)) if order == "rank" else 0.0
        return round(rank, 6), self.ts, partition_of(self.room), self.position


class Story:
    """Alice made all rooms; Bob comes and goes."""

    def __init__(self, house: SearchHouse, seed: int) -> None:
        self.house = house
        self.random = random.Random(seed)
        self.bob: dict[str, str] = {}  # what he is in each room
        self.said: dict[str, Said] = {}

    async def happen(self) -> None:
        for _ in range(ROOMS):
            self.bob[await self.house.room()] = "leave"
        for _ in range(STEPS):
            step = self.random.choices(
                (self.speak, self.edit, self.redact, self.move, self.reveal), (60, 12, 5, 13, 10)
            )
            await step[0](self.random.choice(list(self.bob)))

    async def speak(self, room: str) -> None:
        sender = self.random.choice((ALICE, BOB)) if self.bob[room] == "join" else ALICE
        text = " ".join(self.random.choices(WORDS, k=self.random.randint(1, 6)))
        if sender == ALICE and self.random.random() < 0.1:
            sent = await self.house.send(room, ALICE, {"name": text}, "m.room.name", "")
        else:
            sent = await self.house.send(room, sender, {"msgtype": "m.text", "body": text})
        self.said[sent.event_id] = Said(sent.event_id, room, sent.position, text, sender)

    async def edit(self, room: str) -> None:
        mine = [s for s in self._in(room) if s.sender == ALICE]
        if not mine:
            return
        said, text = self.random.choice(mine), self.random.choice(WORDS)
        relation = {"rel_type": "m.replace", "event_id": said.event_id}
        new = {"m.new_content": {"msgtype": "m.text", "body": text}, "m.relates_to": relation}
        edit = await self.house.say(room, f"* {text}", **new)
        if await self._is_message(said):
            self.said[said.event_id] = replace(said, text=text, edit=edit)

    async def redact(self, room: str) -> None:
        if told := self._in(room):
            said = self.random.choice(told)
            del self.said[said.event_id]
            target = said.event_id
            content = {"redacts": target}
            await self.house.send(room, ALICE, content, "m.room.redaction", redacts=target)

    async def move(self, room: str) -> None:
        self.bob[room] = self.random.choice(MOVES[self.bob[room]])
        by = ALICE if self.bob[room] == "invite" else BOB
        await self.house.member(room, BOB, self.bob[room], by)

    async def reveal(self, room: str) -> None:
        visibility = self.random.choice(("world_readable", "shared", "invited", "joined"))
        await self.house.send(room, ALICE, {"history_visibility": visibility}, VISIBILITY, "")

    async def seen_by(self, reader: str) -> list[Said]:
        """All that the reader may see of it, with its time."""
        seen: list[Said] = []
        for room in self.bob:
            shown = await self._shown(reader, room)
            seen += [
                replace(said, ts=shown[said.event_id])
                for said in self._in(room)
                if said.event_id in shown and (said.edit is None or said.edit in shown)
            ]
        return seen

    async def _shown(self, reader: str, room: str) -> dict[str, int]:
        """Times of the events of a room that a reader once had a part in, by id."""
        path = f"v3/rooms/{room}/messages"
        rows = await self.house.database.fetch(
            "SELECT FROM membership WHERE user_id = $1 AND room_id = $2", reader, room
        )
        try:
            page = await self.house.get(reader, path, "dir=b&limit=500") if rows else {"chunk": []}
        except Forbidden:
            return {}
        assert "end" not in page
        return {event["event_id"]: event["origin_server_ts"] for event in page["chunk"]}

    async def _is_message(self, said: Said) -> bool:
        path = f"v3/rooms/{said.room}/event/{said.event_id}"
        return (await self.house.get(ALICE, path))["type"] == "m.room.message"

    def _in(self, room: str) -> list[Said]:
        return [said for said in self.said.values() if said.room == room]


@pytest.fixture
async def house(database_dsn: str, database: Database) -> AsyncIterator[SearchHouse]:
    house = SearchHouse(database_dsn, database)
    await house.heart.start()
    yield house
    await house.heart.stop()


async def pages(house: SearchHouse, reader: str, term: str, **criteria: Any) -> list[str]:
    """The ids on all pages from `next_batch` on, in order."""
    found: list[str] = []
    while True:
        page = await house.search(reader, term, filter={"limit": 4}, **criteria)
        found += [each["result"]["event_id"] for each in page["results"]]
        criteria["next_batch"] = page.get("next_batch")
        if criteria["next_batch"] is None:
            return found


@pytest.mark.parametrize("seed", range(3))
async def test_pages_are_all_that_is_seen_in_order(
    house: SearchHouse, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    ranked = 8 if seed % 2 else finding.RANKED_MAX
    for module, name, value in (
        (documents, "SEGMENT_DOCUMENTS_MAX", 4), (finding, "SEGMENTS_FIRST", 1),
        (finding, "SEGMENTS_GROWTH", 2), (finding, "RANKED_MAX", ranked),
        (service, "EXAMINED_AT_ONCE", 3),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, value)
    story = Story(house, seed)
    await story.happen()
    for reader in (ALICE, BOB):
        seen = await story.seen_by(reader)
        for term in TERMS:
            hits = [said for said in seen if said.has(term)]
            newest = sorted(hits, key=lambda said: said.place(term, "recent"), reverse=True)
            for order in ORDERS:
                among = newest[:ranked] if order == "rank" else newest
                expected = sorted(among, key=lambda said: said.place(term, order), reverse=True)
                found = await pages(house, reader, term, order_by=order)
                assert found == [said.event_id for said in expected], (reader, term, order)


@pytest.mark.parametrize("order", ORDERS)
async def test_groups_and_counts_are_of_what_is_seen(house: SearchHouse, order: str) -> None:
    story = Story(house, seed=9)
    await story.happen()
    seen = await story.seen_by(BOB)
    grouped = {"order_by": order, "groupings": {"group_by": [{"key": "room_id"}]}}
    for term in TERMS:
        expected = sorted(
            (said for said in seen if said.has(term)),
            key=lambda said: said.place(term, order),
            reverse=True,
        )
        first = await house.search(BOB, term, filter={"limit": 4}, **grouped)
        assert first["count"] == len(expected), "nothing hidden is counted"
        for room, group in first.get("groups", {}).get("room_id", {}).items():
            found = group["results"]
            if "next_batch" in group:
                found += await pages(house, BOB, term, next_batch=group["next_batch"], **grouped)
            assert found == [said.event_id for said in expected if said.room == room]


async def test_what_is_said_between_two_pages_moves_no_rank(
    house: SearchHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finding, "RANKED_MAX", 6)
    room = await house.room()
    ids = [await house.say(room, "beacon" + " word" * (n % 3) + f" {n}") for n in range(10)]
    first = await house.search(ALICE, "beacon", filter={"limit": 2})
    for number in range(8):
        await house.say(room, f"beacon meanwhile {number}")
    rest = await pages(house, ALICE, "beacon", next_batch=first["next_batch"])
    found = [each["result"]["event_id"] for each in first["results"]] + rest
    assert sorted(found) == sorted(ids[4:])


async def test_what_one_may_not_see_is_not_counted(house: SearchHouse) -> None:
    room = await house.room(visibility="joined")
    await house.say(room, "beacon before")
    await house.member(room, BOB, "join")
    event = await house.say(room, "torch")
    await house.member(room, BOB, "leave")
    relation = {"rel_type": "m.replace", "event_id": event}
    new = {"m.new_content": {"msgtype": "m.text", "body": "hidden"}, "m.relates_to": relation}
    await house.say(room, "* hidden", **new)
    for term in ("beacon", "hidden"):
        assert (await house.search(ALICE, term))["count"] == 1
        assert (await house.search(BOB, term))["count"] == 0
