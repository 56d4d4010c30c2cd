"""Keeps the board: in memory, level with the database, and on disk for when there is none."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog
from msgspec import structs

from bongsu.desk.notices.board import EMPTY, Board, Service
from bongsu.desk.notices.probing import Finding, Key
from bongsu.desk.notices.stores import BoardStore
from bongsu.desk.notices.uptime import DAY_MS, DAYS
from bongsu.errors import Unavailable
from bongsu.tasks import TaskOwner
from bongsu.users.tokens import Clock, now_ms

LOOK_SECONDS = 1.0
REREAD_SECONDS = 30.0  # though nothing changed: times of probes, and days that end
STALE_MS = 20_000  # for so long a database that does not answer is no matter

log = structlog.get_logger()


class BoardFile(Protocol):
    async def load(self) -> Board | None: ...
    async def save(self, board: Board) -> None: ...


class Keeper:
    """`seen` is what this desk's own probes found; `changed` is called with each new board."""

    def __init__(
        self,
        store: BoardStore,
        file: BoardFile,
        seen: Callable[[], Mapping[Key, Finding]],
        clock: Clock = now_ms,
    ) -> None:
        self._store = store
        self._file = file
        self._seen = seen
        self._clock = clock
        self._tasks = TaskOwner("board")
        self._wake = asyncio.Event()
        self._board = EMPTY
        self._asked_ts = 0  # when the database last answered

    async def start(self) -> None:
        """With what is on disk, at once; the database is asked from now on."""
        self._board = await self._file.load() or EMPTY
        self._tasks.start(self._run())

    async def stop(self) -> None:
        await self._tasks.stop()

    @property
    def board(self) -> Board:
        """As the database last had it."""
        return self._board

    @property
    def is_stale(self) -> bool:
        """Whether the database has been silent for so long that the pages must say so."""
        return self._clock() - self._asked_ts > STALE_MS

    def shown(self) -> Board:
        """What the pages show: while the database is silent, with this desk's own probes."""
        seen = self._seen()
        if not self.is_stale or not seen:
            return self._board
        services = [_with_findings(service, seen) for service in self._board.services]
        return structs.replace(self._board, services=services)

    def look(self) -> None:
        """Something was changed here just now."""
        self._wake.set()

    async def refresh(self) -> None:
        """Read the board if it is another, or if it has been a while."""
        now = self._clock()
        version = await self._store.load_version()
        self._asked_ts = now
        board = self._board
        is_fresh = now - board.read_ts < REREAD_SECONDS * 1000
        if version == board.version and is_fresh:
            return
        self._board = await self._store.load_board(now - (DAYS + 1) * DAY_MS, now)
        await self._file.save(self._board)

    async def _run(self) -> None:
        while True:
            try:
                await self.refresh()
            except Unavailable as error:
                log.info("the board is not level", reason=error.message)
            except Exception:
                log.exception("the board is not level")
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()


def _with_findings(service: Service, seen: Mapping[Key, Finding]) -> Service:
    components = [
        structs.replace(component, probed=finding.health, probed_ts=finding.ts)
        if (finding := seen.get((component.service_id, component.site))) is not None
        else component
        for component in service.components
    ]
    return structs.replace(service, components=components)
