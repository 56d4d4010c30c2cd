"""What was said before, and what rooms there are: as far as one may see."""

from bongsu.http.client.aliases import AliasEndpoints
from bongsu.http.client.directory import DirectoryEndpoints
from bongsu.http.client.relations import RelationEndpoints
from bongsu.http.client.room_events import RoomEventEndpoints
from bongsu.http.client.room_state import RoomStateEndpoints
from bongsu.http.client.spaces import SpaceEndpoints
from bongsu.http.client.thread_subscriptions import ThreadSubscriptionEndpoints
from bongsu.node.heart import Heart
from bongsu.node.people import People
from bongsu.node.rooms import Rooms
from bongsu.postgres.database import Database
from bongsu.postgres.history_store import PostgresHistoryStore
from bongsu.postgres.relation_store import PostgresRelationStore
from bongsu.postgres.room_store import PostgresRoomStore
from bongsu.postgres.sliding_store import PostgresSlidingStore
from bongsu.postgres.summary_store import PostgresSummaryStore
from bongsu.postgres.sync_store import PostgresSyncStore
from bongsu.rooms.access import RoomAccess
from bongsu.rooms.alias_directory import AliasDirectory
from bongsu.rooms.by_time import TimeSearch
from bongsu.rooms.children import Relations
from bongsu.rooms.directory import Directory
from bongsu.rooms.history import History
from bongsu.rooms.presenting import Presenter
from bongsu.rooms.preview import Previews
from bongsu.rooms.room_state import RoomStates
from bongsu.rooms.spaces import Spaces
from bongsu.rooms.summary import Summaries
from bongsu.rooms.thread_subscriptions import ThreadSubscriptions
from bongsu.settings import Settings
from bongsu.sync.sliding.threads import ThreadPages
from bongsu.sync.v2 import SyncService


class Histories:
    """Services that read rooms."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        heart: Heart,
        reader: PostgresRoomStore,
        people: People,
        rooms: Rooms,
        sync: SyncService,
    ) -> None:
        tokens = sync.tokens
        store, snapshots = PostgresHistoryStore(database), PostgresSyncStore(database)
        summary_store = PostgresSummaryStore(database)
        access = RoomAccess(heart.follower, store, snapshots)
        presenter = Presenter(snapshots)
        history = History(access, store, presenter, tokens)
        states = RoomStates(access, store, tokens)
        relations = PostgresRelationStore(database)
        summaries = Summaries(access, summary_store)
        aliases = AliasDirectory(
            rooms.aliases,
            reader,
            access,
            rooms.sending,
            settings.server_name,
            people.services,
            rooms.alias_finder,
        )
        previews = Previews(
            access, history, states, presenter, rooms.public_rooms, people.data_store
        )
        directory = Directory(access, reader, rooms.public_rooms, summaries)
        self._endpoints: list[object] = [
            RoomEventEndpoints(history, states, TimeSearch(access, store)),
            RoomStateEndpoints(states, previews),
            RelationEndpoints(Relations(access, history, relations, presenter, tokens)),
            SpaceEndpoints(Spaces(access, summaries, summary_store), summaries, aliases),
            AliasEndpoints(aliases),
            DirectoryEndpoints(directory, settings.server_name),
            ThreadSubscriptionEndpoints(
                ThreadSubscriptions(history, store, people.account_data),
                ThreadPages(sync, PostgresSlidingStore(database)),
            ),
        ]

    def endpoints(self) -> list[object]:
        return self._endpoints
