"""Who this log is: an incarnation, a server name that never changes, a signing key."""

import secrets
from dataclasses import dataclass

from nacl.signing import SigningKey

from bongsu.errors import OperatorError
from bongsu.postgres.database import Connection, Database

INSERT = """
INSERT INTO log (incarnation, server_name, signing_key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""
SELECT = "SELECT incarnation, server_name, signing_key FROM log"


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
