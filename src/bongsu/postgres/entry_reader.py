"""The log as followers read it: from the site's replica, only up to what is known to be durable."""

from bongsu.log.entry import Entry
from bongsu.log.follower import DurableHead
from bongsu.postgres.database import Database
from bongsu.postgres.log_sql import DURABLE_HEADS

ENTRIES = """
SELECT partition, position, kind, key, event_id, body, facts FROM entry
WHERE partition = $1 AND position > $2 AND position <= $3 ORDER BY position LIMIT $4
"""

ACCOUNT_DATA_VERSION = """
SELECT position FROM account_data WHERE user_id = $1 AND room_id = $2 AND type = $3
"""


class PostgresEntryReader:
    """Implements `log.follower.EntryReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def durable_heads(self) -> list[DurableHead]:
        rows = await self._database.fetch(DURABLE_HEADS)
        return [DurableHead(row["partition"], row["epoch"], row["durable_through"]) for row in rows]

    async def read(self, partition: int, after: int, through: int, limit: int) -> list[Entry]:
        rows = await self._database.fetch(ENTRIES, partition, after, through, limit)
        return [
            Entry(
                row["partition"],
                row["position"],
                row["kind"],
                row["key"],
                row["event_id"] or "",
                row["body"],
                row["facts"],
            )
            for row in rows
        ]


class PostgresAccountDataVersions:
    """Implements `users.planner.AccountDataVersions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def version(self, user_id: str, room_id: str | None, type: str) -> int:
        row = await self._database.fetchrow(
            ACCOUNT_DATA_VERSION, user_id, room_id or "", type, confirmed=True
        )
        return row["position"] if row else 0
