"""Brings one application service what concerns it, each transaction until it is taken.

    scan the log after the stored vector ▶ commit {number, body, vector} ▶ PUT it ▶ … ▶ taken

A transaction's number, its body and how far it reads the log are one row, changed together and only
from the number before (compare and set). So an entry is in exactly one transaction, whoever makes
it; what is sent again after any failure is the same id with the same bytes, which the service knows
by its id; and the next one is made only once this one was taken. The log is the queue: a service
that is down for a month costs nothing here but the way back.

The node that owns the partition of the service's id delivers. Owners are elected anyway; should two
nodes believe that they are it, for a moment, the row lets one of them make the next transaction,
and the other can only repeat the present one.
"""

import asyncio
from collections.abc import Callable
from random import random
from typing import Protocol

import msgspec
import structlog

from bongsu.appservices.backoff import pause_seconds
from bongsu.appservices.calls import Calls, ServiceUnreachable
from bongsu.appservices.draft import EPHEMERAL, EPHEMERAL_UNSTABLE, Content, Draft
from bongsu.appservices.ephemeral import EphemeralNews
from bongsu.appservices.namespaces import Service
from bongsu.appservices.scanner import Scanner
from bongsu.errors import BongsuError, Unavailable
from bongsu.log.position import Vector, partition_of

log = structlog.get_logger()

GATHER_SECONDS = 0.01  # for what comes together to travel together
LOOK_SECONDS = 1.0  # between two looks whether this node is to deliver
RETRY_SECONDS = 1.0  # after the database failed us
SKIPPED_MAX = 5_000  # entries of no concern, before it is noted that they were looked at


class Pending(msgspec.Struct, frozen=True):
    """A transaction that is not known to be taken."""

    txn_id: str
    body: bytes


class Stream(msgspec.Struct, frozen=True):
    """The row: what was told, the number of the last transaction, and that until it is taken."""

    positions: Vector
    last_txn: int
    pending: Pending | None


class StreamStore(Protocol):
    """All confirmed at the primary. `begin`, `end` and `advance` compare `last_txn` and set."""

    async def load(self, service_id: str, incarnation: str, positions: Vector) -> Stream:
        """The row; a new one begins at `positions`, as does one of another incarnation."""
        ...

    async def begin(
        self, service_id: str, last_txn: int, positions: Vector, pending: Pending
    ) -> bool: ...

    async def end(self, service_id: str, last_txn: int) -> None: ...

    async def advance(self, service_id: str, last_txn: int, positions: Vector) -> None: ...

    async def delete_messages(self, messages: list[tuple[str, str]], positions: Vector) -> None:
        """Forget messages to (user, device) that the service has, up to these positions."""
        ...


class Position(Protocol):
    """How far this node has followed the log."""

    incarnation: str
    applied: Vector


class Delivery:
    """One service. `run` until cancelled; `news` wakes it, `answers` says that it is back."""

    def __init__(
        self,
        service: Service,
        store: StreamStore,
        scanner: Scanner,
        calls: Calls,
        follower: Position,
        is_ours: Callable[[int], bool],
        ephemeral: Callable[[Callable[[], None]], EphemeralNews] | None = None,
    ) -> None:
        self.service = service
        self.failures = 0  # of the present transaction
        self._store = store
        self._scanner = scanner
        self._calls = calls
        self._follower = follower
        self._is_ours = lambda: is_ours(partition_of(service.id))
        self._news = asyncio.Event()
        self._answers = asyncio.Event()
        self._stream: Stream | None = None
        self._is_ended = True  # the row says, too, that the last transaction was taken
        self._noted = 0  # entries that the row knows were looked at
        self._ephemeral = ephemeral(self.news) if ephemeral else None

    @property
    def lag(self) -> int | None:
        """Entries that the service has not been told of; None on a node that does not deliver."""
        if self._stream is None:
            return None
        return sum(self._follower.applied) - sum(self._stream.positions)

    def news(self) -> None:
        self._news.set()

    def answers(self) -> None:
        """The service says that it is there: no need to wait any longer."""
        self._answers.set()
        self._news.set()

    async def begin(self) -> None:
        """Before clients are let in: a new service is told of all that comes from now on."""
        at = self._follower
        await self._store.load(self.service.id, at.incarnation, at.applied)

    async def run(self) -> None:
        while True:
            try:
                await self._look()
            except BongsuError as error:
                self._drop()
                log.warning("delivery interrupted", service=self.service.id, reason=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                self._drop()
                log.exception("delivery failed", service=self.service.id)
                await asyncio.sleep(RETRY_SECONDS)

    async def _look(self) -> None:
        """Deliver what there is, if that is ours to do, and wait for more."""
        if not self._is_ours():
            self._drop()
            await asyncio.sleep(LOOK_SECONDS)
            return
        self._news.clear()
        stream = self._stream or await self._load()
        if stream.pending is not None:
            await self._deliver(stream, stream.pending)
        elif not await self._make(stream):
            await self._settle()
            await self._wait(self._news, LOOK_SECONDS)
            await asyncio.sleep(GATHER_SECONDS)

    async def _load(self) -> Stream:
        at = self._follower
        self._stream = await self._store.load(self.service.id, at.incarnation, at.applied)
        self._is_ended = self._stream.pending is None
        self._noted = sum(self._stream.positions)
        return self._stream

    async def _make(self, stream: Stream) -> bool:
        """Read on, and fix the next transaction; False if there is nothing new to read."""
        through = self._follower.applied
        uses_old_name = not self.service.registration.receive_ephemeral
        draft = Draft(EPHEMERAL_UNSTABLE if uses_old_name else EPHEMERAL)
        reached = stream.positions
        if any(there > here for here, there in zip(reached, through, strict=True)):
            reached = await self._scanner.scan(reached, through, draft)
        if self._ephemeral is not None:
            await self._ephemeral.gather(draft, reached)
        if draft.is_empty:
            self._stream = msgspec.structs.replace(stream, positions=reached)
            return reached != stream.positions
        body = await self._scanner.encode(draft, reached)
        pending = Pending(self._txn_id(stream.last_txn + 1), body)
        if not await self._store.begin(self.service.id, stream.last_txn, reached, pending):
            raise Unavailable("another node has delivered meanwhile")
        self._stream = Stream(reached, stream.last_txn + 1, pending)
        self._is_ended, self._noted = False, sum(reached)
        return True

    async def _deliver(self, stream: Stream, pending: Pending) -> None:
        """One attempt; a pause after one that failed."""
        self._answers.clear()
        try:
            await self._calls.send_transaction(self.service, pending.txn_id, pending.body)
        except ServiceUnreachable as failure:
            self.failures += 1
            if self.failures == 1:
                log.warning("application service fails", service=self.service.id,
                            reason=str(failure), told=failure.body)  # fmt: skip
            await self._wait(self._answers, pause_seconds(self.failures, random()))
            return
        if self.failures:
            log.info("application service is back", service=self.service.id)
        self.failures = 0
        await self._forget_messages(stream, pending.body)
        self._stream = msgspec.structs.replace(stream, pending=None)

    async def _forget_messages(self, stream: Stream, body: bytes) -> None:
        taken = msgspec.json.decode(body, type=Content).to_device
        whose = sorted({(each.to_user_id, each.to_device_id) for each in taken})
        if whose:
            await self._store.delete_messages(whose, stream.positions)

    async def _settle(self) -> None:
        """Note what was done, now that nothing follows that would note it as well."""
        stream = self._stream
        if stream is None:
            return
        looked_at = sum(stream.positions)
        if not self._is_ended:
            await self._store.end(self.service.id, stream.last_txn)
            self._is_ended = True
        if looked_at - self._noted >= SKIPPED_MAX:
            await self._store.advance(self.service.id, stream.last_txn, stream.positions)
            self._noted = looked_at

    async def _wait(self, event: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await event.wait()
        except TimeoutError:
            pass

    def _txn_id(self, number: int) -> str:
        """Never given twice, not even when a restored backup gives the numbers again."""
        return f"{self._follower.incarnation[:8]}.{number}"

    def _drop(self) -> None:
        """Believe nothing: what the row says is read again."""
        self._stream, self.failures = None, 0
        self._scanner.forget()
        if self._ephemeral is not None:
            self._ephemeral.forget()
