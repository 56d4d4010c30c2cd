"""Looking for malware in evidence, with whatever scanner the operator has."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import structlog

from bongsu.errors import Unavailable
from bongsu.media.stores import StoreFailed
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

AT_ONCE = 20
LOOK_SECONDS = 5.0


class Scan(StrEnum):
    """`PENDING` for good where no scanner is set: assessors are told."""

    PENDING = "pending"
    CLEAN = "clean"
    INFECTED = "infected"
    FAILED = "failed"


class Unscanned(NamedTuple):
    report_id: str
    number: int
    sha256: bytes
    size: int


class Scanner(Protocol):
    async def scan(self, content: AsyncIterator[bytes]) -> Scan:
        """`FAILED` when it neither says clean nor infected, or takes too long."""
        ...


class ScanStore(Protocol):
    async def list_unscanned(self, limit: int) -> Sequence[Unscanned]: ...

    async def set_scan(self, file: Unscanned, scan: Scan) -> None: ...


class Readable(Protocol):
    def stream(self, sha256: bytes, start: int, stop: int) -> AsyncIterator[bytes]: ...


class Scanning:
    """Scans what comes in, one file after the other. Start it and stop it."""

    def __init__(self, store: ScanStore, evidence: Readable, scanner: Scanner) -> None:
        self._store, self._evidence, self._scanner = store, evidence, scanner
        self._tasks = TaskOwner("evidence scanning")

    async def start(self) -> None:
        self._tasks.start(self._run())

    async def stop(self) -> None:
        await self._tasks.stop()

    async def scan_all(self) -> int:
        """Gives how many files were looked at."""
        count = 0
        while files := await self._store.list_unscanned(AT_ONCE):
            for file in files:
                content = self._evidence.stream(file.sha256, 0, file.size)
                scan = await self._scanner.scan(content)
                await self._store.set_scan(file, scan)
                if scan is not Scan.CLEAN:
                    log.warning(
                        "evidence is not clean", report=file.report_id, number=file.number,
                        scan=scan.value,
                    )  # fmt: skip
            count += len(files)
        return count

    async def _run(self) -> None:
        while True:
            try:
                await self.scan_all()
            except (Unavailable, StoreFailed) as error:
                log.info("evidence waits for its scan", reason=str(error))
            except Exception:  # such as tables that are not there yet
                log.exception("evidence waits for its scan")
            await asyncio.sleep(LOOK_SECONDS)
