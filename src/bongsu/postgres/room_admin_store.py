"""Rooms as administrators look for them. Counting and sorting all of them is theirs alone."""

from collections.abc import Sequence

from bongsu.log.entry import LoggedEvent
from bongsu.postgres.database import Database
from bongsu.postgres.history_store import logged_event
from bongsu.rooms.administration import Block, Order, RoomFacts, RoomFilter
from bongsu.rooms.canonical_json import encode
from bongsu.rooms.closed import Closure
from bongsu.rooms.reading import RoomInfo

_STATE_EVENTS = """
    (SELECT count(DISTINCT (type, state_key)) FROM state WHERE state.room_id = room.room_id)
"""

_SELECT = f"""
SELECT room.room_id, version, creator, joined_count, invited_count,
       EXISTS (SELECT FROM public_room WHERE public_room.room_id = room.room_id) AS is_public,
       {_STATE_EVENTS} AS state_events
  FROM room
"""

# What a text of an event's content is, as it stands in its canonical JSON: escaped, unquoted.
# Nothing is decoded, which a NUL in a name would break.
_TEXT = """
    (SELECT substring(convert_from(entry.body, 'UTF8')
                      FROM '[{{,]"{key}":"((?:[^"\\\\]|\\\\.)*)"')
       FROM state JOIN entry USING (event_id)
      WHERE state.room_id = room.room_id AND state.type = '{type}' AND state_key = ''
      ORDER BY state.position DESC LIMIT 1)
"""
_NAME = _TEXT.format(type="m.room.name", key="name")
_ALIAS = _TEXT.format(type="m.room.canonical_alias", key="alias")

_WHERE = f"""
 WHERE NOT EXISTS (SELECT FROM room_purge WHERE room_purge.room_id = room.room_id)
   AND ($1::text IS NULL OR room.room_id LIKE $1 OR {_NAME} ILIKE $2
        OR split_part({_ALIAS}, ':', 1) ILIKE $2)
   AND ($3::boolean IS NULL
        OR $3 = EXISTS (SELECT FROM public_room WHERE public_room.room_id = room.room_id))
   AND ($4::boolean IS NULL OR $4 = (joined_count = 0))
"""

# The larger numbers come first.
_ORDERS: dict[Order, str] = {
    "name": f"lower({_NAME})",
    "canonical_alias": _ALIAS,
    "joined_members": "-joined_count",
    "joined_local_members": "-joined_count",
    "version": "-version::integer",
    "creator": "creator",
    "encryption": _TEXT.format(type="m.room.encryption", key="algorithm"),
    "federatable": "NULL::text",
    "public": "is_public",
    "join_rules": _TEXT.format(type="m.room.join_rules", key="join_rule"),
    "guest_access": _TEXT.format(type="m.room.guest_access", key="guest_access"),
    "history_visibility": _TEXT.format(type="m.room.history_visibility", key="history_visibility"),
    "state_events": "-state_events",
}

_STATE = """
SELECT entry.key, entry.position, entry.event_id, entry.body, entry.facts
  FROM unnest($1::text[]) AS wish(room_id) CROSS JOIN unnest($2::text[]) AS wanted(type)
 CROSS JOIN LATERAL (
    SELECT event_id FROM state
     WHERE state.room_id = wish.room_id AND state.type = wanted.type AND state_key = ''
     ORDER BY position DESC LIMIT 1
 ) AS latest
  JOIN entry USING (event_id)
"""

_LATEST = """
    SELECT DISTINCT ON (user_id) user_id, membership, position FROM membership
     WHERE room_id = $1 ORDER BY user_id, position DESC
"""

_COUNT_DEVICES = f"""
SELECT count(*) FROM ({_LATEST}) AS member JOIN device USING (user_id) WHERE membership = 'join'
"""

_REMEMBERED = f"""
SELECT 1 FROM ({_LATEST}) AS member
 WHERE NOT EXISTS (
    SELECT FROM forgotten WHERE forgotten.user_id = member.user_id AND forgotten.room_id = $1
       AND leave_position >= member.position
 ) LIMIT 1
"""

_GET_BLOCK = "SELECT user_id FROM room_block WHERE room_id = $1"
_BLOCK = "INSERT INTO room_block VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_UNBLOCK = "DELETE FROM room_block WHERE room_id = $1"

_CLOSURE = """
SELECT CASE WHEN EXISTS (SELECT FROM room_purge WHERE room_id = $1) THEN 'purged'
            WHEN EXISTS (SELECT FROM room_block WHERE room_id = $1) THEN 'blocked' END AS closure
"""


class PostgresRoomAdminStore:
    """Implements `rooms.administration.RoomAdminStore` and `rooms.closed.ClosedRooms`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_rooms(
        self, wanted: RoomFilter, order: Order, *, backwards: bool, offset: int, limit: int
    ) -> tuple[Sequence[RoomFacts], int]:
        term = wanted.term
        arguments = (
            None if term is None else f"%{_escaped(term)}%",
            None if term is None else f"%{_escaped(encode(term).decode()[1:-1])}%",
            wanted.public,
            wanted.empty,
        )
        way = "DESC" if backwards else "ASC"
        page = (
            f"SELECT * FROM ({_SELECT} {_WHERE}) AS room"
            f" ORDER BY {_ORDERS[order]} {way} NULLS LAST, room_id {way} LIMIT $5 OFFSET $6"
        )
        rows = await self._database.fetch(page, *arguments, limit, offset)
        count = f"SELECT count(*) FROM room {_WHERE}"
        total = await self._database.fetchrow(count, *arguments)
        assert total is not None, "an aggregate gives a row"
        return [RoomFacts(RoomInfo(*tuple(row)[:5]), *tuple(row)[5:]) for row in rows], total[0]

    async def get(self, room_id: str) -> RoomFacts | None:
        query = f"""{_SELECT} WHERE room.room_id = $1
            AND NOT EXISTS (SELECT FROM room_purge WHERE room_purge.room_id = $1)"""
        row = await self._database.fetchrow(query, room_id, confirmed=True)
        return RoomFacts(RoomInfo(*tuple(row)[:5]), *tuple(row)[5:]) if row else None

    async def load_state(
        self, room_ids: Sequence[str], types: Sequence[str]
    ) -> Sequence[LoggedEvent]:
        rows = await self._database.fetch(_STATE, list(room_ids), list(types), confirmed=True)
        return [logged_event(row) for row in rows]

    async def count_local_devices(self, room_id: str) -> int:
        row = await self._database.fetchrow(_COUNT_DEVICES, room_id)
        assert row is not None, "an aggregate gives a row"
        return row[0]

    async def is_forgotten(self, room_id: str) -> bool:
        return not await self._database.fetch(_REMEMBERED, room_id, confirmed=True)

    async def get_block(self, room_id: str) -> Block | None:
        row = await self._database.fetchrow(_GET_BLOCK, room_id, confirmed=True)
        return Block(row["user_id"]) if row else None

    async def block(self, room_id: str, user_id: str, now: int) -> None:
        await self._database.execute(_BLOCK, room_id, user_id, now, idempotent=True)

    async def unblock(self, room_id: str) -> None:
        await self._database.execute(_UNBLOCK, room_id, idempotent=True)

    async def closure(self, room_id: str) -> Closure | None:
        row = await self._database.fetchrow(_CLOSURE, room_id, confirmed=True)
        assert row is not None, "a SELECT without FROM gives a row"
        return row["closure"]


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
