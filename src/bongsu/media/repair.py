"""Restores the copies of media that too few stores have.

A store that has not answered for `GONE_SECONDS`, or is no longer in the settings, counts as gone:
what it held gets another copy elsewhere. A look goes over every hash once, at a bounded rate; it is
taken when some store came or went, and now and then all the same.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from time import monotonic
from typing import NamedTuple, Protocol

import structlog

from bongsu.errors import Unavailable
from bongsu.media.content import Blob
from bongsu.media.stores import SiteStores, StoreFailed
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

GONE_SECONDS = 600.0
LOOK_SECONDS = 6 * 3600.0
TICK_SECONDS = 10.0
PAGE_ROWS = 500
PAGE_PAUSE_SECONDS = 0.1
BYTES_PER_SECOND = 20_000_000


class Copies(NamedTuple):
    """A blob, and the sites that are said to have it."""

    blob: Blob
    sites: tuple[str, ...]


class CopyRows(Protocol):
    async def list_copies(self, after: bytes, limit: int) -> list[Copies]:
        """In the order of the hashes, from the first past `after` on."""
        ...

    async def moved(self, sha256: bytes, gained: Sequence[str], lost: Sequence[str]) -> None:
        """Record that stores got or lost their copy. May be repeated."""
        ...


@dataclass
class Report:
    """What a look came to. `short`: with too few copies still."""

    checked: int = 0
    restored: int = 0
    restored_bytes: int = 0
    failed: int = 0
    short: int = 0

    def add(self, other: "Report") -> None:
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


class Repair:
    """`may_run` tells, at every tick, whether this is the process that repairs."""

    def __init__(
        self, rows: CopyRows, stores: SiteStores, may_run: Callable[[], bool] = lambda: True
    ) -> None:
        self.total = Report()
        self.last = Report()
        self._rows = rows
        self._stores = stores
        self._may_run = may_run
        self._tasks = TaskOwner("media repair")

    def start(self) -> None:
        self._tasks.start(self._run())

    async def stop(self) -> None:
        await self._tasks.stop()

    async def look(self, *, verify: bool = False) -> Report:
        """Go over all contents once and restore what can be. `verify` asks each store whether it
        really has what the rows say."""
        report = Report()
        after = b""
        while page := await self._rows.list_copies(after, PAGE_ROWS):
            for copies in page:
                report.checked += 1
                await self._mend(copies, report, verify)
            after = page[-1].blob.sha256
            await asyncio.sleep(PAGE_PAUSE_SECONDS)
        self.last = report
        self.total.add(report)
        return report

    async def _run(self) -> None:
        looked_at, gone_then = float("-inf"), frozenset[str]()
        while True:
            await asyncio.sleep(TICK_SECONDS)
            gone = self._gone()
            is_due = gone != gone_then or monotonic() - looked_at > LOOK_SECONDS
            if not self._may_run() or not (is_due or self.last.short):
                continue
            try:
                report = await self.look()
            except Unavailable as error:
                log.info("media not looked over", reason=error.message)
                continue
            looked_at, gone_then = monotonic(), gone
            if report.restored or report.short:
                log.info("media copies restored", restored=report.restored, short=report.short)

    def _gone(self) -> frozenset[str]:
        health = self._stores.health.items()
        return frozenset(site for site, h in health if h.down_seconds > GONE_SECONDS)

    async def _mend(self, copies: Copies, report: Report, verify: bool) -> None:
        known = [site for site in copies.sites if site in self._stores.stores]
        lost = [site for site in copies.sites if site not in self._stores.stores]
        if verify:
            absent = [site for site in known if await self._lacks(site, copies.blob)]
            known = [site for site in known if site not in absent]
            lost += absent
        gone = self._gone()
        standing = [site for site in known if site not in gone]
        gained: list[str] = []
        for target in self._stores.by_preference():
            if len(standing) + len(gained) >= self._stores.copies:
                break
            if target not in known and self._stores.health[target].is_up:
                gained += [target] if await self._copy(copies.blob, known, target, report) else []
        if len(standing) + len(gained) < self._stores.copies:
            report.short += 1
        lost = [site for site in lost if site not in gained]
        if gained or (lost and standing):
            await self._rows.moved(copies.blob.sha256, gained, lost)

    async def _copy(self, blob: Blob, sources: Sequence[str], target: str, report: Report) -> bool:
        for source in sources:
            if not self._stores.health[source].is_up:
                continue
            try:
                await self._stores.copy(blob, source, target)
            except (StoreFailed, Unavailable) as error:
                log.warning("copy failed", source=source, target=target, reason=str(error))
                continue
            report.restored += 1
            report.restored_bytes += blob.size
            await asyncio.sleep(blob.size / BYTES_PER_SECOND)
            return True
        report.failed += 1
        return False

    async def _lacks(self, site: str, blob: Blob) -> bool:
        """Whether a store says itself that it has it not, or not whole. Silence says nothing."""
        try:
            return await self._stores.stores[site].size(blob.sha256) != blob.size
        except StoreFailed:
            return False
