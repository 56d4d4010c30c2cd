"""Connections to PostgreSQL: reads with a bound, writes whose COMMIT nobody can cancel.

A COMMIT that waits for its quorum and is cancelled reports success with a notice (FAILOVER
lore: "canceling wait for synchronous replication"). So a write runs in a task of its own that the
caller's cancellation does not reach, and a connection on which that notice was heard fails the
write as `Unavailable`: the outcome is unknown.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import asyncpg

from bongsu.errors import Unavailable

T = TypeVar("T")
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Pool: TypeAlias = "asyncpg.Pool[asyncpg.Record]"

READ_SECONDS_MAX = 30.0
ACQUIRE_SECONDS_MAX = 10.0
WRITE_SECONDS_MAX = 20.0

_CONNECTION_LOST = (
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
)


class Database:
    """A pool on the primary, and one on the site's replica (the same on a single machine)."""

    def __init__(self, primary: Pool, replica: "Pool | None" = None) -> None:
        self._primary = primary
        self._replica = replica or primary
        self._writes: set[asyncio.Task[Any]] = set()

    @property
    def has_replica(self) -> bool:
        """False where reads already come from the primary: a negative needs no second look."""
        return self._replica is not self._primary

    async def fetch(
        self, query: str, *arguments: Any, confirmed: bool = False
    ) -> Sequence[asyncpg.Record]:
        """Rows. `confirmed` asks the primary: for negatives, keys and tokens."""
        pool = self._primary if confirmed else self._replica
        async with connection_errors(), pool.acquire(timeout=ACQUIRE_SECONDS_MAX) as connection:
            return await connection.fetch(query, *arguments, timeout=READ_SECONDS_MAX)

    async def fetchrow(
        self, query: str, *arguments: Any, confirmed: bool = False
    ) -> asyncpg.Record | None:
        rows = await self.fetch(query, *arguments, confirmed=confirmed)
        return rows[0] if rows else None

    async def write(self, body: Callable[[Connection], Awaitable[T]]) -> T:
        """Run `body` in one transaction on the primary and commit it.

        Raises `Unavailable` when the outcome is unknown. The caller's cancellation abandons the
        answer, never the transaction.
        """
        task = asyncio.create_task(self._write(body))
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        done, _ = await asyncio.wait({task}, timeout=WRITE_SECONDS_MAX)
        if not done:
            task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            raise Unavailable("The database did not answer in time")
        return task.result()

    async def execute(self, query: str, *arguments: Any) -> str:
        """One statement as a write of its own."""

        async def body(connection: Connection) -> str:
            return await connection.execute(query, *arguments)

        return await self.write(body)

    async def close(self) -> None:
        if self._writes:
            await asyncio.wait(self._writes, timeout=WRITE_SECONDS_MAX)
        for pool in {self._primary, self._replica}:
            pool.terminate()

    async def _write(self, body: Callable[[Connection], Awaitable[T]]) -> T:
        async with (
            connection_errors(),
            self._primary.acquire(timeout=ACQUIRE_SECONDS_MAX) as connection,
        ):
            cancelled = CancelledWaitListener(connection)
            try:
                async with connection.transaction():
                    result = await body(connection)  # type: ignore[arg-type]  # a pool's proxy
                if cancelled.heard:  # only COMMIT itself can say it, so look afterwards
                    raise Unavailable("Commit not confirmed at a second site")
                return result
            finally:
                cancelled.close()


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
        if not self._connection.is_closed():
            self._connection.remove_log_listener(self._on_notice)


@asynccontextmanager
async def connection_errors() -> AsyncGenerator[None]:
    """Turn whatever a lost, full or read-only database raises into `Unavailable`."""
    try:
        yield
    except _CONNECTION_LOST as error:
        raise Unavailable(f"Database unavailable ({type(error).__name__})") from error
