"""What the delivery of pushes reads and keeps."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import asyncpg
import msgspec

from bongsu.log.entry import LoggedEvent, decode_facts
from bongsu.postgres.database import Connection, Database
from bongsu.pushing.audience import Members
from bongsu.pushing.notice import Due, Names, PusherName, Target

_ANYBODY = "SELECT EXISTS (SELECT FROM pusher) AS found"

_LATEST_CHANGE = "SELECT coalesce(max(updated_ts), 0) AS latest FROM pusher"
# With an overlap: who wrote a little before may have committed a little after.
_CHANGED = "SELECT user_id, updated_ts FROM pusher WHERE updated_ts > $1::bigint - 5000"

_CURSORS = "SELECT partition, position FROM push_cursor WHERE partition = ANY($1)"
_SAVE_CURSORS = """
INSERT INTO push_cursor SELECT * FROM unnest($1::smallint[], $2::bigint[])
ON CONFLICT (partition) DO UPDATE SET position = excluded.position
 WHERE push_cursor.position < excluded.position
"""

_MEMBER_COUNTS = "SELECT room_id, joined_count FROM room WHERE room_id = ANY($1)"
# Of a room's members of all times those with pushers, then those of them who are in it now.
_MEMBERS = """
SELECT candidate.room_id, candidate.user_id FROM (
    SELECT DISTINCT membership.room_id, membership.user_id
    FROM membership JOIN pusher USING (user_id) WHERE membership.room_id = ANY($1)
) AS candidate
CROSS JOIN LATERAL (
    SELECT membership FROM membership
    WHERE user_id = candidate.user_id AND room_id = candidate.room_id
    ORDER BY position DESC LIMIT 1
) AS latest
WHERE latest.membership = 'join'
"""

_RULES = """
SELECT user_id, type, content FROM account_data
WHERE user_id = ANY($1) AND room_id = '' AND type = ANY($2) AND content IS NOT NULL
"""

_TARGETS = """
SELECT user_id, app_id, pushkey, kind, lang, data, updated_ts FROM pusher WHERE user_id = ANY($1)
ORDER BY user_id, app_id, pushkey
"""
_TARGET = """
SELECT user_id, app_id, pushkey, kind, lang, data, updated_ts FROM pusher
WHERE user_id = $1 AND app_id = $2 AND pushkey = $3
"""
# Not if it was set again since: that may have made it good.
_REJECT = """
DELETE FROM pusher WHERE user_id = $1 AND app_id = $2 AND pushkey = $3 AND updated_ts = $4
"""

_EVENT = """
SELECT key, position, event_id, body, facts FROM entry
WHERE partition = $1 AND position = $2 AND event_id IS NOT NULL
"""
_NAMES = """
SELECT wish.type, entry.body
FROM unnest($2::text[], $3::text[]) AS wish(type, state_key)
CROSS JOIN LATERAL (
    SELECT position FROM state
    WHERE room_id = $1 AND type = wish.type AND state_key = wish.state_key AND position <= $4
    ORDER BY position DESC LIMIT 1
) AS latest
JOIN entry ON entry.key = $1 AND entry.position = latest.position AND entry.event_id IS NOT NULL
"""

_KEEP = """
INSERT INTO push_pending
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::bigint[],
                     $6::bigint[], $7::bytea[])
ON CONFLICT DO NOTHING
"""
_KEEP_ONLY_LATEST = """
DELETE FROM push_pending USING (
    SELECT user_id, app_id, pushkey, partition, position, row_number() OVER (
        PARTITION BY user_id, app_id, pushkey ORDER BY ts DESC, position DESC) AS place
    FROM push_pending
    JOIN unnest($1::text[], $2::text[], $3::text[]) AS pusher(user_id, app_id, pushkey)
         USING (user_id, app_id, pushkey)
) AS ranked
WHERE ranked.place > $4 AND push_pending.user_id = ranked.user_id
  AND push_pending.app_id = ranked.app_id AND push_pending.pushkey = ranked.pushkey
  AND push_pending.partition = ranked.partition AND push_pending.position = ranked.position
"""
_KEPT_NAMES = """
SELECT user_id, app_id, pushkey, min(ts) AS ts FROM push_pending
WHERE partition = ANY($1) GROUP BY user_id, app_id, pushkey
"""
_KEPT = """
SELECT user_id, app_id, pushkey, partition, position, ts, actions FROM push_pending
WHERE user_id = $1 AND app_id = $2 AND pushkey = $3 AND partition = ANY($4)
ORDER BY ts, position
"""
_FORGET = """
DELETE FROM push_pending
USING unnest($1::text[], $2::text[], $3::text[], $4::smallint[], $5::bigint[])
      AS done(user_id, app_id, pushkey, partition, position)
WHERE push_pending.user_id = done.user_id AND push_pending.app_id = done.app_id
  AND push_pending.pushkey = done.pushkey AND push_pending.partition = done.partition
  AND push_pending.position = done.position
"""


class PostgresPushStore:
    """Implements `pushing.sources.PushStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def has_pushers(self) -> bool:
        row = await self._database.fetchrow(_ANYBODY)
        return row is not None and row["found"]

    async def latest_change(self) -> int:
        row = await self._database.fetchrow(_LATEST_CHANGE)
        return row["latest"] if row is not None else 0

    async def load_changed(self, after_ts: int) -> set[tuple[str, int]]:
        rows = await self._database.fetch(_CHANGED, after_ts, confirmed=True)
        return {(row["user_id"], row["updated_ts"]) for row in rows}

    async def load_cursors(self, partitions: Collection[int]) -> dict[int, int]:
        rows = await self._database.fetch(_CURSORS, list(partitions), confirmed=True)
        return {row["partition"]: row["position"] for row in rows}

    async def save_cursors(self, cursors: Mapping[int, int]) -> None:
        columns = list(cursors), list(cursors.values())
        await self._database.execute(_SAVE_CURSORS, *columns, idempotent=True)

    async def load_members(self, room_ids: Sequence[str]) -> dict[str, Members]:
        counts = await self._database.fetch(_MEMBER_COUNTS, list(room_ids))
        found = {room_id: Members() for room_id in room_ids}
        for row in counts:
            found[row["room_id"]].count = row["joined_count"]
        for row in await self._database.fetch(_MEMBERS, list(room_ids)):
            found[row["room_id"]].with_pushers.add(row["user_id"])
        return found

    async def load_account_data(
        self, user_ids: Sequence[str], types: Sequence[str]
    ) -> list[tuple[str, str, bytes]]:
        rows = await self._database.fetch(_RULES, list(user_ids), list(types))
        return [(row["user_id"], row["type"], row["content"]) for row in rows]

    async def load_targets(self, user_ids: Sequence[str]) -> list[Target]:
        rows = await self._database.fetch(_TARGETS, list(user_ids), confirmed=True)
        return [_target(row) for row in rows]

    async def load_target(self, name: PusherName) -> Target | None:
        row = await self._database.fetchrow(_TARGET, *name, confirmed=True)
        return None if row is None else _target(row)

    async def reject(self, target: Target) -> None:
        await self._database.execute(_REJECT, *target.name, target.updated_ts, idempotent=True)

    async def load_event(self, partition: int, position: int) -> LoggedEvent | None:
        row = await self._database.fetchrow(_EVENT, partition, position)
        if row is None:
            return None
        facts = decode_facts(row["facts"])
        return LoggedEvent(row["key"], row["position"], row["event_id"], row["body"], facts)

    async def load_names(self, room_id: str, sender: str, position: int) -> Names:
        types = ["m.room.name", "m.room.canonical_alias", "m.room.member"]
        rows = await self._database.fetch(_NAMES, room_id, types, ["", "", sender], position)
        content = {row["type"]: msgspec.json.decode(row["body"])["content"] for row in rows}
        return Names(
            sender_display_name=_text(content, "m.room.member", "displayname"),
            room_name=_text(content, "m.room.name", "name"),
            room_alias=_text(content, "m.room.canonical_alias", "alias"),
        )

    async def keep(self, dues: Sequence[Due], per_pusher_max: int) -> None:
        rows = [
            (*due.name, due.partition, due.position, due.ts, msgspec.json.encode(due.actions))
            for due in dues
        ]
        names = sorted({due.name for due in dues})

        async def body(connection: Connection) -> None:
            await connection.execute(_KEEP, *_columns(rows))
            await connection.execute(_KEEP_ONLY_LATEST, *_columns(names), per_pusher_max)

        await self._database.write(body, idempotent=True)

    async def load_kept_names(self, partitions: Collection[int]) -> dict[PusherName, int]:
        rows = await self._database.fetch(_KEPT_NAMES, list(partitions), confirmed=True)
        return {_name(row): row["ts"] for row in rows}

    async def load_kept(self, name: PusherName, partitions: Collection[int]) -> list[Due]:
        rows = await self._database.fetch(_KEPT, *name, list(partitions), confirmed=True)
        return [
            Due(
                name,
                row["partition"],
                row["position"],
                row["ts"],
                msgspec.json.decode(row["actions"]),
            )
            for row in rows
        ]

    async def forget(self, dues: Sequence[Due]) -> None:
        rows = [(*due.name, due.partition, due.position) for due in dues]
        await self._database.execute(_FORGET, *_columns(rows), idempotent=True)


def _name(row: asyncpg.Record) -> PusherName:
    return PusherName(row["user_id"], row["app_id"], row["pushkey"])


def _target(row: asyncpg.Record) -> Target:
    data = msgspec.json.decode(row["data"])
    return Target(_name(row), row["kind"], row["lang"], data, row["updated_ts"])


def _text(contents: dict[str, dict[str, Any]], type: str, name: str) -> str | None:
    value = contents.get(type, {}).get(name)
    return value if isinstance(value, str) else None


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
