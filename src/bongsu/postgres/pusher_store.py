"""Rows of pushers."""

from collections.abc import Sequence

import asyncpg
import msgspec

from bongsu.ids import DeviceId, UserId
from bongsu.postgres.database import Connection, Database
from bongsu.push.pushers import Pusher

# Counting and adding are not one step, nor are taking from others and adding: the locks keep apart
# what one user asks, and what is asked for one pushkey. Always taken in this order.
_LOCK_USER = "SELECT pg_advisory_xact_lock(hashtextextended('pusher:' || $1, 0))"
_LOCK_PUSHKEY = "SELECT pg_advisory_xact_lock(hashtextextended('pushkey:' || $1, 0))"
_COUNT_OTHERS = """
    SELECT count(*) FROM pusher WHERE user_id = $1 AND (app_id, pushkey) <> ($2, $3)"""

_PUT = """
    INSERT INTO pusher (user_id, app_id, pushkey, device_id, kind, app_display_name,
                        device_display_name, lang, profile_tag, data, updated_ts)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
            (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
    ON CONFLICT (user_id, app_id, pushkey) DO UPDATE SET
        device_id = excluded.device_id, kind = excluded.kind,
        app_display_name = excluded.app_display_name,
        device_display_name = excluded.device_display_name,
        lang = excluded.lang, profile_tag = excluded.profile_tag, data = excluded.data,
        updated_ts = excluded.updated_ts"""

_DELETE_OF_OTHERS = "DELETE FROM pusher WHERE pushkey = $3 AND app_id = $2 AND user_id <> $1"
_DELETE = "DELETE FROM pusher WHERE user_id = $1 AND app_id = $2 AND pushkey = $3"
_DELETE_OF_DEVICES = "DELETE FROM pusher WHERE user_id = $1 AND device_id = ANY($2)"

_LIST = """
    SELECT app_id, pushkey, kind, app_display_name, device_display_name, lang, profile_tag, data
    FROM pusher WHERE user_id = $1 ORDER BY app_id, pushkey"""


class PostgresPusherStore:
    """The `PusherStore` of the pushers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(
        self,
        user_id: UserId,
        device_id: DeviceId,
        pusher: Pusher,
        *,
        append: bool,
        pushers_max: int,
    ) -> bool:
        name = (user_id, pusher.app_id, pusher.pushkey)

        async def body(connection: Connection) -> bool:
            await connection.execute(_LOCK_USER, user_id)
            await connection.execute(_LOCK_PUSHKEY, pusher.pushkey)
            if await connection.fetchval(_COUNT_OTHERS, *name) >= pushers_max:
                return False
            if not append:
                await connection.execute(_DELETE_OF_OTHERS, *name)
            await connection.execute(_PUT, *name, device_id, *_columns(pusher))
            return True

        return await self._database.write(body)

    async def delete(self, user_id: UserId, app_id: str, pushkey: str) -> None:
        await self._database.execute(_DELETE, user_id, app_id, pushkey)

    async def list_pushers(self, user_id: UserId) -> list[Pusher]:
        """Confirmed: a client that misses its pusher would make it anew."""
        return [_pusher(row) for row in await self._database.fetch(_LIST, user_id, confirmed=True)]


async def delete_pushers_of(
    connection: Connection, user_id: UserId, device_ids: Sequence[DeviceId]
) -> None:
    """Pushers end with the devices that made them. A `device_store.DeletionHook`."""
    await connection.execute(_DELETE_OF_DEVICES, user_id, device_ids)


def _columns(pusher: Pusher) -> tuple[object, ...]:
    return (
        pusher.kind,
        pusher.app_display_name,
        pusher.device_display_name,
        pusher.lang,
        pusher.profile_tag,
        msgspec.json.encode(pusher.data),
    )


def _pusher(row: asyncpg.Record) -> Pusher:
    fields = dict(row)
    return Pusher(**fields | {"data": msgspec.json.decode(fields["data"])})
