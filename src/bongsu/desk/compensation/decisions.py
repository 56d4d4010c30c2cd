"""What a report is given, and what a decision moves in the ledger.

A report is decided once per programme, and again when its assessment or the rules changed, or when
a person decides by hand. Each decision stands on its own; the ledger gets the difference. What has
left the house, or was given at once, is never taken back.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bongsu.desk.compensation.accounts import FUND, Case, Transfer, account_of, move
from bongsu.desk.compensation.evaluating import Award, Outcome
from bongsu.desk.compensation.programme import Kind

RULES = "rules"
BY_HAND = "hand"
DAY_MS = 24 * 3600 * 1000


class Basis(NamedTuple):
    """What a decision rests on: the same basis needs no second decision."""

    version: int  # of the programme
    report_version: int
    assessment: int


class NewDecision(NamedTuple):
    """`approver`: the second person of a decision by hand. `takes_back`: the report counts no
    more, so what is still owed to it is owed no more; there is nothing to decide if nothing is."""

    case: Case
    basis: Basis
    source: str
    awards: tuple[Award, ...]
    asked: tuple[str, ...]
    operator: str
    decided_ts: int
    reason: str = ""
    approver: str | None = None
    takes_back: bool = False


class Standing(NamedTuple):
    """How a case stands before a decision. Amounts by (account, unit).

    `out`: money of it that is under way, paid or returned; it is part of what was decided.
    """

    decision: int
    basis: Basis | None
    source: str
    balances: Mapping[tuple[str, str], int]
    out: Mapping[str, int]  # by currency


def decide_by_rules(
    case: Case, basis: Basis, outcome: Outcome, operator: str, now: int
) -> NewDecision:
    asked = tuple(f"{asked.rule}/{asked.bracket}" for asked in outcome.asked)
    return NewDecision(case, basis, RULES, outcome.awards, asked, operator, now)


def take_back(case: Case, basis: Basis, status: str, operator: str, now: int) -> NewDecision:
    """For a report that was refused, or is otherwise out of the count, after it was decided."""
    return NewDecision(case, basis, RULES, (), (), operator, now, status, takes_back=True)


def is_needed(new: NewDecision, standing: Standing) -> bool:
    """Rules decide again only on another basis, and over a person only on a newer assessment."""
    if new.takes_back:
        owed = account_of(Kind.MONEY, new.case)
        return any(held > 0 for (name, _), held in standing.balances.items() if name == owed)
    if standing.basis is None or new.source == BY_HAND:
        return True
    if standing.source == BY_HAND:
        return new.basis.assessment > standing.basis.assessment
    return new.basis != standing.basis


def transfers_of(new: NewDecision, standing: Standing, currency: str) -> list[Transfer]:
    """What moves so that the accounts hold what was decided."""
    case, number = new.case, standing.decision + 1
    wanted = Counter[tuple[str, str, bool]]()
    wanted[account_of(Kind.MONEY, case), currency, True] = 0  # what was owed may be owed no more
    for award in new.awards:
        benefit = award.benefit
        account = account_of(benefit.kind, case)
        wanted[account, benefit.unit, benefit.kind is Kind.MONEY] += benefit.amount
    moved: list[Transfer] = []
    for (account, unit, is_money), amount in wanted.items():
        out = standing.out.get(unit, 0) if is_money else 0
        held = standing.balances.get((account, unit), 0)
        least = out if is_money else held
        difference = max(amount, least) - held - out
        key = f"decision:{case.subject}:{number}:{unit}"
        memo = f"Decision {number} on {case.report_id}"
        if difference > 0:
            moved.append(move(key, memo, FUND, account, unit, difference))
        elif difference < 0:
            moved.append(move(key, memo, account, FUND, unit, -difference))
    return moved


def valid_until(award: Award, now: int) -> int | None:
    days = award.benefit.valid_days
    return None if days is None else now + days * DAY_MS


def count_awards(awards: Sequence[Award], unit: str) -> int:
    return sum(award.benefit.amount for award in awards if award.benefit.unit == unit)
