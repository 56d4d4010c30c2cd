"""Programmes, approvals and dry runs in PostgreSQL."""

from collections.abc import Sequence

import asyncpg
import msgspec

from bongsu.desk.audit import Act
from bongsu.desk.compensation.dry_run import DryRun
from bongsu.desk.compensation.versions import Approval, StoredRun, Version
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append

_COLUMNS = "programme, version, text, sha256, author, note, made_ts"
_LATEST = f"""
SELECT DISTINCT ON (programme) {_COLUMNS} FROM programme_version
 ORDER BY programme, version DESC LIMIT 1000
"""
_ALL = f"SELECT {_COLUMNS} FROM programme_version WHERE programme = $1 ORDER BY version LIMIT 10000"
_APPROVALS = """
SELECT programme, version, approver, approved_ts FROM programme_approval
 WHERE programme = ANY($1) ORDER BY approved_ts
"""
_ADD = """
INSERT INTO programme_version (programme, version, text, sha256, author, note, made_ts)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING version
"""
_APPROVE = """
INSERT INTO programme_approval (programme, version, sha256, approver, approved_ts)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING version
"""
_ADD_RUN = """
INSERT INTO programme_dry_run (programme, version, before, ran_ts, operator, result)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
"""
_RUN = """
SELECT version, before, ran_ts, operator, result FROM programme_dry_run
 WHERE programme = $1 AND version = $2 ORDER BY ran_ts DESC LIMIT 1
"""


class PostgresProgrammes:
    """Implements `desk.compensation.versions.VersionStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_latest(self) -> list[Version]:
        return await self._with_approvals(await self._database.fetch(_LATEST, confirmed=True))

    async def load(self, programme: str) -> list[Version]:
        rows = await self._database.fetch(_ALL, programme, confirmed=True)
        return await self._with_approvals(rows)

    async def add(self, version: Version, act: Act) -> bool:
        async def body(connection: Connection) -> bool:
            if await connection.fetchrow(_ADD, *version[:-1]) is None:
                return False
            await append(connection, act, version.made_ts)
            return True

        return await self._database.write(body)

    async def approve(self, version: Version, approval: Approval, act: Act) -> bool:
        async def body(connection: Connection) -> bool:
            row = await connection.fetchrow(
                _APPROVE, version.programme, version.version, version.sha256, *approval
            )
            if row is None:
                return False
            await append(connection, act, approval.approved_ts)
            return True

        return await self._database.write(body)

    async def add_run(self, programme: str, run: StoredRun, act: Act) -> None:
        result = msgspec.json.encode(run.result)

        async def body(connection: Connection) -> None:
            await connection.execute(
                _ADD_RUN, programme, run.version, run.before, run.ran_ts, run.operator, result
            )
            await append(connection, act, run.ran_ts)

        await self._database.write(body)

    async def load_run(self, programme: str, version: int) -> StoredRun | None:
        row = await self._database.fetchrow(_RUN, programme, version, confirmed=True)
        if row is None:
            return None
        result = msgspec.json.decode(row["result"], type=DryRun)
        return StoredRun(row["version"], row["before"], row["ran_ts"], row["operator"], result)

    async def _with_approvals(self, rows: Sequence[asyncpg.Record]) -> list[Version]:
        names = list({row["programme"] for row in rows})
        found: dict[tuple[str, int], list[Approval]] = {}
        for row in await self._database.fetch(_APPROVALS, names, confirmed=True):
            key = row["programme"], row["version"]
            found.setdefault(key, []).append(Approval(row["approver"], row["approved_ts"]))
        return [_version(row, found) for row in rows]


def _version(row: asyncpg.Record, approvals: dict[tuple[str, int], list[Approval]]) -> Version:
    programme, number, text, sha256, author, note, made_ts = row.values()
    approved = tuple(approvals.get((programme, number), ()))
    return Version(programme, number, text, sha256, author, note, made_ts, approved)
