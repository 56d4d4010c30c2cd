"""Our HTTP/1.1 server: an ASGI 3 application behind asyncio, httptools and uvloop.

    server = Server(app, host="127.0.0.1", port=8008)
    await server.start()
    ...
    await server.stop()

TLS, HTTP/2 and compression are the business of the balancer in front. See `connection` for what
happens on a connection, `limits` for its bounds.
"""

import asyncio
import resource
import time

import structlog

from bongsu.http import wire
from bongsu.http.asgi import Application
from bongsu.http.connection import Connection
from bongsu.http.limits import DEFAULT_LIMITS, Limits

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 1.0
STOP_SECONDS_MAX = 10.0
FILES_BESIDE_CONNECTIONS = 200
"""Open files kept for the database, the bus, logs and uploads."""


class Server:
    """Accepts connections on a TCP address or a Unix socket and runs `app` for their requests."""

    loop: asyncio.AbstractEventLoop

    def __init__(
        self,
        app: Application,
        host: str = "127.0.0.1",
        port: int = 8008,
        *,
        unix_path: str | None = None,
        reuse_port: bool = False,
        limits: Limits = DEFAULT_LIMITS,
    ) -> None:
        self.app = app
        self.limits = limits
        self.now = 0.0  # of the loop's clock, as of the last sweep
        self.date = b""
        self.is_stopping = False
        self.port = port  # once started the one in use, also when 0 was asked for
        self._host, self._unix_path = host, unix_path
        self._reuse_port = reuse_port
        self._connections: set[Connection] = set()
        self._connections_max = limits.connections_max
        self._all_closed = asyncio.Event()
        self._listener: asyncio.Server | None = None
        self._sweep_timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Listen and serve. `OSError` if the address cannot be had."""
        self.loop = asyncio.get_running_loop()
        self._connections_max = min(self.limits.connections_max, _connections_possible(self.limits))
        self._sweep()
        if self._unix_path is not None:
            self._listener = await self.loop.create_unix_server(
                lambda: Connection(self), self._unix_path, backlog=self.limits.backlog
            )
        else:
            self._listener = await self.loop.create_server(
                lambda: Connection(self), self._host, self.port,
                backlog=self.limits.backlog, reuse_port=self._reuse_port or None,
            )  # fmt: skip
            self.port = self._listener.sockets[0].getsockname()[1]

    async def stop(self, seconds: float = STOP_SECONDS_MAX) -> None:
        """Stop accepting, close what is idle, give what runs `seconds`, then cut it off."""
        self.is_stopping = True
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            connection.close_when_idle()
        if not await self._wait_until_closed(seconds):
            log.warning("requests cut off at stop", count=len(self._connections))
            for connection in list(self._connections):
                connection.abort()
            await self._wait_until_closed(SWEEP_SECONDS)
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()

    @property
    def connection_count(self) -> int:
        return len(self._connections)

    def opened(self, connection: Connection) -> bool:
        """A connection was accepted. False: one too many, to be refused."""
        self._connections.add(connection)
        return len(self._connections) <= self._connections_max and not self.is_stopping

    def closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if self.is_stopping and not self._connections:
            self._all_closed.set()

    def _sweep(self) -> None:
        """Once a second: the clock, the date header, and whatever has passed its deadline.

        The clock stands still with the loop, so a loop that was busy expires nobody unheard.
        """
        now = self.now = self.loop.time()
        self.date = wire.date_header(time.time())
        for connection in [each for each in self._connections if each.deadline < now]:
            connection.expire()
        self._sweep_timer = self.loop.call_later(SWEEP_SECONDS, self._sweep)

    async def _wait_until_closed(self, seconds: float) -> bool:
        if not self._connections:
            return True
        try:
            async with asyncio.timeout(seconds):
                await self._all_closed.wait()
        except TimeoutError:
            return False
        return True


def _connections_possible(limits: Limits) -> int:
    """Raise this process's limit of open files as far as needed; how many connections then fit."""
    wanted = limits.connections_max + FILES_BESIDE_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return limits.connections_max
    soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft < wanted:
        log.warning("too few open files are allowed", allowed=soft, wanted=wanted)
    return soft - FILES_BESIDE_CONNECTIONS
