"""Decisions in PostgreSQL: rows are added, the ledger gets the difference."""

from collections.abc import Sequence

import asyncpg

from bongsu.desk.audit import Act
from bongsu.desk.compensation.accounts import Case
from bongsu.desk.compensation.deciding import PastAward, PastDecision, Proposal
from bongsu.desk.compensation.decisions import (
    NewDecision,
    Standing,
    is_needed,
    transfers_of,
    valid_until,
)
from bongsu.desk.reports.mailing import MailKind
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append
from bongsu.postgres.desk.case_standings import lock_standings
from bongsu.postgres.desk.ledger_store import post
from bongsu.postgres.desk.report_mail_store import queue_mails

_ADD = """
INSERT INTO compensation_decision
       (report_id, programme, number, version, report_version, assessment, source, asked, reason,
        operator, approver, decided_ts)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_ADD_AWARD = """
INSERT INTO compensation_award (report_id, programme, number, line, rule, bracket, kind, unit,
                                amount, item, valid_until_ts)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_MOVE = """
UPDATE compensation_case SET decision = decision + 1 WHERE report_id = ANY($1) AND programme = $2
"""
_PAST = """
SELECT number, version, report_version, assessment, source, asked, reason, operator, approver,
       decided_ts
  FROM compensation_decision WHERE report_id = $1 AND programme = $2 ORDER BY number LIMIT 1000
"""
_PAST_AWARDS = """
SELECT number, rule, bracket, kind, unit, amount, item, valid_until_ts FROM compensation_award
 WHERE report_id = $1 AND programme = $2 ORDER BY number, line LIMIT 10000
"""
_PROPOSAL = "proposal_id, programme, report_id, amount, reason, operator, proposed_ts"
_OPEN = f"""
SELECT {_PROPOSAL} FROM compensation_proposal WHERE settled_ts IS NULL
 ORDER BY proposed_ts LIMIT 1000
"""
_ONE = f"SELECT {_PROPOSAL} FROM compensation_proposal WHERE proposal_id = $1"
_PROPOSE = f"""
INSERT INTO compensation_proposal ({_PROPOSAL}) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING RETURNING proposal_id
"""
_SETTLE = """
UPDATE compensation_proposal SET settled_ts = $2
 WHERE proposal_id = $1 AND settled_ts IS NULL RETURNING proposal_id
"""


class PostgresDecisions:
    """Implements `desk.compensation.deciding.DecisionStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def decide(self, decisions: Sequence[NewDecision], currency: str, act: Act) -> int:
        async def body(connection: Connection) -> int:
            count = await _decide(connection, decisions, currency)
            if count:
                detail = {**act.detail, "reports": count}
                await append(connection, act._replace(detail=detail))
            return count

        return await self._database.write(body, idempotent=True)

    async def load(self, case: Case) -> list[PastDecision]:
        past = await self._database.fetch(_PAST, case.report_id, case.programme, confirmed=True)
        awards: dict[int, list[PastAward]] = {}
        rows = await self._database.fetch(
            _PAST_AWARDS, case.report_id, case.programme, confirmed=True
        )
        for number, *award in (row.values() for row in rows):
            awards.setdefault(number, []).append(PastAward(*award))
        return [_past(row, tuple(awards.get(row["number"], ()))) for row in past]

    async def list_open_proposals(self) -> list[Proposal]:
        return [_proposal(row) for row in await self._database.fetch(_OPEN, confirmed=True)]

    async def load_proposal(self, proposal_id: str) -> Proposal | None:
        row = await self._database.fetchrow(_ONE, proposal_id, confirmed=True)
        return None if row is None else _proposal(row)

    async def propose(self, proposal: Proposal, act: Act) -> bool:
        case = proposal.case
        row = (proposal.proposal_id, case.programme, case.report_id, *proposal[2:])

        async def body(connection: Connection) -> bool:
            if await connection.fetchrow(_PROPOSE, *row) is None:
                return False
            await append(connection, act, proposal.proposed_ts)
            return True

        return await self._database.write(body, idempotent=True)

    async def settle(
        self, proposal: Proposal, decision: NewDecision | None, currency: str, act: Act, now: int
    ) -> bool:
        async def body(connection: Connection) -> bool:
            if await connection.fetchrow(_SETTLE, proposal.proposal_id, now) is None:
                return False
            if decision is not None:
                await _decide(connection, [decision], currency)
            await append(connection, act, now)
            return True

        return await self._database.write(body)


async def _decide(connection: Connection, decisions: Sequence[NewDecision], currency: str) -> int:
    """Those that are needed: rows, awards, and what moves. All are of one programme."""
    if not decisions:
        return 0
    programme = decisions[0].case.programme
    ids = [decision.case.report_id for decision in decisions]
    standings = await lock_standings(connection, programme, ids)
    needed = [
        (decision, standings[decision.case.report_id])
        for decision in decisions
        if is_needed(decision, standings[decision.case.report_id])
    ]
    if not needed:
        return 0
    await connection.executemany(_ADD, [_row(new, standing) for new, standing in needed])
    awards = [row for new, standing in needed for row in _award_rows(new, standing)]
    if awards:
        await connection.executemany(_ADD_AWARD, awards)
    for operator in {new.operator for new, _ in needed}:
        moved = [
            transfer
            for new, standing in needed
            if new.operator == operator
            for transfer in transfers_of(new, standing, currency)
        ]
        await post(connection, moved, operator, needed[0][0].decided_ts)
    told = [new.case.report_id for new, standing in needed if _is_news(new, standing, currency)]
    await queue_mails(connection, told, MailKind.AWARD, needed[0][0].decided_ts)
    await connection.execute(_MOVE, [new.case.report_id for new, _ in needed], programme)
    return len(needed)


def _is_news(new: NewDecision, standing: Standing, currency: str) -> bool:
    """Reporters are told of what moves; of what is owed no more the assessment has told them."""
    return not new.takes_back and bool(transfers_of(new, standing, currency))


def _row(new: NewDecision, standing: Standing) -> tuple[object, ...]:
    case, basis = new.case, new.basis
    return (
        case.report_id, case.programme, standing.decision + 1, basis.version,
        basis.report_version, basis.assessment, new.source, list(new.asked), new.reason,
        new.operator, new.approver, new.decided_ts,
    )  # fmt: skip


def _award_rows(new: NewDecision, standing: Standing) -> list[tuple[object, ...]]:
    case, number = new.case, standing.decision + 1
    return [
        (
            case.report_id, case.programme, number, line, award.rule, award.bracket,
            award.benefit.kind.value, award.benefit.unit, award.benefit.amount,
            award.benefit.item, valid_until(award, new.decided_ts),
        )
        for line, award in enumerate(new.awards, 1)
    ]  # fmt: skip


def _past(row: asyncpg.Record, awards: tuple[PastAward, ...]) -> PastDecision:
    number, version, report_version, assessment, source, asked, *rest = row.values()
    reason, operator, approver, decided_ts = rest
    return PastDecision(
        number, version, report_version, assessment, source, tuple(asked), reason, operator,
        approver, decided_ts, awards,
    )  # fmt: skip


def _proposal(row: asyncpg.Record) -> Proposal:
    proposal_id, programme, report_id, *rest = row.values()
    return Proposal(proposal_id, Case(programme, report_id), *rest)
