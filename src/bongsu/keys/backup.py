"""Room keys kept for later devices, encrypted by the client: versions of a backup, and its keys.

Keys go only into the latest version. Of two copies of a key the better one is kept: verified before
unverified, then the one that opens earlier messages, then the one passed on less often. Spec:
Client-Server API, "Server-side key backups".
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, Protocol

import msgspec

from bongsu.errors import InvalidParam, NotFound, Refused, TooLarge
from bongsu.rooms.canonical_json import encode
from bongsu.users.text import bounded

ALGORITHM_BYTES_MAX = 255
AUTH_DATA_BYTES_MAX = 64 * 1024
SESSION_DATA_BYTES_MAX = 64 * 1024
ID_BYTES_MAX = 255
KEYS_PER_REQUEST_MAX = 10_000
VERSION_DIGITS_MAX = 18

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]


class KeyBackupData(msgspec.Struct, frozen=True):
    """One key as a client sends it."""

    first_message_index: Count
    forwarded_count: Count
    is_verified: bool
    session_data: dict[str, Any]


class RoomKeyBackup(msgspec.Struct, frozen=True):
    sessions: dict[str, KeyBackupData]


class RoomKey(NamedTuple):
    """One key as it is stored."""

    room_id: str
    session_id: str
    first_message_index: int
    forwarded_count: int
    is_verified: bool
    session_data: bytes


class Backup(NamedTuple):
    """A version of a backup. `etag` changes whenever a key in it does."""

    version: int
    algorithm: str
    auth_data: bytes
    key_count: int
    etag: int


class Contents(NamedTuple):
    """How many keys a backup holds, and its state."""

    key_count: int
    etag: int


class BackupStore(Protocol):
    """Reads are confirmed. Of deleted versions nothing is said."""

    async def create(self, user_id: str, algorithm: str, auth_data: bytes) -> int: ...

    async def get(self, user_id: str, version: int | None) -> Backup | None:
        """A version, or the latest."""
        ...

    async def update(self, user_id: str, version: int, auth_data: bytes) -> None: ...

    async def delete(self, user_id: str, version: int) -> bool: ...

    async def put_keys(
        self, user_id: str, version: int, keys: Sequence[RoomKey]
    ) -> Contents | int | None:
        """What is then in it; else the version that is the latest, None if there is none."""
        ...

    async def keys_after(
        self, user_id: str, version: int, room_id: str | None, after: tuple[str, str], limit: int
    ) -> Sequence[RoomKey]:
        """Keys of one room, or all, in order of (room, session) after a place."""
        ...

    async def key(
        self, user_id: str, version: int, room_id: str, session_id: str
    ) -> RoomKey | None: ...

    async def delete_keys(
        self, user_id: str, version: int, room_id: str | None, session_id: str | None
    ) -> Contents | None: ...


class KeyBackups:
    def __init__(self, store: BackupStore) -> None:
        self._store = store

    # -- versions ------------------------------------------------------------------------------

    async def create(self, user_id: str, algorithm: str, auth_data: Mapping[str, Any]) -> str:
        bounded("algorithm", algorithm, ALGORITHM_BYTES_MAX)
        encoded = _encode(auth_data, AUTH_DATA_BYTES_MAX)
        return str(await self._store.create(user_id, algorithm, encoded))

    async def get(self, user_id: str, version: str | None) -> Backup:
        """A version, or the latest; `NotFound` if there is none."""
        backup = await self._store.get(user_id, None if version is None else _number(version))
        if backup is None:
            raise no_backup()
        return backup

    async def update(
        self,
        user_id: str,
        version: str,
        algorithm: str,
        auth_data: Mapping[str, Any],
        named: str | None,
    ) -> None:
        """Replace `auth_data`. The algorithm, and the version if the body names one, must match."""
        backup = await self.get(user_id, version)
        if algorithm != backup.algorithm:
            raise InvalidParam("The algorithm of a backup does not change")
        if named is not None and named != version:
            raise InvalidParam("The version in the body is another one")
        encoded = _encode(auth_data, AUTH_DATA_BYTES_MAX)
        await self._store.update(user_id, backup.version, encoded)

    async def delete(self, user_id: str, version: str) -> None:
        if not await self._store.delete(user_id, _number(version)):
            raise no_backup()

    # -- keys ----------------------------------------------------------------------------------

    async def put_keys(
        self, user_id: str, version: str, rooms: Mapping[str, RoomKeyBackup]
    ) -> Contents:
        """Put keys into the latest version, which `version` must be."""
        keys = [
            _room_key(room_id, session_id, key)
            for room_id, room in rooms.items()
            for session_id, key in room.sessions.items()
        ]
        if len(keys) > KEYS_PER_REQUEST_MAX:
            raise TooLarge(f"More than {KEYS_PER_REQUEST_MAX} keys at once")
        put = await self._store.put_keys(user_id, _number(version), keys)
        if put is None:
            raise no_backup()
        if isinstance(put, int):
            raise Refused(
                "Keys go into the latest version",
                code="M_WRONG_ROOM_KEYS_VERSION",
                status=403,
                extra={"current_version": str(put)},
            )
        return put

    async def key(self, user_id: str, version: str, room_id: str, session_id: str) -> RoomKey:
        backup = await self.get(user_id, version)
        _check_ids(room_id, session_id)
        key = await self._store.key(user_id, backup.version, room_id, session_id)
        if key is None:
            raise NotFound("No such key")
        return key

    async def stream_keys(
        self, user_id: str, version: str, room_id: str | None, page: int
    ) -> AsyncIterator[Sequence[RoomKey]]:
        """Keys of one room, or all, in order of room and session, in pages of at most `page`.

        `NotFound` at once if there is no such version.
        """
        backup = await self.get(user_id, version)
        if room_id is not None:
            _check_ids(room_id, "")
        return self._pages(user_id, backup.version, room_id, page)

    async def _pages(
        self, user_id: str, version: int, room_id: str | None, limit: int
    ) -> AsyncIterator[Sequence[RoomKey]]:
        after = (room_id or "", "")
        while True:
            page = await self._store.keys_after(user_id, version, room_id, after, limit)
            if page:
                yield page
            if len(page) < limit:
                return
            after = page[-1][:2]

    async def delete_keys(
        self, user_id: str, version: str, room_id: str | None = None, session_id: str | None = None
    ) -> Contents:
        """Delete one key, those of a room, or all."""
        _check_ids(room_id or "", session_id or "")
        left = await self._store.delete_keys(user_id, _number(version), room_id, session_id)
        if left is None:
            raise no_backup()
        return left


def no_backup() -> NotFound:
    return NotFound("No such backup")


def _room_key(room_id: str, session_id: str, key: KeyBackupData) -> RoomKey:
    _check_ids(room_id, session_id)
    return RoomKey(
        room_id,
        session_id,
        key.first_message_index,
        key.forwarded_count,
        key.is_verified,
        _encode(key.session_data, SESSION_DATA_BYTES_MAX),
    )


def _check_ids(room_id: str, session_id: str) -> None:
    bounded("room id", room_id, ID_BYTES_MAX)
    bounded("session id", session_id, ID_BYTES_MAX)


def _encode(value: Mapping[str, Any], bytes_max: int) -> bytes:
    encoded = encode(value)
    if len(encoded) > bytes_max:
        raise TooLarge("Too large to be kept")
    return encoded


def _number(version: str) -> int:
    """Versions are numbers here; any other text names none."""
    if not (version.isascii() and version.isdigit() and len(version) <= VERSION_DIGITS_MAX):
        raise no_backup()
    return int(version)
