"""State + deltas == fresh state.

Goal: whatever people do, and whenever and through whichever process a client syncs, what it has
put together from increments is what a client that starts anew is shown.
Method: random histories (each from one seed, which the test's name shows) act through the real
sequencer; clients with different filters apply the answers as the spec tells them to, and are
compared with first syncs at the end.
"""

import asyncio
from random import Random
from typing import Any

import pytest
from fixtures.sync_house import ALICE, BOB, CAROL, SyncHouse, open_house

from bongsu.errors import Refused
from bongsu.postgres.database import Database

PEOPLE = (ALICE, BOB, CAROL)
ACTIONS = 60
MESSAGES_EACH = 40
EVERYTHING = {"room": {"timeline": {"limit": 100}}}


class Client:
    """Applies answers the way the spec tells clients to."""

    def __init__(self, user: str, limit: int, state_key: str, device: str) -> None:
        self.user = user
        self.device = device
        self.filter = {"room": {"timeline": {"limit": limit}}}
        self.state_key = state_key
        self.token: str | None = None
        self.joined: dict[str, dict[str, Any]] = {}
        self.invited: set[str] = set()
        self.account_data: dict[str, Any] = {}

    async def sync(self, house: SyncHouse, random: Random, *, loses: float = 0.1) -> None:
        """One request. `loses` is the probability that the answer is lost on its way."""
        answer = await house.get(
            self.user, self.token, filter=self.filter, device=self.device,
            state_key=self.state_key,
            sync=house.sync if random.random() < 0.7 else house.new_sync(),
            full_state=random.random() < 0.05,
        )  # fmt: skip
        if random.random() < loses:
            return  # the next request comes with the same token
        self.token = answer["next_batch"]
        for event in answer.get("account_data", {}).get("events", ()):
            self.account_data[event["type"]] = event["content"]
        rooms = answer.get("rooms", {})
        for room_id in rooms.get("invite", ()):
            self.invited.add(room_id)
            self.joined.pop(room_id, None)  # left and invited anew in between
        for room_id in rooms.get("leave", ()):
            self.invited.discard(room_id)
            self.joined.pop(room_id, None)
        for room_id, shown in rooms.get("join", {}).items():
            self.invited.discard(room_id)
            self.apply(self.joined.setdefault(room_id, new_room()), shown)

    def apply(self, room: dict[str, Any], shown: dict[str, Any]) -> None:
        timeline = shown["timeline"]
        if timeline["limited"]:
            room["timeline"] = []
        ids = [event["event_id"] for event in timeline["events"]]
        assert not set(ids) & set(room["timeline"]), "an event was shown twice"
        room["timeline"] += ids
        updates = list(shown[self.state_key]["events"])
        if self.state_key == "state":
            updates += timeline["events"]
        for event in updates:
            if "state_key" in event:
                room["state"][event["type"], event["state_key"]] = event["event_id"]
        room["counts"] = shown["unread_notifications"]
        if "summary" in shown:
            room["summary"] = shown["summary"]
        for event in shown["account_data"]["events"]:
            room["account_data"][event["type"]] = event["content"]
        for event in shown["ephemeral"]["events"]:
            for event_id, by_type in event["content"].items():
                for type, by_user in by_type.items():
                    for user in by_user:
                        room["receipts"][type, user] = event_id


def new_room() -> dict[str, Any]:
    return {"state": {}, "timeline": [], "counts": None, "summary": None, "account_data": {},
            "receipts": {}}  # fmt: skip


async def act(house: SyncHouse, random: Random, rooms: list[str], sent: list[str]) -> None:
    """One thing that somebody does; the rules may refuse it."""
    user, other = random.choice(PEOPLE), random.choice(PEOPLE)
    room = random.choice(rooms)
    match random.randrange(13):
        case 0 | 1 | 2 | 3:
            sent.append((await house.send(room, user)).event_id)
        case 4:
            content = {"msgtype": "m.text", "body": "x", "m.mentions": {"user_ids": [other]}}
            sent.append((await house.send(room, user, content=content)).event_id)
        case 5 | 6:
            await house.state(room, user, "m.room.topic", {"topic": str(random.random())})
        case 7:
            await house.member(room, user, "join", displayname=str(random.random()))
        case 8:
            await house.member(room, user, "leave")
        case 9:
            await house.member(room, other, "invite", by=user)
        case 10 if sent:
            await house.read(room, user, random.choice(sent[-5:]))
        case 11:
            await house.put(
                user, "org.example", {"n": random.random()}, random.choice([None, room])
            )
        case 12 if sent:
            await house.redact(room, user, random.choice(sent))
        case _:
            pass


@pytest.mark.parametrize("seed", range(30))
async def test_increments_add_up(seed: int, database_dsn: str, database: Database) -> None:
    random = Random(seed)
    async with open_house(database_dsn, database) as house:
        house.strangers_agree = False  # they are asked at the end
        rooms = [await house.room(random.choice(PEOPLE)) for _ in range(3)]
        clients = [
            Client(user, random.choice([1, 2, 10]), state_key, f"{user}{state_key}")
            for user in PEOPLE
            for state_key in ("state", "state_after")
        ]
        sent: list[str] = []
        for _ in range(ACTIONS):
            try:
                await act(house, random, rooms, sent)
            except Refused:
                continue
            if random.random() < 0.5:
                await random.choice(clients).sync(house, random)
        for client in clients:
            await client.sync(house, random, loses=0)
            await compare(house, client, random)
        assert house.compared >= house.answered_at_once, "the ways differ in their tokens"


async def compare(house: SyncHouse, client: Client, random: Random) -> None:
    """`client` with one that starts anew, whose counts were never stepped through."""
    fresh = Client(client.user, 100, "state", "fresh")
    await fresh.sync(house, random, loses=0)
    assert client.joined.keys() == fresh.joined.keys()
    assert client.invited == fresh.invited
    for room_id, room in client.joined.items():
        expected = fresh.joined[room_id]
        assert room["state"] == expected["state"]
        shown = room["timeline"]
        assert shown == expected["timeline"][len(expected["timeline"]) - len(shown) :]
        assert room["counts"] == expected["counts"]
        assert room["summary"] == expected["summary"]
        assert room["account_data"] == expected["account_data"]
        assert expected["receipts"].items() <= room["receipts"].items()


async def test_many_at_once_see_one_order(database_dsn: str, database: Database) -> None:
    """Two people write into one room at once while both follow it by long polls."""
    async with open_house(database_dsn, database) as house:
        room = await house.room(ALICE, BOB, CAROL)
        tokens = {user: (await house.get(user))["next_batch"] for user in PEOPLE}
        seen: dict[str, list[str]] = {user: [] for user in PEOPLE}

        async def follow(user: str) -> None:
            while len(seen[user]) < 2 * MESSAGES_EACH:
                answer = await house.get(user, tokens[user], wait=30, filter=EVERYTHING)
                tokens[user] = answer["next_batch"]
                shown = answer.get("rooms", {}).get("join", {}).get(room)
                if shown is not None:
                    assert shown["timeline"]["limited"] is False
                    seen[user] += [e["event_id"] for e in shown["timeline"]["events"]]

        async def write(user: str) -> None:
            for n in range(MESSAGES_EACH):
                await house.send(room, user, str(n))

        async with asyncio.TaskGroup() as tasks:
            for work in (*map(follow, PEOPLE), write(ALICE), write(BOB)):
                tasks.create_task(work)
        assert seen[ALICE] == seen[BOB] == seen[CAROL]
        assert house.answered_at_once, "no poll went the short way"
