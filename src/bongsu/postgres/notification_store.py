"""The events that may have notified somebody, as `sync.notifications` judges them."""

import asyncpg
import msgspec

from bongsu.log.entry import LoggedEvent, decode_facts, decode_receipt
from bongsu.postgres.database import Database
from bongsu.sync.notifications import Candidates

# Of rooms somebody is joined to, the latest events since joining.
EVENTS = """
WITH mine AS (
    SELECT DISTINCT ON (room_id) room_id, membership, position FROM membership
    WHERE user_id = $1 ORDER BY room_id, position DESC
), joined AS (
    SELECT room_id, position FROM mine WHERE membership = 'join' LIMIT $2
)
SELECT joined.room_id, event.position, event.event_id, event.body, event.facts
FROM joined, LATERAL (
    SELECT position, event_id, body, facts FROM entry
    WHERE key = joined.room_id AND event_id IS NOT NULL AND position > joined.position
    ORDER BY position DESC LIMIT $3
) AS event
"""

RECEIPTS = """
SELECT room_id, body FROM receipt
WHERE user_id = $1 AND receipt_type IN ('m.read', 'm.read.private') AND thread_id IN ('', 'main')
"""

PUSH_RULES = """
SELECT content FROM account_data WHERE user_id = $1 AND room_id = '' AND type = 'm.push_rules'
"""


class PostgresNotificationStore:
    """Implements `sync.notifications.CandidateReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_candidates(
        self, user_id: str, before_ts: int | None, rooms: int, events_per_room: int
    ) -> Candidates:
        rows = await self._database.fetch(EVENTS, user_id, rooms, events_per_room)
        events = [_event(row) for row in rows]
        others = [
            event
            for event in events
            if event.facts.sender != user_id and (before_ts is None or _ts(event) < before_ts)
        ]
        read: dict[str, int] = {}
        for row in await self._database.fetch(RECEIPTS, user_id):
            position = decode_receipt(row["body"]).event_position
            read[row["room_id"]] = max(position, read.get(row["room_id"], 0))
        rules = await self._database.fetchrow(PUSH_RULES, user_id)
        return Candidates(others, read, rules["content"] if rules else None)


def _event(row: asyncpg.Record) -> LoggedEvent:
    facts = decode_facts(row["facts"])
    return LoggedEvent(row["room_id"], row["position"], row["event_id"], row["body"], facts)


class _Stamped(msgspec.Struct):
    origin_server_ts: int


_decode_stamp = msgspec.json.Decoder(_Stamped).decode


def _ts(event: LoggedEvent) -> int:
    return _decode_stamp(event.body).origin_server_ts
