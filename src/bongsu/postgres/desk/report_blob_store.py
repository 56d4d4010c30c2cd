"""The rows of evidence by content, which keep naming and removing apart."""

from collections.abc import Collection, Mapping

from bongsu.desk.reports.stores import EvidenceGone, EvidenceLeaving
from bongsu.postgres.database import Connection, Database

# In the order of the hashes, so that no two wait for each other. The update that changes nothing
# locks the row: nobody begins a removal before this transaction ends.
_HOLD = """
INSERT INTO report_blob (sha256) SELECT DISTINCT unnest($1::bytea[]) AS sha256 ORDER BY sha256
ON CONFLICT (sha256) DO UPDATE SET sha256 = excluded.sha256
RETURNING sha256, ended_ts, removals, claimed_until, removed_ts
"""
_USE = """
UPDATE report_blob SET ended_ts = NULL, claimed_until = 0, removed_ts = NULL
 WHERE sha256 = ANY($1) AND ended_ts IS NOT NULL
"""
_END = """
INSERT INTO report_blob (sha256, ended_ts)
SELECT DISTINCT sha256, $2::bigint FROM unnest($1::bytea[]) AS ended(sha256) ORDER BY sha256
ON CONFLICT (sha256) DO UPDATE SET
    ended_ts = coalesce(report_blob.ended_ts, excluded.ended_ts), removed_ts = NULL,
    -- Bytes that were put during a removal, or after it: that removal says nothing of them.
    removals = report_blob.removals + (report_blob.claimed_until > 0)::integer
"""
_OF_REPORT = "SELECT DISTINCT sha256 FROM report_file WHERE report_id = $1"
_LOCK_ENDED = """
SELECT sha256 FROM report_blob
 WHERE ended_ts IS NOT NULL AND removed_ts IS NULL AND claimed_until < $1
 ORDER BY ended_ts LIMIT $2 FOR UPDATE SKIP LOCKED
"""
_NAMED = """
SELECT DISTINCT sha256 FROM report_file JOIN report USING (report_id)
 WHERE sha256 = ANY($1) AND erased_ts IS NULL
"""
_CLAIM = """
UPDATE report_blob SET removals = removals + 1, claimed_until = $2 WHERE sha256 = ANY($1)
RETURNING sha256, removals
"""
_REMOVED = """
UPDATE report_blob SET removed_ts = $3
  FROM unnest($1::bytea[], $2::integer[]) AS gone(sha256, removals)
 WHERE report_blob.sha256 = gone.sha256 AND report_blob.removals = gone.removals
   AND ended_ts IS NOT NULL AND claimed_until > 0
"""
_FORGET = "DELETE FROM report_blob WHERE removed_ts < $1"


async def hold_blobs(
    connection: Connection, hashes: Collection[bytes], seen: Mapping[bytes, int], now: int
) -> None:
    """Before rows name `hashes`, in their transaction. `seen`: removals after whose end the bytes
    were put again. Raises `EvidenceLeaving` and `EvidenceGone`."""
    if not hashes:
        return
    gone: dict[bytes, int] = {}
    for row in await connection.fetch(_HOLD, list(hashes)):
        if row["ended_ts"] is None or row["claimed_until"] == 0:
            continue
        if row["removed_ts"] is None and row["claimed_until"] >= now:
            raise EvidenceLeaving("The same bytes are being removed at this moment")
        if seen.get(row["sha256"]) != row["removals"]:
            gone[row["sha256"]] = row["removals"]
    if gone:
        raise EvidenceGone(gone)
    await connection.execute(_USE, list(hashes))


async def end_blobs(connection: Connection, hashes: Collection[bytes], now: int) -> None:
    """Perhaps nobody names them any more: whoever removes them looks."""
    if hashes:
        await connection.execute(_END, list(hashes), now)


async def end_blobs_of(connection: Connection, report_id: str, now: int) -> None:
    """Of a report that is erased in this transaction. Another one may be erased with it, so it is
    not asked here whether that has them too."""
    rows = await connection.fetch(_OF_REPORT, report_id)
    await end_blobs(connection, [row["sha256"] for row in rows], now)


class PostgresBlobEnds:
    """Implements `desk.reports.blob_removal.BlobEnds`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, now: int, until: int, limit: int) -> Mapping[bytes, int]:
        async def body(connection: Connection) -> dict[bytes, int]:
            ended = [row["sha256"] for row in await connection.fetch(_LOCK_ENDED, now, limit)]
            if not ended:
                return {}
            named = {row["sha256"] for row in await connection.fetch(_NAMED, ended)}
            await connection.execute(_USE, list(named))
            free = [sha256 for sha256 in ended if sha256 not in named]
            rows = await connection.fetch(_CLAIM, free, until)
            return {row["sha256"]: row["removals"] for row in rows}

        return await self._database.write(body)

    async def removed(self, removals: Mapping[bytes, int], now: int, forget_before: int) -> None:
        async def body(connection: Connection) -> None:
            if removals:
                await connection.execute(_REMOVED, list(removals), list(removals.values()), now)
            await connection.execute(_FORGET, forget_before)

        await self._database.write(body, idempotent=True)
