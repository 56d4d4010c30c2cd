"""The queue's filter as it stands in an address: read from it, written into it."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeVar
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from bongsu.desk.assessment.queue import Filter
from bongsu.desk.reports.catalogue import SERVICES
from bongsu.desk.reports.marks import MarkKind
from bongsu.desk.reports.words import Category, Damage, Status
from bongsu.http.desk.visit import Visit

Word = TypeVar("Word", bound=StrEnum)

AMOUNT_DIGITS_MAX = 15
_COUNTRY = re.compile(r"[A-Za-z]{2}\Z")

LISTS: Mapping[str, tuple[str, ...]] = {
    "statuses": tuple(Status),
    "categories": tuple(Category),
    "claimed_categories": tuple(Category),
    "services": SERVICES,
    "damages": tuple(Damage),
}
FLAGS = ("is_own", "is_paid", "has_loss", "has_evidence", "is_assessed", "is_amended")
OTHERS = ("loss_min", "loss_max", "received_from", "received_to", "country", "q", "mark")


def filter_of(visit: Visit, query: QueryParams) -> Filter:
    """What an address asks for, without the search; what is not understood is refused."""
    given: dict[str, object] = {}
    for name, words in LISTS.items():
        if values := tuple(value for value in query.getlist(name) if value):
            if not set(values) <= set(words):
                raise visit.refuse("base.field_wrong", name=name)
            given[name] = values
    for name in FLAGS:
        if value := query.get(name):
            if value not in ("yes", "no"):
                raise visit.refuse("base.field_wrong", name=name)
            given[name] = value == "yes"
    for name in ("loss_min", "loss_max"):
        if value := query.get(name):
            given[name] = _number(visit, name, value)
    for name, days in (("received_from", 0), ("received_to", 1)):
        if value := query.get(name):
            given[name] = _day(visit, name, value, days)
    if country := query.get("country"):
        if not _COUNTRY.match(country):
            raise visit.refuse("base.field_wrong", name="country")
        given["country"] = country.upper()
    if mark := query.get("mark"):
        given["mark"] = _mark(visit, mark)
    return Filter(**given)  # pyright: ignore[reportArgumentType]  # names and types are made above


def address_of(query: QueryParams, **changed: str) -> str:
    """The same filter as a query string; what is empty is left out."""
    names = (*LISTS, *FLAGS, *OTHERS, "order")
    pairs = [(name, value) for name, value in query.multi_items() if name in names and value]
    pairs = [pair for pair in pairs if pair[0] not in changed]
    return urlencode([*pairs, *((name, value) for name, value in changed.items() if value)])


def _number(visit: Visit, name: str, text: str) -> int:
    plain = text.replace(",", "").strip()
    if not (plain.isascii() and plain.isdigit() and len(plain) <= AMOUNT_DIGITS_MAX):
        raise visit.refuse("base.field_wrong", name=name)
    return int(plain)


def _day(visit: Visit, name: str, text: str, days: int) -> int:
    """The beginning of a day in the desk's zone, `days` later, in ms."""
    try:
        day = datetime.strptime(text[:10], "%Y-%m-%d") + timedelta(days=days)
        return int(day.replace(tzinfo=visit.face.zone).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise visit.refuse("base.field_wrong", name=name) from None


def _mark(visit: Visit, text: str) -> tuple[int, int]:
    kind, _, mark = text.partition(".")
    is_good = kind.isascii() and kind.isdigit() and mark.isascii() and mark.isdigit()
    if not is_good or int(kind[:4]) not in set(MarkKind) or len(mark) > 19 or int(mark) >= 2**63:
        raise visit.refuse("base.field_wrong", name="mark")
    return int(kind), int(mark)


def word_of(visit: Visit, name: str, words: type[Word]) -> Word | None:
    """A word that a form sets; None for nothing."""
    text = visit.text(name, 40)
    try:
        return words(text) if text else None
    except ValueError:
        raise visit.refuse("base.field_wrong", name=name) from None


def flag_of(visit: Visit, name: str) -> bool | None:
    """yes, no, or nothing."""
    text = visit.text(name, 3)
    if text not in ("", "yes", "no"):
        raise visit.refuse("base.field_wrong", name=name)
    return text == "yes" if text else None
