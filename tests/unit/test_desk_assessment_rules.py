"""The pure rules of the assessment: cells, tickets, cursors, decisions, invented forms."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.desk.assessment.decision import Change, check
from bongsu.desk.assessment.queue import Cursor, encode_cursor, parse_cursor
from bongsu.desk.reports.form import check_form
from bongsu.desk.reports.generator import generate
from bongsu.desk.reports.generator_form import form_fields
from bongsu.desk.reports.words import Category, Status
from bongsu.desk.table_cells import csv_rows, safe_cell
from bongsu.errors import InvalidParam
from bongsu.http.desk.tickets import Tickets


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+1", "-1", "@SUM(A1)", "|calc", "%x", "\t=1", "\r=1", "  =1", "＝1+1", "\n@x"],
)
def test_no_cell_begins_as_a_formula(cell: str) -> None:
    assert safe_cell(cell) == "'" + cell


def test_harmless_cells_stay_as_they_are() -> None:
    for cell in ("가게", "a=b", "", 5, -5, None, True, "1,000"):
        assert safe_cell(cell) == cell


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), min_size=1))
def test_csv_comes_back(cells: list[str]) -> None:
    (row,) = csv.reader(io.StringIO(csv_rows([cells]), newline=""))
    assert [cell.removeprefix("'") for cell in row] == [cell.removeprefix("'") for cell in cells]
    assert not any(cell.lstrip().startswith(("=", "+", "@")) for cell in row)


def test_tickets_open_for_their_purpose_and_time_alone() -> None:
    now = 1_000.0
    tickets = Tickets(b"k", "file", 60, clock=lambda: now)
    ticket = tickets.make("report/1 한글")
    assert tickets.open(ticket) == "report/1 한글"
    assert Tickets(b"k", "reporter", 60, clock=lambda: now).open(ticket) is None
    assert Tickets(b"j", "file", 60, clock=lambda: now).open(ticket) is None
    for forged in (None, "", "x", ticket[:-1], "9" + ticket, ticket + "0", "한" * 9, "." * 999):
        assert tickets.open(forged) is None
    now += 61
    assert tickets.open(ticket) is None


@given(st.text())
def test_no_cursor_makes_it_fall(text: str) -> None:
    parse_cursor(text)


def test_cursors_come_back() -> None:
    cursor = Cursor(1_665_815_400_000, "abc234")
    assert parse_cursor(encode_cursor(cursor)) == cursor
    for text in ("", "1", "-", "x-y", "1-", "1-a'b", "٣-a", "9" * 18 + "-a"):
        assert parse_cursor(text) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (Change(status=Status.ACCEPTED), " "),
        (Change(), "because"),
        (Change(status=Status.ERASED), "because"),
        (Change(status=Status.WITHDRAWN), "because"),
        (Change(status=Status.DUPLICATE), "of what"),
        (Change(category=Category.SHOP, duplicate_of="x"), "no duplicate"),
    ],
)
def test_decisions_that_say_nothing_are_refused(change: Change, reason: str) -> None:
    with pytest.raises(InvalidParam):
        check(change, reason)


def test_good_decisions() -> None:
    check(Change(status=Status.DUPLICATE, duplicate_of="x"), "the same")
    check(Change(loss_amount=0), "no loss is believed")
    check(Change(), "only files", files=True)


def test_invented_forms_say_what_their_reports_say() -> None:
    for report in generate(seed=3, count=300):
        values: dict[str, list[str]] = {}
        for name, value in form_fields(report):
            values.setdefault(name, []).append(value)
        claim = report.submission.claim
        checked = check_form(values, language=claim.language, now=report.submission.received_ts)
        assert checked.errors == {}
        assert checked.personal == report.submission.personal
        assert checked.claim is not None
        for field in ("category", "services", "is_paid", "damage", "loss_amount", "country",
                      "started_ts"):  # fmt: skip
            assert getattr(checked.claim, field) == getattr(claim, field), field
