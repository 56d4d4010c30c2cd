"""What administrators of the server do, by Synapse's admin API."""

from bongsu.errors import OperatorError
from bongsu.http.synapse_admin.devices import AdminDevices
from bongsu.http.synapse_admin.media import AdminMedia
from bongsu.http.synapse_admin.registration import SharedSecretRegistration
from bongsu.http.synapse_admin.rooms import AdminRooms
from bongsu.http.synapse_admin.server import AdminServer
from bongsu.http.synapse_admin.users import AdminUsers
from bongsu.log.gateway import Log
from bongsu.media.moderation import MediaModeration
from bongsu.node.content import Content
from bongsu.node.people import People
from bongsu.node.rooms import Rooms
from bongsu.postgres.database import Database
from bongsu.postgres.media_moderation_store import PostgresMediaModerationStore
from bongsu.postgres.room_deletion_store import PostgresDeletionStore
from bongsu.postgres.user_admin_store import PostgresPersonStore
from bongsu.rooms.administration import RoomAdministration
from bongsu.rooms.deletion import RoomDeletions
from bongsu.rooms.reading import RoomReader
from bongsu.settings import Settings
from bongsu.users.administration import UserAdministration
from bongsu.users.shared_secret import SharedSecret
from bongsu.users.tokens import now_ms

SECRET_BYTES_MAX = 4096


class Administration:
    """Services of administrators, over those of everybody."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        log: Log,
        reader: RoomReader,
        people: People,
        rooms: Rooms,
        content: Content,
    ) -> None:
        name = settings.server_name
        users = UserAdministration(PostgresPersonStore(database), people.accounts, people.profiles)
        deletions = RoomDeletions(
            PostgresDeletionStore(database),
            log,
            people.intents,
            reader,
            rooms.creator,
            rooms.aliases,
            rooms.public_rooms,
            now_ms,
        )
        media = MediaModeration(PostgresMediaModerationStore(database, name), content.blobs, name)
        secret = _shared_secret(settings)
        self._endpoints: list[object] = [
            SharedSecretRegistration(
                people.accounts,
                people.profiles,
                None if secret is None else SharedSecret(secret),
                server_name=name,
            ),
            AdminUsers(users, people.accounts, people.devices, reader, server_name=name),
            AdminDevices(users, people.devices, server_name=name),
            AdminRooms(
                RoomAdministration(rooms.admin_store, reader),
                deletions,
                people.accounts,
                server_name=name,
            ),
            AdminMedia(media, server_name=name),
            AdminServer(),
        ]

    def endpoints(self) -> list[object]:
        return self._endpoints


def _shared_secret(settings: Settings) -> str | None:
    """The secret that the settings hold or name; None: no tool may make accounts."""
    path = settings.registration_shared_secret_file
    if path is None:
        return settings.registration_shared_secret or None
    try:
        secret = path.read_bytes()[:SECRET_BYTES_MAX].decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"registration_shared_secret_file: {path}: {error}") from None
    if not secret:
        raise OperatorError(f"registration_shared_secret_file: {path} is empty")
    return secret
