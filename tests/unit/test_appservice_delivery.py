"""Whatever fails, a service is told everything once and in order.

Method: a log of random entries, a row that compares and sets as PostgreSQL does, a network that
loses requests, answers and commits' outcomes by chance, and now and then two deliveries that both
believe to be the one. The service keeps a transaction by its id, as the spec asks it to. In the end
it must have each event that concerns it once, the events of each room in order, and each id must
have come with one body only.
"""

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from bongsu.appservices import backoff, delivery
from bongsu.appservices.calls import ServiceUnreachable
from bongsu.appservices.delivery import Delivery, Pending, Stream
from bongsu.appservices.interest import Interest
from bongsu.appservices.namespaces import Service
from bongsu.appservices.registration import parse
from bongsu.appservices.scanner import DeviceMessage, Scanner
from bongsu.errors import Unavailable
from bongsu.keys.inbox import KeyCounts
from bongsu.log.entry import Entry, EventFacts, Kind, LoggedEvent, encode_facts
from bongsu.log.position import ORIGIN, PARTITIONS, Vector, partition_of
from bongsu.rooms.extras import ChildGroup

ROOMS = [f"!room{number}:x" for number in range(6)]
USERS = ["@_irc_ann:x", "@_irc_ben:x", "@alice:x", "@bob:x"]
REGISTRATION = {
    "id": "irc", "url": "http://x", "as_token": "a", "hs_token": "h", "sender_localpart": "_irc",
    "namespaces": {"users": [{"exclusive": True, "regex": "@_irc_.*"}]},
}  # fmt: skip


class World:
    """The log with its memberships, the row, and the service at the other end."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.entries: dict[int, list[Entry]] = {p: [] for p in range(PARTITIONS)}
        self.joined: dict[str, set[str]] = {room: set() for room in ROOMS}
        self.history: dict[str, list[tuple[int, frozenset[str]]]] = {room: [] for room in ROOMS}
        self.applied: Vector = ORIGIN
        self.incarnation = "incarnation"
        self.row: Stream | None = None
        self.expected: dict[str, list[str]] = {room: [] for room in ROOMS}
        self.taken: dict[str, bytes] = {}
        self.failing = True

    # -- the log -------------------------------------------------------------------------------

    def append(self) -> None:
        """A message or a change of membership, and whether the service is to hear of it."""
        room, sender = self.chance.choice(ROOMS), self.chance.choice(USERS)
        p, before = partition_of(room), frozenset(self.joined[room])
        position = len(self.entries[p]) + 1
        event_id = f"${p}-{position}"
        facts = EventFacts("m.room.message", sender)
        if self.chance.random() < 0.3:
            membership = "leave" if sender in before else "join"
            (self.joined[room].discard if sender in before else self.joined[room].add)(sender)
            facts = EventFacts(
                "m.room.member", sender, sender, membership=membership,
                membership_before="join" if sender in before else None,
            )  # fmt: skip
        after = frozenset(self.joined[room])
        if any(user.startswith("@_irc") for user in (*before, *after, sender)):
            self.expected[room].append(event_id)
        body = msgspec.json.encode({"content": {}, "origin_server_ts": position})
        entry = Entry(p, position, Kind.EVENT, room, event_id, body, encode_facts(facts))
        self.entries[p].append(entry)
        self.history[room].append((position, after))
        positions = list(self.applied)
        positions[p] = position
        self.applied = tuple(positions)

    async def read(self, after: Vector, through: Vector, first: int, limit: int) -> list[Entry]:
        self._fail("read")
        order = [(first + turn) % PARTITIONS for turn in range(PARTITIONS)]
        found = [e for p in order for e in self.entries[p] if after[p] < e.position <= through[p]]
        return found[: self.chance.randint(1, limit)]

    async def messages_at(self, user_id: str, position: int) -> Sequence[DeviceMessage]:
        return []

    async def key_counts(self, user_id: str, device_id: str) -> KeyCounts | None:
        return None

    async def list_joined_at(self, room_id: str, position: int) -> Sequence[str]:
        self._fail("read")
        joined = [members for at, members in self.history[room_id] if at <= position]
        return sorted(joined[-1]) if joined else []

    async def list_rooms_of(self, user_id: str, limit: int) -> Sequence[str]:
        return []

    async def aliases_of(self, room_ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        return {}

    async def load_events(self, ids: Any, vector: Vector) -> Mapping[str, LoggedEvent]:
        return {}

    async def load_children(self, parents: Any, vector: Vector) -> Sequence[ChildGroup]:
        return []

    async def ask_for_user(self, service: Service, user_id: str) -> None: ...

    # -- the row -------------------------------------------------------------------------------

    async def load(self, service_id: str, incarnation: str, positions: Vector) -> Stream:
        self._fail("load")
        self.row = self.row or Stream(ORIGIN, 0, None)
        return self.row

    async def begin(
        self, service_id: str, last_txn: int, positions: Vector, pending: Pending
    ) -> bool:
        await asyncio.sleep(0)
        self._fail("not begun")
        assert self.row is not None
        if self.row.last_txn != last_txn:
            return False
        self.row = Stream(positions, last_txn + 1, pending)
        self._fail("begun, and the answer was lost")
        return True

    async def end(self, service_id: str, last_txn: int) -> None:
        self._fail("not ended")
        assert self.row is not None
        if self.row.last_txn == last_txn:
            self.row = msgspec.structs.replace(self.row, pending=None)

    async def advance(self, service_id: str, last_txn: int, positions: Vector) -> None:
        assert self.row is not None
        if self.row.last_txn == last_txn and self.row.pending is None:
            self.row = msgspec.structs.replace(self.row, positions=positions)

    async def delete_messages(self, messages: list[tuple[str, str]], positions: Vector) -> None: ...

    # -- the service ---------------------------------------------------------------------------

    async def send_transaction(self, service: Service, txn_id: str, body: bytes) -> None:
        await asyncio.sleep(0)
        if self.failing and self.chance.random() < 0.2:
            raise ServiceUnreachable("lost on the way")
        assert self.taken.setdefault(txn_id, body) == body, "the same id, another body"
        if self.failing and self.chance.random() < 0.2:
            raise ServiceUnreachable("the answer was lost")

    def heard(self) -> dict[str, list[str]]:
        """Event ids by room, in the order in which transactions were first taken."""
        found: dict[str, list[str]] = {room: [] for room in ROOMS}
        for body in self.taken.values():
            for event in msgspec.json.decode(body)["events"]:
                found[event["room_id"]].append(event["event_id"])
        return found

    def _fail(self, what: str) -> None:
        if self.failing and self.chance.random() < 0.05:
            raise Unavailable(what)

    def delivery(self) -> Delivery:
        service = Service(parse("irc.yaml", REGISTRATION, "x"), "x")
        interest = Interest(service, self)
        scanner = Scanner(service, self, interest, self, self)  # type: ignore[arg-type]
        return Delivery(service, self, scanner, self, self, lambda partition: True)  # type: ignore


@pytest.mark.parametrize("seed", range(6))
async def test_everything_once_and_in_order(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "PAUSE_SECONDS_MIN", 0.0)
    for name in ("GATHER_SECONDS", "RETRY_SECONDS", "LOOK_SECONDS"):
        monkeypatch.setattr(delivery, name, 0.001)
    world = World(seed)
    deliveries = [world.delivery() for _ in range(1 + seed % 2)]
    tasks = [asyncio.create_task(each.run()) for each in deliveries]
    for _ in range(300):
        world.append()
        for each in deliveries:
            each.news()
        if world.chance.random() < 0.1:
            await asyncio.sleep(0.001)
    world.failing = False
    async with asyncio.timeout(30):
        while world.heard() != world.expected:
            await asyncio.sleep(0.01)
            total = sum(map(len, world.heard().values()))
            assert total <= sum(map(len, world.expected.values())), "told twice, or too much"
    await asyncio.sleep(0.01)
    assert world.heard() == world.expected
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def test_pauses_grow_and_are_bounded() -> None:
    pauses = [backoff.pause_seconds(failures, 0.0) for failures in range(1, 100)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert max(pauses) == pauses[-1] == backoff.PAUSE_SECONDS_MAX
    assert backoff.pause_seconds(99, 1.0) == pytest.approx(48.0)
