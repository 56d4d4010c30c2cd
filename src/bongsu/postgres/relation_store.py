"""Children of events and threads of rooms, never beyond the position that the caller names."""

from bongsu.log.entry import LoggedEvent
from bongsu.postgres.database import Database
from bongsu.postgres.history_store import logged_event
from bongsu.rooms.children import FAMILY_MAX, ChildrenWish, ThreadRow

_CHILDREN = """
SELECT entry.key, entry.position, entry.event_id, entry.body, entry.facts
FROM {family} AS child JOIN entry USING (event_id)
WHERE child.position > $3 AND child.position <= $4
  AND ($5::text IS NULL OR child.rel_type = $5) AND ($6::text IS NULL OR child.type = $6)
ORDER BY child.position {order} LIMIT $7
"""
_DIRECT = "(SELECT * FROM relation WHERE room_id = $1 AND parent_id = $2)"
# Whatever the graph of relations looks like, the depth ends it and UNION visits nothing twice at
# one depth; an event has one parent, so it is one row.
_FAMILY = f"""(
    WITH RECURSIVE family AS (
        SELECT event_id, position, rel_type, type, 1 AS depth FROM relation
        WHERE room_id = $1 AND parent_id = $2 AND position <= $4
        UNION
        SELECT child.event_id, child.position, child.rel_type, child.type, depth + 1
        FROM family JOIN relation AS child
             ON child.room_id = $1 AND child.parent_id = family.event_id AND child.position <= $4
        WHERE depth < $8
    )
    SELECT * FROM family LIMIT {FAMILY_MAX}
)"""

# A reply stands for its thread if none is later; the index is read from the newest reply on. Who
# began a thread is read from the facts of its root: ["type","sender",... .
THREADS = """
SELECT entry.key, entry.position, entry.event_id, entry.body, entry.facts,
       reply.position AS latest
FROM relation AS reply JOIN entry ON entry.event_id = reply.parent_id AND entry.key = $1
WHERE reply.room_id = $1 AND reply.rel_type = 'm.thread' AND reply.position <= $2
  AND NOT EXISTS (
      SELECT FROM relation AS later
      WHERE later.room_id = $1 AND later.parent_id = reply.parent_id
        AND later.position > reply.position AND later.position <= $3
        AND later.rel_type = 'm.thread'
  )
  AND ($5::text IS NULL OR EXISTS (
      SELECT FROM relation AS own
      WHERE own.room_id = $1 AND own.parent_id = reply.parent_id AND own.position <= $3
        AND own.rel_type = 'm.thread' AND own.sender = $5
  ) OR split_part(split_part(convert_from(entry.facts, 'UTF8'), '","', 2), '"', 1) = $5)
ORDER BY reply.position DESC LIMIT $4
"""


class PostgresRelationStore:
    """Implements `rooms.children.RelationReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_children(self, wish: ChildrenWish) -> list[LoggedEvent]:
        order = "DESC" if wish.backwards else "ASC"
        deep = wish.depth > 1
        query = _CHILDREN.format(family=_FAMILY if deep else _DIRECT, order=order)
        rows = await self._database.fetch(
            query, wish.room_id, wish.parent_id, wish.after, wish.through, wish.rel_type,
            wish.type, wish.limit, *((wish.depth,) if deep else ()),
        )  # fmt: skip
        return [logged_event(row) for row in rows]

    async def list_threads(
        self, room_id: str, before: int, through: int, limit: int, participant: str | None
    ) -> list[ThreadRow]:
        rows = await self._database.fetch(THREADS, room_id, before, through, limit, participant)
        return [ThreadRow(logged_event(row), row["latest"]) for row in rows]
