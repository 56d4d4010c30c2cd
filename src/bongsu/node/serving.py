"""A node's life: connect, follow the log, own partitions, answer clients; and back."""

import asyncio
import gc
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import structlog
from prometheus_client import CollectorRegistry

from bongsu.errors import cannot_listen
from bongsu.http.app import App
from bongsu.http.browser.build import Build, folder_of
from bongsu.http.browser.serving import WebClient
from bongsu.http.metrics import Monitoring, RouteCollector
from bongsu.http.rate_limit import RateLimiter
from bongsu.http.router import Router
from bongsu.http.server import Server
from bongsu.log.bus import Bus
from bongsu.memory.bus import MemoryBus
from bongsu.nats.bus import NatsBus
from bongsu.node.heart import Heart
from bongsu.node.parts import Parts
from bongsu.node.site import Site, SiteCollector, joined_site
from bongsu.postgres.database import Database, PooledConnection
from bongsu.postgres.identity import ensure_identity
from bongsu.settings import Settings, split_listen

log = structlog.get_logger()

CONNECT_SECONDS_MAX = 10.0
COLLECT_THRESHOLDS = (50_000, 20, 100)  # objects, then generations: most die by reference count
CONNECTION_IDLE_SECONDS = 60.0
LAG_ENTRIES_MAX = 10_000  # a node further behind is not sent clients
OWNER_SECONDS_MAX = 5.0  # how long a start waits for all partitions to have an owner


async def run_node(
    settings: Settings, dsn: str, nats_url: str | None, ready: Callable[[str], None]
) -> None:
    """Serve until cancelled. `ready` is told the URL once clients are answered."""
    async with AsyncExitStack() as engines:
        site = await engines.enter_async_context(joined_site(settings)) if settings.site else None
        database = (
            site.database if site else await engines.enter_async_context(_database(settings, dsn))
        )
        bus = await engines.enter_async_context(_bus(nats_url))
        identity = await ensure_identity(database, settings.server_name)
        heart = Heart(
            secrets.token_hex(4),
            settings.replica_url or dsn,
            database,
            bus,
            identity.incarnation,
            alone=nats_url is None,
            placement=site,
            is_doubtful=site.is_doubtful if site else lambda: False,
        )
        if site is not None:
            site.follow(heart.follower)
            site.servers.listen(heart.ownership.look)
        node = Node(settings, database, bus, heart, site)
        try:
            await node.start()
            _settle_memory()
            ready(node.url)
            await asyncio.Event().wait()
        finally:
            await asyncio.shield(node.stop())


class Node:
    """One node: its parts, and the doors by which clients and operators come in."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        bus: Bus,
        heart: Heart,
        site: Site | None = None,
    ) -> None:
        self._settings = settings
        self._heart = heart
        self._site = site
        rate_limiter = RateLimiter(enabled=settings.rate_limits)
        self._parts = Parts(settings, database, bus, heart, rate_limiter)
        registry = CollectorRegistry()
        monitoring = Monitoring(registry, self._reasons_not_ready, self._missing)
        router = Router()
        for endpoint in [*self._parts.endpoints(), monitoring, *_web_client(settings)]:
            router.add(endpoint)
        people = self._parts.people
        app = App(
            router,
            people.authenticator,
            rate_limiter=rate_limiter,
            access_log=settings.log_level == "debug",
            access_token_in_query=settings.access_token_in_query,
            trusted_proxies=settings.trusted_proxies,
            saw=people.last_seen.saw,
        )
        of_site = [] if site is None else [SiteCollector(site)]
        for collector in [RouteCollector(app.stats), *self._parts.collectors(), *of_site]:
            registry.register(collector)
        self._server = Server(
            app, settings.listen_host, settings.listen_port, reuse_port=settings.processes > 1
        )
        self._monitor = self._monitor_of(monitoring)

    def _monitor_of(self, monitoring: Monitoring) -> Server | None:
        """What an operator looks at, under an address of its own if the settings name one."""
        if self._settings.monitoring_listen is None:
            return None
        router = Router()
        router.add(monitoring)
        host, port = split_listen(self._settings.monitoring_listen)
        return Server(App(router, self._parts.people.authenticator), host, port)

    @property
    def url(self) -> str:
        if self._settings.listen_port == 0:  # the kernel chose
            return self._settings.base_url.removesuffix(":0") + f":{self._server.port}"
        return self._settings.base_url

    async def start(self) -> None:
        if self._monitor is not None:
            await _listen(self._monitor, "monitoring_listen", self._settings.monitoring_listen)
        await self._parts.start()
        await self._heart.ownership.settled(OWNER_SECONDS_MAX)
        await _listen(self._server, "listen", self._settings.listen)

    async def stop(self) -> None:
        """Answer what runs, then let go of everything else."""
        self._parts.let_go()
        await self._server.stop()
        await self._parts.stop()
        if self._monitor is not None:
            await self._monitor.stop()

    def _reasons_not_ready(self) -> list[str]:
        if self._site is None:
            return self._unowned()
        behind = self._heart.follower.lag > LAG_ENTRIES_MAX
        return self._site.reasons_not_ready() + (
            ["still catching up with the log"] if behind else []
        )

    def _missing(self) -> list[str]:
        """In a site reads go on without owners, and proposals are held: clients may come."""
        content = self._parts.content
        if self._site is None:
            return content.missing()
        return [*self._site.missing(), *self._unowned(), *content.missing()]

    def _unowned(self) -> list[str]:
        unowned = self._heart.ownership.count_unowned()
        return [f"{unowned} partitions have no owner"] if unowned else []


def _web_client(settings: Settings) -> list[WebClient]:
    """What is served at `/`, if anything is."""
    folder = folder_of(settings.web_client)
    if folder is None:
        return []
    sites = settings.client_site_urls.values()
    return [WebClient(Build(folder), [settings.base_url, *sites], settings.desks_of_pages)]


async def _listen(server: Server, setting: str, address: str | None) -> None:
    try:
        await server.start()
    except OSError as error:
        raise cannot_listen(setting, address, error) from error


def _settle_memory() -> None:
    """Keep the collector from walking what stays: modules, and ten thousand waiting polls."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_THRESHOLDS)


@asynccontextmanager
async def _database(settings: Settings, dsn: str) -> AsyncGenerator[Database]:
    pool = await asyncpg.create_pool(
        dsn,
        min_size=2,
        max_size=settings.database_connections,
        max_inactive_connection_lifetime=CONNECTION_IDLE_SECONDS,
        timeout=CONNECT_SECONDS_MAX,
        server_settings={"application_name": "bongsu", "jit": "off"},
        connection_class=PooledConnection,
    )
    database = Database(pool)
    try:
        yield database
    finally:
        await database.close()


@asynccontextmanager
async def _bus(nats_url: str | None) -> AsyncGenerator[Bus]:
    bus = MemoryBus() if nats_url is None else await NatsBus.connect(nats_url)
    try:
        yield bus
    finally:
        await bus.close()
