"""What scenarios are made of: a server, its CPU meter, accounts and rooms, closed loops."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from harness.http import HttpClient
from harness.matrix import User, register
from harness.process import cpu_seconds

T = TypeVar("T")

SETUP_IN_FLIGHT = 8


class Homeserver(Protocol):
    """A running server: where it listens, and whose CPU it burns."""

    url: str

    @property
    def server_pids(self) -> Sequence[int]: ...

    @property
    def database_pids(self) -> Sequence[int]: ...


@dataclass(frozen=True)
class Scale:
    """How large and how long; `QUICK` only shows that everything works."""

    seconds: float
    users: int
    rooms: int
    members: int
    listeners: int
    long_polls: int
    account_rooms: int
    stored_events: int
    key_members: int


FULL = Scale(20.0, 100, 50, 10, 50, 10_000, 2_000, 5_000_000, 1_000)
QUICK = Scale(3.0, 20, 10, 4, 10, 500, 100, 50_000, 50)


@dataclass
class Meter:
    """CPU and wall seconds of one measured phase."""

    server_seconds: float = 0.0
    database_seconds: float = 0.0
    client_seconds: float = 0.0
    wall_seconds: float = 0.0

    @property
    def cpu_seconds(self) -> float:
        """Server and database together."""
        return self.server_seconds + self.database_seconds


@dataclass
class World:
    """A homeserver with the accounts and rooms made on it so far."""

    homeserver: Homeserver
    scale: Scale
    say: Callable[[str], None]
    _users: list[User] = field(default_factory=list)
    _rooms: "list[Room]" = field(default_factory=list)
    run: str = field(default_factory=lambda: secrets.token_hex(3))

    def __post_init__(self) -> None:
        self.client = HttpClient(self.homeserver.url)

    async def users(self, count: int) -> list[User]:
        """The first `count` accounts, registered when missing."""
        missing = range(len(self._users), count)
        if missing:
            self.say(f"registering {len(missing)} accounts")
        self._users += await gather_bounded(
            [register(self.client, f"bench-{self.run}-{number}") for number in missing]
        )
        return self._users[:count]

    async def rooms(self) -> "list[Room]":
        """`scale.rooms` public rooms of `scale.members` members each, made once."""
        if self._rooms:
            return self._rooms
        users = await self.users(self.scale.users)
        self.say(f"making {self.scale.rooms} rooms of {self.scale.members} members")
        self._rooms = await gather_bounded(
            [self._make_room(users, number) for number in range(self.scale.rooms)]
        )
        return self._rooms

    async def room_of(self, members: Sequence[User]) -> "Room":
        """A new public room, made by the first of `members` and joined by the others."""
        room_id = await members[0].create_room(preset="public_chat")
        for member in members[1:]:
            await member.join(room_id)
        return Room(room_id, list(members))

    async def _make_room(self, users: list[User], number: int) -> "Room":
        """Members spread evenly, so that each account is in as many rooms as any other."""
        step = max(1, len(users) // self.scale.members)
        places = range(number, number + self.scale.members * step, step)
        return await self.room_of([users[place % len(users)] for place in places])

    @asynccontextmanager
    async def metered(self) -> AsyncIterator[Meter]:
        """Measures the body: CPU of the server's and the database's process trees."""
        databases = set(self.homeserver.database_pids)
        meter = Meter()
        before = self._reading(databases)
        yield meter
        after = self._reading(databases)
        whole, meter.database_seconds, meter.client_seconds, meter.wall_seconds = (
            now - then for now, then in zip(after, before, strict=True)
        )
        meter.server_seconds = whole - meter.database_seconds

    def _reading(self, databases: set[int]) -> tuple[float, float, float, float]:
        """CPU of server and database, of the database alone, of this client; the clock."""
        roots = {*self.homeserver.server_pids, *databases}
        return (
            cpu_seconds(roots), cpu_seconds(databases), time.process_time(), time.monotonic()
        )  # fmt: skip


@dataclass(frozen=True)
class Room:
    room_id: str
    members: list[User]


async def gather_bounded(work: Sequence[Awaitable[T]], at_once: int = SETUP_IN_FLIGHT) -> list[T]:
    """All results in order, at most `at_once` running."""
    gate = asyncio.Semaphore(at_once)

    async def run(one: Awaitable[T]) -> T:
        async with gate:
            return await one

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(run(one)) for one in work]
    return [task.result() for task in tasks]


async def closed_loop(
    operation: Callable[[int], Awaitable[object]], *, in_flight: int, seconds: float
) -> list[float]:
    """Keep `in_flight` operations running for `seconds`; the latency in seconds of each.

    `operation` gets a running number. The first failure ends the run and is raised.
    """
    latencies: list[float] = []
    deadline = time.monotonic() + seconds
    numbers = iter(range(1 << 62))

    async def worker() -> None:
        while (begun := time.monotonic()) < deadline:
            await operation(next(numbers))
            latencies.append(time.monotonic() - begun)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(worker())
    return latencies


def percentile(values: Sequence[float], percent: float) -> float:
    """Nearest-rank percentile; values need not be sorted."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
