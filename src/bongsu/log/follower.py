"""Applies every partition's durable entries in order, and tells who listens.

Entries come quickly from the bus (or straight from this node's own sequencer) and surely from
PostgreSQL. Positions are dense, so a loss on the bus shows as a gap, and a lost *last* entry shows
when an owner announces its durable head, or, when nobody announces, by polling. From PostgreSQL a
follower reads only up to a durable head: a replica, or an old primary restarted in recovery, may
show rows that will vanish.
"""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Protocol, TypeVar

import msgspec
import structlog

from bongsu.errors import Unavailable
from bongsu.log.entry import KINDS, Entry, needs
from bongsu.log.position import PARTITIONS, Vector
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

CATCH_UP_ROWS = 1_000  # read at once
CATCH_UP_ENTRIES_MAX = 50_000  # further behind than this, the gap is jumped over
SILENCE_SECONDS = 2.0
LEVEL_ENTRIES_MAX = 1_000  # a follower that lacks no more is as good as level
GRACE_SECONDS = 0.05  # entries usually arrive right behind the announcement that runs ahead of them
RETRY_SECONDS = 0.1

T = TypeVar("T")
Listener = Callable[[Sequence[Entry]], None]
JumpListener = Callable[[int], None]


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """Durable entries of one batch on the bus, with the epoch of each partition among them, and the
    generation of the primary that has them."""

    epochs: dict[int, int]
    entries: list[Entry]
    generation: int = 0


class DurableHead(msgspec.Struct, frozen=True, array_like=True):
    """What an owner announces of a partition, or a durable row says of it."""

    partition: int
    epoch: int
    position: int


class EntryReader(Protocol):
    """The log as the site's replica has it."""

    async def durable_heads(self) -> list[DurableHead]: ...

    async def read(self, partition: int, after: int, through: int, limit: int) -> list[Entry]:
        """Entries in order, after < position <= through. Fewer than there are if it lags."""
        ...


class Follower:
    """`applied` is replaced, never changed in place; listeners run before it moves on."""

    def __init__(self, reader: EntryReader, incarnation: str) -> None:
        self.incarnation = incarnation
        self.applied: Vector = (0,) * PARTITIONS
        self.stopped: set[int] = set()  # partitions with an entry of a kind this node doesn't know
        self._reader = reader
        self._epochs = [0] * PARTITIONS
        self._durable = [0] * PARTITIONS
        self._heard_at = [float("-inf")] * PARTITIONS  # an owner, of each partition
        self._listeners: list[Listener] = []
        self._jump_listeners: list[JumpListener] = []
        # Who waits for a position, by partition: nobody else is looked at when it moves on.
        self._waiting: dict[int, list[tuple[int, asyncio.Future[None]]]] = {}
        self._behind = asyncio.Event()
        self._tasks = TaskOwner("follower")

    async def start(self) -> None:
        """Begin at the durable heads of now: history is read by query, not replayed."""
        heads = await self._reader.durable_heads()
        applied = [0] * PARTITIONS
        for head in heads:
            applied[head.partition] = head.position
            self._durable[head.partition] = head.position
        self.applied = tuple(applied)
        self._heard_at = [monotonic()] * PARTITIONS
        self._tasks.start(self._keep_up())

    async def stop(self) -> None:
        await self._tasks.stop()

    def listen(self, listener: Listener, jumped: JumpListener | None = None) -> None:
        """Call `listener` with each batch in order. `applied` includes it already.

        `jumped(partition)` is called when entries were skipped because this node fell too far
        behind: whatever was cached of that partition is stale.
        """
        self._listeners.append(listener)
        if jumped is not None:
            self._jump_listeners.append(jumped)

    async def wait_until(self, vector: Vector, timeout_seconds: float) -> bool:
        """Whether `applied` covers `vector`, waiting for it if need be."""
        deadline = monotonic() + timeout_seconds
        for partition, position in enumerate(vector):
            if self.applied[partition] < position and not await self.wait_for_position(
                partition, position, deadline - monotonic()
            ):
                return False
        return True

    async def wait_for_position(
        self, partition: int, position: int, timeout_seconds: float
    ) -> bool:
        """Whether entry `position` of `partition` was applied: read your own writes."""
        if self.applied[partition] >= position:
            return True
        waiting = (position, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(partition, []).append(waiting)
        try:
            async with asyncio.timeout(timeout_seconds):
                await waiting[1]
        except TimeoutError:
            return False
        finally:
            others = self._waiting.get(partition, [])
            if waiting in others:
                others.remove(waiting)
        return True

    # -- what arrives ------------------------------------------------------------------------

    def deliver(self, epochs: dict[int, int], entries: Sequence[Entry]) -> None:
        """Entries known to be durable, from an owner of these epochs."""
        now = monotonic()
        next_positions = list(self.applied)
        fresh: list[Entry] = []
        for entry in entries:
            p = entry.partition
            if epochs[p] < self._epochs[p] or p in self.stopped:
                continue  # a deposed owner's: should it be durable, the log will show it
            self._epochs[p] = epochs[p]
            self._heard_at[p] = now
            self._durable[p] = max(self._durable[p], entry.position)
            if (
                entry.position == next_positions[p] + 1
                and self._is_known(entry)
                and all(next_positions[q] >= position for q, position in needs(entry))
            ):
                next_positions[p] = entry.position
                fresh.append(entry)
        self._apply(fresh, next_positions)
        if any(self._durable[p] > self.applied[p] for p in epochs):
            self._behind.set()

    def announce(self, heads: Sequence[DurableHead]) -> None:
        """An owner's word on how far its partitions are durable."""
        now = monotonic()
        for head in heads:
            p = head.partition
            if head.epoch < self._epochs[p]:
                continue
            self._epochs[p] = head.epoch
            self._heard_at[p] = now
            if head.position > self._durable[p]:
                self._durable[p] = head.position
            if self._durable[p] > self.applied[p]:
                self._behind.set()

    @property
    def lag(self) -> int:
        """Durable entries that are known of and not applied."""
        return sum(max(0, d - a) for d, a in zip(self._durable, self.applied, strict=True))

    @property
    def is_level(self) -> bool:
        """Whether the owners of all partitions were heard just now, and next to nothing lacks."""
        is_informed = monotonic() - min(self._heard_at) < SILENCE_SECONDS
        return is_informed and self.lag <= LEVEL_ENTRIES_MAX

    # -- catching up -------------------------------------------------------------------------

    async def _keep_up(self) -> None:
        while True:
            try:
                async with asyncio.timeout(SILENCE_SECONDS):
                    await self._behind.wait()
                await asyncio.sleep(GRACE_SECONDS)
            except TimeoutError:
                pass
            self._behind.clear()
            try:
                await self._look_for_more()
            except Unavailable:
                self._behind.set()
            except Exception:
                log.exception("catching up failed")
                self._behind.set()
            if self._behind.is_set():  # the log was not there, or a replica has not come so far
                await asyncio.sleep(RETRY_SECONDS)

    async def _look_for_more(self) -> None:
        if monotonic() - min(self._heard_at) >= SILENCE_SECONDS:
            heads = await self._reader.durable_heads()
            # Only their positions: a row's epoch may be a claim that was never acknowledged.
            self.announce(
                [DurableHead(h.partition, self._epochs[h.partition], h.position) for h in heads]
            )
        for partition in range(PARTITIONS):
            if self._durable[partition] > self.applied[partition]:
                await self._catch_up(partition)

    async def _catch_up(self, partition: int) -> None:
        if partition in self.stopped:
            return
        if self._durable[partition] - self.applied[partition] > CATCH_UP_ENTRIES_MAX:
            return self._jump(partition)
        while (after := self.applied[partition]) < (through := self._durable[partition]):
            entries = await self._reader.read(partition, after, through, CATCH_UP_ROWS)
            self.deliver({partition: self._epochs[partition]}, entries)
            if self.applied[partition] == after:
                return  # the replica has not come so far, or an unknown kind stopped us
            await asyncio.sleep(0)  # a long way must not keep everybody else waiting

    def _jump(self, partition: int) -> None:
        log.warning("follower jumps over a gap", partition=partition, lag=self.lag)
        positions = list(self.applied)
        positions[partition] = self._durable[partition]
        self.applied = tuple(positions)
        for listener in self._jump_listeners:
            self._tell(listener, partition)
        self._wake(partition)

    # -- applying ----------------------------------------------------------------------------

    def _apply(self, fresh: Sequence[Entry], positions: Sequence[int]) -> None:
        if not fresh:
            return
        self.applied = tuple(positions)
        for listener in self._listeners:
            self._tell(listener, fresh)
        if self._waiting:
            for partition in {entry.partition for entry in fresh}:
                self._wake(partition)

    def _tell(self, listener: Callable[[T], None], what: T) -> None:
        try:
            listener(what)
        except Exception:
            log.exception("a listener of the log failed")

    def _wake(self, partition: int) -> None:
        position = self.applied[partition]
        still: list[tuple[int, asyncio.Future[None]]] = []
        for waiting in self._waiting.pop(partition, ()):
            if waiting[0] > position:
                still.append(waiting)
            elif not waiting[1].done():
                waiting[1].set_result(None)
        if still:
            self._waiting[partition] = still

    def _is_known(self, entry: Entry) -> bool:
        if entry.kind in KINDS:
            return True
        self.stopped.add(entry.partition)
        log.error("unknown kind of entry: upgrade this node", kind=entry.kind)
        return False
