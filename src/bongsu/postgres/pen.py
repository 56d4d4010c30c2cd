"""The pen: the one connection by which an owner writes its partitions.

Direct, no pool, no proxy, never reconnected under the same epoch. A commit is never cancelled:
when it takes too long the socket is dropped, which leaves the outcome unknown, and says so. The
notice of a cancelled quorum wait counts as a failure, because the commit is on one disk only.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

import asyncpg
import structlog

from bongsu.log.batch import Batch, Head
from bongsu.log.proposal import Accepted, OwnershipLost, PoisonedBatch
from bongsu.postgres import log_sql
from bongsu.postgres.database import BROKEN, CancelledWaitListener, Connection

log = structlog.get_logger()

T = TypeVar("T")

LOCK_SPACE = 0x626F6E67  # "bong": the first key of this project's advisory locks
CONNECT_SECONDS_MAX = 5.0
STATEMENT_SECONDS_MAX = 10.0

# A stopped process keeps its socket, so only the server can end its session; a vanished host is
# noticed by keepalives; a holder's death must free its locks even in mid-query.
SESSION = {
    "application_name": "bongsu pen",
    "idle_session_timeout": "2s",
    "idle_in_transaction_session_timeout": "2s",
    "client_connection_check_interval": "1s",
    "tcp_keepalives_idle": "1",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "2000",
    "synchronous_commit": "on",
    "jit": "off",
    # The same few statements for ever, all by key: planning one anew costs more than a small batch.
    "plan_cache_mode": "force_generic_plan",
}

# SQLSTATE classes by which the engine refuses rows for what they hold: certainly not written.
_POISON = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.exceptions.UntranslatableCharacterError,
)


class PostgresPen:
    """Implements `log.pen.Pen`. `node` is this node's id, written into what it owns."""

    def __init__(self, dsn: str, node: str) -> None:
        self._dsn = dsn
        self._node = node
        self._connection: Connection | None = None
        self._cancelled_wait: CancelledWaitListener | None = None

    async def claim(self, partitions: Sequence[int]) -> dict[int, Head]:
        return await self._bounded(self._claim(partitions))

    async def release(self, partitions: Sequence[int]) -> None:
        connection = self._open()
        await self._bounded(connection.execute(log_sql.UNLOCK, LOCK_SPACE, list(partitions)))

    async def lookup(self, request_ids: Sequence[bytes]) -> dict[bytes, Accepted]:
        connection = self._open()
        rows = await self._bounded(connection.fetch(log_sql.LOOKUP, list(request_ids)))
        return {
            row["request_id"]: Accepted(
                row["partition"], row["position"], row["key"], row["event_id"] or ""
            )
            for row in rows
        }

    async def write(self, batch: Batch) -> None:
        await self._bounded(self._write(batch))
        self._check_quorum()

    async def confirm(self, heads: dict[int, Head], unmarked: Sequence[int]) -> None:
        to_mark = [heads[p] for p in unmarked]
        columns = (
            list(unmarked), [head.epoch for head in to_mark], [head.position for head in to_mark],
            list(heads), [head.epoch for head in heads.values()],
        )  # fmt: skip
        row = await self._bounded(self._open().fetchrow(log_sql.CONFIRM, *columns))
        self._check_quorum()
        assert row is not None, "an aggregate without a row"
        _check_fence(row["marked"], len(unmarked))
        _check_fence(row["standing"], len(heads))

    async def abandon(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None and not connection.is_closed():
            connection.terminate()

    # -- one connection ----------------------------------------------------------------------

    def _open(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            raise OwnershipLost("The writing connection is gone")
        return self._connection

    async def _connect(self) -> Connection:
        connection = await asyncpg.connect(
            self._dsn, server_settings=SESSION, timeout=CONNECT_SECONDS_MAX
        )
        self._connection = connection
        self._cancelled_wait = CancelledWaitListener(connection)
        return connection

    async def _claim(self, partitions: Sequence[int]) -> dict[int, Head]:
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = await self._connect()
        if await connection.fetchval("SELECT pg_is_in_recovery()"):
            raise OwnershipLost("This server is a standby: it grants locks that mean nothing")
        rows = await connection.fetch(log_sql.LOCK, LOCK_SPACE, list(partitions))
        locked = [row["partition"] for row in rows]
        if not locked:
            return {}
        # Lock, then a bump that is acknowledged, then, in a new statement, the heads: everything
        # read after the bump is durable, and nobody else can have written since.
        bumped = await connection.fetch(log_sql.BUMP, locked, self._node)
        self._check_quorum()
        epochs = {row["partition"]: row["epoch"] for row in bumped}
        heads = await connection.fetch(log_sql.HEADS, locked)
        for row in heads:
            _check_fence(row["epoch"], epochs[row["partition"]])
        return {row["partition"]: Head(row["epoch"], row["head"]) for row in heads}

    async def _write(self, batch: Batch) -> None:
        connection = self._open()
        if not batch.rows:  # plain messages: one statement, which commits by itself
            return await self._append(connection, batch)
        async with connection.transaction():
            await self._append(connection, batch)
            for kind, statement in log_sql.WRITE_ROWS.items():  # inserts come before deletes
                if rows := batch.rows.get(kind):
                    await connection.execute(statement, *zip(*rows.values(), strict=True))

    async def _append(self, connection: Connection, batch: Batch) -> None:
        """The fence and the entries in one statement: no entry unless all heads moved."""
        partitions, epochs, olds, news = zip(*batch.heads(), strict=True)
        entries = batch.entries
        written = await connection.fetchval(
            log_sql.APPEND,
            partitions, epochs, olds, news,
            [entry.partition for entry in entries],
            [entry.position for entry in entries],
            [entry.kind for entry in entries],
            [entry.key for entry in entries],
            [entry.event_id or None for entry in entries],
            batch.request_ids,
            [entry.body for entry in entries],
            [entry.facts for entry in entries],
        )  # fmt: skip
        _check_fence(written, len(entries))

    async def _bounded(self, statement: Awaitable[T]) -> T:
        """Await `statement`; on any trouble the socket is dropped and the outcome unknown.

        The statement runs in a task that is never cancelled: asyncpg would send a cancel, and a
        cancelled commit wait is reported as a success.
        """
        task = asyncio.ensure_future(statement)
        try:
            done, _ = await asyncio.wait({task}, timeout=STATEMENT_SECONDS_MAX)
        except asyncio.CancelledError:
            await self._drop(task)
            raise
        if not done:
            await self._drop(task)
            raise OwnershipLost(f"No answer from PostgreSQL in {STATEMENT_SECONDS_MAX} s")
        try:
            return task.result()
        except _POISON as error:
            raise PoisonedBatch(type(error).__name__) from error
        except BROKEN as error:
            raise OwnershipLost(f"{type(error).__name__}: {error}") from error

    async def _drop(self, task: "asyncio.Future[Any]") -> None:
        await self.abandon()
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())

    def _check_quorum(self) -> None:
        if self._cancelled_wait is not None and self._cancelled_wait.heard:
            raise OwnershipLost("A commit did not wait for its quorum")


def _check_fence(found: Any, expected: int) -> None:
    if found != expected:
        raise OwnershipLost("Another owner has taken over")
