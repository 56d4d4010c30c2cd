"""Reads of rooms as they stand: rows, members, state.

Always from the primary: whoever asks is about to change something, and rows without a position to
bound them would show on a replica what is not yet acknowledged.
"""

from collections.abc import Sequence

import asyncpg

from bongsu.log.entry import LoggedEvent, decode_facts
from bongsu.postgres.database import Database
from bongsu.rooms.reading import Member, RoomInfo

ROOM = """
SELECT room_id, version, creator, joined_count, invited_count FROM room WHERE room_id = $1
"""

MEMBER = """
SELECT user_id, membership, position, event_id, sender FROM membership
WHERE user_id = $2 AND room_id = $1 ORDER BY position DESC LIMIT 1
"""

STATE_EVENT = """
SELECT entry.position, entry.event_id, entry.body, entry.facts FROM state
JOIN entry USING (event_id)
WHERE state.room_id = $1 AND state.type = $2 AND state.state_key = $3
ORDER BY state.position DESC LIMIT 1
"""

STATE = """
WITH current AS (
    SELECT DISTINCT ON (type, state_key) event_id FROM state
    WHERE room_id = $1 AND ($2::text[] IS NULL OR type = ANY($2)) AND position <= $3
    ORDER BY type, state_key, position DESC
)
SELECT entry.position, entry.event_id, entry.body, entry.facts
FROM current JOIN entry USING (event_id) ORDER BY entry.position
"""

JOINED = """
WITH current AS (
    SELECT DISTINCT ON (user_id) user_id, membership FROM membership
    WHERE room_id = $1 ORDER BY user_id, position DESC
)
SELECT user_id FROM current WHERE membership = 'join' LIMIT $2
"""

ROOMS_OF = """
SELECT DISTINCT ON (room_id) user_id, room_id, membership, position, event_id, sender
FROM membership WHERE user_id = $1 ORDER BY room_id, position DESC
"""

POSITION_MAX = 2**63 - 1


class PostgresRoomStore:
    """Implements `rooms.reading.RoomReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def room(self, room_id: str) -> RoomInfo | None:
        row = await self._one(ROOM, room_id)
        return RoomInfo(*row) if row else None

    async def member(self, room_id: str, user_id: str) -> Member | None:
        row = await self._one(MEMBER, room_id, user_id)
        return Member(*row) if row else None

    async def state_event(self, room_id: str, type: str, state_key: str) -> LoggedEvent | None:
        row = await self._one(STATE_EVENT, room_id, type, state_key)
        return _event(room_id, row) if row else None

    async def list_state(
        self, room_id: str, *, types: Sequence[str] | None = None, at: int | None = None
    ) -> list[LoggedEvent]:
        through = POSITION_MAX if at is None else at
        wanted = None if types is None else list(types)
        rows = await self._database.fetch(STATE, room_id, wanted, through, confirmed=True)
        return [_event(room_id, row) for row in rows]

    async def list_joined(self, room_id: str, limit: int) -> list[str]:
        rows = await self._database.fetch(JOINED, room_id, limit, confirmed=True)
        return [row["user_id"] for row in rows]

    async def list_rooms_of(self, user_id: str) -> list[tuple[str, Member]]:
        rows = await self._database.fetch(ROOMS_OF, user_id, confirmed=True)
        return [
            (
                row["room_id"],
                Member(
                    row["user_id"],
                    row["membership"],
                    row["position"],
                    row["event_id"],
                    row["sender"],
                ),
            )
            for row in rows
        ]

    async def _one(self, query: str, *arguments: str) -> asyncpg.Record | None:
        return await self._database.fetchrow(query, *arguments, confirmed=True)


def _event(room_id: str, row: asyncpg.Record) -> LoggedEvent:
    return LoggedEvent(
        room_id, row["position"], row["event_id"], row["body"], decode_facts(row["facts"])
    )
