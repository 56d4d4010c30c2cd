"""Batches and results as CSV, for banks that take no XML and people who like tables.

Text that a spreadsheet would run as a formula gets an apostrophe in front. Amounts are in whole
currency with a point.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

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

PAYMENT_COLUMNS = ("batch", "line", "amount", "currency", "holder", "bank", "account", "reference")
RESULT_COLUMNS = ("batch", "line", "status", "amount", "currency", "reason")

_STATES: dict[str, LineState | None] = {
    "paid": LineState.PAID, "returned": LineState.RETURNED, "rejected": LineState.RETURNED,
    "pending": None,
}  # fmt: skip
_FORMULA_STARTS = frozenset("=+-@\t\r\n＝＋－＠|%")


def write_rows(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """UTF-8 with a byte order mark, as spreadsheets want it; no cell is a formula."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(columns)
    writer.writerows([neutral(str(cell)) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig", "replace")


def neutral(cell: str) -> str:
    """`cell` so that no spreadsheet takes it for a formula."""
    start = cell.lstrip(" \u00a0\ufeff\u200b")[:1]
    return f"'{cell}" if start in _FORMULA_STARTS and start else cell


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
        raise ResultRefused([f"Longer than {BYTES_MAX} bytes"])
    try:
        rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        missing = {"batch", "line", "status"} - {name.strip() for name in rows.fieldnames or ()}
        if missing:
            raise ResultRefused([f"Columns are missing: {', '.join(sorted(missing))}"])
        return _read(rows)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ResultRefused([f"Not a CSV in UTF-8: {str(error)[:200]}"]) from None


def _read(rows: "csv.DictReader[str]") -> ResultFile:
    batches, lines, complaints = set[str](), list[LineResult](), list[str]()
    for row in rows:
        cell = {(k or "").strip(): v.strip() for k, v in row.items() if isinstance(v, str)}
        status = cell.get("status", "").lower()
        if status not in _STATES:
            known = ", ".join(_STATES)
            complaints.append(f"line {rows.line_num}: {status[:20]!r} is no status; one of {known}")
            continue
        currency = cell.get("currency") or None
        said = cell.get("amount") or None
        amount = None if said is None else to_units(said, currency or "")
        batches.add(cell.get("batch", ""))
        reason = cell.get("reason", "").removeprefix("'")
        lines.append(LineResult(cell.get("line", ""), _STATES[status], reason, amount, currency))
        if said is not None and currency is None:
            complaints.append(f"line {rows.line_num}: an amount without its currency")
        if len(lines) > LINES_MAX:
            raise ResultRefused([f"More than {LINES_MAX} lines"])
    if complaints:
        raise ResultRefused(complaints)
    if len(batches) != 1:
        raise ResultRefused([f"It answers {len(batches)} batches; each file answers one"])
    return ResultFile(batches.pop(), tuple(lines))
