"""Loads rooms for their sequencer, at the primary: complete and durable for an owner."""

from collections.abc import Sequence

from bongsu.errors import Unavailable
from bongsu.ids import EventId
from bongsu.log.entry import LoggedEvent, Receipt, decode_facts, decode_receipt
from bongsu.log.position import partition_of
from bongsu.postgres.database import Database
from bongsu.rooms.event import Event, event_from_json
from bongsu.rooms.hot_room import KEPT_TYPES, HotRoom, ReceiptKey
from bongsu.rooms.room_auth import AuthState
from bongsu.rooms.room_version import RoomVersion, room_version
from bongsu.rooms.visibility import history_visibility_of

ROOM = "SELECT * FROM room WHERE room_id = $1"

# Members are left out by two ranges, so that the index skips them.
STATE = """
WITH current AS (
    (SELECT DISTINCT ON (type, state_key) type, state_key, event_id, position FROM state
     WHERE room_id = $1 AND type < 'm.room.member' ORDER BY type, state_key, position DESC)
    UNION ALL
    (SELECT DISTINCT ON (type, state_key) type, state_key, event_id, position FROM state
     WHERE room_id = $1 AND type > 'm.room.member' ORDER BY type, state_key, position DESC)
)
SELECT current.type, current.state_key, current.event_id, entry.body
FROM current
LEFT JOIN entry ON entry.event_id = current.event_id AND current.type = ANY($2::text[])
ORDER BY current.position
"""

MEMBERS = """
WITH current AS (
    SELECT DISTINCT ON (user_id) user_id, event_id FROM membership
    WHERE room_id = $1 AND user_id = ANY($2::text[]) ORDER BY user_id, position DESC
)
SELECT current.event_id, entry.body FROM current JOIN entry USING (event_id)
"""

LAST_EVENT = """
SELECT event_id, body, facts FROM entry
WHERE key = $1 AND event_id IS NOT NULL ORDER BY position DESC LIMIT 1
"""

EVENT = "SELECT position, body, facts FROM entry WHERE event_id = $2 AND key = $1"

RECEIPT = """
SELECT body FROM receipt
WHERE room_id = $1 AND user_id = $2 AND receipt_type = $3 AND thread_id = $4
"""

ANNOTATION = """
SELECT 1 FROM relation
WHERE room_id = $1 AND parent_id = $2 AND rel_type = 'm.annotation' AND type = 'm.reaction'
  AND key = $3 AND sender = $4
"""


class PostgresRoomLoader:
    """Implements `rooms.planner.RoomLoader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def room(self, room_id: str) -> HotRoom | None:
        row = await self._database.fetchrow(ROOM, room_id, confirmed=True)
        if row is None:
            return None
        version = room_version(row["version"])
        states = await self._database.fetch(STATE, room_id, list(KEPT_TYPES), confirmed=True)
        events = {
            state["event_id"]: event_from_json(version, state["event_id"], state["body"])
            for state in states
            if state["body"] is not None
        }
        create = next((e for e in events.values() if e.type == "m.room.create"), None)
        if create is None:
            raise Unavailable("The room is not readable yet")
        room = HotRoom(AuthState(version, create), partition_of(room_id))
        for state in states:
            key = (state["type"], state["state_key"])
            room.state[key] = EventId(state["event_id"])
            if (event := events.get(state["event_id"])) is not None:
                room.kept[key] = event
                room.auth.apply(event)
        visibility = room.kept.get(("m.room.history_visibility", ""))
        room.visibility = history_visibility_of(
            visibility.content.get("history_visibility") if visibility else None
        )
        room.created_position = row["created_position"]
        room.joined_count = row["joined_count"]
        room.invited_count = row["invited_count"]
        await self._load_extremity(room)
        return room

    async def _load_extremity(self, room: HotRoom) -> None:
        """The last event: what the next one follows, and the running totals."""
        row = await self._database.fetchrow(LAST_EVENT, room.room_id, confirmed=True)
        assert row is not None, "a room has its create event at least"
        event = event_from_json(room.auth.version, row["event_id"], row["body"])
        facts = decode_facts(row["facts"])
        room.last_event_id, room.depth = event.event_id, event.depth
        room.notify_total, room.main_total = facts.notify_total, facts.main_total
        room.auth.only_create = event.type == "m.room.create"

    async def members(
        self, version: RoomVersion, room_id: str, users: Sequence[str]
    ) -> list[Event]:
        rows = await self._database.fetch(MEMBERS, room_id, list(users), confirmed=True)
        return [event_from_json(version, row["event_id"], row["body"]) for row in rows]

    async def event(self, room_id: str, event_id: str) -> LoggedEvent | None:
        row = await self._database.fetchrow(EVENT, room_id, event_id, confirmed=True)
        if row is None:
            return None
        return LoggedEvent(
            room_id, row["position"], event_id, row["body"], decode_facts(row["facts"])
        )

    async def receipt(self, room_id: str, key: ReceiptKey) -> Receipt | None:
        user_id, receipt_type, thread_id = key
        row = await self._database.fetchrow(
            RECEIPT, room_id, user_id, receipt_type, thread_id or "", confirmed=True
        )
        return decode_receipt(row["body"]) if row else None

    async def has_annotation(self, room_id: str, parent: str, key: str, sender: str) -> bool:
        rows = await self._database.fetch(ANNOTATION, room_id, parent, key, sender, confirmed=True)
        return bool(rows)
