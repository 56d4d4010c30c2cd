"""Application services: what they ask of this server, what it asks of them, and what it tells."""

from functools import partial

from prometheus_client.registry import Collector

from bongsu.appservices.asking import Asking
from bongsu.appservices.calls import Calls
from bongsu.appservices.deliveries import Deliveries
from bongsu.appservices.delivery import Delivery
from bongsu.appservices.ephemeral import EphemeralNews
from bongsu.appservices.interest import Interest
from bongsu.appservices.namespaces import Service
from bongsu.appservices.pinging import Pinging
from bongsu.appservices.rooms import ServiceRooms
from bongsu.appservices.scanner import Scanner
from bongsu.appservices.services import Services
from bongsu.appservices.thirdparty import Networks
from bongsu.http.client.appservices import AppserviceEndpoints
from bongsu.http.client.thirdparty import ThirdPartyEndpoints
from bongsu.log.bus import Bus
from bongsu.node.appservice_metrics import AppserviceCollector
from bongsu.node.heart import Heart
from bongsu.node.reading import Reading
from bongsu.outgoing.client import Outgoing
from bongsu.postgres.account_store import PostgresAccountStore
from bongsu.postgres.appservice_store import PostgresAppserviceStore
from bongsu.postgres.database import Database
from bongsu.postgres.device_store import PostgresDeviceStore
from bongsu.postgres.directory_store import PostgresAliasStore
from bongsu.postgres.sync_store import PostgresSyncStore
from bongsu.postgres.to_device_store import PostgresToDeviceStore
from bongsu.rooms.reading import RoomReader

ANYWHERE = ("0.0.0.0/0", "::/0")  # their addresses are the operator's word


class Questions:
    """What this server asks of services: made before what waits for the answers."""

    def __init__(self, services: Services, database: Database) -> None:
        self._outgoing = Outgoing(ANYWHERE)
        self.calls = Calls(self._outgoing)
        accounts = PostgresAccountStore(database, PostgresDeviceStore(database))
        self.asking = Asking(services, self.calls, accounts, PostgresAliasStore(database))

    async def stop(self) -> None:
        await self._outgoing.close()


class Appservices:
    """Made after what they listen to: typing and presence."""

    def __init__(
        self,
        database: Database,
        heart: Heart,
        bus: Bus,
        reader: RoomReader,
        services: Services,
        reading: Reading,
        questions: Questions,
    ) -> None:
        self._store = PostgresAppserviceStore(database, PostgresToDeviceStore(database))
        self._extras = PostgresSyncStore(database)
        self._heart = heart
        self._reading = reading
        self._questions = questions
        calls = questions.calls
        told = [each for each in services.all if each.registration.url is not None]
        self._deliveries = Deliveries(list(map(self._delivery, told)), heart.follower, bus)
        self._endpoints: list[object] = [
            AppserviceEndpoints(Pinging(services, calls, bus), ServiceRooms(self._store, reader)),
            ThirdPartyEndpoints(Networks(services, calls)),
        ]

    def endpoints(self) -> list[object]:
        return self._endpoints

    def collectors(self) -> list[Collector]:
        """What shows the deliveries in `/metrics`."""
        return [AppserviceCollector(self._deliveries.all)]

    async def start(self) -> None:
        await self._deliveries.start()

    async def stop(self) -> None:
        await self._deliveries.stop()

    def _delivery(self, service: Service) -> Delivery:
        interest = Interest(service, self._store)
        wants = service.registration.wants_ephemeral
        ephemeral = partial(EphemeralNews, self._reading.typing, self._reading.presence, interest)
        return Delivery(
            service,
            self._store,
            Scanner(service, self._store, interest, self._extras, self._questions.asking),
            self._questions.calls,
            self._heart.follower,
            self._is_ours,
            ephemeral if wants else None,
        )

    def _is_ours(self, partition: int) -> bool:
        return self._heart.ownership.owner_of(partition) == self._heart.ownership.node
