"""Bring a database to the present schema, and say how it differs from it.

`schema/*.sql` is the present, `migrations/` the road (see its README). Each schema file holds one
group of tables and stands alone: no foreign key to another file and no schema-qualified name, so
the order of files does not matter. A fresh database gets all of them in one transaction and every
migration marked as done; an older one gets the steps it lacks, each in a transaction. An advisory
lock lets one migrate while the others wait.
"""

import re
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from bongsu.errors import OperatorError
from bongsu.postgres.database import Connection

POSTGRES_VERSION_MIN = 16
CONNECT_SECONDS_MAX = 30.0
MIGRATION_SECONDS_MAX = 3600.0

_LOCK_KEY = 0x626F6E677375  # "bongsu"
_STEP_NAME = re.compile(r"(\d{4}_\w+)\.(pre|post)\.sql\Z")
_SCRATCH_SCHEMA = "bongsu_check"

_SCHEMA_VERSION = """
    CREATE TABLE IF NOT EXISTS schema_version (
        name text COLLATE "C" PRIMARY KEY, -- schema, or a file of migrations/ without .sql
        applied_ts bigint NOT NULL         -- when, in milliseconds since 1970
    )
"""
_MARK = """
    INSERT INTO schema_version VALUES ($1, (extract(epoch FROM now()) * 1000)::bigint)
"""
_COLUMNS = """
    SELECT c.relname::text || '.' || a.attname
               || ' ' || format_type(a.atttypid, a.atttypmod)
               || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
    UNION ALL
    SELECT 'index ' || replace(indexdef, $1 || '.', '') FROM pg_indexes WHERE schemaname = $1
"""


@dataclass(frozen=True)
class Step:
    """One file of `migrations/`. `name` is what `schema_version` records."""

    name: str
    phase: str  # pre or post
    sql: str


@dataclass(frozen=True)
class Difference:
    """What the present schema has and the database lacks, and the reverse; one line each."""

    missing: list[str]
    unexpected: list[str]
    pending: list[str]

    def __bool__(self) -> bool:
        return bool(self.missing or self.unexpected or self.pending)


def schema_files() -> dict[str, str]:
    """Every file of `schema/` by name."""
    folder = files("bongsu.postgres") / "schema"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return {entry.name: entry.read_text("utf-8") for entry in sorted(found, key=lambda e: e.name)}


def migration_steps() -> list[Step]:
    """Every file of `migrations/`, in the order in which they run."""
    steps = [
        Step(entry.name.removesuffix(".sql"), match[2], entry.read_text("utf-8"))
        for entry in (files("bongsu.postgres") / "migrations").iterdir()
        if (match := _STEP_NAME.match(entry.name))
    ]
    return sorted(steps, key=lambda step: step.name)


async def migrate(dsn: str, *, post: bool = False) -> list[str]:
    """Bring the database to the present schema; gives the names of what was done.

    `post` also runs the steps that the previous release could not live with.
    Raises `OperatorError` when the server is too old, read-only or out of reach.
    """
    connection = await connect(dsn)
    try:
        done: list[str] = []
        for step in [None, *migration_steps()]:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK_KEY)
                done += await (
                    _create(connection) if step is None else _apply(connection, step, post)
                )
        return done
    finally:
        await connection.close()


async def check(dsn: str) -> Difference:
    """Compare the database with the present schema, which is built in a scratch schema beside it
    and rolled back."""
    connection = await connect(dsn)
    try:
        have = await _describe(connection, "public")
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK_KEY)
            applied = await _applied(connection)
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(f"CREATE SCHEMA {_SCRATCH_SCHEMA}")
            await connection.execute(f"SET LOCAL search_path = {_SCRATCH_SCHEMA}")
            await _run_schema(connection)
            want = await _describe(connection, _SCRATCH_SCHEMA)
        finally:
            await transaction.rollback()
    finally:
        await connection.close()
    pending = [step.name for step in migration_steps() if step.name not in applied]
    return Difference(sorted(want - have), sorted(have - want), pending)


async def connect(dsn: str) -> Connection:
    """A connection to a primary of a fit version; else `OperatorError`."""
    try:
        connection = await asyncpg.connect(
            dsn, timeout=CONNECT_SECONDS_MAX, command_timeout=MIGRATION_SECONDS_MAX
        )
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise OperatorError(
            f"PostgreSQL cannot be reached ({error}): check BONGSU_DATABASE_URL"
        ) from None
    version = connection.get_server_version()
    in_recovery = await connection.fetchval("SELECT pg_is_in_recovery()")
    if version.major >= POSTGRES_VERSION_MIN and not in_recovery:
        return connection
    await connection.close()
    if in_recovery:
        raise OperatorError("PostgreSQL is a standby: name its primary in BONGSU_DATABASE_URL")
    raise OperatorError(
        f"PostgreSQL {version.major} is too old: Bongsu needs {POSTGRES_VERSION_MIN} or later"
    )


async def _create(connection: Connection) -> list[str]:
    """The whole present schema, if the database is fresh."""
    if "schema" in await _applied(connection):
        return []
    await _run_schema(connection)
    for name in ["schema", *(step.name for step in migration_steps())]:
        await connection.execute(_MARK, name)
    return ["schema"]


async def _apply(connection: Connection, step: Step, post: bool) -> list[str]:
    if step.name in await _applied(connection) or (step.phase == "post" and not post):
        return []
    await connection.execute(step.sql)
    await connection.execute(_MARK, step.name)
    return [step.name]


async def _run_schema(connection: Connection) -> None:
    await connection.execute(_SCHEMA_VERSION)
    for name, sql in schema_files().items():
        try:
            await connection.execute(sql)
        except asyncpg.PostgresError as error:
            raise OperatorError(f"schema/{name} does not apply: {error}") from error


async def _applied(connection: Connection) -> set[str]:
    if await connection.fetchval("SELECT to_regclass('public.schema_version')") is None:
        return set()
    return {row["name"] for row in await connection.fetch("SELECT name FROM public.schema_version")}


async def _describe(connection: Connection, schema: str) -> set[str]:
    return {row[0] for row in await connection.fetch(_COLUMNS, schema)}
