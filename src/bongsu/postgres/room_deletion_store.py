"""Deletions of rooms, and the erasing of what was said in one."""

from collections.abc import Sequence

import asyncpg
import msgspec

from bongsu.ids import EventId
from bongsu.log.entry import EventFacts, decode_facts, encode_facts
from bongsu.postgres.database import Connection, Database
from bongsu.rooms.deletion import DeleteOptions, Deletion, Shutdown
from bongsu.rooms.event import event_from_json, redact_event
from bongsu.rooms.reading import Member
from bongsu.rooms.room_version import room_version

KEPT_MS = 24 * 3600 * 1000  # how long the status of a deletion that is over can be asked for

_COLUMNS = "room_id, delete_id, created_ts, options, status, error, shutdown"

_SWEEP = "DELETE FROM room_deletion WHERE status IN ('complete', 'failed') AND created_ts < $1"
_LOCK_ROOM = "SELECT pg_advisory_xact_lock(hashtextextended('room_deletion:' || $1, 0))"
_IS_RUNNING = """
SELECT 1 FROM room_deletion WHERE room_id = $1 AND status IN ('scheduled', 'active')
"""
_ADD = f"INSERT INTO room_deletion ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7)"
_BLOCK = "INSERT INTO room_block VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"

_SAVE = """
UPDATE room_deletion SET status = $3, error = $4, shutdown = $5
 WHERE room_id = $1 AND delete_id = $2
"""

_GET = f"SELECT {_COLUMNS} FROM room_deletion WHERE delete_id = $1"
_LIST = f"SELECT {_COLUMNS} FROM room_deletion WHERE room_id = $1 ORDER BY created_ts"

_MEMBERSHIPS = """
SELECT DISTINCT ON (user_id) user_id, membership, position, event_id, sender
  FROM membership WHERE room_id = $1 ORDER BY user_id, position DESC
"""

_VERSION = "SELECT version FROM room WHERE room_id = $1"

_PAGE = """
SELECT partition, position, event_id, body, facts FROM entry
 WHERE key = $1 AND event_id IS NOT NULL AND position > $2 ORDER BY position LIMIT $3
"""

_REWRITE = """
UPDATE entry SET body = husk.body, facts = husk.facts
  FROM unnest($2::bigint[], $3::bytea[], $4::bytea[]) AS husk (position, body, facts)
 WHERE entry.partition = $1 AND entry.position = husk.position
"""

_UNMENTION = """
DELETE FROM mention USING unnest($2::text[], $3::bigint[]) AS gone (user_id, position)
 WHERE mention.user_id = gone.user_id AND room_id = $1 AND mention.position = gone.position
"""

_UNFIND = "DELETE FROM search_document WHERE partition = $1 AND position = ANY($2::bigint[])"
_UNRELATE = "DELETE FROM relation WHERE room_id = $1"
_UNREAD = "DELETE FROM receipt WHERE room_id = $1"
_UNINVITE = "UPDATE membership SET stripped_state = NULL WHERE room_id = $1"

_MARK_PURGED = "INSERT INTO room_purge VALUES ($1, $2) ON CONFLICT DO NOTHING"

ROOM_MENTION = "@room"


class PostgresDeletionStore:
    """Implements `rooms.deletion.DeletionStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, deletion: Deletion, blocked_by: str | None) -> bool:
        async def body(connection: Connection) -> bool:
            await connection.execute(_LOCK_ROOM, deletion.room_id)
            await connection.execute(_SWEEP, deletion.created_ts - KEPT_MS)
            if await connection.fetchrow(_IS_RUNNING, deletion.room_id):
                return False
            await connection.execute(_ADD, *_row(deletion))
            if blocked_by is not None:
                await connection.execute(_BLOCK, deletion.room_id, blocked_by, deletion.created_ts)
            return True

        return await self._database.write(body)

    async def save(self, deletion: Deletion) -> None:
        room_id, delete_id, _, _, *rest = _row(deletion)
        await self._database.execute(_SAVE, room_id, delete_id, *rest, idempotent=True)

    async def get(self, delete_id: str) -> Deletion | None:
        row = await self._database.fetchrow(_GET, delete_id, confirmed=True)
        return _deletion(row) if row else None

    async def list_of(self, room_id: str) -> Sequence[Deletion]:
        rows = await self._database.fetch(_LIST, room_id, confirmed=True)
        return [_deletion(row) for row in rows]

    async def list_memberships(self, room_id: str) -> Sequence[Member]:
        rows = await self._database.fetch(_MEMBERSHIPS, room_id, confirmed=True)
        return [Member(*row) for row in rows]

    async def erase(self, room_id: str, after: int, limit: int) -> int | None:
        async def body(connection: Connection) -> int | None:
            version = room_version(await connection.fetchval(_VERSION, room_id))
            rows = await connection.fetch(_PAGE, room_id, after, limit)
            if not rows:
                for query in (_UNRELATE, _UNREAD, _UNINVITE):
                    await connection.execute(query, room_id)
                return None
            bodies: list[bytes] = []
            facts: list[bytes] = []
            mentions: list[tuple[str, int]] = []
            for row in rows:
                event = event_from_json(version, EventId(row["event_id"]), row["body"])
                known = decode_facts(row["facts"])
                bodies.append(redact_event(version, event).json)
                facts.append(encode_facts(_husk(known)))
                mentions += [(user, row["position"]) for user in (*known.mentions, ROOM_MENTION)]
            positions = [row["position"] for row in rows]
            await connection.execute(_REWRITE, rows[0]["partition"], positions, bodies, facts)
            await connection.execute(_UNFIND, rows[0]["partition"], positions)
            users, places = zip(*mentions, strict=True)
            await connection.execute(_UNMENTION, room_id, list(users), list(places))
            return positions[-1]

        return await self._database.write(body)

    async def mark_purged(self, room_id: str, now: int) -> None:
        await self._database.execute(_MARK_PURGED, room_id, now, idempotent=True)


def _husk(facts: EventFacts) -> EventFacts:
    """What is left of the facts: nobody sees the event who was not in the room."""
    return msgspec.structs.replace(
        facts,
        visibility="joined",
        visibility_before=None,
        relation=None,
        mentions=(),
        mentions_room=False,
        txn_id=None,
        device_id=None,
    )


def _row(deletion: Deletion) -> tuple[object, ...]:
    return (
        deletion.room_id,
        deletion.delete_id,
        deletion.created_ts,
        msgspec.json.encode(deletion.options),
        deletion.status,
        deletion.error,
        msgspec.json.encode(deletion.shutdown),
    )


def _deletion(row: asyncpg.Record) -> Deletion:
    return Deletion(
        room_id=row["room_id"],
        delete_id=row["delete_id"],
        created_ts=row["created_ts"],
        options=msgspec.json.decode(row["options"], type=DeleteOptions),
        status=row["status"],
        error=row["error"],
        shutdown=msgspec.json.decode(row["shutdown"], type=Shutdown),
    )
