"""Making, changing and reading rooms."""

from bongsu.http.client.room_send import SendEndpoints
from bongsu.http.client.rooms import RoomEndpoints
from bongsu.log.gateway import Log
from bongsu.node.people import People
from bongsu.postgres.database import Database
from bongsu.postgres.directory_store import PostgresAliasStore, PostgresPublicRooms
from bongsu.postgres.room_admin_store import PostgresRoomAdminStore
from bongsu.rooms.creation import RoomCreator
from bongsu.rooms.memberships import Memberships
from bongsu.rooms.reading import AliasReader, RoomReader
from bongsu.rooms.sending import Sending, SentKeys
from bongsu.rooms.upgrade import RoomUpgrader
from bongsu.settings import Settings


class Rooms:
    """Services of rooms."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        log: Log,
        reader: RoomReader,
        people: People,
        sent_keys: SentKeys,
        alias_finder: AliasReader,
    ) -> None:
        self.alias_finder = alias_finder
        name = settings.server_name
        self.aliases = PostgresAliasStore(database)
        self.public_rooms = PostgresPublicRooms(database)
        self.admin_store = PostgresRoomAdminStore(database)
        self.sending = Sending(
            log, reader, self.aliases, people.invite_rules, name, sent_keys, self.admin_store
        )
        self.memberships = Memberships(
            log,
            reader,
            people.profiles,
            alias_finder,
            people.invite_rules,
            name,
            self.admin_store,
        )
        self.creator = RoomCreator(
            log,
            people.intents,
            people.profiles,
            self.aliases,
            self.public_rooms,
            people.invite_rules,
            name,
            settings.default_room_version,
            people.services,
        )
        self.upgrader = RoomUpgrader(
            log, people.intents, self.creator, reader, self.aliases, self.public_rooms
        )

    def endpoints(self) -> list[object]:
        return [
            RoomEndpoints(self.creator, self.memberships, self.upgrader),
            SendEndpoints(self.sending),
        ]
