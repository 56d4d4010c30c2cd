"""The fence, and what the own PostgreSQL can tell.

The fence is `ALTER SYSTEM SET primary_conninfo = ''`: the override stands in postgresql.auto.conf,
survives a restart, and ends the WAL receiver at the next reload. Patroni strips recovery settings
from that file whenever it writes its own, which it does as soon as it sees a conninfo that it did
not choose; so the file is made read-only, and Patroni (never root) leaves it alone.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any

import asyncpg

from bongsu.witness.config import Config
from bongsu.witness.model import Address, Standby
from bongsu.witness.room import room_of

CALL_SECONDS_MAX = 1.0
QUIET_SECONDS = 0.03
"""A WAL receiver that was just being started shows only after some milliseconds."""

_WITNESS_LOCK = 0x626F6E67  # one witness a server: an old one that thaws must not unfence

_STATUS = """
SELECT pg_is_in_recovery() AS in_recovery,
       current_setting('primary_conninfo') AS conninfo,
       (SELECT setting FROM pg_file_settings
        WHERE name = 'primary_conninfo' AND sourcefile NOT LIKE '%auto.conf'
        ORDER BY seqno DESC LIMIT 1) AS patroni_conninfo,
       EXISTS (SELECT FROM pg_file_settings
               WHERE name = 'primary_conninfo' AND sourcefile LIKE '%auto.conf') AS has_override,
       receiver.pid IS NOT NULL AS receives, receiver.sender_host, receiver.sender_port,
       pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::bigint AS received,
       pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0')::bigint AS replayed,
       EXISTS (SELECT FROM pg_stat_activity
               WHERE backend_type = 'startup'
                 AND wait_event = 'RecoveryRetrieveRetryInterval') AS has_replayed_all,
       (SELECT max(('x' || left(name, 8))::bit(32)::int) FROM pg_ls_waldir()
        WHERE name ~ '^[0-9A-F]{24}$') AS timeline,
       current_setting('data_directory') AS folder
  FROM (VALUES (1)) AS always LEFT JOIN pg_stat_wal_receiver AS receiver ON true
"""
# A program runs in the data folder, as PostgreSQL itself.
_CHMOD = "COPY (SELECT) TO PROGRAM 'cat > /dev/null; chmod {} postgresql.auto.conf'"
_LOCK_FILE, _UNLOCK_FILE = _CHMOD.format("0400"), _CHMOD.format("0600")

# The internal one is what asyncpg says of a server that goes in the middle of an answer.
Errors = (
    asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError,
    OSError, TimeoutError, EOFError,
)  # fmt: skip


class StandbyUnavailable(Exception):
    """The own PostgreSQL cannot be asked, or another witness has it."""


class LocalPostgres:
    """The PostgreSQL of the own site, through one session of a superuser."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._is_locked = False  # the override's file, by us; unknown after a restart: lock again
        self._may_be_locked = True  # by us or by the witness before us
        self._quiet_since: float | None = None

    async def read(self) -> Standby:
        """How it stands now; `StandbyUnavailable`."""
        row = await self._call(_STATUS)
        now = time.monotonic()
        is_quiet = row["has_override"] and not row["conninfo"] and not row["receives"]
        if not (is_quiet and self._is_locked):
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = now
        return Standby(
            in_recovery=row["in_recovery"],
            has_fence=row["has_override"],
            is_cut=self._quiet_since is not None and now - self._quiet_since >= QUIET_SECONDS,
            follows=conninfo_address(row["patroni_conninfo"] or ""),
            position=position_of(row),
            timeline=row["timeline"] or 0,
            room=own_room(row),
        )

    async def fence(self) -> None:
        """Write, lock and load the override; `read` tells when it has taken effect."""
        self._is_locked, self._quiet_since = False, None
        await self._unlock()
        await self._call("ALTER SYSTEM SET primary_conninfo = ''")
        self._may_be_locked = True
        await self._call(_LOCK_FILE)
        self._is_locked = True
        await self._call("SELECT pg_reload_conf()")

    async def unfence(self) -> None:
        """Follow whom Patroni names."""
        self._is_locked, self._quiet_since = False, None
        await self._unlock()
        await self._call("ALTER SYSTEM RESET primary_conninfo")
        await self._call("SELECT pg_reload_conf()")

    def close(self) -> None:
        """Drop the session without a word: nothing here is worth waiting for."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _unlock(self) -> None:
        if self._may_be_locked:
            await self._call(_UNLOCK_FILE)
            self._may_be_locked = False

    async def _call(self, statement: str) -> Any:
        """Run a statement, give its first row."""
        try:
            async with asyncio.timeout(CALL_SECONDS_MAX):
                connection = self._connection = self._connection or await self._connect()
                if statement.startswith(("ALTER", "COPY")):
                    return await connection.execute(statement)
                return await connection.fetchrow(statement)
        except Errors as error:
            self.close()
            raise StandbyUnavailable(str(error) or type(error).__name__) from error

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        login = self._config.login
        connection = await connect(self._config, (login.host, login.port))
        if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _WITNESS_LOCK):
            connection.terminate()
            raise OSError("another witness holds this server")
        return connection


async def connect(
    config: Config, address: Address, settings: Mapping[str, str] | None = None
) -> "asyncpg.Connection[asyncpg.Record]":
    """A session of the superuser on any site's server, with more settings if need be."""
    login = config.login
    return await asyncpg.connect(
        host=address[0], port=address[1], user=login.user, password=login.password,
        database=login.database, timeout=CALL_SECONDS_MAX,
        ssl=config.tls if config.tls and not address[0].startswith("/") else "prefer",
        server_settings={
            "application_name": "bongsu witness", "statement_timeout": "2s", **(settings or {})
        },
    )  # fmt: skip


async def read_site(config: Config, site: str) -> Standby:
    """Any site's server; `StandbyUnavailable`. It is cut when it receives from nobody but ours.

    The conninfo that it shows is not enough: a server that is busy replaying obeys it later, and
    its receiver goes on confirming commits of whom it followed before.
    """
    try:
        async with asyncio.timeout(CALL_SECONDS_MAX):
            connection = await connect(config, config.postgres[site])
            try:
                row = await connection.fetchrow(_STATUS)
            finally:
                connection.terminate()
    except Errors as error:
        raise StandbyUnavailable(str(error) or type(error).__name__) from error
    assert row is not None
    ours = config.postgres[config.site]
    may_receive = [conninfo_address(row["conninfo"])] if row["conninfo"] else []
    if row["receives"]:
        may_receive.append((row["sender_host"], row["sender_port"]))
    return Standby(
        in_recovery=row["in_recovery"], has_fence=row["has_override"],
        is_cut=all(sender == ours for sender in may_receive),
        follows=conninfo_address(row["patroni_conninfo"] or ""), position=position_of(row),
        timeline=row["timeline"] or 0, room=own_room(row) if site == config.site else None,
    )  # fmt: skip


def own_room(row: Any) -> int | None:
    """Bytes left where the tables and the WAL of the server beside us are."""
    return room_of([row["folder"], f"{row['folder']}/pg_wal"])


def position_of(row: Any) -> int | None:
    """The end of all WAL received.

    After a restart `received` is NULL until streaming begins, and what was received before counts
    only once it is replayed: until then the position would be too low, so there is none.
    """
    if row["received"] is None and not row["has_replayed_all"]:
        return None
    return max(row["received"] or 0, row["replayed"] or 0)


_HOST = re.compile(r"\bhost='?([^' ]+)")
_PORT = re.compile(r"\bport='?(\d+)")


def conninfo_address(conninfo: str) -> Address | None:
    """Host and port of a libpq connection string; None if it names none."""
    host, port = _HOST.search(conninfo), _PORT.search(conninfo)
    return (host[1], int(port[1]) if port else 5432) if host else None
