"""Who this log is: an incarnation, a server name that never changes, a signing key."""

import secrets
from dataclasses import dataclass

from nacl.signing import SigningKey

from bongsu.errors import OperatorError
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.migrate import connect

INSERT = """
INSERT INTO log (incarnation, server_name, signing_key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""
SELECT = "SELECT incarnation, server_name, signing_key FROM log"
RENEW = "UPDATE log SET incarnation = $1"
# A node reads its incarnation when it starts; its connections are known by their names.
NODES = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database()
  AND application_name IN ('bongsu', 'bongsu pen', 'bongsu watch')
"""


@dataclass(frozen=True)
class LogIdentity:
    """`signing_key` is an ed25519 seed of 32 bytes: it signs what leaves for other servers."""

    incarnation: str
    server_name: str
    signing_key: bytes


async def ensure_identity(database: Database, server_name: str) -> LogIdentity:
    """The identity of this log, made at its first start. `OperatorError` on another name."""

    async def body(connection: Connection) -> LogIdentity:
        key = SigningKey.generate().encode()
        await connection.execute(INSERT, secrets.token_urlsafe(6), server_name, key)
        row = await connection.fetchrow(SELECT)
        assert row is not None, "just inserted"
        return LogIdentity(row["incarnation"], row["server_name"], row["signing_key"])

    identity = await database.write(body)
    if identity.server_name != server_name:
        raise OperatorError(
            f"server_name: this database belongs to {identity.server_name!r}, not"
            f" {server_name!r}; a server's name can never change"
        )
    return identity


async def renew_incarnation(dsn: str) -> str:
    """Give the log another incarnation: history may have been lost. No node may run.

    `OperatorError` if one does, or if there is no log yet.
    """
    connection = await connect(dsn)
    try:
        if await connection.fetchval(NODES):
            raise OperatorError("A node still runs on this database: stop all of them first")
        incarnation = secrets.token_urlsafe(6)
        if await connection.execute(RENEW, incarnation) != "UPDATE 1":
            raise OperatorError("This database holds no log: no node has ever started on it")
        return incarnation
    finally:
        await connection.close()
