"""Batches of benefits as CSV and JSON, and what granting systems answer.

CSV holds no formulas: an account stands there as its address (matrix:u/alice:example.org), for a
spreadsheet would run what begins with @. Amounts are smallest units, as in the ledger.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

from bongsu.desk.compensation.benefits import (
    LINES_MAX,
    REASON_CHARS_MAX,
    Answer,
    Answers,
    Batch,
    Line,
    State,
    item_of,
)
from bongsu.desk.compensation.csv_files import no_status, only_batch, read_rows, write_rows
from bongsu.desk.compensation.payouts import ResultRefused
from bongsu.desk.sentences import Sentence

RESULT_BYTES_MAX = 4 * 1024 * 1024
COLUMNS = (
    "batch", "line", "account", "kind", "unit", "item", "amount", "valid_until_utc", "programme",
    "reference",
)  # fmt: skip
STATUSES = ("granted", "failed", "pending")


class BenefitLine(Struct, frozen=True):
    """Grant it once for its `line`, however often it is sent. `valid_until_ts` null: for ever.
    `reference`: the report's receipt number, or the grant's name."""

    line: str
    account: str
    unit: str
    item: str
    amount: int
    valid_until_ts: int | None
    programme: str
    reference: str


class BenefitFile(Struct, frozen=True):
    batch: str
    kind: str
    lines: list[BenefitLine]


class LineAnswer(Struct, frozen=True, forbid_unknown_fields=True):
    line: Annotated[str, Meta(max_length=64)]
    status: Literal["granted", "failed", "pending"]
    reason: Annotated[str, Meta(max_length=REASON_CHARS_MAX, pattern=r"^[^\u0000]*$")] = ""


class BenefitAnswers(Struct, frozen=True, forbid_unknown_fields=True):
    """What became of lines; of those that are not named nothing is said."""

    batch: Annotated[str, Meta(max_length=64)]
    lines: Annotated[list[LineAnswer], Meta(max_length=LINES_MAX)]


def as_file(batch: Batch, lines: Sequence[Line]) -> BenefitFile:
    return BenefitFile(batch.batch_id, batch.kind.value, [_line(line) for line in lines])


def write_csv(batch: Batch, lines: Sequence[Line]) -> bytes:
    return write_rows(
        COLUMNS,
        (
            (batch.batch_id, line.line_id, address_of(line.account_id), batch.kind, line.unit,
             item_of(line.unit), line.amount, _utc(line.valid_until_ts), line.programme,
             line.reference)
            for line in lines
        ),
    )  # fmt: skip


def address_of(account_id: str) -> str:
    """As the spec's chapter on URIs has it."""
    return f"matrix:u/{quote(account_id.removeprefix('@'), safe=':')}"


def answers_of(given: BenefitAnswers) -> Answers:
    lines = [Answer(each.line, _state(each.status), each.reason) for each in given.lines]
    return Answers(given.batch, lines)


def read_answers(content: bytes) -> Answers:
    """JSON of `BenefitAnswers`, or CSV with the columns batch, line, status and maybe reason.
    Raises `ResultRefused`."""
    if len(content) > RESULT_BYTES_MAX:
        raise ResultRefused(Sentence("Longer than {count} bytes", count=RESULT_BYTES_MAX))
    if content.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        try:
            return answers_of(msgspec.json.decode(content, type=BenefitAnswers))
        except (msgspec.DecodeError, RecursionError) as error:
            raise ResultRefused(Sentence("Not an answer in JSON: {error}", error=error)) from None
    return _read_csv(content)


def _read_csv(content: bytes) -> Answers:
    batches, lines, complaints = set[str](), list[Answer](), list[Sentence]()
    for number, cell in read_rows(content):
        status, reason = cell.get("status", "").lower(), cell.get("reason", "").removeprefix("'")
        if status not in STATUSES or "\x00" in reason:
            complaints.append(no_status(number, status, STATUSES))
        batches.add(cell.get("batch", ""))
        lines.append(Answer(cell.get("line", ""), _state(status), reason))
    return Answers(only_batch(batches, complaints), lines)


def _line(line: Line) -> BenefitLine:
    return BenefitLine(
        line.line_id, line.account_id, line.unit, item_of(line.unit), line.amount,
        line.valid_until_ts, line.programme, line.reference,
    )  # fmt: skip


def _state(status: str) -> State | None:
    return State(status) if status in ("granted", "failed") else None


def _utc(ts: int | None) -> str:
    return (
        "" if ts is None else datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    )
