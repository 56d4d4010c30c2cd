"""Dehydrated devices in PostgreSQL: rows of `device` that nobody is logged in on."""

from time import time_ns

from bongsu.errors import InvalidParam
from bongsu.ids import DeviceId, UserId
from bongsu.keys.dehydration import DehydratedDevice
from bongsu.keys.device_keys import KeyUpload
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.device_store import PostgresDeviceStore
from bongsu.postgres.key_store import upload_in

_LOCK_ACCOUNT = "SELECT 1 FROM account WHERE user_id = $1 FOR UPDATE"

_GET = "SELECT device_id, device_data FROM dehydrated_device WHERE user_id = $1"

_ADD_DEVICE = """
INSERT INTO device (user_id, device_id, display_name, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING RETURNING 1
"""

_PUT = "INSERT INTO dehydrated_device (user_id, device_id, device_data) VALUES ($1, $2, $3)"


class PostgresDehydrationStore:
    """Implements `keys.dehydration.DehydrationStore`."""

    def __init__(self, database: Database, devices: PostgresDeviceStore) -> None:
        self._database = database
        self._devices = devices

    async def put_dehydrated(
        self, user_id: str, device: DehydratedDevice, display_name: str | None, keys: KeyUpload
    ) -> None:
        async def body(connection: Connection) -> None:
            await self._delete(connection, user_id)
            added = await connection.fetchval(
                _ADD_DEVICE, user_id, device.device_id, display_name, time_ns() // 1_000_000
            )
            if added is None:
                raise InvalidParam("This device is there already")
            await connection.execute(_PUT, user_id, *device)
            await upload_in(connection, (user_id, device.device_id), keys)

        await self._database.write(body)

    async def dehydrated(self, user_id: str) -> DehydratedDevice | None:
        row = await self._database.fetchrow(_GET, user_id, confirmed=True)
        return DehydratedDevice(*row) if row else None

    async def delete_dehydrated(self, user_id: str) -> str | None:
        async def body(connection: Connection) -> str | None:
            return await self._delete(connection, user_id)

        return await self._database.write(body)

    async def _delete(self, connection: Connection, user_id: str) -> str | None:
        """The id of the one that was there, with which all that hangs on it is gone."""
        await connection.execute(_LOCK_ACCOUNT, user_id)
        row = await connection.fetchrow(_GET, user_id)
        if row is None:
            return None
        await self._devices.delete_in(connection, UserId(user_id), [DeviceId(row["device_id"])])
        return row["device_id"]
