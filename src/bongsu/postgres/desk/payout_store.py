"""Payout batches in PostgreSQL. Cases are locked before their money moves."""

from collections.abc import AsyncIterator, Sequence

import asyncpg

from bongsu.desk.audit import Act
from bongsu.desk.compensation.accounts import Case, case_of, payable
from bongsu.desk.compensation.paying import BatchState, Taken
from bongsu.desk.compensation.payouts import (
    Batch,
    Line,
    LineChange,
    LineState,
    changing,
    line_id_of,
    reissuing,
    sending,
)
from bongsu.desk.reports.mailing import MailKind
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append
from bongsu.postgres.desk.ledger_store import load_balances, post
from bongsu.postgres.desk.report_mail_store import queue_mails
from bongsu.postgres.desk.report_rows import columns

OWED_ROWS = 5_000  # at once

_OWED = """
SELECT account FROM ledger_balance
 WHERE account LIKE 'payable:%' AND account > $2 AND unit = $1 AND amount > 0
 ORDER BY account LIMIT $3
"""
_UNDER_WAY = """
SELECT report_id, programme FROM payout_line WHERE currency = $1 AND state = 'sent'
"""
_LOCK = """
SELECT report_id, programme FROM compensation_case
  JOIN unnest($1::text[], $2::text[]) AS wish (report_id, programme) USING (report_id, programme)
 ORDER BY report_id, programme FOR UPDATE OF compensation_case
"""
_BATCH = "batch_id, made_ts, operator, currency, line_count, total"
_ADD_BATCH = f"""
INSERT INTO payout_batch ({_BATCH}) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING RETURNING batch_id
"""
_FIND = f"SELECT {_BATCH} FROM payout_batch WHERE batch_id = $1"
_ADD_LINES = """
INSERT INTO payout_line (line_id, batch_id, number, report_id, programme, currency, amount, state,
                         reason, changed_ts)
SELECT line_id, $1, number, report_id, programme, $2, amount, 'sent', '', $3
  FROM unnest($4::text[], $5::integer[], $6::text[], $7::text[], $8::bigint[])
       AS new (line_id, number, report_id, programme, amount)
"""
_LIST = f"SELECT {_BATCH} FROM payout_batch ORDER BY made_ts DESC LIMIT 500"
_STATES = """
SELECT batch_id, state, count(*) AS lines, sum(amount)::bigint AS amount FROM payout_line
 WHERE batch_id = ANY($1) GROUP BY batch_id, state
"""
_LINES = """
SELECT line_id, number, programme, report_id, currency, amount, state, reason, changed_ts
  FROM payout_line WHERE batch_id = $1 ORDER BY number
"""
_LOCK_LINES = (
    "SELECT line_id, state FROM payout_line WHERE batch_id = $1 ORDER BY number FOR UPDATE"
)
_CHANGE = """
UPDATE payout_line SET state = new.state, reason = new.reason, changed_ts = $1
  FROM unnest($2::text[], $3::text[], $4::text[]) AS new (line_id, state, reason)
 WHERE payout_line.line_id = new.line_id
"""
_ADD_RESULT = """
INSERT INTO payout_result (sha256, batch_id, received_ts, operator, paid, returned)
VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING sha256
"""


class PostgresPayouts:
    """Implements `desk.compensation.paying.PayoutStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stream_owed(self, currency: str) -> AsyncIterator[list[Case]]:
        rows = await self._database.fetch(_UNDER_WAY, currency, confirmed=True)
        under_way = {Case(row["programme"], row["report_id"]) for row in rows}
        after = ""
        while owed := await self._database.fetch(_OWED, currency, after, OWED_ROWS, confirmed=True):
            cases = [case_of(row["account"]) for row in owed]
            yield [case for case in cases if case not in under_way]
            after = owed[-1]["account"]

    async def make(
        self, batch_id: str, currency: str, cases: Sequence[Case], act: Act, now: int
    ) -> Batch | None:
        async def body(connection: Connection) -> Batch | None:
            if row := await connection.fetchrow(_FIND, batch_id):
                return Batch(*row)
            lines = await _lines(connection, batch_id, currency, cases)
            if not lines:
                return None
            total = sum(line.amount for line in lines)
            batch = Batch(batch_id, now, act.actor, currency, len(lines), total)
            if await connection.fetchrow(_ADD_BATCH, *batch) is None:
                raise _Overtaken  # by the same form, sent twice at once
            rows = [
                (line.line_id, line.number, line.case.report_id, line.case.programme, line.amount)
                for line in lines
            ]
            await connection.execute(_ADD_LINES, batch_id, currency, now, *columns(rows))
            await post(connection, [sending(batch_id, line) for line in lines], act.actor, now)
            detail = {**act.detail, "lines": len(lines), "total": total}
            await append(connection, act._replace(detail=detail), now)
            return batch

        try:
            return await self._database.write(body, idempotent=True)
        except _Overtaken:
            row = await self._database.fetchrow(_FIND, batch_id, confirmed=True)
            return None if row is None else Batch(*row)

    async def list_batches(self) -> list[BatchState]:
        batches = [Batch(*row) for row in await self._database.fetch(_LIST, confirmed=True)]
        states: dict[str, dict[str, tuple[int, int]]] = {each.batch_id: {} for each in batches}
        for row in await self._database.fetch(_STATES, list(states), confirmed=True):
            states[row["batch_id"]][row["state"]] = row["lines"], row["amount"]
        return [BatchState(batch, states[batch.batch_id]) for batch in batches]

    async def load(self, batch_id: str) -> tuple[Batch, list[Line]] | None:
        row = await self._database.fetchrow(_FIND, batch_id, confirmed=True)
        if row is None:
            return None
        lines = await self._database.fetch(_LINES, batch_id, confirmed=True)
        return Batch(*row), [_line(line) for line in lines]

    async def take(
        self, batch: Batch, sha256: bytes, changes: Sequence[LineChange], act: Act, now: int
    ) -> Taken | None:
        paid = sum(change.state is LineState.PAID for change in changes)
        counts = paid, len(changes) - paid

        async def body(connection: Connection) -> Taken | None:
            rows = await connection.fetch(_LOCK_LINES, batch.batch_id)
            states: dict[str, str] = {row["line_id"]: row["state"] for row in rows}
            row = await connection.fetchrow(
                _ADD_RESULT, sha256, batch.batch_id, now, act.actor, *counts
            )
            if row is None:
                return Taken(0, 0, known=True)
            if any(states[change.line.line_id] != change.line.state for change in changes):
                raise _Overtaken
            ids = [change.line.line_id for change in changes]
            news = [change.state.value for change in changes]
            await connection.execute(_CHANGE, now, ids, news, [change.reason for change in changes])
            moved = [changing(batch.batch_id, change) for change in changes]
            await post(connection, moved, act.actor, now)
            returned = [
                change.line.case.report_id
                for change in changes
                if change.state is LineState.RETURNED
            ]
            await queue_mails(connection, returned, MailKind.RETURNED, now)
            await append(connection, act, now)
            return Taken(*counts)

        try:
            return await self._database.write(body, idempotent=True)
        except _Overtaken:
            return None

    async def reissue(self, line: Line, act: Act, now: int) -> bool:
        case = line.case

        async def body(connection: Connection) -> bool:
            await connection.fetch(_LOCK, [case.report_id], [case.programme])
            new = await post(connection, [reissuing(line)], act.actor, now)
            if new:
                await append(connection, act, now)
            return bool(new)

        return await self._database.write(body, idempotent=True)


class _Overtaken(Exception):
    """Somebody else came first; the transaction is given up."""


async def _lines(
    connection: Connection, batch_id: str, currency: str, cases: Sequence[Case]
) -> list[Line]:
    """What the cases are owed now, each under its lock, but those with money under way."""
    ids, programmes = [case.report_id for case in cases], [case.programme for case in cases]
    locked = await connection.fetch(_LOCK, ids, programmes)
    rows = await connection.fetch(_UNDER_WAY, currency)
    under_way = {Case(row["programme"], row["report_id"]) for row in rows}
    accounts = {
        payable(case): case
        for case in (Case(row["programme"], row["report_id"]) for row in locked)
        if case not in under_way
    }
    balances = await load_balances(connection, accounts)
    lines: list[Line] = []
    for account, case in accounts.items():
        amount = balances.get((account, currency), 0)
        if amount > 0:
            number = len(lines) + 1
            lines.append(Line(line_id_of(batch_id, number), number, case, currency, amount))
    return lines


def _line(row: asyncpg.Record) -> Line:
    line_id, number, programme, report_id, currency, amount, state, reason, changed_ts = (
        row.values()
    )
    case = Case(programme, report_id)
    return Line(line_id, number, case, currency, amount, LineState(state), reason, changed_ts)
