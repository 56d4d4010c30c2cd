"""Devices in PostgreSQL, and how they end."""

from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from bongsu.ids import DeviceId, UserId
from bongsu.postgres.database import Connection, Database
from bongsu.users.devices import Device
from bongsu.users.last_seen import Sighting

# What else ends with devices (keys, pushers, inboxes), run in the transaction that deletes them.
DeletionHook = Callable[[Connection, UserId, Sequence[DeviceId]], Awaitable[None]]

DEVICES_LISTED_MAX = 5000

_LIST = """
SELECT device_id, display_name, last_seen_ip, last_seen_ts
  FROM device WHERE user_id = $1 ORDER BY device_id LIMIT $2
"""

_GET = """
SELECT device_id, display_name, last_seen_ip, last_seen_ts
  FROM device WHERE user_id = $1 AND device_id = $2
"""

_RENAME = """
UPDATE device SET display_name = $3 WHERE user_id = $1 AND device_id = $2 RETURNING device_id
"""

# With the bound of `session_store`: a bridge's devices count like others.
_ADD = """
INSERT INTO device (user_id, device_id, display_name, created_at)
SELECT $1, $2, $3, $4 WHERE (SELECT count(*) FROM device WHERE user_id = $1) < $5
ON CONFLICT (user_id, device_id) DO NOTHING RETURNING device_id
"""

_DELETE = "DELETE FROM device WHERE user_id = $1 AND device_id = ANY($2::text[])"

_DELETE_SESSIONS = "DELETE FROM session WHERE user_id = $1 AND device_id = ANY($2::text[])"

_OTHERS = """
SELECT device_id FROM device WHERE user_id = $1 AND ($2::text IS NULL OR device_id <> $2)
 ORDER BY device_id
"""

_SEEN = """
UPDATE device SET last_seen_ts = seen.ts, last_seen_ip = seen.ip, last_seen_user_agent = seen.agent
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[])
       AS seen (user_id, device_id, ts, ip, agent)
 WHERE device.user_id = seen.user_id AND device.device_id = seen.device_id
"""

_LIST_SEEN = """
SELECT device_id, last_seen_ip, last_seen_ts, last_seen_user_agent
  FROM device WHERE user_id = $1 ORDER BY device_id LIMIT $2
"""


class PostgresDeviceStore:
    def __init__(self, database: Database, deletion_hooks: Sequence[DeletionHook] = ()) -> None:
        self._database = database
        self._deletion_hooks = deletion_hooks

    async def list_devices(self, user_id: UserId) -> Sequence[Device]:
        rows = await self._database.fetch(_LIST, user_id, DEVICES_LISTED_MAX, confirmed=True)
        return [_device(row) for row in rows]

    async def get(self, user_id: UserId, device_id: DeviceId) -> Device | None:
        row = await self._database.fetchrow(_GET, user_id, device_id, confirmed=True)
        return _device(row) if row else None

    async def rename(self, user_id: UserId, device_id: DeviceId, display_name: str) -> bool:
        async def body(connection: Connection) -> bool:
            row = await connection.fetchrow(_RENAME, user_id, device_id, display_name)
            return row is not None

        return await self._database.write(body)

    async def add(
        self, user_id: UserId, device_id: DeviceId, display_name: str | None, at: int
    ) -> bool:
        """Whether it was made: it may be there already, or be one too many."""

        async def body(connection: Connection) -> bool:
            row = await connection.fetchrow(
                _ADD, user_id, device_id, display_name, at, DEVICES_LISTED_MAX
            )
            return row is not None

        return await self._database.write(body)

    async def delete(self, user_id: UserId, device_ids: Sequence[DeviceId]) -> None:
        async def body(connection: Connection) -> None:
            await self.delete_in(connection, user_id, sorted(device_ids))

        await self._database.write(body)

    async def delete_all(self, user_id: UserId) -> None:
        async def body(connection: Connection) -> None:
            await self.delete_others_in(connection, user_id, keep=None)

        await self._database.write(body)

    async def delete_in(
        self, connection: Connection, user_id: UserId, device_ids: Sequence[DeviceId]
    ) -> None:
        """Delete devices and what hangs on them, inside a transaction of the caller."""
        if not device_ids:
            return
        await connection.execute(_DELETE, user_id, device_ids)
        await connection.execute(_DELETE_SESSIONS, user_id, device_ids)
        for hook in self._deletion_hooks:
            await hook(connection, user_id, device_ids)

    async def delete_others_in(
        self, connection: Connection, user_id: UserId, keep: DeviceId | None
    ) -> None:
        """Delete all devices of a user but `keep`."""
        rows = await connection.fetch(_OTHERS, user_id, keep)
        await self.delete_in(connection, user_id, [row["device_id"] for row in rows])

    async def record_seen(self, sightings: Sequence[Sighting]) -> None:
        columns = list(zip(*(_sighting_row(each) for each in sightings), strict=True))
        await self._database.execute(_SEEN, *columns)

    async def list_sightings(self, user_id: UserId) -> Sequence[Sighting]:
        """When and whence each device was last seen; devices never seen are left out."""
        rows = await self._database.fetch(_LIST_SEEN, user_id, DEVICES_LISTED_MAX)
        return [
            Sighting(
                user_id=user_id,
                device_id=row["device_id"],
                at=row["last_seen_ts"],
                address=row["last_seen_ip"],
                user_agent=row["last_seen_user_agent"],
            )
            for row in rows
            if row["last_seen_ts"] is not None
        ]


def _device(row: asyncpg.Record) -> Device:
    return Device(*row)


def _sighting_row(seen: Sighting) -> tuple[str, str, int, str, str | None]:
    return seen.user_id, seen.device_id, seen.at, seen.address, seen.user_agent
