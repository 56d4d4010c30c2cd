"""What a case is made of: items that investigators write, each with all its versions."""

from enum import StrEnum
from typing import assert_never

from msgspec import Struct

from bongsu.desk.sentences import Sentence
from bongsu.desk.wording import TEXT_CHARS_MAX, TITLE_CHARS_MAX, Text, checked
from bongsu.errors import InvalidParam

NOTE_CHARS_MAX = 5_000
REFERENCES_MAX = 50
UNCERTAINTY_MS_MAX = 366 * 24 * 3600 * 1000
TS_MAX = 4_102_444_800_000  # the year 2100
PLACE_MAX = 10_000


class Source(StrEnum):
    """How one knows when something was."""

    MACHINE = "machine"  # it came in by the ingest API
    LOG = "log"  # read in a log by somebody
    DOCUMENT = "document"
    PERSON = "person"  # somebody says so
    ESTIMATE = "estimate"


class Event(Struct, frozen=True, tag="event"):
    """Something happened `at` ± `uncertainty_ms`. `machine`: sender/event_id of a machine event."""

    at: int
    uncertainty_ms: int
    text: Text
    source: Source
    source_note: Text = Text()
    evidence: tuple[int, ...] = ()
    machine: str = ""


class Cause(Struct, frozen=True, tag="cause"):
    """`parent`: the cause that this one brought about; "" at the root of the tree."""

    title: Text
    explanation: Text = Text()
    is_direct: bool = True
    parent: str = ""
    evidence: tuple[int, ...] = ()
    events: tuple[str, ...] = ()


class Factor(Struct, frozen=True, tag="factor"):
    """It caused nothing by itself and made the outcome worse or likelier."""

    title: Text
    explanation: Text = Text()
    evidence: tuple[int, ...] = ()


class Question(Struct, frozen=True, tag="question"):
    """Open as long as there is no answer."""

    text: Text
    answer: Text = Text()


class Section(Struct, frozen=True, tag="section"):
    """Prose of the report, in the order of `place`."""

    heading: Text
    body: Text
    place: int = 0


Content = Event | Cause | Factor | Question | Section


class Item(Struct, frozen=True):
    """One version of an item. `note` is for investigators and never published."""

    item_id: str
    version: int
    content: Content
    is_public: bool
    is_withdrawn: bool
    note: str
    author: str
    written_ts: int


def check(content: Content, note: str) -> None:
    """`InvalidParam` for what no item may be, whatever else the case holds."""
    if len(note) > NOTE_CHARS_MAX:
        raise InvalidParam(
            Sentence("The note is longer than {count} characters", count=NOTE_CHARS_MAX)
        )
    match content:
        case Event():
            _check_event(content)
        case Cause() | Factor():
            checked(content.title, Sentence("Title"), TITLE_CHARS_MAX)
            checked(content.explanation, Sentence("Explanation"), required=False)
        case Question():
            checked(content.text, Sentence("Question"), TEXT_CHARS_MAX)
            checked(content.answer, Sentence("Answer"), required=False)
        case Section():
            checked(content.heading, Sentence("Heading"), TITLE_CHARS_MAX)
            checked(content.body, Sentence("Text"))
            if not 0 <= content.place <= PLACE_MAX:
                raise InvalidParam(
                    Sentence("The place is a number from 0 to {most}", most=PLACE_MAX)
                )
        case _:
            assert_never(content)
    if max(len(evidence_of(content)), len(getattr(content, "events", ()))) > REFERENCES_MAX:
        raise InvalidParam(Sentence("At most {count} references", count=REFERENCES_MAX))


def evidence_of(content: Content) -> tuple[int, ...]:
    """Numbers of the evidence that an item leans on."""
    return content.evidence if isinstance(content, Event | Cause | Factor) else ()


def _check_event(event: Event) -> None:
    checked(event.text, Sentence("What happened"), TEXT_CHARS_MAX)
    checked(event.source_note, Sentence("Source"), TITLE_CHARS_MAX, required=False)
    if not 0 <= event.at <= TS_MAX:
        raise InvalidParam("The time is out of range")
    if not 0 <= event.uncertainty_ms <= UNCERTAINTY_MS_MAX:
        raise InvalidParam("The uncertainty is out of range")
