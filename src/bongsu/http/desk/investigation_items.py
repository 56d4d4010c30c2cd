"""Forms of a case's items, and what they say."""

from collections.abc import Callable, Mapping

from bongsu.desk.investigation.items import (
    NOTE_CHARS_MAX,
    Cause,
    Content,
    Event,
    Factor,
    Question,
    Section,
    Source,
)
from bongsu.http.desk import wording
from bongsu.http.desk.visit import Visit

ID_CHARS_MAX = 40


def kind_of(content: Content) -> str:
    """The word for it in paths and texts."""
    return type(content).__name__.lower()


def read_item(visit: Visit, kind: str) -> Content:
    """What the form of an item of this kind says."""
    if kind not in _READERS:
        raise visit.refuse("base.field_wrong", name="kind")
    return _READERS[kind](visit)


def note(visit: Visit) -> str:
    return visit.text("note", NOTE_CHARS_MAX)


def _event(visit: Visit) -> Event:
    at = visit.time("at", required=True)
    assert at is not None, "required"
    try:
        source = Source(visit.text("source", ID_CHARS_MAX, required=True))
    except ValueError:
        raise visit.refuse("base.field_wrong", name="source") from None
    return Event(
        at,
        wording.milliseconds(visit, "uncertainty"),
        wording.text(visit, "text"),
        source,
        wording.title(visit, "source_note"),
        wording.numbers(visit, "evidence"),
        visit.text("machine", 200),
    )


def _cause(visit: Visit) -> Cause:
    return Cause(
        wording.title(visit, "title"),
        wording.text(visit, "explanation"),
        visit.text("is_direct", 5) == "yes",
        visit.text("parent", ID_CHARS_MAX),
        wording.numbers(visit, "evidence"),
        tuple(one[:ID_CHARS_MAX] for one in visit.texts("events", 50)),
    )


def _factor(visit: Visit) -> Factor:
    return Factor(
        wording.title(visit, "title"),
        wording.text(visit, "explanation"),
        wording.numbers(visit, "evidence"),
    )


def _question(visit: Visit) -> Question:
    return Question(wording.text(visit, "text"), wording.text(visit, "answer"))


def _section(visit: Visit) -> Section:
    return Section(
        wording.title(visit, "heading"),
        wording.text(visit, "body"),
        wording.number(visit, "place", 0),
    )


_READERS: Mapping[str, Callable[[Visit], Content]] = {
    "event": _event, "cause": _cause, "factor": _factor, "question": _question,
    "section": _section,
}  # fmt: skip
KINDS = tuple(_READERS)
