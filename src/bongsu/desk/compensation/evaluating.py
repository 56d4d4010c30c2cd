"""What a programme means for one report."""

from collections.abc import Callable
from typing import NamedTuple

from bongsu.desk.compensation.condition import Conditions, Value
from bongsu.desk.compensation.programme import Ask, Benefit, Kind, Programme, Rule
from bongsu.desk.reports.catalogue import CURRENCIES
from bongsu.desk.reports.facts import ReportFacts
from bongsu.desk.reports.words import CLOSED, Status

KNOWN_MAX = 20_000  # combinations of facts whose rules are remembered

# These take no part: they were turned down, or are another report once more.
OUT_OF_COUNT = CLOSED | {Status.REFUSED, Status.DUPLICATE}


class Award(NamedTuple):
    """One benefit, and which rule and bracket (from 0) it comes from."""

    rule: str
    bracket: int
    benefit: Benefit


class Asked(NamedTuple):
    """A rule whose bracket leaves it to a person. `ask` None: no exchange rate for the loss."""

    rule: str
    bracket: int
    ask: Ask | None


class Outcome(NamedTuple):
    awards: tuple[Award, ...] = ()
    asked: tuple[Asked, ...] = ()

    def money(self) -> int:
        """In the programme's currency."""
        return sum(
            award.benefit.amount for award in self.awards if award.benefit.kind is Kind.MONEY
        )


NOTHING = Outcome()


class Evaluator:
    """Evaluates a programme over one report after another."""

    def __init__(self, programme: Programme) -> None:
        self.programme = programme
        conditional = [rule for rule in programme.rules if rule.condition is not None]
        self._conditions = Conditions([rule.condition for rule in conditional if rule.condition])
        self._conditional = conditional
        self._always = frozenset(rule.name for rule in programme.rules if rule.condition is None)
        self._known: dict[tuple[Value, ...], frozenset[str]] = {}
        self._asking = [(name, _FACTS[name]) for name in sorted(self._conditions.facts)]

    def outcome(self, facts: ReportFacts) -> Outcome:
        """What `facts` come to; status plays no part in it."""
        loss = loss_in(self.programme, facts)
        fitting = self._fitting(tuple(ask(facts, loss or 0) for _, ask in self._asking))
        if not fitting:
            return NOTHING
        awards: list[Award] = []
        asked: list[Asked] = []
        groups = set[str]()
        for rule in self.programme.rules:
            if rule.name not in fitting or (rule.group and rule.group in groups):
                continue
            groups.add(rule.group)
            _apply(rule, loss, awards, asked)
        return Outcome(tuple(awards), tuple(asked))

    def _fitting(self, values: tuple[Value, ...]) -> frozenset[str]:
        """Names of the rules whose conditions hold. Most reports ask what others asked before."""
        known = self._known.get(values)
        if known is None:
            named = {name: value for (name, _), value in zip(self._asking, values, strict=True)}
            holding = self._conditions.holding(named)
            known = self._always.union(self._conditional[index].name for index in holding)
            if len(self._known) < KNOWN_MAX:
                self._known[values] = known
        return known


def _apply(rule: Rule, loss: int | None, awards: list[Award], asked: list[Asked]) -> None:
    by_loss = rule.brackets[0].up_to is not None if rule.brackets else False
    if by_loss and loss is None:
        asked.append(Asked(rule.name, 0, None))
        return
    for index, bracket in enumerate(rule.brackets):
        if bracket.up_to is None or (loss or 0) <= bracket.up_to:
            awards += [Award(rule.name, index, benefit) for benefit in bracket.gives]
            if bracket.ask is not None:
                asked.append(Asked(rule.name, index, bracket.ask))
            return


def loss_in(programme: Programme, facts: ReportFacts) -> int | None:
    """The loss in the programme's currency, rounded down (which never moves it to a bracket that
    gives less); 0 for no loss; None if no rate is named for its currency."""
    if not facts.loss_amount or facts.loss_currency in (None, programme.currency):
        return facts.loss_amount or 0
    rate = programme.exchange.get(facts.loss_currency or "")
    if rate is None:
        return None
    scale = 10 ** CURRENCIES[programme.currency]
    whole = 10 ** CURRENCIES.get(facts.loss_currency or "", 0)
    return facts.loss_amount * rate * scale // whole


# How each fact that a condition may ask is read from a report.
_FACTS: dict[str, Callable[[ReportFacts, int], Value]] = {
    "category": lambda facts, loss: facts.category.value,
    "claimed_category": lambda facts, loss: facts.claimed_category.value,
    "services": lambda facts, loss: facts.services,
    "own_service": lambda facts, loss: facts.is_own,
    "paid": lambda facts, loss: facts.is_paid,
    "damage": lambda facts, loss: facts.damage.value,
    "loss": lambda facts, loss: loss,
    "has_loss": lambda facts, loss: facts.has_loss,
    "duration_minutes": lambda facts, loss: _duration(facts),
    "evidence": lambda facts, loss: facts.evidence_count,
    "evidence_accepted": lambda facts, loss: facts.evidence_accepted,
    "country": lambda facts, loss: facts.country,
    "has_account": lambda facts, loss: facts.account_id is not None,
    "assessed": lambda facts, loss: facts.assessment > 0,
}


def _duration(facts: ReportFacts) -> int:
    """Minutes; of an outage that was not over when it was reported, those up to then."""
    ended = facts.received_ts if facts.ended_ts is None else facts.ended_ts
    return max(0, ended - facts.started_ts) // 60_000
