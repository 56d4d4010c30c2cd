"""Media as administrators look for them, withdraw them and delete them."""

import re
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from bongsu.ids import UserId
from bongsu.media.content import MediaId
from bongsu.media.moderation import MediaInfo, Order
from bongsu.postgres.database import Connection, Database

_MXC = re.compile(r"mxc://[^/\s]{1,230}/[A-Za-z0-9_\-]{1,255}\Z")

_COLUMNS = """media_id, uploader, created_ts, content_type, size, upload_name, quarantined,
       quarantined_by, protected, authenticated, sha256"""
_INFO = f"SELECT {_COLUMNS} FROM media WHERE media_id = $1"

_QUARANTINE = """
UPDATE media SET quarantined = true, quarantined_by = $2
 WHERE NOT protected AND NOT quarantined AND (
    media_id = ANY($1::text[])
    OR sha256 IN (SELECT sha256 FROM media WHERE media_id = ANY($1::text[]) AND NOT protected)
 )
"""
_QUARANTINE_USER = """
UPDATE media SET quarantined = true, quarantined_by = $2
 WHERE uploader = $1 AND NOT protected AND NOT quarantined
"""
_UNQUARANTINE = """
UPDATE media SET quarantined = false, quarantined_by = NULL
 WHERE media_id = $1 OR sha256 = (SELECT sha256 FROM media WHERE media_id = $1)
"""
_PROTECT = "UPDATE media SET protected = $2 WHERE media_id = $1"

_ORDERS: dict[Order, str] = {
    "media_id": "media_id",
    "upload_name": "upload_name",
    "created_ts": "created_ts",
    "last_access_ts": "created_ts",
    "media_length": "size",
    "media_type": "content_type",
    "quarantined_by": "quarantined_by",
    "safe_from_quarantine": "protected",
}
_COUNT_OF_USER = "SELECT count(*) FROM media WHERE uploader = $1"

# An avatar is one while it stands in a profile or in a room's state.
_OLDER = """
SELECT media_id FROM media
 WHERE created_ts < $1 AND size > $2 AND NOT ($4 AND (
    EXISTS (SELECT FROM profile WHERE field = 'avatar_url'
               AND value = convert_to('"mxc://' || $5 || '/' || media_id || '"', 'UTF8'))
    OR EXISTS (SELECT FROM state JOIN entry USING (event_id) WHERE state.type = 'm.room.avatar'
               AND position(convert_to('"mxc://' || $5 || '/' || media_id || '"', 'UTF8')
                            IN entry.body) > 0)
 ))
 ORDER BY created_ts LIMIT $3
"""

_EVENTS = """
SELECT position, body FROM entry WHERE key = $1 AND event_id IS NOT NULL AND position > $2
 ORDER BY position LIMIT $3
"""

_HASHES = """
SELECT DISTINCT sha256 FROM media
 WHERE media_id = ANY($1::text[]) AND sha256 IS NOT NULL ORDER BY sha256
"""
# An upload of the same bytes takes this lock shared (media_store).
_LOCK_BYTES = "SELECT pg_advisory_xact_lock(hashtextextended($1::bytea::text, 1))"
_DELETE = "DELETE FROM media WHERE media_id = ANY($1::text[]) RETURNING media_id"
_IS_NAMED = "SELECT 1 FROM media WHERE sha256 = $1"
_SWEEP = """
DELETE FROM media_gone WHERE gone_ts < (extract(epoch FROM now()) * 1000)::bigint - 3600000
"""
_NOTE_GONE = """
INSERT INTO media_gone VALUES ($1, (extract(epoch FROM now()) * 1000)::bigint)
ON CONFLICT (sha256) DO UPDATE SET gone_ts = EXCLUDED.gone_ts
"""


class PostgresMediaModerationStore:
    """Implements `media.moderation.MediaModerationStore`."""

    def __init__(self, database: Database, server_name: str) -> None:
        self._database = database
        self._server_name = server_name

    async def info(self, media_id: MediaId) -> MediaInfo | None:
        row = await self._database.fetchrow(_INFO, media_id, confirmed=True)
        return _info(row) if row else None

    async def quarantine(self, media_ids: Sequence[str], by: UserId) -> int:
        return _count(await self._database.execute(_QUARANTINE, list(media_ids), by))

    async def quarantine_user(self, uploader: UserId, by: UserId) -> int:
        return _count(await self._database.execute(_QUARANTINE_USER, uploader, by))

    async def unquarantine(self, media_id: MediaId) -> bool:
        return _count(await self._database.execute(_UNQUARANTINE, media_id)) > 0

    async def protect(self, media_id: MediaId, protected: bool) -> bool:
        return _count(await self._database.execute(_PROTECT, media_id, protected)) > 0

    async def list_of_user(
        self, uploader: UserId, order: Order, *, backwards: bool, offset: int, limit: int
    ) -> tuple[Sequence[MediaInfo], int]:
        way = "DESC" if backwards else "ASC"
        page = (
            f"SELECT {_COLUMNS} FROM media WHERE uploader = $1"
            f" ORDER BY {_ORDERS[order]} {way} NULLS LAST, media_id {way} LIMIT $2 OFFSET $3"
        )
        rows = await self._database.fetch(page, uploader, limit, offset, confirmed=True)
        total = await self._database.fetchrow(_COUNT_OF_USER, uploader, confirmed=True)
        assert total is not None, "an aggregate gives a row"
        return [_info(row) for row in rows], total[0]

    async def list_older(
        self, before_ts: int, larger_than: int, limit: int, *, keep_profiles: bool
    ) -> Sequence[MediaId]:
        rows = await self._database.fetch(
            _OLDER, before_ts, larger_than, limit, keep_profiles, self._server_name,
            confirmed=True,
        )  # fmt: skip
        return [MediaId(row["media_id"]) for row in rows]

    async def list_uris_in(
        self, room_id: str, after: int, limit: int
    ) -> tuple[Sequence[str], int | None]:
        rows = await self._database.fetch(_EVENTS, room_id, after, limit)
        uris = [uri for row in rows for uri in _uris_in(row["body"])]
        return uris, rows[-1]["position"] if rows else None

    async def delete(self, media_ids: Sequence[MediaId]) -> tuple[list[MediaId], list[bytes]]:
        async def body(connection: Connection) -> tuple[list[MediaId], list[bytes]]:
            await connection.execute(_SWEEP)
            hashes = [row["sha256"] for row in await connection.fetch(_HASHES, list(media_ids))]
            for sha256 in hashes:
                await connection.execute(_LOCK_BYTES, sha256)
            rows = await connection.fetch(_DELETE, list(media_ids))
            orphans = [each for each in hashes if not await connection.fetchrow(_IS_NAMED, each)]
            for sha256 in orphans:
                await connection.execute(_NOTE_GONE, sha256)
            return [MediaId(row["media_id"]) for row in rows], orphans

        return await self._database.write(body)


def _uris_in(body: bytes) -> list[str]:
    """The media that an event shows, where clients look for them; encrypted ones not."""
    if b"mxc://" not in body:
        return []
    content = _object(msgspec.json.decode(body).get("content"))
    info = _object(content.get("info"))
    found = [
        content.get("url"),
        content.get("avatar_url"),
        _object(content.get("file")).get("url"),
        info.get("thumbnail_url"),
        _object(info.get("thumbnail_file")).get("url"),
    ]
    return [uri for uri in found if isinstance(uri, str) and _MXC.match(uri)]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # of JSON


def _count(status: str) -> int:
    return int(status.rpartition(" ")[2])


def _info(row: asyncpg.Record) -> MediaInfo:
    return MediaInfo(*row)
