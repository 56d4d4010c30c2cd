"""Previews of links in PostgreSQL: the latest of each link, and not too many of them."""

from collections.abc import Sequence

import msgspec

from bongsu.media.content import MediaId
from bongsu.media.previews import Preview
from bongsu.postgres.database import Connection, Database

PREVIEWS_MAX = 20_000
DROPPED_AT_ONCE_MAX = 20
# Clients remember what they were shown: a copied image outlives its preview by so much.
KEPT_MS = 7 * 24 * 3600 * 1000

_GET = """
SELECT properties, expires_ts, media_id FROM url_preview WHERE url_hash = $1 AND expires_ts > $2
"""
_PUT = """
INSERT INTO url_preview (url_hash, properties, media_id, expires_ts) VALUES ($1, $2, $3, $4)
ON CONFLICT (url_hash) DO UPDATE
   SET properties = EXCLUDED.properties, media_id = EXCLUDED.media_id,
       expires_ts = EXCLUDED.expires_ts
"""
_FORMER = "SELECT media_id FROM url_preview WHERE url_hash = $1 FOR UPDATE"
_COUNT = "SELECT count(*) FROM (SELECT 1 FROM url_preview LIMIT $1) AS known"
_DROP = """
DELETE FROM url_preview WHERE url_hash IN (
    SELECT url_hash FROM url_preview WHERE expires_ts < $1 ORDER BY expires_ts LIMIT $2
) RETURNING media_id
"""
_EVER = 2**62


class PostgresPreviewStore:
    """Implements `media.previews.PreviewStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, url_hash: bytes, now: int) -> Preview | None:
        row = await self._database.fetchrow(_GET, url_hash, now)
        if row is None:
            return None
        known = row["properties"]
        properties = None if known is None else msgspec.json.decode(known)
        return Preview(properties, row["expires_ts"], row["media_id"])

    async def put(self, url_hash: bytes, preview: Preview, now: int) -> Sequence[MediaId]:
        known = preview.properties
        properties = None if known is None else msgspec.json.encode(known)

        async def body(connection: Connection) -> Sequence[MediaId]:
            former = await connection.fetchval(_FORMER, url_hash)
            await connection.execute(
                _PUT, url_hash, properties, preview.media_id, preview.expires_ts
            )
            is_full = await connection.fetchval(_COUNT, PREVIEWS_MAX + 1) > PREVIEWS_MAX
            before = _EVER if is_full else now - KEPT_MS
            rows = await connection.fetch(_DROP, before, DROPPED_AT_ONCE_MAX)
            return [MediaId(m) for m in (former, *(row["media_id"] for row in rows)) if m]

        return await self._database.write(body)
