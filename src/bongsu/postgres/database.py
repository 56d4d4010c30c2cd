"""Connections to PostgreSQL: reads with a bound, writes whose COMMIT nobody can cancel.

A COMMIT that waits for its quorum and is cancelled reports success with a notice (FAILOVER
lore: "canceling wait for synchronous replication"). So a write runs in a task of its own that the
caller's cancellation does not reach, and a connection on which that notice was heard fails the
write as `Unavailable`: the outcome is unknown.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Protocol, TypeAlias, TypeVar

import asyncpg

from bongsu.errors import Unavailable
from bongsu.log.position import Vector

T = TypeVar("T")
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"


class PooledConnection(asyncpg.Connection):  # type: ignore[type-arg]  # generic in stubs alone
    """One of a pool. No statement here outlives its transaction (`SET LOCAL`, no session lock), so
    nothing is to be undone between two uses: asyncpg's own reset costs a round trip each."""

    def get_reset_query(self) -> str:
        return ""


class Source(Protocol):
    """Where connections come from: an `asyncpg.Pool`, or what stands for one."""

    def acquire(self, *, timeout: float) -> AbstractAsyncContextManager[Any]: ...

    def terminate(self) -> None: ...


READ_SECONDS_MAX = 30.0
ACQUIRE_SECONDS_MAX = 10.0
WRITE_SECONDS_MAX = 20.0
WRITES_MAX = 5_000  # at once, those included that wait for a connection

LOST = (
    OSError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,
    TimeoutError,
    asyncpg.InternalClientError,  # a socket that broke between two messages of one statement
)
# Whatever a server answers, or a socket on the way to it.
BROKEN = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
# By these the server says that it rolled back.
_REFUSED = (
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
)


class Database:
    """A pool on the one server. Where there are several, `SiteDatabase` takes its place."""

    def __init__(self, primary: Source) -> None:
        self._primary = primary
        self._writes: set[asyncio.Task[Any]] = set()

    @property
    def has_replica(self) -> bool:
        """False where reads already come from the primary: a negative needs no second look."""
        return False

    async def reach(self, vector: Vector) -> None:
        """Return once reads that follow are answered by who has all of `vector`."""

    async def fetch(
        self, query: str, *arguments: Any, confirmed: bool = False
    ) -> Sequence[asyncpg.Record]:
        """Rows. `confirmed` asks the primary: for negatives, keys and tokens."""
        async with connection_errors():
            return await read(self._primary, query, *arguments)

    async def fetchrow(
        self, query: str, *arguments: Any, confirmed: bool = False
    ) -> asyncpg.Record | None:
        rows = await self.fetch(query, *arguments, confirmed=confirmed)
        return rows[0] if rows else None

    async def write(
        self, body: Callable[[Connection], Awaitable[T]], *, idempotent: bool = False
    ) -> T:
        """Run `body` in one transaction on the primary and commit it.

        Raises `Unavailable` when the outcome is unknown. The caller's cancellation abandons the
        answer, never the transaction. `body` may be run again as long as no COMMIT was sent, and
        after that too if it is `idempotent`.
        """
        if len(self._writes) >= WRITES_MAX:
            raise Unavailable("Too many writes are waiting")
        task = asyncio.create_task(self._write(body, idempotent))
        self._writes.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait({task}, timeout=WRITE_SECONDS_MAX)
        if not done:
            raise Unavailable("The database did not answer in time")
        return task.result()

    async def execute(self, query: str, *arguments: Any, idempotent: bool = False) -> str:
        """One statement as a write of its own."""

        async def body(connection: Connection) -> str:
            return await connection.execute(query, *arguments)

        return await self.write(body, idempotent=idempotent)

    async def close(self) -> None:
        if self._writes:
            await asyncio.wait(self._writes, timeout=WRITE_SECONDS_MAX)
        self._primary.terminate()

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        """Its failure may have nobody left to be told to."""
        self._writes.discard(task)
        if not task.cancelled():
            task.exception()

    async def _write(self, body: Callable[[Connection], Awaitable[T]], idempotent: bool) -> T:
        async with connection_errors():
            return await transact(self._primary, body)


class CommitUnknown(Exception):
    """The connection was lost after COMMIT was sent: it may or may not have been carried out."""


async def read(source: Source, query: str, *arguments: Any) -> Sequence[asyncpg.Record]:
    async with source.acquire(timeout=ACQUIRE_SECONDS_MAX) as connection:
        return await connection.fetch(query, *arguments, timeout=READ_SECONDS_MAX)


async def transact(source: Source, body: Callable[[Connection], Awaitable[T]]) -> T:
    """`body` in one transaction. After any other error than `CommitUnknown` it had no effect."""
    async with source.acquire(timeout=ACQUIRE_SECONDS_MAX) as connection:
        cancelled = CancelledWaitListener(connection)
        transaction = connection.transaction()
        try:
            await transaction.start()
            try:
                result = await body(connection)
            except BaseException:
                with suppress(*LOST):  # then the server rolls back by itself
                    await transaction.rollback()
                raise
            await _commit(transaction)
            if cancelled.heard:  # only COMMIT itself can say it, so look afterwards
                raise CommitUnknown("Commit not confirmed at a second site")
            return result
        finally:
            cancelled.close()


async def _commit(transaction: Any) -> None:
    try:
        await transaction.commit()
    except LOST as error:
        if isinstance(error, _REFUSED):
            raise
        raise CommitUnknown(f"Commit not confirmed ({type(error).__name__})") from error


class CancelledWaitListener:
    """Hears the notice by which PostgreSQL says that a commit did not wait for its quorum.

    Its text is in the server's language, which only a superuser may set: so any warning counts.
    """

    def __init__(self, connection: Any) -> None:
        self.heard = False
        self._connection = connection
        connection.add_log_listener(self._on_notice)

    def _on_notice(self, _connection: Any, message: Any) -> None:
        if getattr(message, "severity_en", "") == "WARNING":
            self.heard = True

    def close(self) -> None:
        with suppress(asyncpg.InterfaceError):  # the connection was dropped, and this with it
            self._connection.remove_log_listener(self._on_notice)


@asynccontextmanager
async def connection_errors() -> AsyncGenerator[None]:
    """Turn whatever a lost, full or read-only database raises into `Unavailable`."""
    try:
        yield
    except CommitUnknown as error:
        raise Unavailable(str(error)) from error
    except LOST as error:
        raise Unavailable(f"Database unavailable ({type(error).__name__})") from error
