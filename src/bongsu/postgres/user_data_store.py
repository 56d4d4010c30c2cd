"""Profiles and account data as the log left them."""

from typing import Any

import msgspec

from bongsu.postgres.database import Database

PROFILE = "SELECT field, value FROM profile WHERE user_id = $1 AND value IS NOT NULL"
PROFILE_FIELD = """
SELECT value FROM profile WHERE user_id = $1 AND field = $2 AND value IS NOT NULL
"""
ACCOUNT_DATA = """
SELECT position, content FROM account_data
WHERE user_id = $1 AND room_id = $2 AND type = $3 AND content IS NOT NULL
"""
ROOM_ACCOUNT_DATA = """
SELECT type, content FROM account_data
WHERE user_id = $1 AND room_id = $2 AND content IS NOT NULL
  AND NOT starts_with(type, 'org.bongsu.thread_subscription.')
"""
ACCOUNT_DATA_TYPES = """
SELECT room_id, type FROM account_data
WHERE user_id = $1 AND content IS NOT NULL AND content <> '{}'
"""


class PostgresUserDataStore:
    """Reads of a user's own partition: of the primary, as only the latest value is stored."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def profile(self, user_id: str) -> dict[str, msgspec.Raw]:
        """All fields of a profile, each as JSON."""
        rows = await self._database.fetch(PROFILE, user_id, confirmed=True)
        return {row["field"]: msgspec.Raw(row["value"]) for row in rows}

    async def profile_field(self, user_id: str, field: str) -> Any:
        """A field of a profile, decoded; None without one."""
        rows = await self._database.fetch(PROFILE_FIELD, user_id, field, confirmed=True)
        return msgspec.json.decode(rows[0]["value"]) if rows else None

    async def account_data(
        self, user_id: str, room_id: str | None, type: str, *, confirmed: bool = False
    ) -> tuple[int, bytes] | None:
        """Position and JSON of account data; `room_id` None for global."""
        rows = await self._database.fetch(
            ACCOUNT_DATA, user_id, room_id or "", type, confirmed=True
        )
        return (rows[0]["position"], rows[0]["content"]) if rows else None

    async def list_room_account_data(self, user_id: str, room_id: str) -> dict[str, bytes]:
        """All account data of a user in one room, JSON by type."""
        rows = await self._database.fetch(ROOM_ACCOUNT_DATA, user_id, room_id, confirmed=True)
        return {row["type"]: row["content"] for row in rows}

    async def list_account_data(self, user_id: str) -> list[tuple[str | None, str]]:
        """(room id, None for global; type) of all account data that is not empty."""
        rows = await self._database.fetch(ACCOUNT_DATA_TYPES, user_id, confirmed=True)
        return [(row["room_id"] or None, row["type"]) for row in rows]
