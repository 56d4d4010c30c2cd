"""The parts of one node, wired to one another, started in order and stopped in reverse."""

from collections.abc import Iterator

from prometheus_client.registry import Collector

from bongsu.appservices.services import Services
from bongsu.files.registrations import load_registrations
from bongsu.http.client.server_info import ServerFacts, ServerInfo
from bongsu.http.rate_limit import RateLimiter
from bongsu.log.bus import Bus
from bongsu.node.administration import Administration
from bongsu.node.appservices import Appservices, Questions
from bongsu.node.content import Content
from bongsu.node.heart import Heart
from bongsu.node.history import Histories
from bongsu.node.keys import UNSTABLE_FEATURES, DeviceNews, Keys
from bongsu.node.metrics import LogCollector
from bongsu.node.people import People
from bongsu.node.previews import LinkPreviews
from bongsu.node.push_metrics import PushCollector
from bongsu.node.pushing import push_delivery
from bongsu.node.reading import Reading
from bongsu.node.rooms import Rooms
from bongsu.node.search import Searching
from bongsu.outgoing.client import Outgoing
from bongsu.postgres.database import Database
from bongsu.postgres.room_store import PostgresRoomStore
from bongsu.settings import Settings


class Parts:
    """What one node is made of. `people` and `content` are also asked from outside."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        bus: Bus,
        heart: Heart,
        rate_limiter: RateLimiter,
    ) -> None:
        self._settings = settings
        self._heart = heart
        reader = PostgresRoomStore(database)
        registrations = load_registrations(settings.appservices, settings.server_name)
        services = Services(registrations, settings.server_name)
        people = People(settings, database, heart.log, bus, reader, rate_limiter, services)
        self._questions = Questions(services, database)
        self._device_news = news = DeviceNews(database, heart)
        asking = self._questions.asking
        rooms = Rooms(settings, database, heart.log, reader, people, news.sent, asking)
        self._reading = Reading(settings, database, heart, bus, reader, people, news)
        sync = self._reading.sync
        self._keys = Keys(settings, database, heart, people, news, sync)
        self._histories = Histories(settings, database, heart, reader, people, rooms, sync)
        self._outgoing = Outgoing(settings.outgoing_allowed_networks)
        self._searching = Searching(database, heart, sync.tokens)
        self._appservices = Appservices(
            database, heart, bus, reader, services, self._reading, self._questions
        )
        self._push = push_delivery(settings, database, heart, self._outgoing)
        self.people, self._rooms = people, rooms
        self.content = Content(settings, database, self._may_repair_media)
        self._previews = LinkPreviews(settings, database, self.content, self._outgoing)
        self._administration = Administration(
            settings, database, heart.log, reader, people, rooms, self.content
        )

    def endpoints(self) -> Iterator[object]:
        """What clients may ask for."""
        parts = (
            self.people, self._rooms, self._reading, self._keys, self._histories,
            self._searching, self._appservices, self.content, self._administration,
            self._previews,
        )  # fmt: skip
        for part in parts:
            yield from part.endpoints()
        settings = self._settings
        yield ServerInfo(
            ServerFacts(
                settings.default_room_version,
                settings.base_url,
                UNSTABLE_FEATURES,
                settings.support,
                has_mail=self.people.emails is not None,
                desk_url=settings.told_desk_url,
                site_urls=settings.client_site_urls,
            )
        )

    def collectors(self) -> Iterator[Collector]:
        """What `/metrics` shows of the log, the media and the followers."""
        waiters = self._reading.sync.waiters
        yield LogCollector(self._heart, lambda: waiters.count)
        for part in (self.content, self._searching, self._appservices):
            yield from part.collectors()
        yield PushCollector(self._push.courier)

    async def start(self) -> None:
        await self.content.start()
        await self._heart.start()
        await self.people.start()
        self._device_news.start()
        await self._reading.start()
        self._searching.start()
        await self._appservices.start()
        await self._push.start()

    def let_go(self) -> None:
        """Let long polls be answered: they have nothing to wait for any more."""
        self._reading.sync.waiters.close()

    async def stop(self) -> None:
        await self._push.stop()
        await self._appservices.stop()
        await self._questions.stop()
        await self._searching.stop()
        await self._reading.stop()
        await self._keys.stop()
        await self._device_news.stop()
        await self.people.stop()
        await self._previews.stop()
        await self.content.stop()
        await self._heart.stop()
        await self._outgoing.close()

    def _may_repair_media(self) -> bool:
        """One node does: the one that owns the first partition."""
        return self._heart.ownership.owner_of(0) == self._heart.ownership.node
