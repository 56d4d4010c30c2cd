"""Rows of the content repository."""

from collections.abc import Sequence

import asyncpg

from bongsu.errors import Unavailable
from bongsu.ids import UserId
from bongsu.media.content import Blob, Content, Media, MediaId
from bongsu.media.repair import Copies
from bongsu.postgres.database import Connection, Database

# Whoever uploads again what was quarantined gains nothing by it.
_IS_BAD = "EXISTS (SELECT FROM media AS bad WHERE bad.sha256 = {sha256} AND bad.quarantined)"

_ADD = """
    INSERT INTO media (media_id, uploader, created_ts, expires_ts, authenticated,
                       sha256, size, content_type, upload_name, sites, quarantined)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, {quarantined})""".format(
    quarantined=_IS_BAD.format(sha256="$6")
)
# The id is random: a row that is there is this one, from a try whose answer was lost.
_ADD_ONCE = _ADD + " ON CONFLICT (media_id) DO NOTHING"

_COMPLETE = """
    UPDATE media SET sha256 = $2, size = $3, content_type = $4, upload_name = $5, sites = $6,
                     authenticated = $7, quarantined = {quarantined}
    WHERE media_id = $1 AND sha256 IS NULL AND expires_ts > $8""".format(
    quarantined=_IS_BAD.format(sha256="$2")
)

_GET = """
    SELECT media_id, uploader, created_ts, expires_ts, authenticated, quarantined,
           sha256, size, content_type, upload_name, sites
    FROM media WHERE media_id = $1"""

# Counting and adding are not one step: the lock keeps one user's requests apart.
_LOCK_USER = "SELECT pg_advisory_xact_lock(hashtextextended('media:' || $1, 0))"
_FORGET_EXPIRED = "DELETE FROM media WHERE uploader = $1 AND sha256 IS NULL AND expires_ts <= $2"
_COUNT_PENDING = "SELECT count(*) FROM media WHERE uploader = $1 AND sha256 IS NULL"

# Rows with the same bytes are one: each hash once, in order.
_COPIES = """
    SELECT sha256, max(size) AS size, array_agg(DISTINCT site) AS sites
    FROM media CROSS JOIN LATERAL unnest(sites) AS site
    WHERE sha256 > $1 GROUP BY sha256 ORDER BY sha256 LIMIT $2"""
_MOVED = """
    UPDATE media SET sites = (
        SELECT array_agg(DISTINCT site) FROM unnest(sites || $2::text[]) AS site
        WHERE site <> ALL ($3::text[])
    ) WHERE sha256 = $1"""

# A deletion takes the same lock alone, and says in the table what it is about to delete.
LOCK_BYTES_SHARED = "SELECT pg_advisory_xact_lock_shared(hashtextextended($1::bytea::text, 1))"
_IS_GONE = """
    SELECT 1 FROM media_gone
    WHERE sha256 = $1 AND gone_ts > (extract(epoch FROM now()) * 1000)::bigint - 60000"""

_QUARANTINE = "UPDATE media SET quarantined = $2 WHERE media_id = $1"


class PostgresMediaStore:
    """The `MediaStore` of the content repository."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, media: Media) -> None:
        async def body(connection: Connection) -> None:
            await _check_there(connection, media.content)
            await connection.execute(_ADD_ONCE, *_columns(media))

        await self._database.write(body, idempotent=True)

    async def add_pending(self, media: Media, *, pending_max: int) -> bool:
        async def body(connection: Connection) -> bool:
            await connection.execute(_LOCK_USER, media.uploader)
            await connection.execute(_FORGET_EXPIRED, media.uploader, media.created_ts)
            if await connection.fetchval(_COUNT_PENDING, media.uploader) >= pending_max:
                return False
            await connection.execute(_ADD, *_columns(media))
            return True

        return await self._database.write(body)

    async def complete(
        self, media_id: MediaId, content: Content, *, authenticated: bool, now_ts: int
    ) -> bool:
        async def body(connection: Connection) -> bool:
            await _check_there(connection, content)
            status = await connection.execute(
                _COMPLETE, media_id, *_content_columns(content), authenticated, now_ts
            )
            return status == "UPDATE 1"

        return await self._database.write(body)

    async def get(self, media_id: MediaId) -> Media | None:
        row = await self._database.fetchrow(_GET, media_id)
        if self._database.has_replica and (row is None or row["sha256"] is None):
            row = await self._database.fetchrow(_GET, media_id, confirmed=True)
        return _media(row) if row is not None else None

    async def list_copies(self, after: bytes, limit: int) -> list[Copies]:
        """Where the bytes of each hash past `after` are, in the order of the hashes."""
        rows = await self._database.fetch(_COPIES, after, limit, confirmed=True)
        return [Copies(Blob(row["sha256"], row["size"]), tuple(row["sites"])) for row in rows]

    async def moved(self, sha256: bytes, gained: Sequence[str], lost: Sequence[str]) -> None:
        await self._database.execute(_MOVED, sha256, list(gained), list(lost), idempotent=True)

    async def set_quarantined(self, media_id: MediaId, quarantined: bool) -> bool:
        """Withdraw a media from everybody, or give it back. False if there is none."""
        return await self._database.execute(_QUARANTINE, media_id, quarantined) == "UPDATE 1"


async def _check_there(connection: Connection, content: Content | None) -> None:
    """`Unavailable` if the same bytes are being deleted: the upload may rely on the old copy."""
    if content is not None:
        await connection.execute(LOCK_BYTES_SHARED, content.blob.sha256)
        if await connection.fetchrow(_IS_GONE, content.blob.sha256):
            raise Unavailable("The same content was deleted just now: upload it again")


def _columns(media: Media) -> tuple[object, ...]:
    head = (
        media.media_id, media.uploader, media.created_ts, media.expires_ts, media.authenticated
    )  # fmt: skip
    return head + _content_columns(media.content)


def _content_columns(content: Content | None) -> tuple[object, ...]:
    if content is None:
        return (None, None, None, None, None)
    blob = content.blob
    return blob.sha256, blob.size, content.content_type, content.upload_name, list(content.sites)


def _media(row: asyncpg.Record) -> Media:
    content = None
    if row["sha256"] is not None:
        content = Content(
            Blob(row["sha256"], row["size"]), row["content_type"], row["upload_name"],
            tuple(row["sites"]),
        )  # fmt: skip
    return Media(
        MediaId(row["media_id"]), UserId(row["uploader"]), row["created_ts"], row["expires_ts"],
        row["authenticated"], row["quarantined"], content,
    )  # fmt: skip
