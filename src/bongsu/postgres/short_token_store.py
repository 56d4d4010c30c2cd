"""Tokens of a short life in PostgreSQL: login tokens and OpenID tokens."""

from bongsu.ids import UserId
from bongsu.postgres.database import Connection, Database

# Each one added sweeps out what has expired, so the table holds only the living.
_SWEEP = "DELETE FROM short_token WHERE expires_at <= $1"

_ADD = "INSERT INTO short_token (token_hash, purpose, user_id, expires_at) VALUES ($1, $2, $3, $4)"

_TAKE = """
DELETE FROM short_token WHERE token_hash = $1 AND purpose = $2 RETURNING user_id, expires_at
"""

_GET = """
SELECT user_id FROM short_token WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3
"""


class PostgresShortTokenStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, purpose: str, token_hash: bytes, user_id: UserId, expires_at: int, now: int
    ) -> None:
        async def body(connection: Connection) -> None:
            await connection.execute(_SWEEP, now)
            await connection.execute(_ADD, token_hash, purpose, user_id, expires_at)

        await self._database.write(body)

    async def take(self, purpose: str, token_hash: bytes, now: int) -> UserId | None:
        """Whose token it is; it is deleted."""

        async def body(connection: Connection) -> UserId | None:
            row = await connection.fetchrow(_TAKE, token_hash, purpose)
            return UserId(row["user_id"]) if row and row["expires_at"] > now else None

        return await self._database.write(body)

    async def get(self, purpose: str, token_hash: bytes, now: int) -> UserId | None:
        row = await self._database.fetchrow(_GET, token_hash, purpose, now, confirmed=True)
        return UserId(row["user_id"]) if row else None
