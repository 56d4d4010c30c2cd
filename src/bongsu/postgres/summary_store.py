"""What summaries of rooms are made of, for many rooms in one query, as of given positions."""

from collections.abc import Sequence
from typing import Any

from bongsu.log.entry import LoggedEvent
from bongsu.postgres.database import Database
from bongsu.postgres.history_store import logged_event
from bongsu.rooms.reading import RoomInfo

ROOMS = """
SELECT room_id, version, creator, joined_count, invited_count
FROM room JOIN unnest($1::text[], $2::bigint[]) AS wish(room_id, through) USING (room_id)
WHERE created_position <= through
"""

SUMMARY_STATE = """
SELECT entry.key, entry.position, entry.event_id, entry.body, entry.facts
FROM unnest($1::text[], $2::bigint[]) AS wish(room_id, through)
CROSS JOIN unnest($3::text[]) AS wanted(type)
CROSS JOIN LATERAL (
    SELECT event_id FROM state
    WHERE state.room_id = wish.room_id AND state.type = wanted.type AND state_key = ''
      AND position <= wish.through
    ORDER BY position DESC LIMIT 1
) AS latest
JOIN entry USING (event_id)
"""

MEMBERSHIPS_IN = """
SELECT wish.room_id, latest.membership
FROM unnest($2::text[], $3::bigint[]) AS wish(room_id, through)
CROSS JOIN LATERAL (
    SELECT membership FROM membership
    WHERE user_id = $1 AND membership.room_id = wish.room_id AND position <= wish.through
    ORDER BY position DESC LIMIT 1
) AS latest
"""

CHILDREN = """
WITH current AS (
    SELECT DISTINCT ON (state_key) event_id FROM state
    WHERE room_id = $1 AND type = 'm.space.child' AND position <= $2
    ORDER BY state_key, position DESC LIMIT $3
)
SELECT entry.key, entry.position, entry.event_id, entry.body, entry.facts
FROM current JOIN entry USING (event_id)
"""


class PostgresSummaryStore:
    """Implements `rooms.summary.SummaryReader` and `rooms.spaces.SpaceReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_rooms(self, rooms: Sequence[tuple[str, int]]) -> list[RoomInfo]:
        if not rooms:
            return []
        return [RoomInfo(*row) for row in await self._database.fetch(ROOMS, *_columns(rooms))]

    async def load_summary_state(
        self, rooms: Sequence[tuple[str, int]], types: Sequence[str]
    ) -> list[LoggedEvent]:
        if not rooms:
            return []
        rows = await self._database.fetch(SUMMARY_STATE, *_columns(rooms), list(types))
        return [logged_event(row) for row in rows]

    async def load_memberships_in(
        self, user_id: str, rooms: Sequence[tuple[str, int]]
    ) -> dict[str, str]:
        if not rooms:
            return {}
        rows = await self._database.fetch(MEMBERSHIPS_IN, user_id, *_columns(rooms))
        return {row["room_id"]: row["membership"] for row in rows}

    async def list_space_children(
        self, room_id: str, through: int, limit: int
    ) -> list[LoggedEvent]:
        rows = await self._database.fetch(CHILDREN, room_id, through, limit)
        return [logged_event(row) for row in rows]


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
