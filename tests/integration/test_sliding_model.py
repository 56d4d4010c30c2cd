"""Sliding sync: state + deltas == fresh state.

Goal: whatever people do, whatever a client asks for from one request to the next, and whichever
process it asks, what it has put together is what a client that starts anew is shown.
Method: random histories (each from one seed, which the test's name shows) act through the real
sequencer; clients change their ranges, limits, state and extensions at random, lose answers, and
at the end ask for everything and are compared with first answers.
"""

import json
from random import Random
from typing import Any

import pytest
from fixtures.sliding_house import Process
from fixtures.sync_house import ALICE, BOB, CAROL, SyncHouse, open_house

from bongsu.errors import Refused
from bongsu.postgres.database import Database
from bongsu.rooms.client_event import Device
from bongsu.sync.sliding.threads import ThreadPages
from bongsu.users.account_data import THREAD_SUBSCRIPTION

THREADS = "io.element.msc4308.thread_subscriptions"
PEOPLE = (ALICE, BOB, CAROL)
ACTIONS = 60
SEEDS = 20
EVERYTHING = [["*", "*"]]
STATES = (EVERYTHING, [["m.room.topic", ""], ["m.room.member", "$ME"]],
          [["m.room.member", "*"], ["m.room.name", ""]])  # fmt: skip
LAST = ("name", "joined_count", "invited_count", "notification_count", "bump_stamp")


class Client:
    """Applies answers the way the MSC tells clients to."""

    def __init__(self, user: str, device: str) -> None:
        self.user = user
        self.device = device
        self.pos: str | None = None
        self.rooms: dict[str, dict[str, Any]] = {}
        self.invited: set[str] = set()
        self.account_data: dict[str, Any] = {}
        self.threads: dict[tuple[str, str], dict[str, Any]] = {}

    async def sync(self, process: Process, random: Random, *, loses: float = 0.1) -> None:
        """One request of the many that a client may make; its answer may be lost."""
        start = random.randrange(3)
        wish = {
            "ranges": [[start, start + random.randrange(3)]],
            "timeline_limit": random.choice([0, 1, 3, 10]),
            "required_state": random.choice(STATES),
        }
        on = {"enabled": random.random() < 0.7}
        extensions = {
            "account_data": on, "receipts": {"enabled": random.random() < 0.7},
            THREADS: {"enabled": random.random() < 0.7, "limit": random.choice([1, 2, 100])},
        }  # fmt: skip
        before = self.pos
        answer = await process.get(
            self.user, self.pos, device=self.device, lists={"some": wish}, extensions=extensions
        )
        if random.random() >= loses:
            self.apply(answer)
            await self.page(process, before, answer["extensions"].get(THREADS, {}))

    async def sync_all(self, process: Process) -> None:
        wish = {"timeline_limit": 5, "required_state": EVERYTHING}
        on = {"enabled": True}
        answer = await process.get(
            self.user, self.pos, device=self.device, lists={"some": wish},
            extensions={"account_data": on, "receipts": on, THREADS: on},
        )  # fmt: skip
        self.apply(answer)
        await self.page(process, None, answer["extensions"].get(THREADS, {}))
        assert answer["lists"]["some"]["count"] >= len(self.joined)

    async def page(self, process: Process, before: str | None, part: dict[str, Any]) -> None:
        """Take in what an answer says of threads, and what it left out, as matrix-rust-sdk does."""
        pages = ThreadPages(process.core, process.store)
        rest = part.get("prev_batch")
        while True:
            for name, subscribed in (("subscribed", True), ("unsubscribed", False)):
                for room_id, threads in part.get(name, {}).items():
                    for root, shown in threads.items():
                        self.follow(room_id, root, {**shown, "subscribed": subscribed})
            if rest is None:
                return
            part = json.loads(await pages.page(Device(self.user, self.device), rest, before, 1))
            rest = part.get("end")

    def follow(self, room_id: str, root: str, shown: dict[str, Any]) -> None:
        known = self.threads.get((room_id, root))
        if known is None or known["bump_stamp"] < shown["bump_stamp"]:
            self.threads[room_id, root] = shown

    @property
    def joined(self) -> dict[str, dict[str, Any]]:
        return {
            room_id: room
            for room_id, room in self.rooms.items()
            if room_id not in self.invited and room["membership"] == "join"
        }

    def apply(self, answer: dict[str, Any]) -> None:
        self.pos = answer["pos"]
        for room_id, shown in answer["rooms"].items():
            if "invite_state" in shown:
                self.invited.add(room_id)
                continue
            self.invited.discard(room_id)
            if shown.get("initial") or room_id not in self.rooms:
                self.rooms[room_id] = {"state": {}, "timeline": [], "account_data": {},
                                       "receipts": {}, "membership": "join"}  # fmt: skip
            self.apply_room(self.rooms[room_id], shown)
        parts = answer["extensions"]
        data = parts.get("account_data", {"global": [], "rooms": {}})
        for event in data["global"]:
            self.account_data[event["type"]] = event["content"]
        for room_id, events in data["rooms"].items():
            for event in events:
                room = self.rooms.get(room_id)
                if room is not None:
                    room["account_data"][event["type"]] = event["content"]
        for room_id, event in parts.get("receipts", {"rooms": {}})["rooms"].items():
            for event_id, by_type in event["content"].items():
                for type, by_user in by_type.items():
                    for user in by_user:
                        self.rooms[room_id]["receipts"][type, user] = event_id

    def apply_room(self, room: dict[str, Any], shown: dict[str, Any]) -> None:
        ids = [event["event_id"] for event in shown.get("timeline", ())]
        if shown.get("limited") or shown.get("unstable_expanded_timeline"):
            room["timeline"] = []
        assert not set(ids) & set(room["timeline"]), "an event was shown twice"
        room["timeline"] += ids
        for event in shown.get("required_state", ()):
            room["state"][event["type"], event["state_key"]] = event["event_id"]
        for event in (*shown.get("timeline", ()), *shown.get("required_state", ())):
            if event["type"] == "m.room.member" and event["state_key"] == self.user:
                room["membership"] = event["content"]["membership"]
        room |= {key: shown[key] for key in LAST if key in shown}


async def act(house: SyncHouse, random: Random, rooms: list[str], sent: list[str]) -> None:
    """One thing that somebody does; the rules may refuse it."""
    user, other = random.choice(PEOPLE), random.choice(PEOPLE)
    room = random.choice(rooms)
    match random.randrange(15):
        case 0 | 1 | 2 | 3:
            sent.append((await house.send(room, user)).event_id)
        case 4:
            await house.state(room, user, "m.room.name", {"name": str(random.random())})
        case 5 | 6:
            await house.state(room, user, "m.room.topic", {"topic": str(random.random())})
        case 7:
            await house.member(room, user, "join", displayname=str(random.random()))
        case 8:
            await house.member(room, other, "leave", by=random.choice([user, other]))
        case 9:
            await house.member(room, other, "invite", by=user)
        case 10 if sent:
            await house.read(room, user, random.choice(sent[-5:]))
        case 11:
            target = random.choice([None, room])
            await house.put(user, "org.example", {"n": random.random()}, target)
        case 12 | 13:
            content = {"subscribed": random.random() < 0.7, "automatic": random.random() < 0.5}
            root = random.choice(["$one", "$two", "$three"])
            await house.put(user, THREAD_SUBSCRIPTION + root, content, room)
        case 14 if sent:
            await house.redact(room, user, random.choice(sent))
        case _:
            pass


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_deltas_add_up(seed: int, database_dsn: str, database: Database) -> None:
    random = Random(seed)
    async with open_house(database_dsn, database) as house:
        processes = [Process(house, database) for _ in range(2)]
        rooms = [await house.room(random.choice(PEOPLE)) for _ in range(4)]
        clients = [Client(user, device) for user in PEOPLE for device in ("D", "E")]
        sent: list[str] = []
        for _ in range(ACTIONS):
            try:
                await act(house, random, rooms, sent)
            except Refused:
                continue
            if random.random() < 0.6:
                await random.choice(clients).sync(random.choice(processes), random)
        last = Process(house, database)  # with nothing in memory
        for client in clients:
            for process in (random.choice(processes), last):
                await client.sync_all(process)
            fresh = Client(client.user, "fresh")
            await fresh.sync_all(last)
            compare(client, fresh)
        for process in (*processes, last):
            await process.stop()


def compare(client: Client, fresh: Client) -> None:
    assert client.joined.keys() == fresh.joined.keys()
    assert client.invited == fresh.invited
    assert client.account_data == fresh.account_data
    assert client.threads == fresh.threads
    for room_id, room in client.joined.items():
        expected = fresh.joined[room_id]
        assert room["state"] == expected["state"]
        shown = room["timeline"][-5:]
        assert shown == expected["timeline"][len(expected["timeline"]) - len(shown) :]
        assert room["account_data"] == expected["account_data"]
        assert {key: room.get(key) for key in LAST} == {key: expected.get(key) for key in LAST}
        own = {key: at for key, at in expected["receipts"].items() if key[1] == client.user}
        assert own.items() <= room["receipts"].items()
