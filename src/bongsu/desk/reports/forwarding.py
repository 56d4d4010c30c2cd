"""Bringing spooled reports to the database, each exactly once.

    batch in the spool ─▶ evidence to the media store ─▶ one transaction ─▶ batch removed ─▶ files

Every step may be the last before a crash: evidence goes by its hash and reports by their id, so
steps that are repeated change nothing, and a batch is removed only after its transaction. A batch
that the database refuses for what it holds is tried report by report, and what still fails is set
aside for an operator.
"""

import asyncio
from collections.abc import Mapping, Sequence

import structlog

from bongsu.desk.reports.claim import Submission
from bongsu.desk.reports.intake import EvidencePlacer
from bongsu.desk.reports.preparing import Preparer
from bongsu.desk.reports.spooling import Box, Spool, SpoolBroken, decode, encode
from bongsu.desk.reports.stores import EvidenceGone, IntakeStore, NotStorable
from bongsu.errors import Unavailable
from bongsu.tasks import TaskOwner
from bongsu.users.tokens import Clock, now_ms

log = structlog.get_logger()

LOOK_SECONDS = 2.0  # between two looks at the spool: other processes fill it too
RETRY_SECONDS_MAX = 30.0
SWEEP_LOOKS = 300
STORE_SECONDS_MAX = 20.0
PUT_TRIES = 3  # of evidence whose bytes another report's erasure removes meanwhile


class Forwarder:
    """Start it and stop it; `forward_all` does one round."""

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
        self._tasks = TaskOwner("report forwarding")
        self.forwarded_total = 0

    async def start(self) -> None:
        self._tasks.start(self._run())

    async def stop(self) -> None:
        await self._tasks.stop()

    async def forward_all(self) -> bool:
        """Forward every batch there is; False if another process is at it.

        `Unavailable` when the database or the media store is: what is left stays spooled.
        """
        with self._spool.forwarding() as is_ours:
            if not is_ours:
                return False
            for name in await self._spool.list_batches():
                await self._forward(name)
            return True

    async def sweep(self) -> None:
        """Remove staged files that belong to nothing."""
        with self._spool.forwarding() as is_ours:
            if not is_ours:
                return
            named: set[str] = set()
            for name in await self._spool.list_batches():
                for submission in await self._submissions(name) or ():
                    named.update(file.staged for file in submission.files)
            await self._spool.sweep(named)

    async def _run(self) -> None:
        wait, looks = LOOK_SECONDS, 0
        while True:
            try:
                if looks % SWEEP_LOOKS == 0:
                    await self.sweep()
                await self.forward_all()
                wait = LOOK_SECONDS
            except Unavailable as error:
                wait = min(2 * wait, RETRY_SECONDS_MAX)
                log.info("spooled reports wait", reason=error.message, seconds=wait)
            except Exception:  # a fault of ours: what is spooled stays spooled
                wait = RETRY_SECONDS_MAX
                log.exception("spooled reports wait")
            looks += 1
            await asyncio.sleep(wait)

    async def _forward(self, name: str) -> None:
        submissions = await self._submissions(name)
        if submissions is None:
            await self._spool.set_aside(name)
            return
        try:
            await self._insert(submissions)
        except (NotStorable, ValueError) as error:  # find out which of them it is
            log.error("a spooled batch is refused", batch=name, reason=repr(error))
            submissions = await self._forward_one_by_one(submissions)
        await self._spool.remove(name)
        staged = [file.staged for submission in submissions for file in submission.files]
        if staged:
            await self._spool.discard_staged(staged)

    async def _submissions(self, name: str) -> list[Submission] | None:
        try:
            return [decode(record, self._box) for record in await self._spool.read(name)]
        except SpoolBroken as error:
            log.error("a spooled batch cannot be read", batch=name, reason=str(error))
            return None

    async def _forward_one_by_one(self, submissions: Sequence[Submission]) -> list[Submission]:
        """Gives those that are stored. The others are set aside, with their evidence."""
        stored: list[Submission] = []
        for submission in submissions:
            try:
                await self._insert([submission])
            except (NotStorable, ValueError) as error:
                log.error("a report is refused", receipt=submission.receipt, reason=repr(error))
                alone = await self._spool.write([encode(submission, self._box)])
                await self._spool.set_aside(alone)
            else:
                stored.append(submission)
        return stored

    async def _insert(self, submissions: Sequence[Submission]) -> None:
        removals: Mapping[bytes, int] = {}
        for _ in range(PUT_TRIES):
            reports = [
                self._preparer.report(submission, await self._placer.place(submission.files))
                for submission in submissions
            ]
            try:
                async with asyncio.timeout(STORE_SECONDS_MAX):
                    await self._store.insert(reports, self._clock(), removals)
            except TimeoutError as error:
                raise Unavailable("The database does not answer") from error
            except EvidenceGone as error:  # the same bytes, of a report that was erased
                removals = {**removals, **error.removals}
            else:
                self.forwarded_total += len(reports)
                return
        raise Unavailable("Evidence like this is being removed")
