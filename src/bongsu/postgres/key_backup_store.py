"""Backups of room keys in PostgreSQL. Whoever changes the keys of a version locks its row."""

from collections.abc import Sequence

from bongsu.errors import TooLarge
from bongsu.keys.backup import Backup, Contents, RoomKey
from bongsu.postgres.database import Connection, Database

VERSIONS_MAX = 1_000  # deleted ones too: each is a row for ever
KEYS_PER_BACKUP_MAX = 1_000_000

_LOCK_ACCOUNT = "SELECT 1 FROM account WHERE user_id = $1 FOR UPDATE"

_NEXT_VERSION = "SELECT coalesce(max(version), 0) + 1 FROM key_backup WHERE user_id = $1"

_CREATE = """
INSERT INTO key_backup (user_id, version, algorithm, auth_data) VALUES ($1, $2, $3, $4)
"""

_GET = """
SELECT version, algorithm, auth_data, key_count, etag FROM key_backup
 WHERE user_id = $1 AND NOT is_deleted AND ($2::bigint IS NULL OR version = $2)
 ORDER BY version DESC LIMIT 1
"""

_UPDATE = """
UPDATE key_backup SET auth_data = $3 WHERE user_id = $1 AND version = $2 AND NOT is_deleted
"""

_DELETE = """
UPDATE key_backup SET is_deleted = true, key_count = 0
 WHERE user_id = $1 AND version = $2 AND NOT is_deleted RETURNING 1
"""

_DELETE_ALL_KEYS = "DELETE FROM room_key WHERE user_id = $1 AND version = $2"

_LOCK = """
SELECT key_count, etag FROM key_backup WHERE user_id = $1 AND version = $2 AND NOT is_deleted
FOR UPDATE
"""

_KNOWN = """
SELECT count(*) FROM room_key
JOIN unnest($3::text[], $4::text[]) AS given(room_id, session_id) USING (room_id, session_id)
WHERE user_id = $1 AND version = $2
"""

# The better copy stays: verified, then of earlier messages, then less often passed on.
_PUT_KEYS = """
INSERT INTO room_key (user_id, version, room_id, session_id, first_message_index, forwarded_count,
                      is_verified, session_data)
SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::boolean[],
                             $8::bytea[])
ON CONFLICT (user_id, version, room_id, session_id) DO UPDATE
   SET first_message_index = excluded.first_message_index,
       forwarded_count = excluded.forwarded_count,
       is_verified = excluded.is_verified, session_data = excluded.session_data
 WHERE (NOT excluded.is_verified, excluded.first_message_index, excluded.forwarded_count)
     < (NOT room_key.is_verified, room_key.first_message_index, room_key.forwarded_count)
RETURNING 1
"""

_SET_CONTENTS = (
    "UPDATE key_backup SET key_count = $3, etag = $4 WHERE user_id = $1 AND version = $2"
)

_KEY_COLUMNS = """
room_id, session_id, first_message_index, forwarded_count, is_verified, session_data
"""

_KEYS_AFTER = f"""
SELECT {_KEY_COLUMNS} FROM room_key
WHERE user_id = $1 AND version = $2 AND ($3::text IS NULL OR room_id = $3)
  AND (room_id, session_id) > ($4::text, $5::text)
ORDER BY room_id, session_id LIMIT $6
"""

_KEY = f"""
SELECT {_KEY_COLUMNS} FROM room_key
WHERE user_id = $1 AND version = $2 AND room_id = $3 AND session_id = $4
"""

_DELETE_KEYS = """
DELETE FROM room_key WHERE user_id = $1 AND version = $2
   AND ($3::text IS NULL OR room_id = $3) AND ($4::text IS NULL OR session_id = $4)
RETURNING 1
"""


class PostgresBackupStore:
    """Implements `keys.backup.BackupStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, user_id: str, algorithm: str, auth_data: bytes) -> int:
        async def body(connection: Connection) -> int:
            await connection.execute(_LOCK_ACCOUNT, user_id)
            version: int = await connection.fetchval(_NEXT_VERSION, user_id)
            if version > VERSIONS_MAX:
                raise TooLarge(f"More than {VERSIONS_MAX} versions of a backup")
            await connection.execute(_CREATE, user_id, version, algorithm, auth_data)
            return version

        return await self._database.write(body)

    async def get(self, user_id: str, version: int | None) -> Backup | None:
        row = await self._database.fetchrow(_GET, user_id, version, confirmed=True)
        return Backup(*row) if row else None

    async def update(self, user_id: str, version: int, auth_data: bytes) -> None:
        await self._database.execute(_UPDATE, user_id, version, auth_data)

    async def delete(self, user_id: str, version: int) -> bool:
        async def body(connection: Connection) -> bool:
            deleted = await connection.fetchval(_DELETE, user_id, version)
            await connection.execute(_DELETE_ALL_KEYS, user_id, version)
            return deleted is not None

        return await self._database.write(body)

    async def put_keys(
        self, user_id: str, version: int, keys: Sequence[RoomKey]
    ) -> Contents | int | None:
        async def body(connection: Connection) -> Contents | int | None:
            latest = await connection.fetchrow(_GET, user_id, None)
            if latest is None or latest["version"] != version:
                return latest["version"] if latest else None
            contents = await _lock(connection, user_id, version)
            if contents is None or not keys:
                return contents
            return await _put(connection, (user_id, version), contents, keys)

        return await self._database.write(body)

    async def keys_after(
        self, user_id: str, version: int, room_id: str | None, after: tuple[str, str], limit: int
    ) -> Sequence[RoomKey]:
        rows = await self._database.fetch(
            _KEYS_AFTER, user_id, version, room_id, *after, limit, confirmed=True
        )
        return [RoomKey(*row) for row in rows]

    async def key(
        self, user_id: str, version: int, room_id: str, session_id: str
    ) -> RoomKey | None:
        row = await self._database.fetchrow(
            _KEY, user_id, version, room_id, session_id, confirmed=True
        )
        return RoomKey(*row) if row else None

    async def delete_keys(
        self, user_id: str, version: int, room_id: str | None, session_id: str | None
    ) -> Contents | None:
        async def body(connection: Connection) -> Contents | None:
            contents = await _lock(connection, user_id, version)
            if contents is None:
                return None
            gone = len(await connection.fetch(_DELETE_KEYS, user_id, version, room_id, session_id))
            if gone:
                contents = Contents(contents.key_count - gone, contents.etag + 1)
                await connection.execute(_SET_CONTENTS, user_id, version, *contents)
            return contents

        return await self._database.write(body)


async def _lock(connection: Connection, user_id: str, version: int) -> Contents | None:
    row = await connection.fetchrow(_LOCK, user_id, version)
    return Contents(*row) if row else None


async def _put(
    connection: Connection, backup: tuple[str, int], contents: Contents, keys: Sequence[RoomKey]
) -> Contents:
    columns = [list(column) for column in zip(*keys, strict=True)]
    known: int = await connection.fetchval(_KNOWN, *backup, *columns[:2])
    changed = await connection.fetch(_PUT_KEYS, *backup, *columns)
    count = contents.key_count + len(keys) - known
    if count > KEYS_PER_BACKUP_MAX:
        raise TooLarge(f"A backup holds at most {KEYS_PER_BACKUP_MAX} keys")
    if not changed:
        return contents
    contents = Contents(count, contents.etag + 1)
    await connection.execute(_SET_CONTENTS, *backup, *contents)
    return contents
