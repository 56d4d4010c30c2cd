"""Sessions of user-interactive authentication and registration tokens in PostgreSQL."""

import asyncpg

from bongsu.postgres.database import Connection, Database
from bongsu.users.interactive_auth import AuthSession

_GET = """
SELECT operation, request_hash, expires_at, session_id, completed, registration_token, email
  FROM interactive_auth WHERE owner = $1 AND session_id = $2 AND expires_at > $3
"""

# An owner keeps its youngest sessions; each one begun drops the expired and the surplus.
_SWEEP = """
DELETE FROM interactive_auth
 WHERE owner = $1 AND expires_at <= greatest($2, (
    SELECT expires_at FROM interactive_auth
     WHERE owner = $1 ORDER BY expires_at DESC OFFSET $3 - 1 LIMIT 1
 ))
"""

_PUT = """
INSERT INTO interactive_auth
       (owner, session_id, operation, request_hash, completed, registration_token, expires_at,
        email)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (owner, session_id) DO UPDATE
   SET completed = EXCLUDED.completed, registration_token = EXCLUDED.registration_token,
       email = EXCLUDED.email
"""

_DELETE = "DELETE FROM interactive_auth WHERE owner = $1 AND session_id = $2"

_IS_USABLE = """
SELECT 1 FROM registration_token
 WHERE token = $1 AND (uses_allowed IS NULL OR uses < uses_allowed)
   AND (expires_at IS NULL OR expires_at > $2)
"""

_ADD_TOKEN = """
INSERT INTO registration_token (token, uses_allowed, expires_at) VALUES ($1, $2, $3)
ON CONFLICT (token) DO UPDATE
   SET uses_allowed = EXCLUDED.uses_allowed, expires_at = EXCLUDED.expires_at
"""


class PostgresAuthSessionStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, owner: str, session_id: str, now: int) -> AuthSession | None:
        row = await self._database.fetchrow(_GET, owner, session_id, now, confirmed=True)
        return _session(row) if row else None

    async def put(self, owner: str, session: AuthSession, now: int, sessions_max: int) -> None:
        async def body(connection: Connection) -> None:
            await connection.execute(_SWEEP, owner, now, sessions_max)
            await connection.execute(
                _PUT, owner, session.session_id, session.operation, session.request_hash,
                session.completed, session.registration_token, session.expires_at,
                session.email,
            )  # fmt: skip

        await self._database.write(body)

    async def delete(self, owner: str, session_id: str) -> None:
        await self._database.execute(_DELETE, owner, session_id)


class PostgresRegistrationTokenStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_usable(self, token: str, now: int) -> bool:
        row = await self._database.fetchrow(_IS_USABLE, token, now, confirmed=True)
        return row is not None

    async def add(self, token: str, uses_allowed: int | None, expires_at: int | None) -> None:
        """Let `token` make `uses_allowed` accounts (None: any number) until `expires_at` (ms)."""
        await self._database.execute(_ADD_TOKEN, token, uses_allowed, expires_at)


def _session(row: asyncpg.Record) -> AuthSession:
    return AuthSession(
        operation=row["operation"],
        request_hash=row["request_hash"],
        expires_at=row["expires_at"],
        session_id=row["session_id"],
        completed=list(row["completed"]),
        registration_token=row["registration_token"],
        email=row["email"],
    )
