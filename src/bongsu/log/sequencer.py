"""The single writer of the partitions this node owns.

How a proposal becomes an entry, and why nothing acknowledged is lost, doubled or reordered:

    submit ──▶ hold ──▶ queue ──▶ [ look up ids ─▶ plan ─▶ write+commit ] ──▶ publish ──▶ answer
               (cold rooms         one batch at a time, one connection
                load first)

1. Because the node is alone (an epoch in the partition's row is compared and set by every batch),
   it may decide from memory. `plan` authorises against that memory and changes it at once, so
   proposals of one batch see each other.
2. A batch holds what queued up while the last one was committing: the longer a commit takes, the
   more it carries (group commit).
3. Nothing leaves before the commit is confirmed: no acceptance, no refusal either, because a
   refusal may rest on an earlier proposal of the same batch.
4. Any outcome but clean success ends the ownership and forgets all memory. The pen then takes a new
   epoch, after which everything it reads is durable, and gateways ask again with the same ids.
5. Rows that the engine refuses for what they hold (they should have been refused at the door) are
   tried again alone, so that one bad proposal never takes its neighbours down.
6. A proposal that is alone in its batch is not looked up first: the unique index on request ids
   refuses a repeat, and then nothing was written. What was planned is undone, and the look-up gives
   the first answer. An answer that writes nothing (a refusal) is always looked up.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from time import monotonic

import structlog

from bongsu.errors import Refused, Unavailable
from bongsu.log.batch import Batch, Head
from bongsu.log.pen import Observer, Pen
from bongsu.log.pending import Pending, Planner
from bongsu.log.position import PARTITIONS
from bongsu.log.proposal import (
    FEATURE_LEVEL,
    Accepted,
    NotOwner,
    OwnershipLost,
    PoisonedBatch,
    Proposal,
)
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

PROPOSALS_PER_BATCH_MAX = 500
BATCH_BYTES_MAX = 8 * 1024 * 1024  # of bodies: what is past it waits for the next batch
QUEUE_MAX = 20_000
SUSPECTS_MAX = 1_000
LOADS_MAX = 10  # of one proposal: each may find that what an earlier one loaded was evicted
HEARTBEAT_SECONDS = 0.5
DRAIN_SECONDS_MAX = 5.0
LEASE_SECONDS = 1.5  # how long after a confirmed commit an answer without one may be given


class Sequencer:
    """Owns partitions through one pen. `lost` is called when all of them are gone at once."""

    def __init__(
        self,
        pen: Pen,
        planner: Planner,
        observer: Observer,
        lost: Callable[[], None],
        level: Callable[[], int] = lambda: FEATURE_LEVEL,
        is_doubtful: Callable[[], bool] = lambda: False,
    ) -> None:
        """`level` tells what every live node understands.

        While it `is_doubtful` whether commits still reach a quorum, every heartbeat is one.
        """
        self._pen = pen
        self._planner = planner
        self._observer = observer
        self._lost = lost
        self._level = level
        self._is_doubtful = is_doubtful
        self._heads: dict[int, Head] = {}
        self._queue: deque[Pending] = deque()
        self._in_flight: dict[bytes, Pending] = {}
        self._suspects: dict[bytes, None] = {}  # ids to be tried alone and looked up, oldest first
        self._confirmed_at = float("-inf")
        self._marked: dict[int, int] = {}  # heads already marked durable
        self._wake = asyncio.Event()
        self._pen_in_use = asyncio.Lock()
        self._tasks = TaskOwner("sequencer")
        self._loads = TaskOwner("sequencer's loads", limit=QUEUE_MAX)

    # -- ownership ---------------------------------------------------------------------------

    @property
    def heads(self) -> dict[int, Head]:
        """The partitions owned, each with its epoch and its durable head. Not to be changed."""
        return self._heads

    @property
    def confirmed_at(self) -> float:
        """When the last commit was sent that is known to have reached its quorum."""
        return self._confirmed_at

    async def claim(self, partitions: Sequence[int]) -> None:
        """Try to become the owner of `partitions`; raises `OwnershipLost` if the pen breaks."""
        async with self._pen_in_use:
            sent_at = monotonic()
            try:
                gained = await self._pen.claim(partitions)
            except BaseException:  # cancelled, too: the pen is broken off in the middle
                await self._forget_all()
                raise
            if gained:
                # What was loaded before the new epoch was acknowledged need not be durable.
                self._planner.forget(gained.keys())
                self._heads.update(gained)
                self._confirmed_at = sent_at

    async def release(self, partitions: Iterable[int]) -> None:
        """Give up some partitions in good order: after the running batch, with nothing in doubt."""
        async with self._pen_in_use:
            leaving = [p for p in partitions if self._heads.pop(p, None) is not None]
            if not leaving:
                return
            self._planner.forget(leaving)
            try:
                await self._pen.release(leaving)
            except BaseException:
                await self._forget_all()
                raise

    async def give_up(self) -> None:
        """Drop everything at once: the pen is known to write in vain. What it waits for ends."""
        await self._pen.abandon()
        async with self._pen_in_use:
            if self._heads:
                await self._forget_all()

    # -- proposals ---------------------------------------------------------------------------

    async def submit(self, proposal: Proposal, timeout_seconds: float) -> Accepted:
        """Append `proposal` and answer once it is durable.

        Raises `Refused`, `NotOwner` (nothing written), `OwnershipLost` (unknown) or `Unavailable`
        (too busy, or expired before it was planned). A repeat of a request id joins the first.
        """
        deadline = monotonic() + timeout_seconds
        pending = self._in_flight.get(proposal.request_id) or self._admit(proposal)
        return await pending.wait(deadline)

    def _admit(self, proposal: Proposal) -> Pending:
        pending = Pending(proposal)
        if pending.partition not in self._heads:
            raise NotOwner()
        if len(self._in_flight) >= QUEUE_MAX:
            raise Unavailable("Too many requests are waiting")
        self._in_flight[proposal.request_id] = pending
        if self._planner.is_ready(proposal):
            self._enqueue(pending)
        else:
            self._start_load(pending)
        return pending

    def _start_load(self, pending: Pending) -> None:
        if self._loads.start(self._load(pending)) is None:
            self._finish(pending, Unavailable("Too many requests are waiting"))

    async def _load(self, pending: Pending) -> None:
        try:
            while pending.loads < LOADS_MAX:
                pending.loads += 1
                await self._planner.load(pending.proposal)
                if pending.partition not in self._heads:
                    raise NotOwner()
                if self._planner.is_ready(pending.proposal):
                    return self._enqueue(pending)
            raise Unavailable("The room could not be loaded")
        except (Refused, NotOwner, Unavailable) as error:
            self._finish(pending, error)
        except Exception:
            log.exception("loading failed", proposal=type(pending.proposal).__name__)
            self._finish(pending, Unavailable("What this needs could not be loaded"))

    def _enqueue(self, pending: Pending) -> None:
        self._queue.append(pending)
        self._wake.set()

    def _finish(self, pending: Pending, outcome: Accepted | Exception) -> None:
        self._in_flight.pop(pending.proposal.request_id, None)
        pending.answer(outcome)

    # -- the loop ----------------------------------------------------------------------------

    def start(self) -> None:
        self._tasks.start(self._run())
        self._tasks.start(self._beat())

    async def drain(self) -> None:
        """Return when all proposals taken in so far are answered, or after DRAIN_SECONDS_MAX."""
        deadline = monotonic() + DRAIN_SECONDS_MAX
        while self._in_flight and monotonic() < deadline:
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Give everything up. Whoever still waits hears that the outcome is unknown."""
        await self._tasks.stop()
        await self._loads.stop()
        await self._forget_all()
        for pending in list(self._in_flight.values()):
            self._finish(pending, OwnershipLost("The node stops"))

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                async with self._pen_in_use:
                    if taken := self._take():
                        await self._commit(taken)

    async def _beat(self) -> None:
        """Keep the session alive, and mark what no later batch marks as durable."""
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            async with self._pen_in_use:
                if self._heads:
                    await self._guarded(self._confirm(prove=self._is_doubtful()))

    async def _confirm(self, *, prove: bool = False) -> None:
        """See that all epochs stand. `prove`: by a commit, which a cut-off primary cannot give."""
        unmarked = [p for p, head in self._heads.items() if self._marked.get(p) != head.position]
        if prove and not unmarked:
            unmarked = [next(iter(self._heads))]
        positions = {p: self._heads[p].position for p in unmarked}
        sent_at = monotonic()
        await self._pen.confirm(self._heads, unmarked)
        self._marked.update(positions)
        if unmarked:
            self._confirmed_at = sent_at

    def _take(self) -> list[Pending]:
        """The next batch: up to the limit, and a suspect only by itself."""
        taken: list[Pending] = []
        while self._queue and len(taken) < PROPOSALS_PER_BATCH_MAX:
            suspect = self._queue[0].proposal.request_id in self._suspects
            if suspect and taken:
                break
            taken.append(self._queue.popleft())
            if suspect:
                break
        return taken

    async def _commit(self, taken: list[Pending]) -> None:
        answers: list[tuple[Pending, Accepted | Exception]] = []
        if await self._guarded(self._carry_out(taken, answers), taken):
            for pending, outcome in answers:
                self._finish(pending, outcome)

    async def _carry_out(
        self, taken: list[Pending], answers: list[tuple[Pending, Accepted | Exception]]
    ) -> None:
        """One batch, from look-up to commit. What has to wait on is taken out of `taken`."""
        started = monotonic()
        if len(taken) == 1 and await self._carry_out_unseen(taken[0], answers, started):
            return
        batch = Batch(self._heads)
        known = await self._pen.lookup([pending.proposal.request_id for pending in taken])
        for pending in list(taken):
            if batch.body_bytes >= BATCH_BYTES_MAX:
                rest = taken[len(answers) :]
                del taken[len(answers) :]
                self._queue.extendleft(reversed(rest))
                break
            outcome = self._decide(pending, known, batch)
            if outcome is None:
                taken.remove(pending)
                self._start_load(pending)
            else:
                answers.append((pending, outcome))
        await self._write(batch, started)
        self._planner.settle()

    async def _carry_out_unseen(
        self,
        pending: Pending,
        answers: list[tuple[Pending, Accepted | Exception]],
        started: float,
    ) -> bool:
        """Try a lone proposal without the look-up. False: nothing is written, it has to be."""
        if pending.proposal.request_id in self._suspects:
            return False
        batch = Batch(self._heads)
        outcome = self._decide(pending, {}, batch)
        if outcome is None or batch.is_empty:
            return False
        try:
            await self._write(batch, started)
        except PoisonedBatch:
            self._suspect(pending)
            for key in {entry.key for entry in batch.entries}:
                self._planner.undo(key)
            return False
        answers.append((pending, outcome))
        self._planner.settle()
        return True

    def _decide(
        self, pending: Pending, known: Mapping[bytes, Accepted], batch: Batch
    ) -> Accepted | Exception | None:
        """What a proposal comes to; None: it was evicted what it needs."""
        proposal = pending.proposal
        if pending.partition not in self._heads:  # so nothing in it is known to be durable
            return NotOwner()
        first = known.get(proposal.request_id)
        if first is not None:
            return first
        if not pending.is_wanted:
            return Unavailable("Nobody waits for this any more")
        if proposal.level > self._level():
            return Unavailable("Some nodes are still of a release that does not know this")
        return self._plan(proposal, batch) if self._planner.is_ready(proposal) else None

    def _plan(self, proposal: Proposal, batch: Batch) -> Accepted | Exception:
        try:
            return self._planner.plan(proposal, batch)
        except Refused as refused:
            return refused
        except Exception as error:
            log.exception("planning failed", proposal=type(proposal).__name__)
            raise PoisonedBatch() from error

    async def _write(self, batch: Batch, started: float) -> None:
        if batch.is_empty:
            if self._heads and monotonic() - self._confirmed_at > LEASE_SECONDS:
                await self._confirm(prove=True)
            return
        sent_at = monotonic()
        await self._pen.write(batch)
        self._confirmed_at = sent_at
        epochs: dict[int, int] = {}
        for partition, epoch, _, position in batch.heads():
            self._heads[partition] = Head(epoch, position)
            epochs[partition] = epoch
        self._observer.committed(batch.entries, epochs, monotonic() - started)

    async def _guarded(self, step: Awaitable[None], taken: Sequence[Pending] = ()) -> bool:
        """Await a step that uses the pen. False, with everything given up, when it failed."""
        try:
            await step
        except PoisonedBatch as error:
            log.error("a batch was refused", proposals=len(taken), reason=str(error))
            poisoned: Exception = self._isolate(taken)
            await self._forget_all()
            for pending in taken:
                self._finish(pending, poisoned)
            return False
        except Exception as error:
            log.warning("ownership lost", reason=str(error), exc_info=not _expected(error))
            await self._forget_all()
            for pending in taken:
                self._finish(pending, OwnershipLost("The outcome is unknown"))
            return False
        return True

    def _isolate(self, taken: Sequence[Pending]) -> Exception:
        """Remember a poisoned batch's ids, to try each alone; one that was alone is refused."""
        if len(taken) == 1:
            return Refused("The server could not store this request", code="M_UNKNOWN")
        for pending in taken:
            self._suspect(pending)
        return NotOwner()

    def _suspect(self, pending: Pending) -> None:
        self._suspects[pending.proposal.request_id] = None
        while len(self._suspects) > SUSPECTS_MAX:
            self._suspects.pop(next(iter(self._suspects)))

    async def _forget_all(self) -> None:
        """Discard all that rested on this ownership. What is queued was certainly not written."""
        self._heads.clear()
        self._marked.clear()
        self._planner.forget(range(PARTITIONS))
        await self._pen.abandon()
        waiting, self._queue = self._queue, deque()
        for pending in waiting:
            self._finish(pending, NotOwner())
        self._lost()


def _expected(error: Exception) -> bool:
    return isinstance(error, OwnershipLost)
