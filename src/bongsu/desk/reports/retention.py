"""Erasing what is personal once it has served its time. Evidence goes after it by itself."""

import asyncio

import structlog

from bongsu.desk.audit import Act
from bongsu.desk.reports.stores import ReportStore
from bongsu.errors import Unavailable
from bongsu.tasks import TaskOwner
from bongsu.users.tokens import Clock, now_ms

log = structlog.get_logger()

DAY_MS = 86_400_000
AT_ONCE = 100
LOOK_SECONDS = 3600.0


class Retention:
    """Erases reports that nothing has changed for `days`. Start it and stop it."""

    def __init__(self, store: ReportStore, days: int, *, clock: Clock = now_ms) -> None:
        self._store = store
        self._days = days
        self._clock = clock
        self._tasks = TaskOwner("report retention")

    async def start(self) -> None:
        self._tasks.start(self._run())

    async def stop(self) -> None:
        await self._tasks.stop()

    async def erase_expired(self) -> int:
        """Gives how many were erased."""
        count, now = 0, self._clock()
        while ids := await self._store.list_expired(now - self._days * DAY_MS, AT_ONCE):
            for report_id in ids:
                act = Act("desk", "reports.retention", report_id, {"days": self._days})
                await self._store.erase(report_id, None, now, act)
            count += len(ids)
        return count

    async def _run(self) -> None:
        while True:
            try:
                if count := await self.erase_expired():
                    log.info("reports erased after their time", count=count)
            except Unavailable as error:
                log.info("no report was erased", reason=error.message)
            except Exception:  # whatever it was: what is never erased again breaks a promise
                log.exception("no report was erased")
            await asyncio.sleep(LOOK_SECONDS)
