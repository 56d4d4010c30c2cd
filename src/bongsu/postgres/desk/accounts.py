"""Accounts of the messenger, as far as the desk may look: who somebody is."""

from bongsu.ids import UserId
from bongsu.postgres.account_store import ACCOUNT, as_account
from bongsu.postgres.database import Database
from bongsu.users.accounts import Account


class DeskAccounts:
    """Implements `desk.people.AccountReader`. `database` has `public` in its path."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, user_id: UserId) -> Account | None:
        row = await self._database.fetchrow(ACCOUNT, user_id, confirmed=True)
        return None if row is None else as_account(row)
