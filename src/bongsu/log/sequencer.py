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
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import monotonic
from typing import Protocol

import structlog

from bongsu.errors import Refused, Unavailable
from bongsu.log.batch import Batch, Head
from bongsu.log.entry import Entry
from bongsu.log.position import partition_of
from bongsu.log.proposal import (
    Accepted,
    NotOwner,
    OwnershipLost,
    PoisonedBatch,
    Proposal,
)
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

PROPOSALS_PER_BATCH_MAX = 500
QUEUE_MAX = 20_000
SUSPECTS_MAX = 1_000
LOADS_MAX = 10  # of one proposal: each may find that what an earlier one loaded was evicted
HEARTBEAT_SECONDS = 0.5
DRAIN_SECONDS_MAX = 5.0
LEASE_SECONDS = 1.5  # how long after a confirmed statement a refusal may still be given


class Pen(Protocol):
    """The one connection that writes. Every method raises `OwnershipLost` when it is broken."""

    async def claim(self, partitions: Sequence[int]) -> dict[int, Head]:
        """Lock, bump the epoch, see it acknowledged, then load heads. Those it got."""
        ...

    async def release(self, partitions: Sequence[int]) -> None: ...

    async def lookup(self, request_ids: Sequence[bytes]) -> dict[bytes, Accepted]:
        """The first answers of requests that were carried out before."""
        ...

    async def write(self, batch: Batch) -> None:
        """Commit, or raise; `PoisonedBatch` if certainly nothing was written."""
        ...

    async def confirm(self, heads: dict[int, Head], unmarked: Sequence[int]) -> None:
        """See that all epochs still stand; record the heads of `unmarked` as durable."""
        ...

    async def abandon(self) -> None:
        """Drop the connection without a word; its locks fall free."""
        ...


class Planner(Protocol):
    """Knows what proposals mean. Its memory is true as long as the ownership lasts."""

    def hold(self, proposal: Proposal) -> bool:
        """Whether all that `plan` needs is in memory; if so it stays there until `done`."""
        ...

    async def load(self, proposal: Proposal) -> None:
        """Bring into memory what `hold` missed. May raise `Refused`."""
        ...

    def plan(self, proposal: Proposal, batch: Batch) -> Accepted:
        """Authorise and append, changing memory at once. Raises `Refused` before any change."""
        ...

    def done(self, proposal: Proposal) -> None:
        """What was held for this proposal may be evicted."""
        ...

    def forget(self) -> None:
        """Ownership ended: drop all memory, and ignore what is still being loaded."""
        ...


class Pending:
    """A proposal on its way. Several requests may wait for it; with none left it is dropped."""

    __slots__ = ("deadline", "future", "held", "proposal", "waiters")

    def __init__(self, proposal: Proposal, deadline: float) -> None:
        self.proposal = proposal
        self.deadline = deadline
        self.future: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self.waiters = 0
        self.held = False

    def answer(self, outcome: "Accepted | Exception") -> None:
        if self.future.done():
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
            self.future.exception()  # asked for here: its waiters may all be gone
        else:
            self.future.set_result(outcome)


class Observer(Protocol):
    """Hears of every batch once it is durable."""

    def committed(
        self, entries: Sequence[Entry], epochs: dict[int, int], seconds: float
    ) -> None: ...


class Sequencer:
    """Owns partitions through one pen. `lost` is called when all of them are gone at once."""

    def __init__(
        self, pen: Pen, planner: Planner, observer: Observer, lost: Callable[[], None]
    ) -> None:
        self._pen = pen
        self._planner = planner
        self._observer = observer
        self._lost = lost
        self._heads: dict[int, Head] = {}
        self._queue: deque[Pending] = deque()
        self._in_flight: dict[bytes, Pending] = {}
        self._suspects: dict[bytes, None] = {}  # ids of a poisoned batch, oldest first
        self._confirmed_at = 0.0
        self._marked: dict[int, int] = {}  # heads already marked durable
        self._wake = asyncio.Event()
        self._pen_in_use = asyncio.Lock()
        self._tasks = TaskOwner("sequencer")

    # -- ownership ---------------------------------------------------------------------------

    @property
    def heads(self) -> dict[int, Head]:
        """The partitions owned, each with its epoch and its durable head. Not to be changed."""
        return self._heads

    async def claim(self, partitions: Sequence[int]) -> None:
        """Try to become the owner of `partitions`; raises `OwnershipLost` if the pen breaks."""
        async with self._pen_in_use:
            try:
                self._heads.update(await self._pen.claim(partitions))
            except OwnershipLost:
                await self._forget_all()
                raise
            self._confirmed_at = monotonic()

    async def release(self, partitions: Iterable[int]) -> None:
        """Give up some partitions in good order: after the running batch, with nothing in doubt."""
        async with self._pen_in_use:
            leaving = [p for p in partitions if self._heads.pop(p, None) is not None]
            if leaving:
                await self._pen.release(leaving)

    # -- proposals ---------------------------------------------------------------------------

    async def submit(self, proposal: Proposal, timeout_seconds: float) -> Accepted:
        """Append `proposal` and answer once it is durable.

        Raises `Refused`, `NotOwner` (nothing written), `OwnershipLost` (unknown) or `Unavailable`
        (too busy, or expired before it was planned). A repeat of a request id joins the first.
        """
        pending = self._in_flight.get(proposal.request_id)
        if pending is None:
            pending = self._admit(proposal, monotonic() + timeout_seconds)
        pending.waiters += 1
        try:
            return await asyncio.shield(pending.future)
        finally:
            pending.waiters -= 1

    def _admit(self, proposal: Proposal, deadline: float) -> Pending:
        if partition_of(proposal.key) not in self._heads:
            raise NotOwner()
        if len(self._in_flight) >= QUEUE_MAX:
            raise Unavailable("Too many requests are waiting")
        pending = Pending(proposal, deadline)
        self._in_flight[proposal.request_id] = pending
        if self._planner.hold(proposal):
            self._enqueue(pending)
        else:
            self._tasks.start(self._load(pending))
        return pending

    async def _load(self, pending: Pending) -> None:
        try:
            for _ in range(LOADS_MAX):
                await self._planner.load(pending.proposal)
                if self._planner.hold(pending.proposal):
                    return self._enqueue(pending)
            raise Unavailable("The room could not be loaded")
        except Exception as error:
            self._finish(pending, error)

    def _enqueue(self, pending: Pending) -> None:
        pending.held = True
        self._queue.append(pending)
        self._wake.set()

    def _finish(self, pending: Pending, outcome: Accepted | Exception) -> None:
        self._in_flight.pop(pending.proposal.request_id, None)
        if pending.held:
            self._planner.done(pending.proposal)
        pending.answer(outcome)

    # -- the loop ----------------------------------------------------------------------------

    def start(self) -> None:
        self._wake.set()
        self._tasks.start(self._run())

    async def drain(self) -> None:
        """Return when all proposals taken in so far are answered, or after DRAIN_SECONDS_MAX."""
        deadline = monotonic() + DRAIN_SECONDS_MAX
        while self._in_flight and monotonic() < deadline:
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Give everything up. What is still queued was not written."""
        await self._tasks.stop()
        await self._forget_all()

    async def _run(self) -> None:
        beat_at = 0.0
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                async with self._pen_in_use:
                    await self._commit(self._take())
            if monotonic() >= beat_at:
                async with self._pen_in_use:
                    if self._heads:
                        await self._guarded(self._confirm())
                beat_at = monotonic() + HEARTBEAT_SECONDS
                asyncio.get_running_loop().call_later(HEARTBEAT_SECONDS, self._wake.set)

    async def _confirm(self) -> None:
        unmarked = [p for p, head in self._heads.items() if self._marked.get(p) != head.position]
        positions = {p: self._heads[p].position for p in unmarked}
        sent_at = monotonic()
        await self._pen.confirm(self._heads, unmarked)
        self._marked.update(positions)
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
        started = monotonic()
        answers: list[tuple[Pending, Accepted | Exception]] = []
        batch = Batch(self._heads)
        if not await self._guarded(self._fill(batch, taken, answers), taken):
            return
        if not await self._guarded(self._write(batch, started), taken):
            return
        for pending, outcome in answers:
            self._finish(pending, outcome)

    async def _fill(
        self,
        batch: Batch,
        taken: list[Pending],
        answers: list[tuple[Pending, Accepted | Exception]],
    ) -> None:
        known = await self._pen.lookup([pending.proposal.request_id for pending in taken])
        now = monotonic()
        for pending in taken:
            proposal = pending.proposal
            outcome: Accepted | Exception | None = known.get(proposal.request_id)
            if outcome is None:
                if partition_of(proposal.key) not in self._heads:
                    outcome = NotOwner()
                elif pending.waiters == 0 or now > pending.deadline:
                    outcome = Unavailable("Nobody waits for this any more")
                else:
                    outcome = self._plan(proposal, batch)
            answers.append((pending, outcome))

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
            if monotonic() - self._confirmed_at > LEASE_SECONDS:
                await self._confirm()
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
        except PoisonedBatch:
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
            self._suspects[pending.proposal.request_id] = None
        while len(self._suspects) > SUSPECTS_MAX:
            self._suspects.pop(next(iter(self._suspects)))
        return NotOwner()

    async def _forget_all(self) -> None:
        """Discard all that rested on this ownership. What is queued was certainly not written."""
        self._heads.clear()
        self._marked.clear()
        self._planner.forget()
        await self._pen.abandon()
        waiting, self._queue = self._queue, deque()
        for pending in waiting:
            self._finish(pending, NotOwner())
        self._lost()


def _expected(error: Exception) -> bool:
    return isinstance(error, OwnershipLost)
