"""What clients follow: sync, and beside it typing, presence and read markers."""

import msgspec

from bongsu.http.client.notifications import Notifications as NotificationEndpoints
from bongsu.http.client.presence import PresenceEndpoints
from bongsu.http.client.read_markers import ReadMarkerEndpoints
from bongsu.http.client.sliding_sync import SlidingSyncEndpoints
from bongsu.http.client.sync import SyncEndpoints
from bongsu.http.client.typing import TypingEndpoints
from bongsu.ids import UserId
from bongsu.log.bus import Bus
from bongsu.node.heart import Heart
from bongsu.node.keys import DeviceNews
from bongsu.node.people import People
from bongsu.postgres.database import Database
from bongsu.postgres.event_positions import PostgresEventPositions
from bongsu.postgres.filter_store import PostgresFilterStore
from bongsu.postgres.notification_store import PostgresNotificationStore
from bongsu.postgres.room_store import PostgresRoomStore
from bongsu.postgres.sliding_store import PostgresSlidingStore
from bongsu.postgres.sync_store import PostgresSyncStore
from bongsu.postgres.user_directory_store import PostgresUserDirectory
from bongsu.presence.presence import PresenceService
from bongsu.presence.silent import SilentPresence
from bongsu.presence.typing import TypingService
from bongsu.push.ruleset import account_data_content
from bongsu.rooms.read_markers import ReadMarkers
from bongsu.settings import Settings
from bongsu.sync.notifications import Notifications
from bongsu.sync.sliding.service import SlidingSync
from bongsu.sync.stored_filters import StoredFilters
from bongsu.sync.v2 import SyncService
from bongsu.users.tokens import now_ms


class Reading:
    """Follows the log for the people connected to this node."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        heart: Heart,
        bus: Bus,
        reader: PostgresRoomStore,
        people: People,
        device_news: DeviceNews,
    ) -> None:
        self.typing = TypingService(bus, reader, heart.follower)
        self._presence = PresenceService(bus, PostgresUserDirectory(database), heart.follower)
        self.presence = self._presence
        self._shows_presence = settings.enable_presence
        presence = self._presence if settings.enable_presence else SilentPresence()
        self.sync = SyncService(
            heart.follower,
            PostgresSyncStore(database),
            self.typing,
            presence,
            push_rules_content,
            device_news.inboxes,
            device_news.lists,
        )
        sliding = PostgresSlidingStore(database)
        self._sliding = SlidingSync(self.sync, sliding, sliding, presence)
        self._notifications = Notifications(heart.follower, PostgresNotificationStore(database))
        self._filters = StoredFilters(PostgresFilterStore(database))
        self._markers = ReadMarkers(
            heart.log,
            reader,
            PostgresEventPositions(database),
            people.account_data,
            now_ms,
        )

    def endpoints(self) -> list[object]:
        endpoints: list[object] = [
            SyncEndpoints(self.sync, self._filters),
            SlidingSyncEndpoints(self._sliding),
            TypingEndpoints(self.typing),
            ReadMarkerEndpoints(self._markers),
            NotificationEndpoints(self._notifications),
        ]
        if self._shows_presence:
            endpoints.append(PresenceEndpoints(self._presence))
        return endpoints

    async def start(self) -> None:
        await self.typing.start()
        await self._presence.start()

    async def stop(self) -> None:
        await self._sliding.stop()
        await self.sync.stop()
        await self._presence.stop()
        await self.typing.stop()


def push_rules_content(user_id: str, stored: bytes | None) -> bytes:
    """`m.push_rules` as clients see it, from what is stored of it."""
    return msgspec.json.encode(account_data_content(stored, UserId(user_id)))
