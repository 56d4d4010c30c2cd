"""How cases stand, read under their locks before anything of theirs moves."""

from collections.abc import Sequence

from bongsu.desk.compensation.accounts import Case, account_of, returned
from bongsu.desk.compensation.decisions import Basis, Standing
from bongsu.desk.compensation.programme import Kind
from bongsu.postgres.database import Connection
from bongsu.postgres.desk.ledger_store import load_balances

# In the order of keys, so that two at once wait for each other instead of deadlocking.
_CASES = """
INSERT INTO compensation_case (report_id, programme, decision)
SELECT report_id, $2, 0 FROM unnest($1::text[]) AS new (report_id) ORDER BY report_id
ON CONFLICT DO NOTHING
"""
_LOCK = """
SELECT report_id, decision FROM compensation_case
 WHERE report_id = ANY($1) AND programme = $2 ORDER BY report_id FOR UPDATE
"""
_BASES = """
SELECT report_id, version, report_version, assessment, source
  FROM compensation_decision JOIN compensation_case USING (report_id, programme)
 WHERE report_id = ANY($1) AND programme = $2 AND number = decision
"""
_OUT = """
SELECT report_id, currency, sum(amount)::bigint AS amount FROM payout_line
 WHERE report_id = ANY($1) AND programme = $2 AND state IN ('sent', 'paid')
 GROUP BY report_id, currency
"""


async def lock_standings(
    connection: Connection, programme: str, ids: Sequence[str]
) -> dict[str, Standing]:
    """By report id; made where there were none. They stay locked until the transaction ends."""
    await connection.execute(_CASES, ids, programme)
    rows = await connection.fetch(_LOCK, ids, programme)
    numbers: dict[str, int] = {row["report_id"]: row["decision"] for row in rows}
    bases: dict[str, tuple[Basis, str]] = {}
    for report_id, *basis, source in await connection.fetch(_BASES, ids, programme):
        bases[report_id] = Basis(*basis), source
    held, out = await _held(connection, programme, ids), {id: dict[str, int]() for id in ids}
    for report_id, currency, amount in await connection.fetch(_OUT, ids, programme):
        out[report_id][currency] = amount
    standings: dict[str, Standing] = {}
    for id in ids:
        back = returned(Case(programme, id))
        for (account, unit), amount in held[id].items():
            if account == back:
                out[id][unit] = out[id].get(unit, 0) + amount
        basis, source = bases.get(id, (None, ""))
        standings[id] = Standing(numbers[id], basis, source, held[id], out[id])
    return standings


async def _held(
    connection: Connection, programme: str, ids: Sequence[str]
) -> dict[str, dict[tuple[str, str], int]]:
    """What the accounts of each report hold, by account and unit."""
    owners: dict[str, str] = {}
    for id in ids:
        case = Case(programme, id)
        names = [account_of(kind, case) for kind in (Kind.MONEY, Kind.POINTS, Kind.COUPON)]
        owners |= dict.fromkeys([*names, returned(case)], id)
    held: dict[str, dict[tuple[str, str], int]] = {id: {} for id in ids}
    for (account, unit), amount in (await load_balances(connection, owners)).items():
        held[owners[account]][account, unit] = amount
    return held
