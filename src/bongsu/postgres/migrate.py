"""Bring a database to the present schema, and say how it differs from it.

There are two sets of tables, each in a schema of PostgreSQL's and a package of ours: the log's and
the desk's. `schema/*.sql` is the present, `migrations/` the road (see its README). Each schema file
holds one group of tables and stands alone: no foreign key to another file and no schema-qualified
name, so the order of files does not matter. A fresh database gets all of them in one transaction
and every migration marked as done; an older one gets the steps it lacks, each in a transaction. An
advisory lock lets one migrate while the others wait. What the role of a set may do is given to it
after each migration by `privileges.sql`, if there is one.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files

import asyncpg

from bongsu.errors import OperatorError
from bongsu.postgres.database import Connection

POSTGRES_VERSION_MIN = 16
CONNECT_SECONDS_MAX = 30.0
MIGRATION_SECONDS_MAX = 3600.0

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
_SHAPE = """
    SELECT c.relname::text || '.' || a.attname
               || ' ' || format_type(a.atttypid, a.atttypmod)
               || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')
    UNION ALL
    SELECT 'index ' || replace(indexdef, $1 || '.', '') FROM pg_indexes WHERE schemaname = $1
    UNION ALL
    SELECT replace(pg_get_triggerdef(t.oid), $1 || '.', '') || ' of body '
               || md5(concat(p.prosrc, p.prosecdef, replace(p.proconfig::text, $1, '')))
    FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid
    JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE c.relnamespace = to_regnamespace($1) AND NOT t.tgisinternal
"""


@dataclass(frozen=True)
class Tables:
    """A set of tables: the package with its files, the schema it lives in, the lock on changes."""

    package: str
    schema: str
    lock_key: int


LOG = Tables("bongsu.postgres", "public", 0x626F6E677375)  # "bongsu"
DESK = Tables("bongsu.postgres.desk", "desk", 0x6465736B)  # "desk"


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

    def __add__(self, other: "Difference") -> "Difference":
        return Difference(
            self.missing + other.missing,
            self.unexpected + other.unexpected,
            self.pending + other.pending,
        )


def schema_files(tables: Tables = LOG) -> dict[str, str]:
    """Every file of `schema/` by name."""
    folder = files(tables.package) / "schema"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return {entry.name: entry.read_text("utf-8") for entry in sorted(found, key=lambda e: e.name)}


def migration_steps(tables: Tables = LOG) -> list[Step]:
    """Every file of `migrations/`, in the order in which they run."""
    steps = [
        Step(entry.name.removesuffix(".sql"), match[2], entry.read_text("utf-8"))
        for entry in (files(tables.package) / "migrations").iterdir()
        if (match := _STEP_NAME.match(entry.name))
    ]
    return sorted(steps, key=lambda step: step.name)


async def migrate(dsn: str, *, post: bool = False, tables: Tables = LOG) -> list[str]:
    """Bring the database to the present schema; gives the names of what was done.

    `post` also runs the steps that the previous release could not live with.
    Raises `OperatorError` when the server is too old, read-only or out of reach.
    """
    connection = await connect(dsn)
    try:
        done: list[str] = []
        for step in [None, *migration_steps(tables)]:
            async with _locked(connection, tables):
                done += await (
                    _create(connection, tables)
                    if step is None
                    else _apply(connection, tables, step, post)
                )
        async with _locked(connection, tables):
            await _grant(connection, tables)
        return done
    finally:
        await connection.close()


async def is_made(dsn: str, tables: Tables) -> bool:
    """Whether the database has these tables, of whatever release."""
    connection = await connect(dsn)
    try:
        return "schema" in await _applied(connection, tables)
    finally:
        await connection.close()


async def check(dsn: str, tables: Tables = LOG) -> Difference:
    """Compare the database with the present schema, which is built in a scratch schema beside it
    and rolled back."""
    connection = await connect(dsn)
    try:
        have = await _describe(connection, tables.schema)
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", tables.lock_key)
            applied = await _applied(connection, tables)
        transaction = connection.transaction()
        await transaction.start()
        try:
            await connection.execute(f"CREATE SCHEMA {_SCRATCH_SCHEMA}")
            await _set_path(connection, _SCRATCH_SCHEMA)
            await _run_schema(connection, tables)
            want = await _describe(connection, _SCRATCH_SCHEMA)
        finally:
            await transaction.rollback()
    finally:
        await connection.close()
    pending = [step.name for step in migration_steps(tables) if step.name not in applied]
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


@asynccontextmanager
async def _locked(connection: Connection, tables: Tables) -> AsyncGenerator[None]:
    """A transaction in which nobody else changes these tables, with their schema in the path."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", tables.lock_key)
        if await connection.fetchval("SELECT to_regnamespace($1)", tables.schema) is None:
            await connection.execute(f"CREATE SCHEMA {tables.schema}")
        await _set_path(connection, tables.schema)
        yield


async def _set_path(connection: Connection, schema: str) -> None:
    """Until the transaction ends. Functions keep this path (`SET search_path FROM CURRENT`), and
    where it does not say so, temporary tables of the same name would come first."""
    await connection.execute(f"SET LOCAL search_path = {schema}, pg_temp")


async def _create(connection: Connection, tables: Tables) -> list[str]:
    """The whole present schema, if the database is fresh."""
    if "schema" in await _applied(connection, tables):
        return []
    await _run_schema(connection, tables)
    for name in ["schema", *(step.name for step in migration_steps(tables))]:
        await connection.execute(_MARK, name)
    return ["schema"]


async def _apply(connection: Connection, tables: Tables, step: Step, post: bool) -> list[str]:
    if step.name in await _applied(connection, tables) or (step.phase == "post" and not post):
        return []
    await connection.execute(step.sql)
    await connection.execute(_MARK, step.name)
    return [step.name]


async def _grant(connection: Connection, tables: Tables) -> None:
    """Run `privileges.sql`, which is written so that it may be run again and again."""
    path = files(tables.package) / "privileges.sql"
    if path.is_file():
        await connection.execute(path.read_text("utf-8"))


async def _run_schema(connection: Connection, tables: Tables) -> None:
    await connection.execute(_SCHEMA_VERSION)
    for name, sql in schema_files(tables).items():
        try:
            await connection.execute(sql)
        except asyncpg.PostgresError as error:
            raise OperatorError(f"schema/{name} does not apply: {error}") from error


async def _applied(connection: Connection, tables: Tables) -> set[str]:
    table = f"{tables.schema}.schema_version"
    if await connection.fetchval("SELECT to_regclass($1)", table) is None:
        return set()
    return {row["name"] for row in await connection.fetch(f"SELECT name FROM {table}")}


async def _describe(connection: Connection, schema: str) -> set[str]:
    return {row[0] for row in await connection.fetch(_SHAPE, schema)}
