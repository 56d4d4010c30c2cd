"""Sessions and their tokens in PostgreSQL. Locks go account, device, session."""

from collections.abc import Sequence

import asyncpg

from bongsu.errors import Forbidden, Refused, UnknownToken
from bongsu.ids import UserId
from bongsu.postgres.database import Connection, Database
from bongsu.users.accounts import user_deactivated
from bongsu.users.authenticator import TokenOwner
from bongsu.users.requester import Requester
from bongsu.users.sessions import NewPair, NewSession

DEVICES_PER_USER_MAX = 2000

_OWNERS = """
SELECT session.user_id, session.device_id, access_hash, is_guest, is_admin,
       locked_at IS NOT NULL AS is_locked, suspended_at IS NOT NULL AS is_suspended,
       expires_at, replaces IS NOT NULL AS is_first_use
  FROM session JOIN account ON account.user_id = session.user_id
 WHERE access_hash = ANY($1::bytea[]) AND deactivated_at IS NULL
"""

# FOR SHARE: a deactivation or a change of password waits for this login, or this login sees it.
_LOCK_ACCOUNT = "SELECT password_hash, deactivated_at FROM account WHERE user_id = $1 FOR SHARE"

_COUNT_OTHER_DEVICES = """
SELECT count(*) FROM (
    SELECT 1 FROM device WHERE user_id = $1 AND device_id <> $2 LIMIT $3
) AS other
"""

# The update changes nothing; it locks the row of a device that exists.
_ADD_DEVICE = """
INSERT INTO device (user_id, device_id, display_name, created_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (user_id, device_id) DO UPDATE SET device_id = EXCLUDED.device_id
"""

_END_SESSIONS = "DELETE FROM session WHERE user_id = $1 AND device_id = $2"

_ADD_SESSION = """
INSERT INTO session (access_hash, refresh_hash, user_id, device_id, expires_at, replaces)
VALUES ($1, $2, $3, $4, $5, $6)
"""

_FIND_REFRESH = "SELECT user_id, device_id FROM session WHERE refresh_hash = $1"

_LOCK_DEVICE = "SELECT 1 FROM device WHERE user_id = $1 AND device_id = $2 FOR UPDATE"

_LOCK_REFRESH = """
SELECT access_hash, replaces, is_replaced FROM session WHERE refresh_hash = $1 FOR UPDATE
"""

_FIND_ACCESS = "SELECT user_id, device_id FROM session WHERE access_hash = $1"

_MARK_USED = "UPDATE session SET replaces = NULL WHERE access_hash = $1"

_REVOKE = """
UPDATE session SET is_replaced = true
 WHERE access_hash = (SELECT replaces FROM session WHERE access_hash = $1)
"""

# Pairs that replaced this one and were never used, and pairs long replaced.
_DROP_ABANDONED = """
DELETE FROM session
 WHERE user_id = $1 AND device_id = $2 AND (replaces = $3 OR is_replaced AND expires_at <= $4)
"""


class PostgresSessionStore:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def start(self, session: NewSession) -> None:
        async def body(connection: Connection) -> None:
            account = await connection.fetchrow(_LOCK_ACCOUNT, session.user_id)
            if account is None or account["deactivated_at"] is not None:
                raise user_deactivated()
            if session.password_hash not in (None, account["password_hash"]):
                raise Forbidden("Invalid username or password")
            await insert_session(connection, session)

        await self._database.write(body)

    async def refresh(self, refresh_hash: bytes, pair: NewPair, now: int) -> UserId:
        """Add the pair that follows. `UnknownToken`, soft if the token was good once."""

        async def body(connection: Connection) -> UserId:
            session = await connection.fetchrow(_FIND_REFRESH, refresh_hash)
            if session is None:
                raise UnknownToken("Unknown refresh token")
            device = session["user_id"], session["device_id"]
            await connection.fetchrow(_LOCK_DEVICE, *device)
            old = await connection.fetchrow(_LOCK_REFRESH, refresh_hash)
            if old is None:
                raise UnknownToken("Unknown refresh token")
            if old["is_replaced"]:
                raise UnknownToken("The refresh token has been used", soft_logout=True)
            await _mark_used(connection, old["access_hash"])
            await connection.execute(_DROP_ABANDONED, *device, old["access_hash"], now)
            await connection.execute(
                _ADD_SESSION, pair.access_hash, pair.refresh_hash, *device,
                pair.expires_at, old["access_hash"],
            )  # fmt: skip
            return UserId(session["user_id"])

        return await self._database.write(body)

    async def mark_used(self, access_hash: bytes) -> None:
        """The new pair has been used: revoke the refresh token of the pair it replaces."""

        async def body(connection: Connection) -> None:
            session = await connection.fetchrow(_FIND_ACCESS, access_hash)
            if session is not None:
                await connection.fetchrow(_LOCK_DEVICE, session["user_id"], session["device_id"])
                await _mark_used(connection, access_hash)

        await self._database.write(body)

    async def owners(
        self, token_hashes: Sequence[bytes], *, confirmed: bool
    ) -> Sequence[TokenOwner]:
        rows = await self._database.fetch(_OWNERS, token_hashes, confirmed=confirmed)
        return [_owner(row) for row in rows]


async def insert_session(connection: Connection, session: NewSession) -> None:
    """Add a session to an account that is locked already; its device's former tokens end."""
    device = session.user_id, session.device_id
    others = await connection.fetchval(_COUNT_OTHER_DEVICES, *device, DEVICES_PER_USER_MAX)
    if others >= DEVICES_PER_USER_MAX:
        raise Refused("Too many devices: log some out first", code="M_RESOURCE_LIMIT_EXCEEDED",
                      status=403)  # fmt: skip
    await connection.execute(_ADD_DEVICE, *device, session.display_name, session.created_at)
    await connection.execute(_END_SESSIONS, *device)
    await connection.execute(
        _ADD_SESSION, session.access_hash, session.refresh_hash, *device, session.expires_at, None
    )


async def _mark_used(connection: Connection, access_hash: bytes) -> None:
    await connection.execute(_REVOKE, access_hash)
    await connection.execute(_MARK_USED, access_hash)


def _owner(row: asyncpg.Record) -> TokenOwner:
    requester = Requester(
        user_id=row["user_id"],
        device_id=row["device_id"],
        token_hash=row["access_hash"],
        is_guest=row["is_guest"],
        is_admin=row["is_admin"],
        is_locked=row["is_locked"],
        is_suspended=row["is_suspended"],
    )
    return TokenOwner(requester, row["expires_at"], row["is_first_use"])
