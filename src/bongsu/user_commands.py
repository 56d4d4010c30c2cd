"""What `bongsu user` does: the accounts service on a database, with or without a server beside it.

A running server keeps verified tokens for a moment; it sees these changes at its next look at the
tables.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import asyncpg

from bongsu.engines import any_database
from bongsu.errors import NotFound
from bongsu.ids import UserId
from bongsu.postgres.account_store import PostgresAccountStore
from bongsu.postgres.database import Database
from bongsu.postgres.device_store import PostgresDeviceStore
from bongsu.postgres.migrate import migrate
from bongsu.postgres.pusher_store import delete_pushers_of
from bongsu.settings import Settings
from bongsu.users.accounts import Account, Accounts
from bongsu.users.passwords import Passwords
from bongsu.users.sessions import SessionMaker
from bongsu.users.text import local_user_id


async def add(settings: Settings, name: str, password: str, *, is_admin: bool) -> UserId:
    """Make the account `name` (a localpart or a user id)."""
    async with _accounts(settings) as accounts:
        user_id = await accounts.check_available(_localpart(settings, name))
        await accounts.create(user_id, password, is_admin=is_admin)
        return user_id


async def set_password(settings: Settings, name: str, password: str, *, keep: bool) -> UserId:
    """Set a password; `keep` leaves the sessions alive."""
    async with _accounts(settings) as accounts:
        user_id = _user_id(settings, name)
        await accounts.set_password(user_id, password, end_others=not keep)
        return user_id


async def deactivate(settings: Settings, name: str) -> UserId:
    async with _accounts(settings) as accounts:
        user_id = _user_id(settings, name)
        await accounts.deactivate(user_id)
        return user_id


async def show_all(settings: Settings, say: Callable[[str], object]) -> None:
    """Say every account, one a line."""
    async with _accounts(settings) as accounts:
        async for account in accounts.stream_all():
            say(_line(account))


class _NobodyToTell:
    """This process serves nobody: no token is cached here."""

    def sessions_changed(self, user_id: UserId) -> None: ...


@asynccontextmanager
async def _accounts(settings: Settings) -> AsyncGenerator[Accounts]:
    passwords, nobody = Passwords(), _NobodyToTell()
    async with any_database(settings) as dsn:
        await migrate(dsn)
        async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
            database = Database(pool)
            store = PostgresAccountStore(
                database, PostgresDeviceStore(database, [delete_pushers_of])
            )
            server_name = settings.server_name
            try:
                yield Accounts(store, passwords, SessionMaker(), nobody, server_name=server_name)
            finally:
                passwords.close()


def _user_id(settings: Settings, name: str) -> UserId:
    user_id = local_user_id(name, settings.server_name)
    if user_id is None:
        raise NotFound(f"{name} is no user of {settings.server_name}")
    return user_id


def _localpart(settings: Settings, name: str) -> str:
    """Of a full user id its localpart, so that both may be typed."""
    return _user_id(settings, name)[1:].partition(":")[0] if name.startswith("@") else name


def _line(account: Account) -> str:
    marks = {
        "admin": account.is_admin,
        "guest": account.is_guest,
        "locked": account.locked_at is not None,
        "suspended": account.suspended_at is not None,
        "deactivated": account.deactivated_at is not None,
    }
    since = datetime.fromtimestamp(account.created_at / 1000, UTC).strftime("%Y-%m-%d")
    return "  ".join([str(account.user_id), since, *(name for name, on in marks.items() if on)])
