"""A pool on whichever server has a role now. Its sockets are dropped when the role moves."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from time import monotonic
from types import CoroutineType
from typing import Any, Protocol

import asyncpg
import structlog

from bongsu.postgres.database import Connection, Pool, PooledConnection
from bongsu.postgres.servers import Server, Servers

log = structlog.get_logger()

CONNECT_SECONDS_MAX = 2.0
ACQUIRE_SECONDS_MAX = 3.0  # of one attempt: its server may be gone
CONNECTION_IDLE_SECONDS = 60.0

# A vanished client's transaction must not keep its locks for hours.
SESSION = {
    "application_name": "bongsu",
    "jit": "off",
    "client_connection_check_interval": "1s",
    "idle_in_transaction_session_timeout": "10s",
    "tcp_keepalives_idle": "1",
    "tcp_keepalives_interval": "1",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "3000",
}


class Prepare(Protocol):
    """Done to each new connection before it is used."""

    def __call__(self, connection: Connection, /) -> "CoroutineType[Any, Any, None]": ...


class Role(Protocol):
    def __call__(self) -> Server | None:
        """The server that has the role; None while none is known to."""
        ...


class FollowedPool:
    """Gives connections to the server that `role` names, as `asyncpg.Pool` does.

    While none is known, `acquire` waits. Statements that run then are left to run if the pool is
    `patient` (the server may only be slow), else they are broken off, and so they are when another
    server takes the role: a server that has lost it may never answer.
    """

    def __init__(
        self,
        servers: Servers,
        role: Role,
        *,
        size: int,
        patient: bool,
        session: Mapping[str, str] | None = None,
        prepare: Prepare | None = None,
    ) -> None:
        self._role = role
        self._size = size
        self._session = {**SESSION, **(session or {})}
        self._prepare = prepare
        self._patient = patient
        self._server: Server | None = None
        self._pool: Pool | None = None
        self._opening: asyncio.Future[Any] | None = None
        self._known = asyncio.Event()
        self.life = 0  # grows with each server, and each time that one comes back
        servers.listen(self._look)

    @property
    def is_known(self) -> bool:
        """Whether some server has the role now, so that nobody has to wait."""
        return self._known.is_set()

    async def known(self, seconds: float) -> None:
        """Return once some server has the role; `TimeoutError` when none has in time."""
        if not self._known.is_set():
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._known.wait()

    @asynccontextmanager
    async def acquire(self, *, timeout: float) -> AsyncGenerator[Connection]:  # noqa: ASYNC109  # the name it has in asyncpg
        """A connection. `TimeoutError` when there is none in time; it may be asked for again."""
        deadline = monotonic() + timeout
        await self.known(timeout)
        pool, opening = self._pool, self._opening
        if pool is None or opening is None:
            raise TimeoutError("The server has changed just now")
        await asyncio.shield(opening)
        left = min(max(deadline - monotonic(), 0.0), ACQUIRE_SECONDS_MAX)
        async with pool.acquire(timeout=left) as connection:
            yield connection  # type: ignore[misc]  # a pool's proxy

    def terminate(self) -> None:
        """Drop every socket; running statements fail."""
        self._known.clear()
        pool, opening = self._pool, self._opening
        self._server = self._pool = self._opening = None
        if pool is None or opening is None:
            return
        if opening.done():
            _drop(pool)
        else:
            opening.add_done_callback(lambda _: _drop(pool))

    def _look(self) -> None:
        server = self._role()
        if server is None:
            self._known.clear()
            if not self._patient:
                self.terminate()
            return
        if server is not self._server:
            self.terminate()
            self._open(server)
        self._known.set()

    def _open(self, server: Server) -> None:
        pool = asyncpg.create_pool(
            server.dsn,
            min_size=0,  # so that making it needs no connection
            max_size=self._size,
            max_inactive_connection_lifetime=CONNECTION_IDLE_SECONDS,
            timeout=CONNECT_SECONDS_MAX,
            server_settings=self._session,
            init=self._prepare,
            connection_class=PooledConnection,
        )
        self._server, self._pool = server, pool
        self.life += 1
        self._opening = asyncio.ensure_future(pool)


def _drop(pool: Pool) -> None:
    try:
        pool.terminate()
    except Exception:  # its sockets are those of a broken server: whatever is wrong with them
        log.exception("a pool was not dropped cleanly")


def primary_of(servers: Servers) -> Callable[[], Server | None]:
    return lambda: servers.primary


def own_of(servers: Servers) -> Callable[[], Server | None]:
    """This site's server, while it may be read."""
    return lambda: servers.own if servers.own_is_current else None
