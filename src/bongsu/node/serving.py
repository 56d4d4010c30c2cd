"""A node's life: connect, follow the log, own partitions, answer clients; and back."""

import asyncio
import gc
import secrets
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from bongsu.appservices.services import Services
from bongsu.errors import OperatorError
from bongsu.files.registrations import load_registrations
from bongsu.http.app import App
from bongsu.http.client.server_info import ServerFacts, ServerInfo
from bongsu.http.metrics import Monitoring, RouteCollector
from bongsu.http.rate_limit import RateLimiter
from bongsu.http.router import Router
from bongsu.http.server import Server
from bongsu.log.bus import Bus
from bongsu.memory.bus import MemoryBus
from bongsu.nats.bus import NatsBus
from bongsu.node.administration import Administration
from bongsu.node.appservices import Appservices, Questions
from bongsu.node.content import Content
from bongsu.node.heart import Heart
from bongsu.node.history import Histories
from bongsu.node.keys import UNSTABLE_FEATURES, DeviceNews, Keys
from bongsu.node.metrics import LogCollector
from bongsu.node.people import People
from bongsu.node.previews import LinkPreviews
from bongsu.node.pushing import push_delivery
from bongsu.node.reading import Reading
from bongsu.node.rooms import Rooms
from bongsu.node.search import Searching
from bongsu.node.site import Site, SiteCollector, joined_site
from bongsu.outgoing.client import Outgoing
from bongsu.postgres.database import Database
from bongsu.postgres.identity import ensure_identity
from bongsu.postgres.room_store import PostgresRoomStore
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
    """Every part of one node. Parts start in order and stop in the opposite one."""

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
        reader = PostgresRoomStore(database)
        services = Services(
            load_registrations(settings.appservices, settings.server_name), settings.server_name
        )
        self._people = People(settings, database, heart.log, bus, reader, rate_limiter, services)
        self._questions = Questions(services, database)
        self._device_news = DeviceNews(database, heart)
        self._rooms = Rooms(
            settings,
            database,
            heart.log,
            reader,
            self._people,
            self._device_news.sent,
            self._questions.asking,
        )
        self._reading = Reading(
            settings, database, heart, bus, reader, self._people, self._device_news
        )
        self._keys = Keys(
            settings, database, heart, self._people, self._device_news, self._reading.sync
        )
        histories = Histories(
            settings,
            database,
            heart,
            reader,
            self._people,
            self._rooms,
            self._reading.sync.tokens,
        )
        self._content = Content(settings, database, self._may_repair_media)
        self._searching = Searching(database, heart, self._reading.sync.tokens)
        self._appservices = Appservices(
            database, heart, bus, reader, services, self._reading, self._questions
        )
        self._outgoing = Outgoing(settings.outgoing_allowed_networks)
        self._push = push_delivery(settings, database, heart, self._outgoing)
        administration = Administration(
            settings, database, heart.log, reader, self._people, self._rooms, self._content
        )
        self._previews = LinkPreviews(settings, database, self._content, self._outgoing)
        registry = CollectorRegistry()
        router = Router()
        parts = (
            self._people,
            self._rooms,
            self._reading,
            self._keys,
            histories,
            self._searching,
            self._appservices,
            self._content,
            administration,
            self._previews,
        )
        for endpoint in [e for part in parts for e in part.endpoints()]:
            router.add(endpoint)
        facts = ServerFacts(
            settings.default_room_version,
            settings.base_url,
            UNSTABLE_FEATURES,
            settings.support,
            has_mail=self._people.emails is not None,
        )
        router.add(ServerInfo(facts))
        monitoring = Monitoring(registry, self._reasons_not_ready, self._missing)
        router.add(monitoring)
        app = App(
            router,
            self._people.authenticator,
            rate_limiter=rate_limiter,
            access_log=settings.log_level == "debug",
            access_token_in_query=settings.access_token_in_query,
            trusted_proxies=settings.trusted_proxies,
            saw=self._people.last_seen.saw,
        )
        for collector in [RouteCollector(app.stats), *self._collectors()]:
            registry.register(collector)
        self._server = Server(
            app, settings.listen_host, settings.listen_port, reuse_port=settings.processes > 1
        )
        self._monitor = self._monitor_of(monitoring)

    def _collectors(self) -> list[Collector]:
        """What `/metrics` shows of the log, the media and the site."""
        waiters = self._reading.sync.waiters
        of_site = [] if self._site is None else [SiteCollector(self._site)]
        log_collector = LogCollector(self._heart, lambda: waiters.count)
        shown = [
            *self._content.collectors(),
            *self._searching.collectors(),
            *self._appservices.collectors(),
        ]
        return [log_collector, *shown, *of_site]

    def _monitor_of(self, monitoring: Monitoring) -> Server | None:
        """What an operator looks at, under an address of its own if the settings name one."""
        if self._settings.monitoring_listen is None:
            return None
        router = Router()
        router.add(monitoring)
        host, port = split_listen(self._settings.monitoring_listen)
        return Server(App(router, self._people.authenticator), host, port)

    @property
    def url(self) -> str:
        if self._settings.listen_port == 0:  # the kernel chose
            return self._settings.base_url.removesuffix(":0") + f":{self._server.port}"
        return self._settings.base_url

    async def start(self) -> None:
        if self._monitor is not None:
            await _listen(self._monitor, "monitoring_listen", self._settings.monitoring_listen)
        await self._content.start()
        await self._heart.start()
        await self._people.start()
        self._device_news.start()
        await self._reading.start()
        self._searching.start()
        await self._appservices.start()
        await self._push.start()
        await self._heart.ownership.settled(OWNER_SECONDS_MAX)
        await _listen(self._server, "listen", self._settings.listen)

    async def stop(self) -> None:
        """Answer what runs, then let go of everything else."""
        self._reading.sync.waiters.close()  # a long poll has nothing to wait for any more
        await self._server.stop()
        await self._push.stop()
        await self._appservices.stop()
        await self._questions.stop()
        await self._searching.stop()
        await self._reading.stop()
        await self._keys.stop()
        await self._device_news.stop()
        await self._people.stop()
        await self._previews.stop()
        await self._content.stop()
        await self._heart.stop()
        await self._outgoing.close()
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
        if self._site is None:
            return self._content.missing()
        return [*self._site.missing(), *self._unowned(), *self._content.missing()]

    def _may_repair_media(self) -> bool:
        """One node does: the one that owns the first partition."""
        return self._heart.ownership.owner_of(0) == self._heart.ownership.node

    def _unowned(self) -> list[str]:
        unowned = self._heart.ownership.count_unowned()
        return [f"{unowned} partitions have no owner"] if unowned else []


async def _listen(server: Server, setting: str, address: str | None) -> None:
    try:
        await server.start()
    except OSError as error:
        raise OperatorError(f"{setting}: cannot listen on {address} ({error.strerror})") from error


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
