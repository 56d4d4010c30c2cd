"""End-to-end encryption: keys, messages to devices, and what sync shows of them."""

from bongsu.http.client.cross_signing import CrossSigningEndpoints
from bongsu.http.client.dehydrated_devices import DehydratedDeviceEndpoints
from bongsu.http.client.key_backup import KeyBackupEndpoints
from bongsu.http.client.keys import KeyEndpoints
from bongsu.http.client.to_device import ToDeviceEndpoints
from bongsu.keys.backup import KeyBackups
from bongsu.keys.causality import SentToDevice
from bongsu.keys.cross_signing import CrossSigning
from bongsu.keys.dehydration import Dehydration
from bongsu.keys.device_keys import DeviceKeyService
from bongsu.keys.inbox import Inboxes
from bongsu.keys.to_device import LoggedKeyChanges, ToDevice
from bongsu.node.heart import Heart
from bongsu.node.people import People
from bongsu.postgres.database import Database
from bongsu.postgres.dehydration_store import PostgresDehydrationStore
from bongsu.postgres.device_list_store import PostgresDeviceListStore
from bongsu.postgres.key_backup_store import PostgresBackupStore
from bongsu.postgres.key_store import PostgresCrossSigningStore
from bongsu.postgres.to_device_store import PostgresToDeviceStore
from bongsu.settings import Settings
from bongsu.sync.v2 import SyncService

# Under these names clients look for what is stable long since.
UNSTABLE_FEATURES = {"org.matrix.e2e_cross_signing": True}


class DeviceNews:
    """What syncs and sends need of encryption: made before them."""

    def __init__(self, database: Database, heart: Heart) -> None:
        self.store = PostgresToDeviceStore(database)
        self.inboxes = Inboxes(self.store)
        self.lists = PostgresDeviceListStore(database)
        self.sent = SentToDevice()
        heart.follower.listen(self.inboxes.on_entries, self.inboxes.on_jump)
        heart.follower.listen(self.sent.on_entries)

    def start(self) -> None:
        self.inboxes.start()

    async def stop(self) -> None:
        await self.inboxes.stop()


class Keys:
    """Services of keys."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        heart: Heart,
        people: People,
        news: DeviceNews,
        sync: SyncService,
    ) -> None:
        name = settings.server_name
        store = PostgresCrossSigningStore(database)
        self._changes = LoggedKeyChanges(heart.log)
        keys = DeviceKeyService(store, people.device_lists, self._changes, server_name=name)
        cross_signing = CrossSigning(store, people.device_lists)
        dehydration = Dehydration(
            PostgresDehydrationStore(database, people.device_store), news.store, people.device_lists
        )
        self._endpoints: list[object] = [
            KeyEndpoints(keys, sync),
            ToDeviceEndpoints(ToDevice(heart.log, news.store, server_name=name)),
            CrossSigningEndpoints(cross_signing, people.interactive_auth),
            KeyBackupEndpoints(KeyBackups(PostgresBackupStore(database))),
            DehydratedDeviceEndpoints(dehydration),
        ]

    def endpoints(self) -> list[object]:
        return self._endpoints

    async def stop(self) -> None:
        await self._changes.stop()
