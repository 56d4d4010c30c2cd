"""Deciding: the rules in force over all accepted reports, and people over what rules leave open."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple, Protocol

from bongsu.desk.audit import Act
from bongsu.desk.compensation.accounts import Case
from bongsu.desk.compensation.decisions import (
    BY_HAND,
    Basis,
    NewDecision,
    decide_by_rules,
    take_back,
)
from bongsu.desk.compensation.evaluating import OUT_OF_COUNT, Award, Evaluator
from bongsu.desk.compensation.programme import AMOUNT_MAX, Benefit, Kind
from bongsu.desk.compensation.versions import Programmes, Version, is_same_person, parsed
from bongsu.desk.reports.facts import FactsSource, ReportFacts
from bongsu.desk.reports.words import Status
from bongsu.desk.sentences import Sentence
from bongsu.errors import Forbidden, InvalidParam, NotFound, Refused
from bongsu.users.tokens import now_ms

CASES_AT_ONCE = 500
REASON_CHARS_MAX = 2_000
_KEY = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")


class Decided(NamedTuple):
    """How many reports were decided anew, and how many already were on the same basis."""

    decided: int
    unchanged: int


class Proposal(NamedTuple):
    """An amount by hand, which another person has to confirm."""

    proposal_id: str
    case: Case
    amount: int
    reason: str
    operator: str
    proposed_ts: int


class PastAward(NamedTuple):
    rule: str
    bracket: int
    kind: str
    unit: str
    amount: int
    item: str
    valid_until_ts: int | None


class PastDecision(NamedTuple):
    """A decision as it stands."""

    number: int
    version: int
    report_version: int
    assessment: int
    source: str
    asked: tuple[str, ...]
    reason: str
    operator: str
    approver: str | None
    decided_ts: int
    awards: tuple[PastAward, ...]


class DecisionStore(Protocol):
    async def decide(self, decisions: Sequence[NewDecision], currency: str, act: Act) -> int:
        """Store those that are needed, with what they move, in one transaction."""
        ...

    async def load(self, case: Case) -> Sequence[PastDecision]: ...
    async def list_open_proposals(self) -> Sequence[Proposal]: ...
    async def load_proposal(self, proposal_id: str) -> Proposal | None: ...
    async def propose(self, proposal: Proposal, act: Act) -> bool: ...
    async def settle(
        self, proposal: Proposal, decision: NewDecision | None, currency: str, act: Act, now: int
    ) -> bool:
        """Confirm a proposal with its decision, or drop it with None; False if somebody did."""
        ...


class Deciding:
    def __init__(
        self,
        store: DecisionStore,
        programmes: Programmes,
        facts: FactsSource,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._store = store
        self._programmes = programmes
        self._facts = facts
        self._clock = clock

    async def decide_all(self, operator: str, programme: str) -> Decided:
        """Every accepted report by the version in force; and what is owed to a report that was
        refused since is owed no more. It may be broken off and begun again: what is decided stays,
        and is not decided twice."""
        version = await self._programmes.in_force(programme)
        decided = seen = 0
        async for chunk in _chunks(self._facts.stream_facts()):
            seen += sum(facts.status is Status.ACCEPTED for facts in chunk)
            decided += await self._decide(operator, version, chunk)
        return Decided(decided, max(0, seen - decided))

    async def decide_one(self, operator: str, programme: str, report_id: str) -> Decided:
        """One accepted report, as after an appeal."""
        version = await self._programmes.in_force(programme)
        facts = await self._accepted(report_id)
        decided = await self._decide(operator, version, [facts])
        return Decided(decided, 1 - decided)

    async def history(self, programme: str, report_id: str) -> Sequence[PastDecision]:
        """All decisions on a report, oldest first."""
        return await self._store.load(Case(programme, report_id))

    async def list_proposals(self) -> Sequence[Proposal]:
        return await self._store.list_open_proposals()

    async def propose(
        self, operator: str, key: str, case: Case, amount: int, reason: str
    ) -> Proposal:
        """An amount for what the rules leave to people. `key` is chosen with the form."""
        if not _KEY.match(key):
            raise InvalidParam("The form is not ours")
        if not 0 <= amount <= AMOUNT_MAX:
            raise InvalidParam(
                Sentence("The amount must be between {least} and {most}", least=0, most=AMOUNT_MAX)
            )
        if not reason.strip() or len(reason) > REASON_CHARS_MAX:
            raise InvalidParam("Say why")
        await self._programmes.in_force(case.programme)
        await self._accepted(case.report_id)
        proposal = Proposal(key, case, amount, reason.strip(), operator, self._clock())
        detail = {"programme": case.programme, "amount": amount, "proposal": key}
        act = Act(operator, "compensation.propose", case.report_id, detail)
        await self._store.propose(proposal, act)
        return proposal

    async def confirm(self, operator: str, proposal_id: str, *, is_good: bool) -> None:
        """Confirm a proposal of somebody else's, or drop it (one's own too)."""
        proposal = await self._store.load_proposal(proposal_id)
        if proposal is None:
            raise NotFound("There is no such proposal")
        if is_good and is_same_person(proposal.operator, operator):
            raise Forbidden("Nobody confirms a proposal of their own", code="COMPENSATION_AUTHOR")
        case, now = proposal.case, self._clock()
        version = await self._programmes.in_force(case.programme)
        currency = parsed(version).currency
        decision = None
        if is_good:
            facts = await self._accepted(case.report_id)
            decision = _by_hand(proposal, version, facts, currency, operator, now)
        verb = "confirm" if is_good else "drop"
        detail = {"programme": case.programme, "amount": proposal.amount, "proposal": proposal_id}
        act = Act(operator, f"compensation.{verb}", case.report_id, detail)
        if not await self._store.settle(proposal, decision, currency, act, now):
            raise Refused("It is settled already", code="COMPENSATION_SETTLED", status=409)

    async def _decide(self, operator: str, version: Version, chunk: Sequence[ReportFacts]) -> int:
        programme = parsed(version)
        evaluator, now = Evaluator(programme), self._clock()
        decisions: list[NewDecision] = []
        for facts in chunk:
            case, basis = Case(programme.name, facts.report_id), _basis(version, facts)
            if facts.status is Status.ACCEPTED:
                outcome = evaluator.outcome(facts)
                decisions.append(decide_by_rules(case, basis, outcome, operator, now))
            else:
                decisions.append(take_back(case, basis, facts.status.value, operator, now))
        act = Act(operator, "compensation.decide", programme.name, {"version": version.version})
        return await self._store.decide(decisions, programme.currency, act)

    async def _accepted(self, report_id: str) -> ReportFacts:
        facts = (await self._facts.load_facts([report_id])).get(report_id)
        if facts is None:
            raise NotFound("There is no such report")
        if facts.status is not Status.ACCEPTED:
            raise Refused(
                Sentence("The report is {status}, not accepted", status=facts.status),
                code="COMPENSATION_NOT_ACCEPTED",
                status=409,
            )
        return facts


def _basis(version: Version, facts: ReportFacts) -> Basis:
    return Basis(version.version, facts.version, facts.assessment)


def _by_hand(
    proposal: Proposal, version: Version, facts: ReportFacts, currency: str, operator: str, now: int
) -> NewDecision:
    """Money by hand; whatever else the rules give stays as they give it."""
    outcome = Evaluator(parsed(version)).outcome(facts)
    awards = [award for award in outcome.awards if award.benefit.kind is not Kind.MONEY]
    if proposal.amount:
        awards.insert(0, Award("", 0, Benefit(Kind.MONEY, currency, proposal.amount)))
    return NewDecision(
        proposal.case, _basis(version, facts), BY_HAND, tuple(awards), (), proposal.operator, now,
        proposal.reason, operator,
    )  # fmt: skip


async def _chunks(reports: AsyncIterator[ReportFacts]) -> AsyncIterator[list[ReportFacts]]:
    """Accepted reports and those out of the count, some hundred at once. An open appeal leaves
    what was decided as it is."""
    chunk: list[ReportFacts] = []
    async for facts in reports:
        if facts.status is Status.ACCEPTED or facts.status in OUT_OF_COUNT:
            chunk.append(facts)
        if len(chunk) == CASES_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
