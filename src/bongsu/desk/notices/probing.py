"""Health checks: every component with an address is asked, by every desk, all the time.

The desk that holds the lease writes what it found; the others only know it, for the pages that they
show while the database is away. One failure is not believed, two in a row are.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import structlog

from bongsu.desk.notices.board import Board, Component
from bongsu.desk.notices.stores import Probed, ServiceStore
from bongsu.desk.notices.words import Health
from bongsu.errors import Unavailable
from bongsu.fetching import Fetcher, FetchFailed
from bongsu.tasks import TaskOwner
from bongsu.users.tokens import Clock, now_ms

PROBE_SECONDS = 15.0
ANSWER_SECONDS_MAX = 8.0
SLOW_SECONDS = 3.0
FAILURES_BELIEVED = 2
AT_ONCE_MAX = 20
ANSWER_BYTES_MAX = 64 * 1024
REDIRECTS_MAX = 2
GAP_MS = 4 * int(PROBE_SECONDS * 1000)  # silence of that length is time of which nothing is known
LEASE = "probe"
LEASE_MS = 2 * int(PROBE_SECONDS * 1000) + 10_000

Key = tuple[str, str]  # service and site

log = structlog.get_logger()


class Finding(NamedTuple):
    health: Health
    ts: int


class Prober:
    """`board` gives what to ask; `seen` is what this desk itself found, by service and site."""

    def __init__(
        self,
        board: Callable[[], Board],
        store: ServiceStore,
        fetcher: Fetcher,
        holder: str,
        clock: Clock = now_ms,
    ) -> None:
        self._board = board
        self._store = store
        self._fetcher = fetcher
        self._holder = holder
        self._clock = clock
        self._tasks = TaskOwner("probes")
        self._failures: dict[Key, int] = {}
        self.seen: Mapping[Key, Finding] = {}

    def start(self) -> None:
        self._tasks.start(self._run())

    async def stop(self) -> None:
        await self._tasks.stop()

    async def run_once(self) -> None:
        """Ask all, and write it down if that is this desk's to do."""
        components = [
            component
            for service in self._board().services
            for component in service.components
            if component.probe_url
        ]
        if not components:
            self.seen = {}
            return
        self.seen = await self._ask_all(components)
        try:
            await self._write(components)
        except Unavailable as error:
            log.info("probes are not written", reason=error.message)

    async def _run(self) -> None:
        while True:
            try:
                await self.run_once()
            except Exception:
                log.exception("probing failed")
            await asyncio.sleep(PROBE_SECONDS)

    async def _ask_all(self, components: Iterable[Component]) -> dict[Key, Finding]:
        places = asyncio.Semaphore(AT_ONCE_MAX)
        seen: dict[Key, Finding] = {}

        async def one(component: Component) -> None:
            async with places:
                answer = await self._ask(component.probe_url)
            key = component.service_id, component.site
            failures = self._failures.get(key, 0) + 1 if answer is Health.MAJOR_OUTAGE else 0
            self._failures[key] = failures
            if 0 < failures < FAILURES_BELIEVED:
                before = self.seen.get(key)
                answer = before.health if before is not None else component.probed
            seen[key] = Finding(answer, self._clock())

        await asyncio.gather(*(one(component) for component in components))
        self._failures = {key: count for key, count in self._failures.items() if key in seen}
        return seen

    async def _ask(self, url: str) -> Health:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        try:
            answer = await self._fetcher.get(
                url,
                body_bytes_max=ANSWER_BYTES_MAX,
                seconds_max=ANSWER_SECONDS_MAX,
                redirects_max=REDIRECTS_MAX,
            )
        except FetchFailed:
            return Health.MAJOR_OUTAGE
        if not 200 <= answer.status < 300:
            return Health.MAJOR_OUTAGE
        return Health.DEGRADED if loop.time() - begun > SLOW_SECONDS else Health.OPERATIONAL

    async def _write(self, components: Iterable[Component]) -> None:
        now = self._clock()
        if not await self._store.hold_lease(LEASE, self._holder, now, now + LEASE_MS):
            return
        found: list[Probed] = []
        for component in components:
            finding = self.seen[component.service_id, component.site]
            last = component.probed_ts
            gap = last + GAP_MS // 2 if last is not None and finding.ts - last > GAP_MS else None
            found.append(
                Probed(component.service_id, component.site, finding.health, finding.ts, gap)
            )
        await self._store.record(self._holder, found)
