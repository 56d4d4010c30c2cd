"""Handing over what is no money: batches of lines for the systems that grant them.

    given in the ledger ─▶ sent ─▶ granted          a line: one benefit to one account
                             └───▶ failed ─▶ a later batch has it again, under a new line id

A line id is unique for ever: a system that gets a file twice grants each line once. An answer
counts whole or not at all, as a bank's does.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from bongsu.desk.audit import Act
from bongsu.desk.compensation.payouts import ResultRefused, line_id_of, other_batch
from bongsu.desk.compensation.programme import Kind
from bongsu.desk.sentences import Sentence
from bongsu.errors import InvalidParam, NotFound, Refused
from bongsu.users.tokens import now_ms

LINES_MAX = 10_000
REASON_CHARS_MAX = 200
BATCH_ID = r"[A-Z0-9]{8,24}"
GRANTABLE = tuple(kind for kind in Kind if kind is not Kind.MONEY)


class Source(StrEnum):
    """Why something is given."""

    REPORT = "report"  # a decision on a report
    GRANT = "grant"  # a grant to everybody that somebody took up


class State(StrEnum):
    SENT = "sent"
    GRANTED = "granted"
    FAILED = "failed"


class Owed(NamedTuple):
    """Something that is given and was not handed over. `account_id` is kept of a grant alone: a
    reporter's is looked up when the line is sent, for it may be erased until then."""

    source: Source
    programme: str
    subject: str  # report id, or the grant's name
    account_id: str
    unit: str
    amount: int
    valid_until_ts: int | None


class Line(NamedTuple):
    """`account_id` is who gets it, "" if that was erased; `reference` the receipt number, or the
    grant's name."""

    line_id: str
    number: int
    source: Source
    programme: str
    reference: str
    account_id: str
    unit: str
    amount: int
    valid_until_ts: int | None
    state: State
    reason: str
    changed_ts: int


class Batch(NamedTuple):
    batch_id: str
    made_ts: int
    operator: str
    kind: Kind
    line_count: int


class BatchState(NamedTuple):
    """A batch and how many of its lines are in which state."""

    batch: Batch
    states: Mapping[str, int]


class Waiting(NamedTuple):
    """Benefits that could be handed over, and those of reporters who have no account."""

    ready: int
    without_account: int


class Answer(NamedTuple):
    """What a system says of a line. `state` None: nothing final yet."""

    line_id: str
    state: State | None
    reason: str = ""


class Answers(NamedTuple):
    batch_id: str
    lines: Sequence[Answer]


class Change(NamedTuple):
    line_id: str
    state: State
    reason: str


class BenefitStore(Protocol):
    async def count_waiting(self, kind: Kind, now: int) -> Waiting: ...
    async def make(self, batch_id: str, kind: Kind, act: Act, now: int) -> Batch | None:
        """A batch of what is owed; the same one if it was made before, None if nothing is."""
        ...

    async def list_batches(self) -> Sequence[BatchState]: ...
    async def load(self, batch_id: str) -> tuple[Batch, Sequence[Line]] | None: ...
    async def open(self, batch_id: str, act: Act, now: int) -> Sequence[Line]:
        """Lines that are still to be answered. Those whose account was erased fail for that."""
        ...

    async def take(self, batch_id: str, changes: Sequence[Change], act: Act, now: int) -> bool:
        """Apply an answer; False if a line is not `sent` any more."""
        ...


class Benefits:
    def __init__(self, store: BenefitStore, clock: Callable[[], int] = now_ms) -> None:
        self._store = store
        self._clock = clock

    async def waiting(self) -> dict[Kind, Waiting]:
        now = self._clock()
        return {kind: await self._store.count_waiting(kind, now) for kind in GRANTABLE}

    async def make_batch(self, operator: str, batch_id: str, kind: Kind) -> Batch:
        """A batch of at most `LINES_MAX` lines. `batch_id` is chosen by who orders it: sent twice,
        it is the same batch."""
        if not re.fullmatch(BATCH_ID, batch_id) or kind not in GRANTABLE:
            raise InvalidParam("Not a batch that there can be", code="COMPENSATION_BATCH")
        act = Act(operator, "compensation.make_benefits", batch_id, {"kind": kind})
        batch = await self._store.make(batch_id, kind, act, self._clock())
        if batch is None:
            raise Refused(
                "Nothing of this kind is waiting to be handed over",
                code="COMPENSATION_NOTHING_OWED",
                status=409,
            )
        if batch.kind is not kind:
            raise Refused("This batch has another kind", code="COMPENSATION_BATCH", status=409)
        return batch

    async def list_batches(self) -> Sequence[BatchState]:
        return await self._store.list_batches()

    async def batch(self, batch_id: str) -> tuple[Batch, Sequence[Line]]:
        found = await self._store.load(batch_id)
        if found is None:
            raise NotFound("There is no such batch")
        return found

    async def open(self, operator: str, batch_id: str) -> tuple[Batch, Sequence[Line]]:
        """What is to be granted still, with the accounts: that somebody took it is in the audit
        log."""
        batch, _ = await self.batch(batch_id)
        act = Act(operator, "compensation.open_benefits", batch_id)
        lines = await self._store.open(batch_id, act, self._clock())
        if not lines:
            raise Refused("All lines are answered", code="COMPENSATION_ANSWERED", status=409)
        return batch, lines

    async def take(self, operator: str, batch_id: str, answers: Answers) -> int:
        """What the granting system answered; how many lines it changed. `ResultRefused`: none."""
        batch, lines = await self.batch(batch_id)
        changes = reconcile(batch, lines, answers)
        if not changes:
            return 0
        counts = {state: sum(each.state is state for each in changes) for state in State}
        detail = {state.value: count for state, count in counts.items() if count}
        act = Act(operator, "compensation.take_granted", batch_id, detail)
        if not await self._store.take(batch_id, changes, act, self._clock()):
            raise Refused(
                "Somebody gave in an answer at the same time: try again",
                code="COMPENSATION_CONFLICT",
                status=409,
            )
        return len(changes)


def reconcile(batch: Batch, lines: Sequence[Line], answers: Answers) -> list[Change]:
    """The changes that answers mean; nothing for what is known. Raises `ResultRefused`."""
    if answers.batch_id != batch.batch_id:
        raise other_batch(answers.batch_id, batch.batch_id)
    known = {line.line_id: line for line in lines}
    said: dict[str, Answer] = {}
    complaints: list[Sentence] = []
    for each in answers.lines:
        line, before = known.get(each.line_id), said.get(each.line_id)
        if line is None:
            complaints.append(Sentence("{line!r}: no line of this batch", line=each.line_id[:40]))
        elif before is not None and before.state != each.state:
            complaints.append(Sentence("{line}: stands there twice and differs", line=each.line_id))
        elif each.state not in (None, line.state) and line.state is not State.SENT:
            complaints.append(
                Sentence(
                    "{line}: was answered before with {state}", line=each.line_id, state=line.state
                )
            )
        said[each.line_id] = each
    if complaints:
        raise ResultRefused(*complaints)
    return [
        Change(each.line_id, each.state, each.reason[:REASON_CHARS_MAX])
        for each in said.values()
        if each.state is not None and known[each.line_id].state is State.SENT
    ]


def lines_of(batch_id: str, owed: Sequence[Owed]) -> list[tuple[str, int, Owed]]:
    """Line id, number and what is handed over."""
    return [(line_id_of(batch_id, number), number, each) for number, each in enumerate(owed, 1)]


def kind_of(unit: str) -> Kind:
    """`POINTS`, `KRW.PLAN_CREDIT`, `COUPON.name`: one part names the kind."""
    names = {part.lower() for part in unit.split(".")}
    return next(kind for kind in GRANTABLE if kind.value in names)


def item_of(unit: str) -> str:
    """Which coupon or pack; "" for what is counted."""
    first, _, rest = unit.partition(".")
    return rest if first.lower() in (Kind.COUPON, Kind.STICKER_PACK) else ""
