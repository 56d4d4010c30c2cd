"""When and whence a device was last seen: kept in memory, written now and then in one statement."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from bongsu.errors import Unavailable
from bongsu.ids import DeviceId, UserId
from bongsu.users.requester import Requester
from bongsu.users.tokens import Clock, now_ms

NOTED_EVERY_SECONDS = 300.0
WRITTEN_EVERY_SECONDS = 15.0
DEVICES_MAX = 100_000
BATCH_MAX = 2000
ADDRESS_CHARS_MAX = 64
USER_AGENT_CHARS_MAX = 256


class Sighting(msgspec.Struct, frozen=True):
    """`at` in ms. `user_agent` as the client says, cut to `USER_AGENT_CHARS_MAX`."""

    user_id: UserId
    device_id: DeviceId
    at: int
    address: str
    user_agent: str | None


class SightingStore(Protocol):
    async def record_seen(self, sightings: Sequence[Sighting]) -> None: ...


class LastSeen:
    """`saw` on every request is cheap; `run` writes until `stop`."""

    def __init__(
        self,
        store: SightingStore,
        *,
        clock: Clock = now_ms,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._noted: dict[tuple[UserId, DeviceId], float] = {}
        self._unwritten: dict[tuple[UserId, DeviceId], Sighting] = {}
        self._task: asyncio.Task[None] | None = None

    def saw(self, requester: Requester, address: str, user_agent: bytes | None) -> None:
        """Note a device, at most once in `NOTED_EVERY_SECONDS`."""
        device = requester.user_id, requester.device_id
        now = self._monotonic()
        noted = self._noted.get(device)
        if noted is not None and now < noted + NOTED_EVERY_SECONDS:
            return
        self._noted.pop(device, None)
        self._noted[device] = now
        if len(self._noted) > DEVICES_MAX:
            del self._noted[next(iter(self._noted))]
        if len(self._unwritten) < DEVICES_MAX:
            self._unwritten[device] = Sighting(
                *device, self._clock(), address[:ADDRESS_CHARS_MAX], _readable(user_agent)
            )

    async def write(self) -> None:
        """Write what was noted. What cannot be written now is dropped: it is only a courtesy."""
        while self._unwritten:
            devices = sorted(self._unwritten)[:BATCH_MAX]
            batch = [self._unwritten.pop(device) for device in devices]
            try:
                await self._store.record_seen(batch)
            except Unavailable:
                self._unwritten.clear()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="last-seen")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.write()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(WRITTEN_EVERY_SECONDS)
            await self.write()


def _readable(user_agent: bytes | None) -> str | None:
    if user_agent is None:
        return None
    return user_agent[:USER_AGENT_CHARS_MAX].decode("latin-1").replace("\x00", "")
