"""Statements and their versions in PostgreSQL."""

from collections.abc import Sequence

import asyncpg
import msgspec

from bongsu.desk.audit import Act
from bongsu.desk.statements.statements import (
    Said,
    Statement,
    StatementKind,
    StatementVersion,
    Texts,
    link,
)
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append

_COLUMNS = "statement_id, kind, draft, revision, version, made_ts"
_ADD = f"INSERT INTO statement ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)"
_GET = f"SELECT {_COLUMNS} FROM statement WHERE statement_id = $1"
_LIST = f"SELECT {_COLUMNS} FROM statement ORDER BY made_ts DESC LIMIT 1000"
_SAVE = """
UPDATE statement SET draft = $3, revision = revision + 1
WHERE statement_id = $1 AND revision = $2 RETURNING revision
"""
_MOVE = """
UPDATE statement SET version = $3 WHERE statement_id = $1 AND revision = $2 AND version = $3 - 1
RETURNING version
"""
_VERSION_COLUMNS = "statement_id, version, published_ts, texts, hash"
_ADD_VERSION = f"INSERT INTO statement_version ({_VERSION_COLUMNS}) VALUES ($1, $2, $3, $4, $5)"
_VERSIONS = f"""
SELECT {_VERSION_COLUMNS} FROM statement_version WHERE statement_id = $1 ORDER BY version
"""
_LATEST = """
SELECT kind, statement_id, version, published_ts, texts, hash
FROM statement JOIN statement_version USING (statement_id, version)
ORDER BY published_ts DESC LIMIT 1000
"""


class PostgresStatements:
    """Implements `desk.statements.statements.StatementStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, statement: Statement, act: Act) -> None:
        async def body(connection: Connection) -> None:
            await connection.execute(
                _ADD, statement.statement_id, statement.kind.value, _encode(statement.draft),
                statement.revision, statement.version, statement.made_ts,
            )  # fmt: skip
            await append(connection, act, statement.made_ts)

        await self._database.write(body)

    async def get(self, statement_id: str) -> Statement | None:
        row = await self._database.fetchrow(_GET, statement_id, confirmed=True)
        return None if row is None else _statement(row)

    async def list_all(self) -> Sequence[Statement]:
        return [_statement(row) for row in await self._database.fetch(_LIST, confirmed=True)]

    async def save_draft(self, statement_id: str, revision: int, texts: Texts, act: Act) -> bool:
        async def body(connection: Connection) -> bool:
            row = statement_id, revision, _encode(texts)
            if await connection.fetchrow(_SAVE, *row) is None:
                return False
            await append(connection, act)
            return True

        return await self._database.write(body)

    async def publish(
        self, statement: Statement, previous: StatementVersion | None, now: int, act: Act
    ) -> StatementVersion | None:
        made = link(previous, statement, now)

        async def body(connection: Connection) -> bool:
            row = statement.statement_id, statement.revision, made.version
            if await connection.fetchrow(_MOVE, *row) is None:
                return False
            await connection.execute(
                _ADD_VERSION, made.statement_id, made.version, made.published_ts,
                _encode(made.texts), made.hash,
            )  # fmt: skip
            await append(connection, act, now)
            return True

        return made if await self._database.write(body) else None

    async def list_versions(self, statement_id: str) -> Sequence[StatementVersion]:
        rows = await self._database.fetch(_VERSIONS, statement_id)
        return [_version(*row) for row in rows]

    async def list_latest(self) -> Sequence[tuple[StatementKind, StatementVersion]]:
        rows = await self._database.fetch(_LATEST)
        return [(StatementKind(kind), _version(*columns)) for kind, *columns in rows]


def _statement(row: asyncpg.Record) -> Statement:
    statement_id, kind, draft, *rest = row
    return Statement(statement_id, StatementKind(kind), _decode(draft), *rest)


def _version(
    statement_id: str, version: int, published_ts: int, texts: bytes, hash: bytes
) -> StatementVersion:
    return StatementVersion(statement_id, version, published_ts, _decode(texts), hash)


def _encode(texts: Texts) -> bytes:
    return msgspec.json.encode(dict(texts))


def _decode(texts: bytes) -> Texts:
    return msgspec.json.decode(texts, type=dict[str, Said])
