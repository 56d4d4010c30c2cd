"""A model of PostgreSQL with quorum commit: what of it the log relies on, and what goes wrong.

Transactions form one sequence (the WAL). A commit is acknowledged, and becomes visible, once its
quorum has the sequence up to it. A backend that is terminated while it waits for that leaves its
transaction visible and not durable. A failover keeps all that is durable, and may keep more.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from bongsu.errors import Unavailable
from bongsu.log.batch import Batch, Head
from bongsu.log.entry import Entry
from bongsu.log.follower import DurableHead
from bongsu.log.proposal import Accepted, PoisonedBatch

IDLE_SESSION_SECONDS = 2.0
SILENT_SESSION_SECONDS = 2.0


class Violation(AssertionError):
    """The log broke a promise."""


class Gone(Exception):
    """The backend ended in the middle of a statement."""


@dataclass
class Transaction:
    visible: bool = False
    resolved: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False
    rows: list[tuple[int, int, int, int]] = field(default_factory=list)  # p, epoch, head, durable
    entries: list[tuple[Entry, bytes | None]] = field(default_factory=list)


class Session:
    def __init__(self, node: str, now: float) -> None:
        self.node = node
        self.ended = asyncio.Event()  # the client finds its socket closed
        self.client_gone = False
        self.running = 0
        self.changed_at = now
        self.transaction: Transaction | None = None


class Engine:
    """`ignore_fence` breaks the compare-and-set of epoch and head, to see that it is missed."""

    def __init__(self, random: Random, partitions: int, *, ignore_fence: bool = False) -> None:
        self.random = random
        self.partitions = partitions
        self.ignore_fence = ignore_fence
        self.reads_fail = False
        self.stalled = False  # no standby answers
        self.wal: list[Transaction] = []
        self.durable = 0  # transactions of the WAL that a quorum has
        self.locks: dict[int, Session] = {}
        self.sessions: set[Session] = set()
        self._grown = asyncio.Event()
        self._index()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.spawn(self._replicate())
        self.spawn(self._end_idle_sessions())

    def spawn(self, work: Any) -> "asyncio.Task[Any]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _index(self) -> None:
        """Tables from the WAL. Every version is kept with the transaction that made it."""
        first = Transaction(visible=True)
        self._rows: dict[int, list[tuple[Transaction, int, int, int]]] = {
            p: [(first, 0, 0, 0)] for p in range(self.partitions)
        }
        self._entries: dict[tuple[int, int], tuple[Transaction, Entry]] = {}
        self._requests: dict[bytes, tuple[Transaction, Entry]] = {}
        self._row_locks = {p: asyncio.Lock() for p in range(self.partitions)}
        for transaction in self.wal:
            self._take_in(transaction)

    def _log(self, made: Transaction) -> None:
        self.wal.append(made)
        self._take_in(made)
        self._grown.set()

    def _take_in(self, transaction: Transaction) -> None:
        for p, epoch, head, durable in transaction.rows:
            self._rows[p].append((transaction, epoch, head, durable))
        for entry, request_id in transaction.entries:
            place = (entry.partition, entry.position)
            if place in self._entries and self._entries[place][1] != entry:
                raise Violation(f"two entries at {place}")
            if request_id is not None and request_id in self._requests:
                raise Violation(f"request doubled: {self._requests[request_id][1]} and {entry}")
            self._entries[place] = (transaction, entry)
            if request_id is not None:
                self._requests[request_id] = (transaction, entry)

    # -- what a standby does, and what goes wrong --------------------------------------------

    async def _replicate(self) -> None:
        while True:
            await self._grown.wait()
            self._grown.clear()
            goal = len(self.wal)
            await asyncio.sleep(self.random.uniform(0.001, 0.02))
            while self.stalled:
                await asyncio.sleep(0.05)
            self._confirm(min(goal, len(self.wal)))
            if len(self.wal) > self.durable:
                self._grown.set()

    def _confirm(self, through: int) -> None:
        for transaction in self.wal[self.durable : through]:
            transaction.visible = True
            transaction.resolved.set()
        self.durable = max(self.durable, through)

    def fail_over(self) -> None:
        """Another server becomes primary: it has all that is durable, perhaps more."""
        kept = self.random.randint(self.durable, len(self.wal))
        for transaction in self.wal[kept:]:
            transaction.gone = True
            transaction.resolved.set()
        for session in list(self.sessions):
            self._end(session)
        self.wal = self.wal[:kept]
        self._confirm(kept)
        self.locks.clear()
        self._index()

    def terminate(self, session: Session) -> None:
        """What waits for its quorum becomes visible, durable or not; nobody is told."""
        if (waiting := session.transaction) is not None:
            waiting.visible = True
            waiting.gone = True
            waiting.resolved.set()
        self._end(session)

    def _end(self, session: Session) -> None:
        self.sessions.discard(session)
        session.ended.set()
        self.locks = {p: holder for p, holder in self.locks.items() if holder is not session}

    async def _end_idle_sessions(self) -> None:
        while True:
            await asyncio.sleep(0.25)
            now = asyncio.get_running_loop().time()
            for session in sorted(self.sessions, key=lambda s: (s.node, s.changed_at)):
                if not session.running and now - session.changed_at > IDLE_SESSION_SECONDS:
                    self.terminate(session)

    async def end_silent_holders(self, partitions: Sequence[int]) -> None:
        now = asyncio.get_running_loop().time()
        for p in partitions:
            holder = self.locks.get(p)
            if holder is not None and now - holder.changed_at > SILENT_SESSION_SECONDS:
                self.terminate(holder)

    # -- sessions ----------------------------------------------------------------------------

    def connect(self, node: str) -> Session:
        session = Session(node, asyncio.get_running_loop().time())
        self.sessions.add(session)
        return session

    def hang_up(self, session: Session) -> None:
        """The client drops its socket: noticed at once when idle, else after the statement."""
        session.client_gone = True
        if not session.running:
            self._end(session)

    async def run(self, session: Session, statement: Callable[[], Awaitable[Any]]) -> Any:
        """One statement of a session, to its end, whatever becomes of the client."""
        if session.ended.is_set():
            raise Gone
        session.running += 1
        session.changed_at = asyncio.get_running_loop().time()
        try:
            result = await statement()
            if session.ended.is_set():
                raise Gone
            return result
        finally:
            session.running -= 1
            session.changed_at = asyncio.get_running_loop().time()
            if session.client_gone:
                self._end(session)

    # -- statements --------------------------------------------------------------------------

    async def lock(self, session: Session, partitions: Sequence[int]) -> list[int]:
        free = [p for p in partitions if self.locks.setdefault(p, session) is session]
        return free

    async def unlock(self, session: Session, partitions: Sequence[int]) -> None:
        for p in partitions:
            if self.locks.get(p) is session:
                del self.locks[p]

    async def bump(self, session: Session, partitions: Sequence[int]) -> dict[int, int]:
        def change(made: Transaction) -> dict[int, int]:
            epochs: dict[int, int] = {}
            for p in partitions:
                _, epoch, head, durable = self._rows[p][-1]
                made.rows.append((p, epoch + 1, head, durable))
                epochs[p] = epoch + 1
            return epochs

        return await self._commit(session, partitions, change)

    async def append(self, session: Session, batch: Batch) -> bool:
        heads = list(batch.heads())

        def change(made: Transaction) -> bool:
            for p, epoch, old, _ in heads:
                _, now_epoch, now_head, _ = self._rows[p][-1]
                if (epoch, old) != (now_epoch, now_head) and not self.ignore_fence:
                    return False
            if any(request_id in self._requests for request_id in batch.request_ids):
                raise PoisonedBatch("request id")  # the unique index
            for p, epoch, old, new in heads:
                made.rows.append((p, epoch, new, old))
            made.entries = list(zip(batch.entries, batch.request_ids, strict=True))
            return True

        return await self._commit(session, [p for p, *_ in heads], change)

    async def mark(self, session: Session, heads: dict[int, Head]) -> bool:
        def change(made: Transaction) -> bool:
            for p, head in heads.items():
                if self._rows[p][-1][1:3] != (head.epoch, head.position):
                    return False
                made.rows.append((p, head.epoch, head.position, head.position))
            return True

        return await self._commit(session, list(heads), change)

    async def _commit(
        self, session: Session, partitions: Sequence[int], change: Callable[[Transaction], Any]
    ) -> Any:
        held = [self._row_locks[p] for p in sorted(partitions)]
        for lock in held:
            await lock.acquire()
        try:
            if session.ended.is_set():
                raise Gone
            made = Transaction()
            result = change(made)
            if not made.rows:
                return result
            self._log(made)
            session.transaction = made
            await made.resolved.wait()
            session.transaction = None
            if made.gone:
                raise Gone
            return result
        finally:
            for lock in held:
                lock.release()

    # -- reads: whatever is visible ----------------------------------------------------------

    async def lookup(self, request_ids: Sequence[bytes]) -> dict[bytes, Accepted]:
        found = ((r, self._requests[r]) for r in request_ids if r in self._requests)
        return {
            r: Accepted(entry.partition, entry.position, entry.key, entry.event_id)
            for r, (transaction, entry) in found
            if transaction.visible
        }

    def heads(self) -> dict[int, tuple[int, int, int]]:
        """Epoch, head and durable head of each partition, as a reader sees them."""
        return {
            p: next((e, h, d) for made, e, h, d in reversed(rows) if made.visible)
            for p, rows in self._rows.items()
        }

    def entries(self) -> list[Entry]:
        """All entries in order of partition and position."""
        return [self._entries[place][1] for place in sorted(self._entries)]

    def is_durable(self, entry: Entry) -> bool:
        """Whether this very entry stands at its place for ever."""
        found = self._entries.get((entry.partition, entry.position))
        return found is not None and found[1] == entry and found[0] in self.wal[: self.durable]

    def request(self, request_id: bytes) -> Entry | None:
        found = self._requests.get(request_id)
        return found[1] if found else None

    async def read(self, partition: int, after: int, through: int, limit: int) -> list[Entry]:
        await self._read_hop()
        found: list[Entry] = []
        for position in range(after + 1, min(through, after + limit) + 1):
            stored = self._entries.get((partition, position))
            if stored is None or not stored[0].visible:
                break
            found.append(stored[1])
        return found

    async def durable_heads(self) -> list[DurableHead]:
        await self._read_hop()
        return [DurableHead(p, epoch, durable) for p, (epoch, _, durable) in self.heads().items()]

    async def last_of_room(self, key: str) -> str:
        """Event id of the last visible entry of a room."""
        await self._read_hop()
        last = ""
        for place in sorted(self._entries):
            made, entry = self._entries[place]
            if made.visible and entry.key == key:
                last = entry.event_id
        await self._read_hop()
        return last

    async def _read_hop(self) -> None:
        await asyncio.sleep(self.random.choice((0.0005, 0.002, 0.05)))
        if self.reads_fail:
            raise Unavailable("Database unavailable")
