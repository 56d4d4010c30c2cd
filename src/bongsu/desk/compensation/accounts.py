"""The ledger's accounts and the transfers between them.

    owner ──▶ fund ──▶ payable:report ──▶ transit:batch ──▶ paid
                │            ▲                  └──▶ returned:report ──▶ payable:report
                ├──▶ points:report, credit:report      (given at once, in this house)
                └──▶ grants                            (claimed by anybody with an account)
    claims ──▶ recovery:party ──▶ fund                 (pay first, settle later)

An entry's amount is what the account gets; a transfer's entries sum to zero in each unit. So
`owner` shows as a minus what was set aside, and `claims` what is asked of others. `payable`,
`transit`, `returned` and `recovery` never fall below zero: the database sees to it.
"""

from collections.abc import Sequence
from typing import NamedTuple

from bongsu.desk.compensation.programme import Kind

OWNER = "owner"
FUND = "fund"
PAID = "paid"
GRANTS = "grants"
CLAIMS = "claims"


class Entry(NamedTuple):
    account: str
    unit: str
    amount: int


class Transfer(NamedTuple):
    """`key` says what happened: the same thing cannot happen twice. `memo` names no person."""

    key: str
    memo: str
    entries: Sequence[Entry]


class Balance(NamedTuple):
    account: str
    unit: str
    amount: int


def move(key: str, memo: str, source: str, target: str, unit: str, amount: int) -> Transfer:
    """A positive `amount` from `source` to `target`."""
    assert amount > 0, "a transfer moves something"
    return Transfer(key, memo, (Entry(source, unit, -amount), Entry(target, unit, amount)))


class Case(NamedTuple):
    """A report in a programme: the subject of its accounts."""

    programme: str
    report_id: str

    @property
    def subject(self) -> str:
        return f"{self.programme}:{self.report_id}"


def payable(case: Case) -> str:
    return f"payable:{case.subject}"


def returned(case: Case) -> str:
    return f"returned:{case.subject}"


def transit(batch_id: str) -> str:
    return f"transit:{batch_id}"


def recovery(party_id: str) -> str:
    return f"recovery:{party_id}"


def account_of(kind: Kind, case: Case) -> str:
    """Where a report's benefit of this kind goes."""
    if kind is Kind.MONEY:
        return payable(case)
    return f"points:{case.subject}" if kind is Kind.POINTS else f"credit:{case.subject}"


def case_of(account: str) -> Case:
    """Whose account it is, by the name that the functions above gave it."""
    _, programme, report_id = account.split(":", 2)
    return Case(programme, report_id)
