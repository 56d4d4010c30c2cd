"""CSV that a spreadsheet cannot mistake for formulas.

A cell that begins with = + - @ | % or a control character is run by some spreadsheet as a formula
or a command; an apostrophe in front makes it text again. Numbers of ours stay numbers.
"""

import csv
import io
import re
from collections.abc import Iterable

BYTE_ORDER_MARK = "\ufeff"  # by which spreadsheets know UTF-8
# What is blank or cannot be seen may stand before it.
_DANGEROUS = re.compile(r"[\s\u200b-\u200f\u2060\ufeff]*[=+\-@|%＝＋－＠]|[\x00-\x1f]")


def csv_rows(rows: Iterable[Iterable[object]]) -> str:
    """Rows as CSV (RFC 4180), every cell safe."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_MINIMAL)
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
    return text.getvalue()


def safe_cell(value: object) -> object:
    if value is None or isinstance(value, bool | int):
        return value
    text = str(value)
    return f"'{text}" if _DANGEROUS.match(text) else text
