"""Operators and their sessions in PostgreSQL."""

from collections.abc import Sequence

import asyncpg

from bongsu.desk.audit import Act
from bongsu.desk.people import Operator, Session
from bongsu.desk.roles import Role
from bongsu.ids import UserId
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append

_GET = "SELECT user_id, roles FROM operator WHERE user_id = $1"
_LIST = "SELECT user_id, roles FROM operator ORDER BY user_id LIMIT 10000"
_PUT = """
INSERT INTO operator (user_id, roles, added_ts) VALUES ($1, $2, $3)
ON CONFLICT (user_id) DO UPDATE SET roles = EXCLUDED.roles
"""
_REMOVE = "DELETE FROM operator WHERE user_id = $1 RETURNING user_id"
_END_SESSIONS = "DELETE FROM operator_session WHERE user_id = $1"

_ADD_SESSION = """
INSERT INTO operator_session (token_hash, user_id, made_ts, expires_ts) VALUES ($1, $2, $3, $4)
"""
_SWEEP = "DELETE FROM operator_session WHERE expires_ts <= $1"
_FIND = """
SELECT operator.user_id, operator.roles FROM operator_session JOIN operator USING (user_id)
 WHERE token_hash = $1 AND expires_ts > $2
"""
_END_SESSION = "DELETE FROM operator_session WHERE token_hash = $1"


class PostgresOperators:
    """Implements `desk.people.OperatorStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, user_id: str) -> Operator | None:
        row = await self._database.fetchrow(_GET, user_id, confirmed=True)
        return None if row is None else _operator(row)

    async def list_all(self) -> Sequence[Operator]:
        return [_operator(row) for row in await self._database.fetch(_LIST, confirmed=True)]

    async def put(self, operator: Operator, at: int, act: Act) -> None:
        async def body(connection: Connection) -> None:
            await connection.execute(_PUT, operator.user_id, sorted(operator.roles), at)
            await append(connection, act, at)

        await self._database.write(body)

    async def remove(self, user_id: str, act: Act) -> bool:
        async def body(connection: Connection) -> bool:
            if await connection.fetchrow(_REMOVE, user_id) is None:
                return False
            await connection.execute(_END_SESSIONS, user_id)
            await append(connection, act)
            return True

        return await self._database.write(body)


class PostgresOperatorSessions:
    """Implements `desk.people.SessionStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, session: Session, act: Act) -> None:
        async def body(connection: Connection) -> None:
            await connection.execute(_SWEEP, session.made_ts)
            await connection.execute(_ADD_SESSION, *session)
            await append(connection, act, session.made_ts)

        await self._database.write(body)

    async def find(self, token_hash: bytes, now: int) -> Operator | None:
        row = await self._database.fetchrow(_FIND, token_hash, now, confirmed=True)
        return None if row is None else _operator(row)

    async def remove(self, token_hash: bytes) -> None:
        await self._database.execute(_END_SESSION, token_hash, idempotent=True)


def _operator(row: asyncpg.Record) -> Operator:
    return Operator(UserId(row["user_id"]), frozenset(Role(role) for role in row["roles"]))
