"""The desk's life: its databases, its keys, its areas, its door; started in order and stopped in
reverse.

It starts without a database, too: its public pages and the intake must stand when all else is down.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import NamedTuple

import asyncpg
import structlog
from prometheus_client.metrics_core import Metric

from bongsu.desk.sealing import KeyUnknown
from bongsu.engines import any_database
from bongsu.errors import OperatorError, Unavailable, cannot_listen
from bongsu.http.desk.app import DeskApp
from bongsu.http.desk.health import HealthPage
from bongsu.http.desk.metrics import MetricsPage
from bongsu.http.desk.operators import ENTRIES, OperatorPages
from bongsu.http.desk.session_api import SessionApi
from bongsu.http.desk.sign_in_limit import KNOWN_SECONDS, SignInLimit
from bongsu.http.desk.tickets import Tickets
from bongsu.http.server import Server
from bongsu.node.desk_areas import AREAS
from bongsu.node.desk_metrics import DeskMetrics
from bongsu.node.desk_notices import NoticeArea
from bongsu.node.desk_parts import DeskArea, DeskParts
from bongsu.postgres.database import Database, PooledConnection
from bongsu.postgres.desk.connecting import DESK_SESSION, MESSENGER_SESSION, assume_role
from bongsu.postgres.desk.sealing_store import LEARN_SECONDS
from bongsu.postgres.migrate import DESK, migrate
from bongsu.postgres.servers import Servers, find_primary, split_dsn
from bongsu.postgres.site_database import SiteDatabase
from bongsu.settings import Settings, split_listen
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

CONNECT_SECONDS_MAX = 5.0
CONNECTION_IDLE_SECONDS = 60.0
CONNECTIONS_TO_MESSENGER = 2
RETRY_SECONDS = 2.0
SCHEMA_SECONDS_MAX = 5.0  # a start waits so long for a database without tables to get them


class Databases(NamedTuple):
    desk: Database
    messenger: Database


async def run_desk(settings: Settings, dsn: str, ready: Callable[[str], None]) -> None:
    """Serve until cancelled. `ready` is told the URL once people are answered."""
    async with desk_databases(settings, dsn) as databases:
        parts = DeskParts(settings, *databases)
        desk = Desk(parts, dsn)
        try:
            await desk.start()
            ready(desk.url)
            await asyncio.Event().wait()
        finally:
            await asyncio.shield(desk.stop())


class Desk:
    """`dsn` is where the schema is brought up to date, as soon as that can be reached."""

    def __init__(self, parts: DeskParts, dsn: str) -> None:
        self._parts = parts
        self._dsn = dsn
        self._tasks = TaskOwner("desk")
        self._has_schema = asyncio.Event()
        self.notices = notices = NoticeArea(parts)
        self._areas: list[DeskArea] = [notices, *(make(parts) for make in AREAS)]
        for area in self._areas:
            parts.face.entries.extend(area.entries())
        parts.face.entries.extend(ENTRIES)
        pages = [page for area in self._areas for page in area.areas()]
        keys = parts.sealer.file_keys
        limit = SignInLimit(Tickets(keys.derive("known browser"), "operator", KNOWN_SECONDS))
        pages.append(OperatorPages(parts.operators, parts.audit, limit))
        pages.append(SessionApi(limit))
        pages.append(HealthPage(lambda: not notices.keeper.is_stale))
        pages.append(MetricsPage(self._measure, parts.settings.desk_metrics_networks))
        self.pages = pages
        host, port = split_listen(parts.settings.desk_listen, "desk_listen")
        app = DeskApp(parts.face, pages, notices.front)
        self._metrics = DeskMetrics(app.counts, self._areas)
        self._server = Server(app, host, port)

    @property
    def url(self) -> str:
        url = self._parts.settings.desk_url
        return url.removesuffix(":0") + f":{self._server.port}" if url.endswith(":0") else url

    @property
    def listens_at(self) -> str:
        """URL of its own socket, whatever people call it."""
        host = split_listen(self._parts.settings.desk_listen, "desk_listen")[0]
        return f"http://{f'[{host}]' if ':' in host else host}:{self._server.port}"

    async def start(self) -> None:
        """A database that is there has its tables before anybody looks for them; one that is not
        is no reason to wait for long."""
        self._tasks.start(self._prepare())
        with suppress(TimeoutError):
            async with asyncio.timeout(SCHEMA_SECONDS_MAX):
                await self._has_schema.wait()
        for area in self._areas:
            await area.start()
        try:
            await self._server.start()
        except OSError as error:
            raise cannot_listen("desk_listen", self._parts.settings.desk_listen, error) from error

    async def stop(self) -> None:
        await self._server.stop()
        for area in reversed(self._areas):
            await area.stop()
        await self._tasks.stop()
        await self._parts.close()

    async def _measure(self) -> list[Metric]:
        return await self._metrics.measure()

    async def _prepare(self) -> None:
        """Bring the schema up to date and learn the data keys, however long the database takes."""
        while True:
            try:
                primary = await find_primary(self._dsn, RETRY_SECONDS)
                await migrate(primary or split_dsn(self._dsn)[0], tables=DESK)
                self._has_schema.set()
                break
            except (OperatorError, OSError, asyncpg.PostgresError) as error:
                log.warning("the desk waits for its database", reason=str(error))
                await asyncio.sleep(RETRY_SECONDS)
        while True:
            await self._learn()
            await asyncio.sleep(LEARN_SECONDS)

    async def _learn(self) -> None:
        try:
            await self._parts.sealing_keys.learn()
        except KeyUnknown as error:
            log.error("sealed data cannot be read", reason=str(error))
        except (Unavailable, asyncpg.PostgresError) as error:
            log.info("no keys were read", reason=str(error))


@asynccontextmanager
async def desk_dsn(settings: Settings) -> AsyncGenerator[str]:
    """Where the database is, for a desk that runs by itself. One that is down is no reason to wait;
    the embedded one is started if no server runs it."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    async with any_database(settings) as dsn:
        yield dsn


@asynccontextmanager
async def desk_databases(settings: Settings, dsn: str) -> AsyncGenerator[Databases]:
    """Both databases, on whichever server is the primary; nobody waits for one to be there."""
    async with AsyncExitStack() as stack:
        if settings.site and settings.database_url and settings.replica_url:
            servers = Servers(split_dsn(settings.database_url), settings.replica_url)
            await servers.start()
            stack.push_async_callback(servers.stop)
            size = settings.database_connections
            desk = SiteDatabase(servers, size, DESK_SESSION, assume_role, may_lag=True)
            messenger = SiteDatabase(
                servers, CONNECTIONS_TO_MESSENGER, MESSENGER_SESSION, assume_role
            )
        else:
            desk = await _database(dsn, settings.database_connections, DESK_SESSION)
            messenger = await _database(dsn, CONNECTIONS_TO_MESSENGER, MESSENGER_SESSION)
        stack.push_async_callback(desk.close)
        stack.push_async_callback(messenger.close)
        yield Databases(desk, messenger)


async def _database(dsn: str, size: int, session: dict[str, str]) -> Database:
    pool = await asyncpg.create_pool(
        dsn,
        min_size=0,  # so that making it needs no connection
        max_size=size,
        max_inactive_connection_lifetime=CONNECTION_IDLE_SECONDS,
        timeout=CONNECT_SECONDS_MAX,
        server_settings=session,
        init=assume_role,
        connection_class=PooledConnection,
    )
    return Database(pool)
