"""Messages to devices in PostgreSQL. The pen writes them; here they are read, counted, deleted."""

from collections.abc import Mapping, Sequence

from bongsu.keys.inbox import Inbox, KeyCounts, StoredMessage
from bongsu.postgres.database import Database

_KNOWN = """
SELECT DISTINCT user_id, device_id FROM device
JOIN unnest($1::text[], $2::text[]) AS wish(user_id, device_id) USING (user_id, device_id)
UNION ALL
SELECT DISTINCT wish.user_id, '*' FROM unnest($1::text[], $2::text[]) AS wish(user_id, device_id)
JOIN device ON device.user_id = wish.user_id WHERE wish.device_id = '*'
"""

_READ = """
SELECT position, body FROM to_device
 WHERE user_id = $1 AND device_id = $2 AND position > $3 AND position <= $4
 ORDER BY position, seq LIMIT $5
"""

_LAST = """
SELECT coalesce(max(position), 0) AS last FROM to_device WHERE user_id = $1 AND device_id = $2
"""

_DELETE = """
DELETE FROM to_device
USING unnest($1::text[], $2::text[], $3::bigint[]) AS had(user_id, device_id, position)
WHERE to_device.user_id = had.user_id AND to_device.device_id = had.device_id
  AND to_device.position <= had.position
"""

_COUNTS = """
SELECT algorithm, count(*) AS unclaimed FROM one_time_key
WHERE user_id = $1 AND device_id = $2 AND claimed_at IS NULL GROUP BY algorithm
UNION ALL
SELECT algorithm, -1 FROM fallback_key WHERE user_id = $1 AND device_id = $2 AND NOT is_used
UNION ALL
SELECT '', 0 FROM device_key WHERE user_id = $1 AND device_id = $2
"""


class PostgresToDeviceStore:
    """Implements `keys.inbox.InboxStore` and `keys.to_device.DeviceReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known_devices(self, devices: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        columns = zip(*devices, strict=True)
        rows = await self._database.fetch(_KNOWN, *map(list, columns), confirmed=True)
        return {(row["user_id"], row["device_id"]) for row in rows}

    async def read(self, inbox: Inbox, limit: int) -> Sequence[StoredMessage]:
        rows = await self._database.fetch(_READ, *inbox, limit)
        return [StoredMessage(row["position"], row["body"]) for row in rows]

    async def last_position(self, user_id: str, device_id: str) -> int:
        rows = await self._database.fetch(_LAST, user_id, device_id)
        return rows[0]["last"]

    async def delete(self, read: Mapping[tuple[str, str], int]) -> None:
        rows = [(*device, position) for device, position in read.items()]
        await self._database.execute(_DELETE, *zip(*rows, strict=True))

    async def key_counts(
        self, user_id: str, device_id: str, *, confirmed: bool = True
    ) -> KeyCounts | None:
        rows = await self._database.fetch(_COUNTS, user_id, device_id, confirmed=confirmed)
        if not rows:
            return None
        return KeyCounts(
            {row["algorithm"]: row["unclaimed"] for row in rows if row["unclaimed"] > 0},
            [row["algorithm"] for row in rows if row["unclaimed"] < 0],
        )
