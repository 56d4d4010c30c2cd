"""What health checks saw, as machine events: they come by themselves, from every desk, once."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import structlog

from bongsu.desk.investigation.machine_events import MachineEvent, MachineEvents
from bongsu.errors import Unavailable
from bongsu.tasks import TaskOwner

log = structlog.get_logger(__name__)

SENDER = "health-checks"
LOOK_SECONDS = 5.0
AT_ONCE = 500
OVERLAP = 200  # a transaction that began earlier may have committed later
PROBE_UNCERTAINTY_MS = 20_000  # a few checks in a row say so
HAND_UNCERTAINTY_MS = 600_000  # somebody typed it in


class HealthChange(NamedTuple):
    """A service at a site is `health` since `ts`. `source`: probe, hand, or gap (nobody looked)."""

    change_id: int
    service_id: str
    site: str
    ts: int
    health: str
    source: str


class HealthReader(Protocol):
    async def list_after(self, change_id: int, limit: int) -> Sequence[HealthChange]: ...


class HealthEvents:
    """Start and stop it. The database may be down meanwhile."""

    def __init__(self, reader: HealthReader, machine_events: MachineEvents) -> None:
        self._reader = reader
        self._machine_events = machine_events
        self._tasks = TaskOwner("health events")
        self._seen = 0

    def start(self) -> None:
        self._tasks.start(self._run())

    async def stop(self) -> None:
        await self._tasks.stop()

    async def take(self) -> int:
        """Take what is new; gives how many changes were read."""
        changes = await self._reader.list_after(max(0, self._seen - OVERLAP), AT_ONCE)
        if changes:
            await self._machine_events.take(SENDER, [event_of(change) for change in changes])
            self._seen = max(self._seen, changes[-1].change_id)
        return len(changes)

    async def _run(self) -> None:
        while True:
            try:
                while await self.take() == AT_ONCE:
                    pass
            except Unavailable as error:
                log.info("health changes not taken", reason=str(error))
            except Exception as error:  # the tables may be about to be made
                log.warning("health changes not taken", reason=repr(error))
            await asyncio.sleep(LOOK_SECONDS)


def event_of(change: HealthChange) -> MachineEvent:
    by_hand = change.source == "hand"
    return MachineEvent(
        id=str(change.change_id),
        at=change.ts,
        uncertainty_ms=HAND_UNCERTAINTY_MS if by_hand else PROBE_UNCERTAINTY_MS,
        kind="health",
        site=change.site,
        part=change.service_id,
        what=change.health,
        detail={"source": change.source},
    )
