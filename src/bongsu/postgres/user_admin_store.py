"""Accounts as administrators look for them. Counting and sorting all of them is theirs alone."""

from collections.abc import Sequence

import asyncpg
import msgspec

from bongsu.ids import UserId
from bongsu.postgres.database import Database
from bongsu.users.accounts import Account
from bongsu.users.administration import AccountFilter, Order, Person

_FROM = """
  FROM account
  LEFT JOIN profile AS name ON name.user_id = account.user_id AND name.field = 'displayname'
  LEFT JOIN profile AS avatar ON avatar.user_id = account.user_id AND avatar.field = 'avatar_url'
"""

_SELECT = f"""
SELECT account.user_id, password_hash, is_guest, is_admin, created_at,
       locked_at, suspended_at, deactivated_at, is_erased,
       name.value AS name, avatar.value AS avatar,
       (SELECT max(last_seen_ts) FROM device WHERE device.user_id = account.user_id) AS seen
{_FROM}
"""

# Names are looked for as their JSON, which is how profiles hold them.
_WHERE = """
 WHERE ($1::text IS NULL OR account.user_id LIKE $1)
   AND ($2::text IS NULL OR lower(split_part(account.user_id, ':', 1)) LIKE $2
        OR lower(convert_from(name.value, 'UTF8')) LIKE $2)
   AND ($3::boolean IS NULL OR is_guest = $3)
   AND ($4::boolean IS NULL OR is_admin = $4)
   AND ($5::boolean IS NULL OR (deactivated_at IS NOT NULL) = $5)
   AND ($6::boolean IS NULL OR (locked_at IS NOT NULL) = $6)
"""

# Nobody has a type or a shadow ban here: they sort as equals.
_ORDERS: dict[Order, str] = {
    "name": "account.user_id",
    "is_guest": "is_guest",
    "admin": "is_admin",
    "user_type": "NULL::text",
    "deactivated": "deactivated_at IS NOT NULL",
    "shadow_banned": "NULL::text",
    "displayname": "name.value",
    "avatar_url": "avatar.value",
    "creation_ts": "created_at",
    "last_seen_ts": "seen",
}


class PostgresPersonStore:
    """Implements `users.administration.PersonStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, user_id: UserId) -> Person | None:
        query = f"{_SELECT} WHERE account.user_id = $1"
        row = await self._database.fetchrow(query, user_id, confirmed=True)
        return _person(row) if row else None

    async def list_people(
        self, wanted: AccountFilter, order: Order, *, backwards: bool, offset: int, limit: int
    ) -> tuple[Sequence[Person], int]:
        arguments = _arguments(wanted)
        way = "DESC" if backwards else "ASC"
        page = (
            f"{_SELECT} {_WHERE} ORDER BY {_ORDERS[order]} {way} NULLS LAST, account.user_id {way}"
            " LIMIT $7 OFFSET $8"
        )
        rows = await self._database.fetch(page, *arguments, limit, offset)
        total = await self._database.fetchrow(f"SELECT count(*) {_FROM} {_WHERE}", *arguments)
        assert total is not None, "an aggregate gives a row"
        return [_person(row) for row in rows], total[0]


def _arguments(wanted: AccountFilter) -> tuple[object, ...]:
    user_id = None if wanted.user_id is None or wanted.name is not None else wanted.user_id
    return (
        None if user_id is None else f"%{_escaped(user_id)}%",
        None if wanted.name is None else f"%{_escaped(_as_json(wanted.name.lower()))}%",
        wanted.guests,
        wanted.admins,
        wanted.deactivated,
        wanted.locked,
    )


def _as_json(text: str) -> str:
    return msgspec.json.encode(text)[1:-1].decode()


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def _person(row: asyncpg.Record) -> Person:
    account = Account(*tuple(row)[:9])
    return Person(account, _text(row["name"]), _text(row["avatar"]), row["seen"])


def _text(value: bytes | None) -> str | None:
    decoded = None if value is None else msgspec.json.decode(value)
    return decoded if isinstance(decoded, str) else None
