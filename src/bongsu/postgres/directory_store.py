"""Aliases and the list of public rooms."""

from bongsu.postgres.database import Database

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
    """Implements `rooms.reading.PublicRooms`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_public(self, room_id: str) -> bool:
        return bool(await self._database.fetch(IS_PUBLIC, room_id, confirmed=True))

    async def publish(self, room_id: str, public: bool) -> None:
        await self._database.execute(PUBLISH if public else UNPUBLISH, room_id)

    async def move(self, old_room: str, new_room: str) -> None:
        await self._database.execute(MOVE_PUBLIC, old_room, new_room)
