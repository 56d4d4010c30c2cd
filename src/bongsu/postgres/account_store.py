"""Accounts in PostgreSQL. That a name is taken is decided by the primary key."""

from collections.abc import Sequence

import asyncpg

from bongsu.errors import Forbidden
from bongsu.ids import DeviceId, UserId
from bongsu.log.intents import Intent
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.device_store import PostgresDeviceStore
from bongsu.postgres.intent_store import insert_intent
from bongsu.postgres.session_store import insert_session
from bongsu.users.accounts import Account, Moderation, user_in_use
from bongsu.users.sessions import NewSession

_COLUMNS = """user_id, password_hash, is_guest, is_admin, created_at,
       locked_at, suspended_at, deactivated_at, is_erased"""

ACCOUNT = f"SELECT {_COLUMNS} FROM account WHERE user_id = $1"

_LIST_AFTER = f"SELECT {_COLUMNS} FROM account WHERE user_id > $1 ORDER BY user_id LIMIT $2"

_CREATE = """
INSERT INTO account (user_id, password_hash, is_guest, is_admin, created_at)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id) DO NOTHING RETURNING user_id
"""

_SPEND_TOKEN = """
UPDATE registration_token SET uses = uses + 1
 WHERE token = $1 AND (uses_allowed IS NULL OR uses < uses_allowed)
   AND (expires_at IS NULL OR expires_at > $2)
RETURNING token
"""

_SET_PASSWORD = """
UPDATE account SET password_hash = $2
 WHERE user_id = $1 AND deactivated_at IS NULL RETURNING user_id
"""

_SET_ADMIN = """
UPDATE account SET is_admin = $2 WHERE user_id = $1 AND deactivated_at IS NULL RETURNING user_id
"""

_DEACTIVATE = """
UPDATE account
   SET password_hash = NULL, is_admin = false, is_erased = is_erased OR $3,
       deactivated_at = coalesce(deactivated_at, $2)
 WHERE user_id = $1 RETURNING user_id
"""

_END_THREEPIDS = "DELETE FROM threepid WHERE user_id = $1"

_END_SHORT_TOKENS = "DELETE FROM short_token WHERE user_id = $1"

_MODERATE = {
    Moderation.LOCKED: """
UPDATE account SET locked_at = $2 WHERE user_id = $1 AND deactivated_at IS NULL RETURNING user_id
""",
    Moderation.SUSPENDED: """
UPDATE account SET suspended_at = $2 WHERE user_id = $1 AND deactivated_at IS NULL RETURNING user_id
""",
}


class PostgresAccountStore:
    def __init__(self, database: Database, devices: PostgresDeviceStore) -> None:
        self._database = database
        self._devices = devices

    async def get(self, user_id: UserId) -> Account | None:
        row = await self._database.fetchrow(ACCOUNT, user_id, confirmed=True)
        return as_account(row) if row else None

    async def list_after(self, user_id: str, limit: int) -> Sequence[Account]:
        return [as_account(row) for row in await self._database.fetch(_LIST_AFTER, user_id, limit)]

    async def create(
        self, account: Account, session: NewSession | None, registration_token: str | None
    ) -> None:
        async def body(connection: Connection) -> None:
            made = await connection.fetchrow(
                _CREATE, account.user_id, account.password_hash, account.is_guest,
                account.is_admin, account.created_at,
            )  # fmt: skip
            if made is None:
                raise user_in_use()
            if registration_token is not None and not await connection.fetchrow(
                _SPEND_TOKEN, registration_token, account.created_at
            ):
                raise Forbidden("The registration token has no use left")
            if session is not None:
                await insert_session(connection, session)

        await self._database.write(body)

    async def set_password(
        self, user_id: UserId, password_hash: str, *, end_others: bool, keep: DeviceId | None
    ) -> bool:
        async def body(connection: Connection) -> bool:
            if not await connection.fetchrow(_SET_PASSWORD, user_id, password_hash):
                return False
            if end_others:
                await self._devices.delete_others_in(connection, user_id, keep)
            await connection.execute(_END_SHORT_TOKENS, user_id)
            return True

        return await self._database.write(body)

    async def deactivate(self, user_id: UserId, at: int, *, erase: bool, then: Intent) -> bool:
        async def body(connection: Connection) -> bool:
            if not await connection.fetchrow(_DEACTIVATE, user_id, at, erase):
                return False
            await insert_intent(connection, then)
            await self._devices.delete_others_in(connection, user_id, keep=None)
            await connection.execute(_END_THREEPIDS, user_id)
            await connection.execute(_END_SHORT_TOKENS, user_id)
            return True

        return await self._database.write(body)

    async def moderate(self, user_id: UserId, what: Moderation, since: int | None) -> bool:
        return await self._changed(_MODERATE[what], user_id, since)

    async def set_admin(self, user_id: UserId, is_admin: bool) -> bool:
        return await self._changed(_SET_ADMIN, user_id, is_admin)

    async def _changed(self, query: str, user_id: UserId, value: int | bool | None) -> bool:
        async def body(connection: Connection) -> bool:
            return await connection.fetchrow(query, user_id, value) is not None

        return await self._database.write(body)


def as_account(row: asyncpg.Record) -> Account:
    return Account(*row)
