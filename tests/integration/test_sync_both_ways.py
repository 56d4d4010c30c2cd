"""A poll that is answered by a call is answered as by any other way.

Goal: whatever happens while polls wait or between them, what the short way makes of memory is what
the general way gives, and a process that has to read all of it: counts, devices and keys included.
Method: random histories (each from one seed, which the test's name shows) act through the real
sequencer; clients with filters of all kinds poll in turn, and `SyncHouse.get` compares.
"""

from itertools import count
from random import Random
from typing import Any

import pytest
from fixtures.keys_house import KeysHouse, one_time_keys, open_keys_house
from fixtures.sync_house import ALICE, BOB, CAROL

from bongsu.errors import Refused
from bongsu.postgres.database import Database
from bongsu.users.requester import Requester

PEOPLE = (ALICE, BOB, CAROL)
ACTIONS = 50
THREADS = {"timeline": {"limit": 20, "unread_thread_notifications": True}}
LAZY = {"state": {"lazy_load_members": True}}
FILTERS: list[dict[str, Any]] = [
    {},
    {"room": {"timeline": {"limit": 2}}},
    {"room": THREADS},
    {"room": LAZY},
    {"room": {**THREADS, **LAZY}},
    {"room": {"ephemeral": {"not_types": ["m.receipt"]}}},
    {"room": {"timeline": {"not_senders": [BOB]}}},
    {"presence": {"types": []}, "event_format": "federation"},
]


class Client:
    def __init__(self, device: Requester, filter: dict[str, Any], state_key: str) -> None:
        self.device = device
        self.filter = filter
        self.state_key = state_key
        self.token: str | None = None

    async def poll(self, house: KeysHouse, random: Random) -> None:
        answer = await house.get(
            self.device.user_id, self.token, filter=self.filter, device=self.device.device_id,
            state_key=self.state_key,
        )  # fmt: skip
        if self.token is None or random.random() < 0.9:  # else the answer is lost on its way
            self.token = answer["next_batch"]


class World:
    """People who do what comes to their mind; the rules may refuse it."""

    def __init__(self, house: KeysHouse, random: Random, devices: list[Requester]) -> None:
        self.house = house
        self.random = random
        self.devices = devices
        self.rooms: list[str] = []
        self.sent: list[str] = []
        self.names = count(1)

    async def act(self) -> None:
        random = self.random
        user, other, room = (random.choice(each) for each in (PEOPLE, PEOPLE, self.rooms))
        await random.choices(
            (self.say, self.answer, self.read, self.change, self.steer, self.address),
            (8, 4, 4, 1, 1, 2),
        )[0](user, other, room)

    async def say(self, user: str, other: str, room: str) -> None:
        content: dict[str, Any] = {"msgtype": "m.text", "body": str(next(self.names))}
        if self.random.random() < 0.3:
            content["m.mentions"] = {"user_ids": [other]}
        device = self.random.choice([d for d in self.devices if d.user_id == user])
        sent = await self.house.send(
            room, user, content=content, device_id=device.device_id, txn_id=content["body"]
        )
        self.sent.append(sent.event_id)

    async def answer(self, user: str, other: str, room: str) -> None:
        if not self.sent:
            return
        target = self.random.choice(self.sent[-8:])
        kind = self.random.choice(["m.thread", "m.annotation", "m.replace", "redaction"])
        if kind == "redaction":
            await self.house.redact(room, user, target)
            return
        content: dict[str, Any] = {
            "msgtype": "m.text",
            "body": kind,
            "m.relates_to": {"rel_type": kind, "event_id": target, "key": str(next(self.names))},
        }
        if kind == "m.replace":
            content["m.new_content"] = {"msgtype": "m.text", "body": "new"}
        type = "m.reaction" if kind == "m.annotation" else "m.room.message"
        self.sent.append((await self.house.send(room, user, type=type, content=content)).event_id)

    async def read(self, user: str, other: str, room: str) -> None:
        if self.sent:
            type = self.random.choice(["m.read", "m.read.private"])
            thread = self.random.choice([None, "main", self.random.choice(self.sent)])
            await self.house.read(room, user, self.random.choice(self.sent[-5:]), type, thread)

    async def change(self, user: str, other: str, room: str) -> None:
        """Members and other state."""
        match self.random.randrange(6):
            case 0:
                await self.house.member(room, user, "join", displayname=str(next(self.names)))
            case 1:
                await self.house.member(room, user, self.random.choice(["leave", "join"]))
            case 2:
                await self.house.member(room, other, "leave", by=user)
            case 3:
                await self.house.member(room, other, "ban", by=user)
            case _:
                await self.house.state(room, user, "m.room.topic", {"topic": str(next(self.names))})

    async def steer(self, user: str, other: str, room: str) -> None:
        """What people set for themselves, and who types."""
        match self.random.randrange(4):
            case 0:
                ignored = self.random.choice([{}, {other: {}}])
                await self.house.put(user, "m.ignored_user_list", {"ignored_users": ignored})
            case 1:
                await self.house.put(user, "org.example", {"n": next(self.names)}, room)
            case 2:
                await self.house.forget(user, room, 0)
            case _:
                self.house.typing.set(room, self.random.choice([[], [user], [user, other]]))

    async def address(self, user: str, other: str, room: str) -> None:
        """Devices: messages to them, and their keys."""
        device, target = self.random.choice(self.devices), self.random.choice(self.devices)
        match self.random.randrange(3):
            case 0:
                await self.house.upload(device, one_time_keys(2, 2 * next(self.names)))
            case 1:  # a claim is announced some time, an upload before it returns
                await self.house.claim(target.user_id, target.device_id)
                await self.house.upload(target, one_time_keys(1, 2 * next(self.names)))
            case _:
                number = next(self.names)
                to = {target.user_id: {self.random.choice([target.device_id, "*"]): {"n": number}}}
                await self.house.send_to(device, str(number), to)


@pytest.mark.parametrize("seed", range(8))
async def test_every_way_gives_the_same(seed: int, database_dsn: str, database: Database) -> None:
    random = Random(seed)
    async with open_keys_house(database_dsn, database) as house:
        devices = [await house.device(user, name) for user in PEOPLE for name in ("D", "E")]
        clients = [
            Client(device, random.choice(FILTERS), random.choice(["state", "state", "state_after"]))
            for device in devices
        ]
        world = World(house, random, devices)
        world.rooms = [await house.room(ALICE, BOB, CAROL) for _ in range(2)]
        for client in clients:
            await client.poll(house, random)
        for _ in range(ACTIONS):
            try:
                await world.act()
            except Refused:
                continue
            for client in random.sample(clients, 3):
                await client.poll(house, random)
        assert house.compared >= house.answered_at_once > ACTIONS // 2, "too few went the short way"
