"""Batches and results as CSV, for banks that take no XML and people who like tables.

Text that a spreadsheet would run as a formula gets an apostrophe in front. Amounts are in whole
currency with a point.
"""

import csv
import io
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from bongsu.desk.compensation.pain001 import in_currency
from bongsu.desk.compensation.pain002 import BYTES_MAX, to_units
from bongsu.desk.compensation.payouts import (
    LINES_MAX,
    Batch,
    Line,
    LineResult,
    LineState,
    ResultFile,
    ResultRefused,
)
from bongsu.desk.reports.claim import PayoutDetails
from bongsu.desk.sentences import Sentence
from bongsu.desk.table_cells import BYTE_ORDER_MARK, csv_rows

PAYMENT_COLUMNS = ("batch", "line", "amount", "currency", "holder", "bank", "account", "reference")
RESULT_COLUMNS = ("batch", "line", "status", "amount", "currency", "reason")

_STATES: dict[str, LineState | None] = {
    "paid": LineState.PAID, "returned": LineState.RETURNED, "rejected": LineState.RETURNED,
    "pending": None,
}  # fmt: skip
_NEEDED = frozenset({"batch", "line", "status"})


def write_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """UTF-8 with a byte order mark, as spreadsheets want it; no cell is a formula."""
    return (BYTE_ORDER_MARK + csv_rows([columns, *rows])).encode("utf-8", "replace")


def read_rows(content: bytes) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of an answer: number of the line, cells by column. Raises `ResultRefused`."""
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        missing = _NEEDED - {name.strip() for name in rows.fieldnames or ()}
        if missing:
            raise ResultRefused(
                Sentence("Columns are missing: {names}", names=", ".join(sorted(missing)))
            )
        for count, row in enumerate(rows, 1):
            if count > LINES_MAX:
                raise ResultRefused(Sentence("More than {count} lines", count=LINES_MAX))
            cells = {(k or "").strip(): v.strip() for k, v in row.items() if isinstance(v, str)}
            yield rows.line_num, cells
    except (UnicodeDecodeError, csv.Error) as error:
        raise ResultRefused(
            Sentence("Not a CSV in UTF-8: {error}", error=str(error)[:200])
        ) from None


def only_batch(batches: Collection[str], complaints: Sequence[Sentence]) -> str:
    """The batch that an answer speaks of, if nothing is wrong with it."""
    if complaints:
        raise ResultRefused(*complaints)
    if len(batches) != 1:
        raise ResultRefused(
            Sentence("It answers {count} batches; each file answers one", count=len(batches))
        )
    return next(iter(batches))


def no_status(number: int, status: str, known: Iterable[str]) -> Sentence:
    """A complaint of the line `number`."""
    return Sentence(
        "line {number}: {status!r} is no status; one of {known}",
        number=number, status=status[:20], known=", ".join(known),
    )  # fmt: skip


def write_payments(
    batch: Batch, lines: Sequence[Line], payees: Mapping[str, PayoutDetails]
) -> bytes:
    rows = (
        (
            batch.batch_id, line.line_id, in_currency(line.amount, line.currency), line.currency,
            payee.holder, payee.bank, payee.account, f"Compensation {line.line_id}",
        )
        for line in lines
        for payee in (payees[line.case.report_id],)
    )  # fmt: skip
    return write_rows(PAYMENT_COLUMNS, rows)


def read_results(content: bytes) -> ResultFile:
    """The columns of `RESULT_COLUMNS`, in any order; amount, currency and reason may be left out.

    Raises `ResultRefused`, each complaint with its line.
    """
    if len(content) > BYTES_MAX:
        raise ResultRefused(Sentence("Longer than {count} bytes", count=BYTES_MAX))
    batches, lines, complaints = set[str](), list[LineResult](), list[Sentence]()
    for number, cell in read_rows(content):
        status = cell.get("status", "").lower()
        if status not in _STATES:
            complaints.append(no_status(number, status, _STATES))
            continue
        currency = cell.get("currency") or None
        said = cell.get("amount") or None
        amount = None if said is None else to_units(said, currency or "")
        batches.add(cell.get("batch", ""))
        reason = cell.get("reason", "").removeprefix("'")
        lines.append(LineResult(cell.get("line", ""), _STATES[status], reason, amount, currency))
        if said is not None and currency is None:
            complaints.append(
                Sentence("line {number}: an amount without its currency", number=number)
            )
    return ResultFile(only_batch(batches, complaints), tuple(lines))
