"""Grants taken up, in PostgreSQL."""

from bongsu.desk.compensation.accounts import Transfer
from bongsu.desk.compensation.grants import GRANTS_PART, GrantClaim
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.ledger_store import post

_COLUMNS = "programme, name, account_id, version, kind, unit, amount, item, claimed_ts, expires_ts"
_LIST = f"SELECT {_COLUMNS} FROM grant_claim WHERE account_id = $1 LIMIT 1000"
_ADD = f"""
INSERT INTO grant_claim ({_COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT DO NOTHING RETURNING name
"""
_ONE = f"""
SELECT {_COLUMNS} FROM grant_claim WHERE programme = $1 AND name = $2 AND account_id = $3
"""
_COUNT = "SELECT name, count(*) AS claims FROM grant_claim WHERE programme = $1 GROUP BY name"


class PostgresGrants:
    """Implements `desk.compensation.grants.GrantStore`.

    A claim is no operator's act and millions may come at once, so the one lock of the audit log is
    not taken: the rows themselves are never changed, and the ledger has each of them.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_claims(self, account_id: str) -> list[GrantClaim]:
        rows = await self._database.fetch(_LIST, account_id, confirmed=True)
        return [GrantClaim(*row) for row in rows]

    async def claim(self, claim: GrantClaim, transfer: Transfer) -> GrantClaim:
        async def body(connection: Connection) -> GrantClaim:
            if await connection.fetchrow(_ADD, *claim) is not None:
                await post(connection, [transfer], GRANTS_PART, claim.claimed_ts)
            (row,) = await connection.fetch(_ONE, claim.programme, claim.name, claim.account_id)
            return GrantClaim(*row)

        return await self._database.write(body, idempotent=True)

    async def count(self, programme: str) -> dict[str, int]:
        rows = await self._database.fetch(_COUNT, programme, confirmed=True)
        return {row["name"]: row["claims"] for row in rows}
