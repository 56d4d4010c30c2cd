"""What sliding sync reads beside what every sync does, and the states of its connections."""

from collections.abc import Sequence
from time import time
from typing import Any

import msgspec

from bongsu.log.entry import LoggedEvent, decode_facts
from bongsu.postgres.database import Connection, Database
from bongsu.rooms.thread_subscriptions import ThreadSubscription
from bongsu.sync.sliding.connection import ConnectionId
from bongsu.sync.sliding.connections import SavedState
from bongsu.sync.sliding.threads import ThreadRecord
from bongsu.users.account_data import THREAD_SUBSCRIPTION

BUMPS_SCANNED_MAX = 50  # latest events of a room that are looked through
STATES_PER_CONNECTION_MAX = 4  # beside the one that is in use
CONNECTIONS_PER_DEVICE_MAX = 16

_STATE_OF = """
SELECT event.key, event.position, event.event_id, event.body, event.facts
FROM unnest($1::text[], $2::bigint[]) AS wish(room_id, at)
CROSS JOIN unnest($3::text[]) AS wanted(type)
CROSS JOIN LATERAL (
    SELECT position FROM state
    WHERE room_id = wish.room_id AND type = wanted.type AND state_key = '' AND position <= wish.at
    ORDER BY position DESC LIMIT 1
) AS latest
JOIN entry AS event ON event.key = wish.room_id AND event.position = latest.position
                   AND event.event_id IS NOT NULL
"""

_CHILDREN = """
SELECT latest.state_key, event.body
FROM unnest($1::text[], $2::bigint[]) AS wish(room_id, at)
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (state_key) state_key, position FROM state
    WHERE room_id = wish.room_id AND type = 'm.space.child' AND position <= wish.at
    ORDER BY state_key, position DESC
) AS latest
JOIN entry AS event ON event.key = wish.room_id AND event.position = latest.position
                   AND event.event_id IS NOT NULL
"""

# The facts begin with the type. Without such an event among the latest, the oldest of these.
_BUMPS = """
SELECT bump.key, bump.body
FROM unnest($1::text[], $2::bigint[]) AS wish(room_id, at)
CROSS JOIN LATERAL (
    SELECT key, body FROM (
        SELECT key, position, body, EXISTS (
            SELECT FROM unnest($3::bytea[]) AS start
            WHERE substring(facts FROM 1 FOR length(start)) = start
        ) AS is_bump
        FROM entry
        WHERE key = wish.room_id AND event_id IS NOT NULL AND position <= wish.at
        ORDER BY position DESC LIMIT $4
    ) AS latest
    ORDER BY is_bump DESC, CASE WHEN is_bump THEN position ELSE -position END DESC
    LIMIT 1
) AS bump
"""

# Subscriptions are account data of a type of their own.
_THREADS = """
SELECT room_id, type, position, content FROM account_data
WHERE user_id = $1 AND position > $2 AND position <= $3 AND content IS NOT NULL
  AND starts_with(type, $4)
ORDER BY position DESC LIMIT $5
"""

_LOAD = """
SELECT state FROM sliding_connection
WHERE user_id = $1 AND device_id = $2 AND conn_id = $3 AND mark = $4
"""
_SAVE = """
INSERT INTO sliding_connection (user_id, device_id, conn_id, mark, state, used_ts)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (user_id, device_id, conn_id, mark) DO UPDATE SET used_ts = excluded.used_ts
"""
_USE = """
UPDATE sliding_connection SET used_ts = $5
WHERE user_id = $1 AND device_id = $2 AND conn_id = $3 AND mark = $4
"""
_FORGET_STATES = """
DELETE FROM sliding_connection
WHERE user_id = $1 AND device_id = $2 AND conn_id = $3 AND mark <> $4 AND used_ts < (
    SELECT used_ts FROM sliding_connection
    WHERE user_id = $1 AND device_id = $2 AND conn_id = $3 AND mark <> $4
    ORDER BY used_ts DESC OFFSET $5 LIMIT 1
)
"""
_FORGET_CONNECTIONS = """
DELETE FROM sliding_connection
WHERE user_id = $1 AND device_id = $2 AND conn_id IN (
    SELECT conn_id FROM sliding_connection WHERE user_id = $1 AND device_id = $2
    GROUP BY conn_id ORDER BY max(used_ts) DESC OFFSET $3
)
"""
_DELETE_OF_DEVICES = """
DELETE FROM sliding_connection WHERE user_id = $1 AND device_id = ANY($2)
"""


class PostgresSlidingStore:
    """Implements `sync.sliding.sources.SlidingStore`, and `ConnectionStore` beside it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_state_of(
        self, rooms: Sequence[tuple[str, int]], types: Sequence[str]
    ) -> list[LoggedEvent]:
        if not rooms:
            return []
        rows = await self._database.fetch(_STATE_OF, *_columns(rooms), list(types))
        return [_event(row) for row in rows]

    async def load_children(self, spaces: Sequence[tuple[str, int]]) -> set[str]:
        if not spaces:
            return set()
        rows = await self._database.fetch(_CHILDREN, *_columns(spaces))
        return {row["state_key"] for row in rows if b'"via"' in row["body"]}

    async def load_bumps(
        self, rooms: Sequence[tuple[str, int]], types: Sequence[str]
    ) -> dict[str, bytes]:
        if not rooms:
            return {}
        starts = [b'["' + each.encode() + b'",' for each in types]
        rows = await self._database.fetch(_BUMPS, *_columns(rooms), starts, BUMPS_SCANNED_MAX)
        return {row["key"]: row["body"] for row in rows}

    async def load_threads(
        self, user_id: str, after: int, through: int, limit: int
    ) -> list[ThreadRecord]:
        rows = await self._database.fetch(
            _THREADS, user_id, after, through, THREAD_SUBSCRIPTION, limit
        )
        return [_thread(row) for row in rows]

    async def load(self, connection: ConnectionId, mark: bytes) -> bytes | None:
        row = await self._database.fetchrow(_LOAD, *connection, mark, confirmed=True)
        return None if row is None else row["state"]

    async def save(self, states: Sequence[SavedState]) -> None:
        used_ts = int(time() * 1000)
        keys = [(*each.connection, each.mark) for each in states]
        bases = [(*each.connection, each.base) for each in states]
        devices = sorted({key[:2] for key in keys})

        async def body(connection: Connection) -> None:
            rows = [(*key, each.state, used_ts) for key, each in zip(keys, states, strict=True)]
            await connection.executemany(_SAVE, rows)
            await connection.executemany(_USE, [(*base, used_ts) for base in bases])
            await connection.executemany(
                _FORGET_STATES, [(*base, STATES_PER_CONNECTION_MAX) for base in bases]
            )
            await connection.executemany(
                _FORGET_CONNECTIONS, [(*device, CONNECTIONS_PER_DEVICE_MAX) for device in devices]
            )

        await self._database.write(body, idempotent=True)


async def delete_connections_of(
    connection: Connection, user_id: str, device_ids: Sequence[str]
) -> None:
    """Connections end with their devices. A `device_store.DeletionHook`."""
    await connection.execute(_DELETE_OF_DEVICES, user_id, device_ids)


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _thread(row: Any) -> ThreadRecord:
    standing = msgspec.json.decode(row["content"], type=ThreadSubscription)
    root = row["type"].removeprefix(THREAD_SUBSCRIPTION)
    return ThreadRecord(
        row["room_id"], root, row["position"], standing.subscribed, standing.automatic
    )


def _event(row: Any) -> LoggedEvent:
    facts = decode_facts(row["facts"])
    return LoggedEvent(row["key"], row["position"], row["event_id"], row["body"], facts)
