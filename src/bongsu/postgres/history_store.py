"""The history and the state of single rooms, never beyond the position that the caller names."""

from collections.abc import Sequence
from typing import Any

import msgspec

from bongsu.log.entry import LoggedEvent, decode_facts
from bongsu.postgres.database import Database
from bongsu.rooms.access import Standing

# One round trip for all that decides what somebody may read of a room.
STANDING = """
SELECT own.positions, own.memberships,
       (SELECT leave_position FROM forgotten WHERE user_id = $1 AND room_id = $2) AS forgotten,
       (SELECT entry.body FROM state JOIN entry USING (event_id)
        WHERE state.room_id = $2 AND state.type = 'm.room.history_visibility'
          AND state.state_key = '' AND state.position <= $3
        ORDER BY state.position DESC LIMIT 1) AS visibility,
       (SELECT content FROM account_data
        WHERE user_id = $1 AND room_id = '' AND type = 'm.ignored_user_list') AS ignored
FROM (
    SELECT array_agg(position ORDER BY position) AS positions,
           array_agg(membership ORDER BY position) AS memberships
    FROM membership WHERE user_id = $1 AND room_id = $2 AND position <= $3
) AS own
"""

HEAD = "SELECT head FROM partition WHERE partition = $1"

_EVENTS = """
SELECT key, position, event_id, body, facts FROM entry
WHERE key = $1 AND event_id IS NOT NULL AND position > $2 AND position <= $3
ORDER BY position {order} LIMIT $4
"""
OLDEST_FIRST = _EVENTS.format(order="ASC")
NEWEST_FIRST = _EVENTS.format(order="DESC")

EVENT = """
SELECT key, position, event_id, body, facts FROM entry
WHERE event_id = $2 AND key = $1 AND position <= $3
"""

WITH_CHILDREN = """
SELECT DISTINCT parent_id FROM relation
WHERE room_id = $1 AND parent_id = ANY($2) AND position <= $3
  AND ($4::text[] IS NULL OR sender = ANY($4)) AND ($5::text[] IS NULL OR rel_type = ANY($5))
"""

_CURRENT = """
    SELECT DISTINCT ON (type, state_key) type, state_key, event_id FROM state
    WHERE room_id = $1 AND position <= $2 AND (type, state_key) > ($3, $4) {condition}
    ORDER BY type, state_key, position DESC LIMIT $5
"""
_STATE_PAGE = """
SELECT entry.key, entry.position, entry.event_id, entry.body, entry.facts
FROM ({current}) AS current JOIN entry USING (event_id)
ORDER BY current.type, current.state_key LIMIT $5
"""
STATE_PAGE = _STATE_PAGE.format(current=_CURRENT.format(condition=""))
# Two ranges of the index, around what may be a hundred thousand members.
STATE_PAGE_WITHOUT_MEMBERS = _STATE_PAGE.format(
    current="({}) UNION ALL ({})".format(
        _CURRENT.format(condition="AND type < 'm.room.member'"),
        _CURRENT.format(condition="AND type > 'm.room.member'"),
    )
)

MEMBERS_PAGE = """
WITH current AS (
    SELECT DISTINCT ON (user_id) user_id, event_id FROM membership
    WHERE room_id = $1 AND position <= $2 AND user_id > $3
    ORDER BY user_id, position DESC LIMIT $4
)
SELECT entry.key, entry.position, entry.event_id, entry.body, entry.facts
FROM current JOIN entry USING (event_id) ORDER BY current.user_id
"""

STATE_EVENT = """
SELECT entry.key, entry.position, entry.event_id, entry.body, entry.facts
FROM state JOIN entry USING (event_id)
WHERE state.room_id = $1 AND state.type = $2 AND state.state_key = $3 AND state.position <= $4
ORDER BY state.position DESC LIMIT 1
"""

JOINED_ROOMS = """
SELECT room_id FROM (
    SELECT DISTINCT ON (room_id) room_id, membership FROM membership
    WHERE user_id = $1 ORDER BY room_id, position DESC
) AS latest WHERE membership = 'join' ORDER BY room_id
"""


class PostgresHistoryStore:
    """Implements `AccessReader`, `HistoryReader` and `RoomStateReader` of `rooms`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self, user_id: str, room_id: str, through: int) -> Standing:
        row = await self._database.fetchrow(STANDING, user_id, room_id, through)
        assert row is not None, "an aggregate gives a row"
        own = list(zip(row["positions"] or (), row["memberships"] or (), strict=True))
        return Standing(own, row["forgotten"], visibility_in(row["visibility"]), row["ignored"])

    async def head(self, partition: int) -> int:
        row = await self._database.fetchrow(HEAD, partition, confirmed=True)
        assert row is not None, "every partition has its row"
        return row["head"]

    async def list_events(
        self, room_id: str, after: int, through: int, limit: int, *, backwards: bool
    ) -> list[LoggedEvent]:
        query = NEWEST_FIRST if backwards else OLDEST_FIRST
        return await self._events(query, room_id, after, through, limit)

    async def event(self, room_id: str, event_id: str, through: int) -> LoggedEvent | None:
        return _first(await self._events(EVENT, room_id, event_id, through))

    async def with_children(
        self,
        room_id: str,
        event_ids: Sequence[str],
        through: int,
        senders: Sequence[str] | None,
        rel_types: Sequence[str] | None,
    ) -> set[str]:
        rows = await self._database.fetch(
            WITH_CHILDREN, room_id, list(event_ids), through, senders, rel_types
        )
        return {row["parent_id"] for row in rows}

    async def list_state_page(
        self, room_id: str, through: int, after: tuple[str, str], limit: int, *, members: bool
    ) -> list[LoggedEvent]:
        query = STATE_PAGE if members else STATE_PAGE_WITHOUT_MEMBERS
        return await self._events(query, room_id, through, *after, limit)

    async def list_members_page(
        self, room_id: str, through: int, after: str, limit: int
    ) -> list[LoggedEvent]:
        return await self._events(MEMBERS_PAGE, room_id, through, after, limit)

    async def state_event_at(
        self, room_id: str, type: str, state_key: str, through: int
    ) -> LoggedEvent | None:
        return _first(await self._events(STATE_EVENT, room_id, type, state_key, through))

    async def list_joined_rooms(self, user_id: str) -> list[str]:
        rows = await self._database.fetch(JOINED_ROOMS, user_id, confirmed=True)
        return [row["room_id"] for row in rows]

    async def _events(self, query: str, *arguments: Any) -> list[LoggedEvent]:
        return [logged_event(row) for row in await self._database.fetch(query, *arguments)]


def logged_event(row: Any) -> LoggedEvent:
    """From a row of key, position, event_id, body and facts."""
    facts = decode_facts(row["facts"])
    return LoggedEvent(row["key"], row["position"], row["event_id"], row["body"], facts)


def visibility_in(body: bytes | None) -> object:
    """What an m.room.history_visibility says, by its stored JSON."""
    return None if body is None else msgspec.json.decode(body)["content"].get("history_visibility")


def _first(events: list[LoggedEvent]) -> LoggedEvent | None:
    return events[0] if events else None
