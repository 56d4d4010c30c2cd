"""The ledger in PostgreSQL. The schema keeps it balanced; this only adds to it and reads it."""

from collections.abc import Collection, Sequence

import asyncpg

from bongsu.desk.audit import Act
from bongsu.desk.compensation.accounts import Balance, Transfer
from bongsu.desk.compensation.ledger import LedgerLine, Party, Totals
from bongsu.errors import Refused
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append

_TRANSFERS = """
INSERT INTO ledger_transfer (transfer, made_ts, operator, memo)
SELECT transfer, $1, $2, memo FROM unnest($3::text[], $4::text[]) AS new (transfer, memo)
ON CONFLICT (transfer) DO NOTHING RETURNING transfer
"""
_ENTRIES = """
INSERT INTO ledger_entry
SELECT * FROM unnest($1::text[], $2::smallint[], $3::text[], $4::text[], $5::bigint[])
"""
_BALANCES = """
SELECT account, unit, sum(amount)::bigint AS amount FROM ledger_entry
 WHERE account = ANY($1) GROUP BY account, unit
"""
_TOTALS = """
SELECT split_part(account, ':', 1) AS class, unit, sum(amount)::bigint AS amount,
       count(DISTINCT account) AS accounts
  FROM ledger_entry GROUP BY class, unit ORDER BY unit, class
"""
_LATEST = """
SELECT transfer, number, made_ts, operator, memo, account, unit, amount
  FROM (SELECT * FROM ledger_transfer
         WHERE number < $1 AND ($2 = '' OR transfer IN
               (SELECT transfer FROM ledger_entry WHERE account = $2))
         ORDER BY number DESC LIMIT $3) AS latest
  JOIN ledger_entry USING (transfer)
 ORDER BY number DESC, line
"""
_PARTIES = """
SELECT party_id, name, basis, added_ts FROM recovery_party ORDER BY added_ts, party_id LIMIT 1000
"""
_ADD_PARTY = """
INSERT INTO recovery_party (party_id, name, basis, added_ts, operator) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (party_id) DO NOTHING RETURNING party_id
"""


async def post(
    connection: Connection, transfers: Sequence[Transfer], operator: str, now: int
) -> set[str]:
    """Post those that are not there yet, in the transaction of `connection`; gives their keys."""
    if not transfers:
        return set()
    ordered = sorted({each.key: each for each in transfers}.values())
    keys, memos = [each.key for each in ordered], [each.memo for each in ordered]
    found = await connection.fetch(_TRANSFERS, now, operator, keys, memos)
    new = {row["transfer"] for row in found}
    rows = [
        (each.key, line, *entry)
        for each in ordered
        if each.key in new
        for line, entry in enumerate(each.entries, 1)
    ]
    await connection.execute(_ENTRIES, *map(list, zip(*rows, strict=True)) if rows else [[]] * 5)
    return new


async def load_balances(
    connection: Connection, accounts: Collection[str]
) -> dict[tuple[str, str], int]:
    """By account and unit, as this transaction sees them."""
    rows = await connection.fetch(_BALANCES, list(accounts))
    return {(row["account"], row["unit"]): row["amount"] for row in rows}


class PostgresLedger:
    """Implements `desk.compensation.ledger.LedgerStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def post(self, transfer: Transfer, act: Act, now: int) -> bool:
        async def body(connection: Connection) -> bool:
            new = await post(connection, [transfer], act.actor, now)
            if new:
                await append(connection, act, now)
            return bool(new)

        try:
            return await self._database.write(body, idempotent=True)
        except asyncpg.CheckViolationError:  # at COMMIT: the schema's own check
            raise Refused(
                "An account would fall below zero", code="COMPENSATION_BALANCE", status=409
            ) from None

    async def load_balances(self, accounts: Collection[str]) -> list[Balance]:
        rows = await self._database.fetch(_BALANCES, list(accounts), confirmed=True)
        return [Balance(*row) for row in rows]

    async def load_totals(self) -> list[Totals]:
        return [Totals(*row) for row in await self._database.fetch(_TOTALS, confirmed=True)]

    async def list_latest(
        self, limit: int, *, before: int = 2**62, account: str = ""
    ) -> list[LedgerLine]:
        rows = await self._database.fetch(_LATEST, before, account, limit, confirmed=True)
        return [LedgerLine(*row) for row in rows]

    async def list_parties(self) -> list[Party]:
        return [Party(*row) for row in await self._database.fetch(_PARTIES, confirmed=True)]

    async def add_party(self, party: Party, act: Act) -> bool:
        async def body(connection: Connection) -> bool:
            row: asyncpg.Record | None = await connection.fetchrow(_ADD_PARTY, *party, act.actor)
            if row is not None:
                await append(connection, act, party.added_ts)
            return row is not None

        return await self._database.write(body, idempotent=True)
