"""What was said before: history, state, and single events, as far as one may see."""

from bongsu.http.client.room_events import RoomEventEndpoints
from bongsu.http.client.room_state import RoomStateEndpoints
from bongsu.node.heart import Heart
from bongsu.postgres.database import Database
from bongsu.postgres.history_store import PostgresHistoryStore
from bongsu.postgres.sync_store import PostgresSyncStore
from bongsu.rooms.access import RoomAccess
from bongsu.rooms.by_time import TimeSearch
from bongsu.rooms.history import History
from bongsu.rooms.presenting import Presenter
from bongsu.rooms.room_state import RoomStates
from bongsu.sync.token import TokenCodec


class Histories:
    """Services that read rooms."""

    def __init__(self, database: Database, heart: Heart, tokens: TokenCodec) -> None:
        store, snapshots = PostgresHistoryStore(database), PostgresSyncStore(database)
        self.access = RoomAccess(heart.follower, store, snapshots)
        self._history = History(self.access, store, Presenter(snapshots), tokens)
        self._states = RoomStates(self.access, store, tokens)
        self._by_time = TimeSearch(self.access, store)

    def endpoints(self) -> list[object]:
        return [
            RoomEventEndpoints(self._history, self._states, self._by_time),
            RoomStateEndpoints(self._states),
        ]
