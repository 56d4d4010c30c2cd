"""A dry run: what a programme would cost, and whom a new version treats otherwise.

One pass over all reports in bounded memory. Every so often it lets others work: the messenger may
run in the same process.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

from msgspec import Struct, field

from bongsu.desk.compensation.evaluating import OUT_OF_COUNT, Evaluator, Outcome
from bongsu.desk.compensation.programme import Programme
from bongsu.desk.reports.facts import ReportFacts
from bongsu.desk.reports.words import Status

REPORTS_AT_ONCE = 100  # between two moments in which others may work: some milliseconds
SUMS_MAX = 2_000  # different sums of money that are told apart
EXAMPLES_MAX = 200  # of reports that a change touches


class BracketTotal(Struct):
    """`sums`: amounts by unit."""

    reports: int = 0
    asked: int = 0
    sums: dict[str, int] = field(default_factory=dict[str, int])


class Change(Struct, frozen=True):
    """Of one report: what it got by the version before and gets now, in words of the machine."""

    receipt: str
    before: str
    after: str


class Changes(Struct):
    """Against the version before."""

    same: int = 0
    more_money: int = 0
    less_money: int = 0
    other: int = 0  # the same money, but something else is different
    examples: list[Change] = field(default_factory=list[Change])


class DryRun(Struct):
    """`brackets`: by (rule, bracket) as `rule/0`. `by_money`: reports by what money each gets."""

    counted: int = 0
    accepted: int = 0  # of those counted, the ones that could be paid now
    left_out: dict[str, int] = field(default_factory=dict[str, int])
    given: int = 0  # reports that get something
    asked: int = 0  # reports that a person must decide
    nothing: int = 0
    sums: dict[str, int] = field(default_factory=dict[str, int])
    brackets: dict[str, BracketTotal] = field(default_factory=dict[str, BracketTotal])
    by_money: dict[int, int] = field(default_factory=dict[int, int])
    by_money_further: int = 0  # reports whose sum is not among the first `SUMS_MAX`
    countries: dict[str, int] = field(default_factory=dict[str, int])  # who gets something
    changes: Changes | None = None


async def dry_run(
    reports: AsyncIterator[ReportFacts], programme: Programme, before: Programme | None = None
) -> DryRun:
    """`before`: the version that changes are counted against."""
    run = _Run(programme, before)
    number = 0
    async for facts in reports:
        run.add(facts)
        number += 1
        if number % REPORTS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return run.result()


class _Run:
    def __init__(self, programme: Programme, before: Programme | None) -> None:
        self._evaluator = Evaluator(programme)
        self._before = None if before is None else Evaluator(before)
        self._left_out = Counter[str]()
        self._countries = Counter[str]()
        self._sums = Counter[str]()
        self._brackets = {
            f"{rule.name}/{index}": BracketTotal()
            for rule in programme.rules
            for index in range(len(rule.brackets))
        }
        self._run = DryRun(changes=None if before is None else Changes())

    def add(self, facts: ReportFacts) -> None:
        if facts.status in OUT_OF_COUNT:
            self._left_out[facts.status.value] += 1
            return
        outcome = self._evaluator.outcome(facts)
        self._count(facts, outcome)
        if self._before is not None and self._run.changes is not None:
            before = self._before.outcome(facts)
            _compare(self._run.changes, facts.receipt, before, outcome)

    def result(self) -> DryRun:
        self._run.left_out = dict(self._left_out)
        self._run.countries = dict(self._countries.most_common(50))
        self._run.sums = dict(self._sums)
        self._run.brackets = self._brackets
        self._run.by_money = dict(sorted(self._run.by_money.items()))
        return self._run

    def _count(self, facts: ReportFacts, outcome: Outcome) -> None:
        run = self._run
        run.counted += 1
        run.accepted += facts.status is Status.ACCEPTED
        run.given += bool(outcome.awards)
        run.asked += bool(outcome.asked)
        run.nothing += not outcome.awards and not outcome.asked
        self._count_money(outcome.money())
        if outcome.awards:
            self._countries[facts.country] += 1
        for key in {f"{award.rule}/{award.bracket}" for award in outcome.awards}:
            self._brackets[key].reports += 1
        for award in outcome.awards:
            unit, amount = award.benefit.unit, award.benefit.amount
            total = self._brackets[f"{award.rule}/{award.bracket}"]
            total.sums[unit] = total.sums.get(unit, 0) + amount
            self._sums[unit] += amount
        for asked in outcome.asked:
            self._brackets[f"{asked.rule}/{asked.bracket}"].asked += 1

    def _count_money(self, money: int) -> None:
        by_money = self._run.by_money
        if money in by_money or len(by_money) < SUMS_MAX:
            by_money[money] = by_money.get(money, 0) + 1
        else:
            self._run.by_money_further += 1


def _compare(changes: Changes, receipt: str, before: Outcome, after: Outcome) -> None:
    said_before, said_after = say_outcome(before), say_outcome(after)
    if said_before == said_after:
        changes.same += 1
        return
    difference = after.money() - before.money()
    changes.more_money += difference > 0
    changes.less_money += difference < 0
    changes.other += difference == 0
    if len(changes.examples) < EXAMPLES_MAX:
        changes.examples.append(Change(receipt, said_before, said_after))


def say_outcome(outcome: Outcome) -> str:
    """In short, the same for the same benefits whichever rule gave them."""
    given = sorted(
        f"{benefit.kind} {benefit.item or benefit.amount}"
        for benefit in (award.benefit for award in outcome.awards)
    )
    asked = sorted({(asked.ask or "no rate") for asked in outcome.asked})
    return ", ".join([*given, *asked]) or "–"
