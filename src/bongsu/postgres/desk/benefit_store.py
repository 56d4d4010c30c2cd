"""Batches of benefits in PostgreSQL: what the ledger says is given, less what was handed over."""

from collections.abc import Sequence
from typing import Any

import asyncpg

from bongsu.desk.audit import Act
from bongsu.desk.compensation.benefits import (
    LINES_MAX,
    Batch,
    BatchState,
    Change,
    Line,
    Owed,
    Source,
    State,
    Waiting,
    lines_of,
)
from bongsu.desk.compensation.evaluating import OUT_OF_COUNT
from bongsu.desk.compensation.programme import Kind
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append
from bongsu.postgres.desk.report_rows import columns

# Units of a kind, as compensation.text_form names them.
_UNITS = {
    Kind.POINTS: "POINTS",
    Kind.COUPON: "COUPON.%",
    Kind.PLAN_CREDIT: "___.PLAN\\_CREDIT",
    Kind.CHANNEL_CREDIT: "___.CHANNEL\\_CREDIT",
    Kind.STICKER_PACK: "STICKER\\_PACK.%",
}
# $1 units, $2 states of reports that do not count. Of a report one thing is under way at a time.
_OF_REPORTS = """
SELECT programme, report_id, account_id, unit, held.amount - coalesce(handed.amount, 0) AS amount
  FROM (SELECT split_part(account, ':', 2) AS programme, split_part(account, ':', 3) AS report_id,
               unit, sum(amount)::bigint AS amount
          FROM ledger_entry
         WHERE (account LIKE 'points:%' OR account LIKE 'credit:%') AND unit LIKE $1
         GROUP BY account, unit) AS held
  JOIN report USING (report_id)
  LEFT JOIN (SELECT programme, subject AS report_id, unit, sum(amount)::bigint AS amount,
                    bool_or(state = 'sent') AS is_under_way
               FROM benefit_line WHERE source = 'report' AND state <> 'failed'
              GROUP BY programme, subject, unit) AS handed USING (programme, report_id, unit)
 WHERE held.amount > coalesce(handed.amount, 0) AND NOT coalesce(is_under_way, false)
   AND status <> ALL($2)
"""
_COUNT_REPORTS = f"""
SELECT count(account_id) AS ready, count(*) - count(account_id) AS without_account
  FROM ({_OF_REPORTS}) AS owed
"""
_TAKE_REPORTS = f"""
SELECT owed.programme, owed.report_id, '' AS account_id, owed.unit, owed.amount, valid_until_ts
  FROM (SELECT * FROM ({_OF_REPORTS}) AS found WHERE account_id IS NOT NULL
         ORDER BY programme, report_id, unit LIMIT $3) AS owed
  LEFT JOIN LATERAL (
       SELECT CASE WHEN bool_and(valid_until_ts IS NOT NULL) THEN max(valid_until_ts) END
              AS valid_until_ts
         FROM compensation_award AS award
        WHERE award.report_id = owed.report_id AND award.programme = owed.programme
          AND award.unit = owed.unit
        GROUP BY number ORDER BY number DESC LIMIT 1) AS valid ON true
"""
# $1 units, $2 now
_OF_GRANTS = """
SELECT programme, name, account_id, unit, amount, expires_ts FROM grant_claim AS claim
 WHERE unit LIKE $1 AND (expires_ts IS NULL OR expires_ts > $2) AND NOT EXISTS (
       SELECT FROM benefit_line AS line
        WHERE line.source = 'grant' AND line.state <> 'failed' AND line.subject = claim.name
          AND line.programme = claim.programme AND line.account_id = claim.account_id)
"""
_COUNT_GRANTS = f"SELECT count(*) AS ready FROM ({_OF_GRANTS}) AS owed"
_TAKE_GRANTS = f"{_OF_GRANTS} ORDER BY claimed_ts, programme, name, account_id LIMIT $3"

_TURN = "UPDATE benefit_turn SET taken = taken + 1 WHERE name = 'batches'"
_BATCH = "batch_id, made_ts, operator, kind, line_count"
_FIND = f"SELECT {_BATCH} FROM benefit_batch WHERE batch_id = $1"
_ADD_BATCH = f"INSERT INTO benefit_batch ({_BATCH}) VALUES ($1, $2, $3, $4, $5)"
_ADD_LINES = """
INSERT INTO benefit_line (line_id, batch_id, number, source, programme, subject, account_id, unit,
                          amount, valid_until_ts, state, reason, changed_ts)
SELECT line_id, $1, number, source, programme, subject, account_id, unit, amount, valid_until_ts,
       'sent', '', $2
  FROM unnest($3::text[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[],
              $9::text[], $10::bigint[], $11::bigint[])
       AS new (line_id, number, source, programme, subject, account_id, unit, amount,
               valid_until_ts)
"""
_LIST = f"SELECT {_BATCH} FROM benefit_batch ORDER BY made_ts DESC, batch_id LIMIT 500"
_STATES = """
SELECT batch_id, state, count(*) AS lines FROM benefit_line WHERE batch_id = ANY($1)
 GROUP BY batch_id, state
"""
_LINES = """
SELECT line_id, number, source, programme, coalesce(receipt, subject) AS reference,
       coalesce(nullif(line.account_id, ''), report.account_id, '') AS account_id, unit, amount,
       valid_until_ts, state, reason, line.changed_ts
  FROM benefit_line AS line LEFT JOIN report ON source = 'report' AND report_id = subject
 WHERE batch_id = $1 ORDER BY number
"""
_LOSE_ERASED = """
UPDATE benefit_line AS line SET state = 'failed', reason = 'erased', changed_ts = $2
  FROM report
 WHERE batch_id = $1 AND line.state = 'sent' AND source = 'report' AND report_id = subject
   AND report.account_id IS NULL
"""
_LOCK = "SELECT line_id FROM benefit_line WHERE batch_id = $1 AND state = 'sent' FOR UPDATE"
_CHANGE = """
UPDATE benefit_line SET state = new.state, reason = new.reason, changed_ts = $1
  FROM unnest($2::text[], $3::text[], $4::text[]) AS new (line_id, state, reason)
 WHERE benefit_line.line_id = new.line_id
"""


class PostgresBenefits:
    """Implements `desk.compensation.benefits.BenefitStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count_waiting(self, kind: Kind, now: int) -> Waiting:
        units, fetch = _UNITS[kind], self._database.fetch
        (reports,) = await fetch(_COUNT_REPORTS, units, sorted(OUT_OF_COUNT), confirmed=True)
        (grants,) = await fetch(_COUNT_GRANTS, units, now, confirmed=True)
        return Waiting(reports["ready"] + grants["ready"], reports["without_account"])

    async def make(self, batch_id: str, kind: Kind, act: Act, now: int) -> Batch | None:
        async def body(connection: Connection) -> Batch | None:
            await connection.execute(_TURN)
            if row := await connection.fetchrow(_FIND, batch_id):
                return _batch(row)
            owed = await _owed(connection, kind, now)
            if not owed:
                return None
            batch = Batch(batch_id, now, act.actor, kind, len(owed))
            await connection.execute(_ADD_BATCH, *batch)
            rows: list[Sequence[Any]] = [
                (line_id, number, *each) for line_id, number, each in lines_of(batch_id, owed)
            ]
            await connection.execute(_ADD_LINES, batch_id, now, *columns(rows))
            detail = {**act.detail, "lines": len(owed)}
            await append(connection, act._replace(detail=detail), now)
            return batch

        return await self._database.write(body, idempotent=True)

    async def list_batches(self) -> list[BatchState]:
        batches = [_batch(row) for row in await self._database.fetch(_LIST, confirmed=True)]
        states: dict[str, dict[str, int]] = {each.batch_id: {} for each in batches}
        for row in await self._database.fetch(_STATES, list(states), confirmed=True):
            states[row["batch_id"]][row["state"]] = row["lines"]
        return [BatchState(batch, states[batch.batch_id]) for batch in batches]

    async def load(self, batch_id: str) -> tuple[Batch, list[Line]] | None:
        row = await self._database.fetchrow(_FIND, batch_id, confirmed=True)
        if row is None:
            return None
        lines = await self._database.fetch(_LINES, batch_id, confirmed=True)
        return _batch(row), [_line(line) for line in lines]

    async def open(self, batch_id: str, act: Act, now: int) -> list[Line]:
        async def body(connection: Connection) -> list[asyncpg.Record]:
            await connection.execute(_LOSE_ERASED, batch_id, now)
            rows = [
                row
                for row in await connection.fetch(_LINES, batch_id)
                if row["state"] == State.SENT
            ]
            await append(connection, act._replace(detail={"lines": len(rows)}), now)
            return rows

        return [_line(row) for row in await self._database.write(body, idempotent=True)]

    async def take(self, batch_id: str, changes: Sequence[Change], act: Act, now: int) -> bool:
        async def body(connection: Connection) -> bool:
            waiting = {row["line_id"] for row in await connection.fetch(_LOCK, batch_id)}
            if not waiting.issuperset(change.line_id for change in changes):
                return False
            rows = [(change.line_id, change.state.value, change.reason) for change in changes]
            await connection.execute(_CHANGE, now, *columns(rows))
            await append(connection, act, now)
            return True

        return await self._database.write(body)


async def _owed(connection: Connection, kind: Kind, now: int) -> list[Owed]:
    units = _UNITS[kind]
    reports = await connection.fetch(_TAKE_REPORTS, units, sorted(OUT_OF_COUNT), LINES_MAX)
    left = LINES_MAX - len(reports)
    grants = await connection.fetch(_TAKE_GRANTS, units, now, left)
    return [
        *(Owed(Source.REPORT, *row) for row in reports),
        *(Owed(Source.GRANT, *row) for row in grants),
    ]


def _batch(row: asyncpg.Record) -> Batch:
    batch_id, made_ts, operator, kind, line_count = row.values()
    return Batch(batch_id, made_ts, operator, Kind(kind), line_count)


def _line(row: asyncpg.Record) -> Line:
    values = dict(row)
    source, state = Source(values.pop("source")), State(values.pop("state"))
    return Line(source=source, state=state, **values)
