"""CSV that a spreadsheet cannot mistake for formulas.

A cell that begins with = + - @ | % or a control character is run by some spreadsheet as a formula
or a command; an apostrophe in front makes it text again. Numbers of ours stay numbers.
"""

import csv
import io
from collections.abc import Iterable

BYTE_ORDER_MARK = "\ufeff"  # by which spreadsheets know UTF-8
_DANGEROUS = ("=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠")


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
    plain = text.lstrip()
    if plain.startswith(_DANGEROUS) or text[:1] in ("\t", "\r", "\n"):
        return "'" + text
    return text
