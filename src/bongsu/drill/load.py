"""Senders at every site, each writing down what was acknowledged to it."""

import asyncio
import itertools
import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from bongsu.drill.ledger import Found, Journal, mark_of
from bongsu.drill.notes import Acknowledgement, Notes
from bongsu.drill.people import V3, People
from bongsu.drill.stream import PAGE_EVENTS
from bongsu.drill.travel import Traveller

MARK = "bongsu.drill.mark"
LAST_NUMBER = 99_999_999
BEHIND_PAUSE_SECONDS = 0.2


@dataclass(frozen=True)
class Pace:
    """How hard the clients press. One sender of each site never leaves it."""

    senders: int = 4  # a site
    rooms: int = 12
    pause_seconds: float = 0.1  # between two of one's sends
    body_bytes: int = 40
    upload_seconds: float = 1.0  # between two of a site's uploads


class Senders:
    """Everybody who sends. A sender has one message under way at a time."""

    def __init__(self, notes: Notes, journal: Journal, pace: Pace) -> None:
        self.rooms: list[str] = []
        self.people: list[Traveller] = []
        self._notes, self._journal, self._pace = notes, journal, pace
        self._stopping = False
        self._closing: dict[str, str] = {}

    async def board(self, people: People, sites: Sequence[str]) -> None:
        self.people = await asyncio.gather(*[
            people.register(site, "sender", is_loyal=number == 0)
            for site in sites
            for number in range(self._pace.senders)
        ])  # fmt: skip

    async def run(self) -> None:
        """Send until `stop`; returns when every message under way is acknowledged."""
        async with asyncio.TaskGroup() as group:
            for sender in self.people:
                group.create_task(self._send(sender))

    def stop(self) -> None:
        """No new messages. What a dead site was asked for may now be asked of another."""
        self._stopping = True
        for sender in self.people:
            sender.is_loyal = False

    async def close(self) -> None:
        """One last message into each room: when that is there, all before it must be."""
        closer = self.people[1]
        await asyncio.gather(*[self._one(closer, room, LAST_NUMBER) for room in self.rooms])
        self._closing = {room: mark_of(closer.user_id, room, LAST_NUMBER) for room in self.rooms}

    async def history(self) -> dict[str, list[Found]]:
        """Every room's marked messages from /messages, oldest first, up to the closing one."""
        return {room_id: await self._whole(room_id) for room_id in self.rooms}

    async def _whole(self, room_id: str) -> list[Found]:
        while True:
            found = await _messages(self.people[1], room_id)
            closing = self._closing.get(room_id)
            if closing is None or closing in {one.mark for one in found}:
                return found
            await asyncio.sleep(BEHIND_PAUSE_SECONDS)  # a site may show a message a little later

    async def _send(self, sender: Traveller) -> None:
        for number in itertools.count():
            if self._stopping:
                return
            for room_id in random.sample(self.rooms, min(3, len(self.rooms))):
                await self._one(sender, room_id, number)
                await asyncio.sleep(self._pace.pause_seconds * random.uniform(0.5, 1.5))

    async def _one(self, sender: Traveller, room_id: str, number: int) -> None:
        # A transaction id may be used again in another room, so it is: they must not be mixed.
        mark = mark_of(sender.user_id, room_id, number)
        path = f"{V3}/rooms/{quote(room_id)}/send/m.room.message/{number:08d}"
        text = secrets.token_hex(self._pace.body_bytes // 2)
        content = orjson.dumps({"msgtype": "m.text", "body": text, MARK: mark})
        delivery = await sender.ask("send", "PUT", path, content)
        self._journal.acknowledge(mark, delivery.json["event_id"])
        self._notes.acknowledgements.append(
            Acknowledgement(self._notes.now(), delivery.site, delivery.seconds, delivery.waited)
        )


def marked(events: Sequence[dict[str, Any]]) -> list[Found]:
    """The drill's messages among client events."""
    return [
        Found(event["event_id"], event["content"][MARK])
        for event in events
        if MARK in event["content"]
    ]


async def _messages(person: Traveller, room_id: str) -> list[Found]:
    found: list[Found] = []
    query: dict[str, Any] = {"dir": "f", "limit": PAGE_EVENTS}
    while True:
        path = f"{V3}/rooms/{quote(room_id)}/messages?{urlencode(query)}"
        page = (await person.ask("history", "GET", path)).json
        found += marked(page["chunk"])
        if not page["chunk"] or "end" not in page:
            return found
        query["from"] = page["end"]
