"""Aliases and the list of public rooms."""

import re
from collections.abc import Sequence

from bongsu.postgres.database import Database
from bongsu.rooms.canonical_json import encode
from bongsu.rooms.directory import Listing, Place

ROOM_OF = "SELECT room_id FROM alias WHERE alias = $1"
CREATOR_OF = "SELECT creator FROM alias WHERE alias = $1"
ALIASES_OF = "SELECT alias FROM alias WHERE room_id = $1 ORDER BY alias LIMIT 1000"
CREATE_ALIAS = "INSERT INTO alias VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
DELETE_ALIAS = "DELETE FROM alias WHERE alias = $1"
MOVE_ALIASES = "UPDATE alias SET room_id = $2 WHERE room_id = $1"
IS_PUBLIC = "SELECT 1 FROM public_room WHERE room_id = $1"
PUBLISH = "INSERT INTO public_room VALUES ($1) ON CONFLICT DO NOTHING"
UNPUBLISH = "DELETE FROM public_room WHERE room_id = $1"
MOVE_PUBLIC = """
WITH old AS (DELETE FROM public_room WHERE room_id = $1 RETURNING 1)
INSERT INTO public_room SELECT $2 FROM old ON CONFLICT DO NOTHING
"""

# The rooms of each list. Lists of bridged networks are their services' own.
_OWN = "public_room"
_ALL = """
(SELECT room_id FROM public_room UNION SELECT room_id FROM appservice_room) AS listed
"""
_NETWORK = """
(
    SELECT room_id FROM appservice_room WHERE appservice_id || '|' || network_id = {instance}
) AS listed
"""

COUNT = "SELECT count(*) AS rooms FROM {rooms}"

# The search looks at the JSON as it is stored: no decoding, which a NUL in a name would break. It
# may let through too much, never too little.
_PLACES = """
SELECT joined_count, room_id FROM {rooms} JOIN room USING (room_id)
WHERE ($1::bigint IS NULL OR (joined_count, room_id) {beyond} ($1, $2::text))
  AND ($4::text[] IS NULL OR EXISTS (
      SELECT FROM unnest(ARRAY['m.room.name', 'm.room.topic', 'm.room.canonical_alias']) AS told
      CROSS JOIN LATERAL (
          SELECT event_id FROM state
          WHERE state.room_id = room.room_id AND state.type = told AND state_key = ''
          ORDER BY position DESC LIMIT 1
      ) AS latest
      JOIN entry USING (event_id)
      WHERE convert_from(entry.body, 'UTF8') ILIKE ANY($4)
  ))
ORDER BY joined_count {order}, room_id {order} LIMIT $3
"""
_AFTER = {"beyond": "<", "order": "DESC"}
_BEFORE = {"beyond": ">", "order": "ASC"}


class PostgresAliasStore:
    """Implements `rooms.reading.Aliases`. Names are asked of the primary: no stale "free"."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def room_of(self, alias: str) -> str | None:
        row = await self._database.fetchrow(ROOM_OF, alias, confirmed=True)
        return row["room_id"] if row else None

    async def creator_of(self, alias: str) -> str | None:
        row = await self._database.fetchrow(CREATOR_OF, alias, confirmed=True)
        return row["creator"] if row else None

    async def list_of(self, room_id: str) -> list[str]:
        rows = await self._database.fetch(ALIASES_OF, room_id, confirmed=True)
        return [row["alias"] for row in rows]

    async def create(self, alias: str, room_id: str, creator: str) -> bool:
        done = await self._database.execute(CREATE_ALIAS, alias, room_id, creator)
        return done.endswith(" 1")

    async def delete(self, alias: str) -> None:
        await self._database.execute(DELETE_ALIAS, alias)

    async def move(self, old_room: str, new_room: str) -> int:
        done = await self._database.execute(MOVE_ALIASES, old_room, new_room)
        return int(done.rpartition(" ")[2])


class PostgresPublicRooms:
    """Implements `rooms.reading.PublicRooms` and `rooms.directory.PublicRoomStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_public(self, room_id: str) -> bool:
        return bool(await self._database.fetch(IS_PUBLIC, room_id, confirmed=True))

    async def publish(self, room_id: str, public: bool) -> None:
        await self._database.execute(PUBLISH if public else UNPUBLISH, room_id)

    async def move(self, old_room: str, new_room: str) -> None:
        await self._database.execute(MOVE_PUBLIC, old_room, new_room)

    async def count(self, listing: Listing) -> int:
        rooms, arguments = _rooms(listing, "$1")
        row = await self._database.fetchrow(COUNT.format(rooms=rooms), *arguments)
        assert row is not None, "an aggregate gives a row"
        return row["rooms"]

    async def list_places(
        self,
        listing: Listing,
        beside: Place | None,
        limit: int,
        terms: Sequence[str] | None,
        *,
        backwards: bool,
    ) -> list[Place]:
        joined_count, room_id = beside or (None, None)
        patterns = None if terms is None else [_pattern(term) for term in terms]
        rooms, arguments = _rooms(listing, "$5")
        query = _PLACES.format(rooms=rooms, **(_BEFORE if backwards else _AFTER))
        rows = await self._database.fetch(query, joined_count, room_id, limit, patterns, *arguments)
        return [Place(*row) for row in rows]


def _rooms(listing: Listing, instance: str) -> tuple[str, list[str]]:
    """The rooms of a list as SQL, and its arguments, the first under the name `instance`."""
    if listing.instance_id is not None:
        return _NETWORK.format(instance=instance), [listing.instance_id]
    return (_ALL if listing.all_networks else _OWN), []


def _pattern(term: str) -> str:
    """What an event's canonical JSON is like if one of its strings holds `term`."""
    written = encode(term).decode()[1:-1]
    return "%" + re.sub(r"([\\%_])", r"\\\1", written) + "%"
