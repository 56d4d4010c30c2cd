"""Taking reports in, whatever else is down.

    submission ─▶ waiting ─▶ batch ─▶ database               confirmed
                               └────▶ local spool, fsync'd   kept here, forwarded later

A report is answered only when its batch is at one of the two ends. Batches form by themselves:
what comes in while one is being stored goes together with the next. When the database refuses, is
silent for `STORE_SECONDS_MAX`, or has just done so, a batch goes to the spool. Its outcome in the
database may then be unknown: storing it again is harmless, so it is simply forwarded too.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from time import monotonic
from typing import NamedTuple

import structlog

from bongsu.desk.reports.claim import StagedFile, Submission
from bongsu.desk.reports.preparing import PlacedFile, PreparedReport, Preparer
from bongsu.desk.reports.spooling import Box, Spool, encode
from bongsu.desk.reports.stores import (
    EvidenceGone,
    EvidenceLeaving,
    EvidenceStore,
    IntakeStore,
)
from bongsu.errors import BongsuError, Unavailable
from bongsu.media.content import Blob, PlacedBlob
from bongsu.media.stores import StoreFailed
from bongsu.tasks import TaskOwner
from bongsu.users.tokens import Clock, now_ms

log = structlog.get_logger()

BATCH_MAX = 200
WAITING_MAX = 5_000  # reports that wait for their batch; one more is turned away for a moment
STORE_SECONDS_MAX = 3.0
PLACE_SECONDS_MAX = 10.0  # for the evidence of one report
AVOID_SECONDS = 1.0  # how long the database is left alone after it failed
FILE_BYTES_MAX = 20 * 1024 * 1024
FILES_MAX = 10
HELD_MAX = 20_000  # of the latest spooled reports it is known that they are on their way
OWN_SITE = ""


class Accepted(NamedTuple):
    """`is_confirmed`: in the database, on as many sites as that promises. `is_first`: not there
    before, as far as is known."""

    is_confirmed: bool
    is_first: bool


class _Waiting(NamedTuple):
    submission: Submission
    report: PreparedReport | None  # None: its evidence is not in the media store, so spool it
    answer: asyncio.Future[Accepted]


class EvidencePlacer:
    """Brings staged files into the media stores."""

    def __init__(self, spool: Spool, evidence: EvidenceStore) -> None:
        self._spool = spool
        self._evidence = evidence

    async def place(self, files: Sequence[StagedFile]) -> list[PlacedFile]:
        """`Unavailable` when the stores do not take one in time; doing it again is harmless."""
        try:
            async with asyncio.timeout(PLACE_SECONDS_MAX * max(1, len(files))):
                return [await self._place(file) for file in files]
        except (TimeoutError, StoreFailed) as error:
            raise Unavailable("The media store does not take evidence") from error

    async def _place(self, file: StagedFile) -> PlacedFile:
        content = self._spool.stream_staged(file.staged)
        blob = await self._evidence.put(content, bytes_max=file.size)
        assert blob.sha256 == file.sha256, "a staged file changed"
        return PlacedFile(file.name, blob.sha256, blob.size, sites_of(blob))


class Intake:
    """Start it, `receive`, stop it."""

    def __init__(
        self,
        store: IntakeStore,
        spool: Spool,
        placer: EvidencePlacer,
        preparer: Preparer,
        box: Box,
        *,
        clock: Clock = now_ms,
    ) -> None:
        self._store, self._spool = store, spool
        self._placer, self._preparer, self._box = placer, preparer, box
        self._clock = clock
        self._waiting: list[_Waiting] = []
        self._arrived = asyncio.Event()
        self._avoid_until = float("-inf")
        self._tasks = TaskOwner("report intake")
        self.confirmed_total = 0
        self.spooled_total = 0
        self._held: dict[bytes, None] = {}
        self._is_stopping = False
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._running = self._tasks.start(self._run())

    async def stop(self) -> None:
        """Answer whoever waits, then end."""
        self._is_stopping = True
        self._arrived.set()
        if self._running is not None:
            await asyncio.wait([self._running])
        await self._tasks.stop()

    async def stage(self, name: str, content: AsyncIterator[bytes]) -> StagedFile:
        """Put one evidence file on disk before its report is received."""
        staged = await self._spool.stage(content, bytes_max=FILE_BYTES_MAX)
        return StagedFile(name, staged.name, staged.sha256, staged.size)

    async def discard(self, files: Sequence[StagedFile]) -> None:
        """Drop staged files whose report is not received after all."""
        if files:
            await self._spool.discard_staged([file.staged for file in files])

    async def receive(self, submission: Submission) -> Accepted:
        """Return once the report is on disk for good. The same report again does no harm.

        `SpoolFull` or `Unavailable` say that it is not kept. A caller who is cancelled may or may
        not have been too late.
        """
        if len(self._waiting) >= WAITING_MAX or self._is_stopping:
            raise Unavailable("Too many reports come in at this moment")
        report = await self._prepare(submission)
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(submission, report, answer))
        self._arrived.set()
        return await answer

    def holds(self, link_hash: bytes) -> bool:
        """Whether the report of this link was spooled here not long ago."""
        return link_hash in self._held

    async def _prepare(self, submission: Submission) -> PreparedReport | None:
        if submission.files and monotonic() < self._avoid_until:
            return None
        try:
            placed = await self._placer.place(submission.files)
            return self._preparer.report(submission, placed)
        except (BongsuError, OSError) as error:  # the media store's trouble is not the reporter's
            log.warning("evidence stays in the spool", reason=repr(error))
            return None

    async def _run(self) -> None:
        while not self._is_stopping:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._store_next()

    async def _store_next(self) -> None:
        batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
        try:
            direct = [waiting for waiting in batch if waiting.report is not None]
            is_stored = bool(direct) and await self._insert(direct)
            await self._write([w for w in batch if not is_stored or w.report is None])
        except BaseException as error:
            for waiting in batch:
                if not waiting.answer.done():
                    waiting.answer.set_exception(_told(error))
            if not isinstance(error, Exception):
                raise

    async def _insert(self, batch: Sequence[_Waiting]) -> bool:
        """Whether all of it is in the database, for certain."""
        if monotonic() < self._avoid_until:
            return False
        reports = [waiting.report for waiting in batch if waiting.report is not None]
        try:
            async with asyncio.timeout(STORE_SECONDS_MAX):
                new = await self._store.insert(reports, self._clock())
        except (EvidenceGone, EvidenceLeaving) as error:  # the forwarder puts it again
            log.info("reports go to the spool", count=len(batch), reason=str(error))
            return False
        except Exception as error:  # whatever a database says, a report is not turned away for it
            self._avoid_until = monotonic() + AVOID_SECONDS
            log.warning("reports go to the spool", count=len(batch), reason=repr(error))
            return False
        self.confirmed_total += len(batch)
        for waiting in batch:
            is_first = waiting.submission.report_id in new
            _answer(waiting, Accepted(is_confirmed=True, is_first=is_first))
        await self._discard_staged(batch)
        return True

    async def _write(self, batch: Sequence[_Waiting]) -> None:
        if not batch:
            return
        await self._spool.write([encode(w.submission, self._box) for w in batch])
        self.spooled_total += len(batch)
        for waiting in batch:
            self._hold(waiting.submission.link_hash)
            _answer(waiting, Accepted(is_confirmed=False, is_first=True))

    def _hold(self, link_hash: bytes) -> None:
        self._held[link_hash] = None
        if len(self._held) > HELD_MAX:
            self._held.pop(next(iter(self._held)))

    async def _discard_staged(self, batch: Sequence[_Waiting]) -> None:
        staged = [file.staged for waiting in batch for file in waiting.submission.files]
        if staged:
            try:
                await self._spool.discard_staged(staged)
            except Unavailable as error:  # the sweep will find them
                log.warning("staged files not removed", reason=str(error))


def sites_of(blob: Blob) -> tuple[str, ...]:
    return blob.sites if isinstance(blob, PlacedBlob) else (OWN_SITE,)


def _answer(waiting: _Waiting, accepted: Accepted) -> None:
    if not waiting.answer.done():  # its client may be gone
        waiting.answer.set_result(accepted)


def _told(error: BaseException) -> BongsuError:
    if isinstance(error, BongsuError):
        return error
    return Unavailable(f"The report could not be kept ({type(error).__name__})")
