"""Stored filters."""

from bongsu.postgres.database import Database

FILTERS_PER_USER_MAX = 1_000

_INSERT = """
INSERT INTO filter (user_id, filter_id, definition)
SELECT $1, $2, $3
WHERE (SELECT count(*) FROM filter WHERE user_id = $1) < $4
ON CONFLICT DO NOTHING
"""
_SELECT = "SELECT definition FROM filter WHERE user_id = $1 AND filter_id = $2"


class PostgresFilterStore:
    """Implements `sync.stored_filters.FilterStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, user_id: str, filter_id: str, definition: bytes) -> bool:
        """False if the person has too many."""
        if await self.get(user_id, filter_id) is not None:
            return True
        tag = await self._database.execute(
            _INSERT, user_id, filter_id, definition, FILTERS_PER_USER_MAX
        )
        return tag.endswith(" 1") or await self.get(user_id, filter_id) is not None

    async def get(self, user_id: str, filter_id: str) -> bytes | None:
        """The definition, confirmed if there seems to be none."""
        row = await self._database.fetchrow(_SELECT, user_id, filter_id)
        if row is None and self._database.has_replica:
            row = await self._database.fetchrow(_SELECT, user_id, filter_id, confirmed=True)
        return None if row is None else row["definition"]
