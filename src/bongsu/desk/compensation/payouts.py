"""What a payout batch is, and what a bank's answer means for its lines. Pure.

    sent ──▶ paid ──▶ returned          a line: one amount to one report's payee
      └──────────────▶ returned

An answer counts whole or not at all: an unknown line, a wrong amount or a batch of others means
that it is not the answer to this batch.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from bongsu.desk.compensation.accounts import (
    PAID,
    Case,
    Transfer,
    move,
    payable,
    returned,
    transit,
)
from bongsu.desk.sentences import Sentence
from bongsu.errors import Refused

LINES_MAX = 10_000  # of an answer
# Making a batch and answering it are one transaction each: a tenth of the time that one may take.
BATCH_LINES_MAX = 5_000
COMPLAINTS_MAX = 20


class LineState(StrEnum):
    SENT = "sent"
    PAID = "paid"
    RETURNED = "returned"


class Line(NamedTuple):
    """`line_id` is its EndToEndId, unique for ever."""

    line_id: str
    number: int
    case: Case
    currency: str
    amount: int
    state: LineState = LineState.SENT
    reason: str = ""
    changed_ts: int = 0


class Batch(NamedTuple):
    batch_id: str
    made_ts: int
    operator: str
    currency: str
    line_count: int
    total: int


class LineResult(NamedTuple):
    """What a bank says of a line. `state` None: nothing final yet. `amount` None: not said."""

    line_id: str
    state: LineState | None
    reason: str = ""
    amount: int | None = None
    currency: str | None = None


class ResultFile(NamedTuple):
    """A bank's answer. `whole`: what it says of all lines that it does not name."""

    batch_id: str
    lines: tuple[LineResult, ...]
    whole: LineState | None = None
    reason: str = ""


class LineChange(NamedTuple):
    line: Line
    state: LineState
    reason: str


class ResultRefused(Refused):
    """The answer is not one to this batch, or is none. `complaints` say why, line by line."""

    def __init__(self, *complaints: Sentence) -> None:
        shown = list(complaints[:COMPLAINTS_MAX])
        if len(complaints) > COMPLAINTS_MAX:
            shown.append(Sentence("… and {count} more", count=len(complaints) - COMPLAINTS_MAX))
        super().__init__("; ".join(shown), code="COMPENSATION_RESULT")
        self.complaints = shown


def other_batch(answered: str, batch_id: str) -> ResultRefused:
    return ResultRefused(
        Sentence("It answers {answered!r}, not {batch}", answered=answered[:40], batch=batch_id)
    )


def line_id_of(batch_id: str, number: int) -> str:
    return f"{batch_id}-{number:05}"


def sending(batch_id: str, line: Line) -> Transfer:
    """What a line moves when its batch is made."""
    return move(
        f"sent:{line.line_id}", f"Sent in {batch_id}", payable(line.case), transit(batch_id),
        line.currency, line.amount,
    )  # fmt: skip


def changing(batch_id: str, change: LineChange) -> Transfer:
    """What a line moves when a bank has answered."""
    line = change.line
    source = transit(batch_id) if line.state is LineState.SENT else PAID
    target = PAID if change.state is LineState.PAID else returned(line.case)
    key = f"{change.state}:{line.line_id}"
    return move(key, f"Answer to {batch_id}", source, target, line.currency, line.amount)


def reissuing(line: Line) -> Transfer:
    """What came back is owed again: the next batch takes it."""
    return move(
        f"reissue:{line.line_id}", f"Owed again: {line.line_id}", returned(line.case),
        payable(line.case), line.currency, line.amount,
    )  # fmt: skip


def reconcile(batch: Batch, lines: Sequence[Line], result: ResultFile) -> list[LineChange]:
    """The changes that an answer means; nothing for what is known. Raises `ResultRefused`."""
    if result.batch_id != batch.batch_id:
        raise other_batch(result.batch_id, batch.batch_id)
    known = {line.line_id: line for line in lines}
    said: dict[str, LineResult] = {}
    complaints: list[Sentence] = []
    for each in result.lines:
        complaint = _complaint(each, known, said)
        if complaint:
            complaints.append(complaint)
        said[each.line_id] = each
    if complaints:
        raise ResultRefused(*complaints)
    changes = [_change(line, said.get(line.line_id), result) for line in lines]
    return [change for change in changes if change is not None]


def _complaint(
    each: LineResult, known: dict[str, Line], said: dict[str, LineResult]
) -> Sentence | None:
    name = each.line_id[:40]
    line = known.get(each.line_id)
    if line is None:
        return Sentence("{line!r}: no line of this batch", line=name)
    if each.line_id in said and said[each.line_id] != each:
        return Sentence("{line}: stands there twice and differs", line=name)
    if each.currency is not None and each.currency != line.currency:
        return Sentence(
            "{line}: is in {known}, not {answered}",
            line=name,
            known=line.currency,
            answered=each.currency[:10],
        )
    if each.amount is not None and each.amount != line.amount:
        return Sentence(
            "{line}: is {known}, not {answered}", line=name, known=line.amount, answered=each.amount
        )
    if line.state is LineState.RETURNED and each.state is LineState.PAID:
        return Sentence("{line}: came back before and cannot be paid any more", line=name)
    return None


def _change(line: Line, each: LineResult | None, result: ResultFile) -> LineChange | None:
    if each is None:
        # The whole counts for lines of which nothing final is known.
        state, reason = result.whole, result.reason
        if line.state is not LineState.SENT:
            return None
    else:
        state, reason = each.state, each.reason
    if state is None or state is line.state:
        return None
    return LineChange(line, state, reason[:200])
