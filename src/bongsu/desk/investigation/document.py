"""The report as the public gets it: made of what is marked as public, field by field.

Every field of a `Document` is named here and copied one by one. What has no field here (authors,
notes, interviews, names of files as they came, evidence that is not public) has no way into a
version.
"""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from bongsu.desk.investigation import causes
from bongsu.desk.investigation.evidence import Evidence
from bongsu.desk.investigation.items import Cause, Event, Factor, Item, Question, Section, Source
from bongsu.desk.sentences import Sentence
from bongsu.desk.wording import Text


class PublicEvent(Struct, frozen=True):
    event_id: str
    at: int
    uncertainty_ms: int
    text: Text
    source: Source
    source_note: Text
    evidence: tuple[int, ...]


class PublicCause(Struct, frozen=True):
    cause_id: str
    title: Text
    explanation: Text
    is_direct: bool
    evidence: tuple[int, ...]
    events: tuple[str, ...]
    causes: "tuple[PublicCause, ...]"  # what brought it about


class PublicFactor(Struct, frozen=True):
    factor_id: str
    title: Text
    explanation: Text
    evidence: tuple[int, ...]


class PublicQuestion(Struct, frozen=True):
    question_id: str
    text: Text
    answer: Text


class PublicSection(Struct, frozen=True):
    section_id: str
    heading: Text
    body: Text


class PublicEvidence(Struct, frozen=True):
    number: int
    name: str
    caption: Text
    sha256: str
    size: int


class Document(Struct, frozen=True):
    """`began` and `ended`: of what is investigated, ms; `ended` None while it lasts.

    `chain_number` and `chain_hash`: the head of the evidence chain, files that are not public
    included.
    """

    case_id: str
    title: Text
    began: int
    ended: int | None
    sections: tuple[PublicSection, ...]
    timeline: tuple[PublicEvent, ...]
    causes: tuple[PublicCause, ...]
    factors: tuple[PublicFactor, ...]
    questions: tuple[PublicQuestion, ...]
    evidence: tuple[PublicEvidence, ...]
    chain_number: int
    chain_hash: str


class Case(Struct, frozen=True):
    """A case with all that belongs to it, except interviews, which nothing here ever gets."""

    case_id: str
    title: Text
    began: int
    ended: int | None
    opened_ts: int
    items: tuple[Item, ...]  # the latest version of each
    evidence: tuple[Evidence, ...]


def build(case: Case) -> Document:
    """What may be published of a case now."""
    shown = {item.item_id: item for item in case.items if item.is_public and not item.is_withdrawn}
    files = [one for one in case.evidence if one.is_public]
    numbers = frozenset(one.number for one in files)
    events = _timeline(shown, numbers)
    names = frozenset(event.event_id for event in events)
    found = {key: item.content for key, item in shown.items() if isinstance(item.content, Cause)}
    head = case.evidence[-1] if case.evidence else None
    return Document(
        case_id=case.case_id,
        title=case.title,
        began=case.began,
        ended=case.ended,
        sections=_sections(shown),
        timeline=events,
        causes=tuple(_cause(node, numbers, names) for node in causes.tree(found)),
        factors=_factors(shown, numbers),
        questions=_questions(shown),
        evidence=tuple(_file(one) for one in files),
        chain_number=head.number if head else 0,
        chain_hash=head.hash.hex() if head else "",
    )


def complaints(case: Case) -> list[Sentence]:
    """Why this cannot be published as it is; each names the item."""
    shown = {item.item_id: item for item in case.items if item.is_public and not item.is_withdrawn}
    found = {key: item.content for key, item in shown.items() if isinstance(item.content, Cause)}
    numbers = [one.number for one in case.evidence if one.is_public]
    events = [key for key, item in shown.items() if isinstance(item.content, Event)]
    wrong = [
        Sentence("cause {key} leads to no cause at the root", key=key)
        for key in causes.loops(found)
    ]
    wrong += [
        Sentence("cause {key} stands on no public evidence and no public event", key=key)
        for key in causes.untied(found, numbers, events)
    ]
    if not any(isinstance(item.content, Section) for item in shown.values()):
        wrong.append(Sentence("there is no section of text"))
    return wrong


def encode(document: Document) -> bytes:
    """The bytes that are stored, shown and hashed."""
    return msgspec.json.encode(document, order="deterministic")


def decode(body: bytes) -> Document:
    return msgspec.json.decode(body, type=Document)


def digest(body: bytes) -> str:
    """SHA-256 of an encoded document, in hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def _public(references: Sequence[int], numbers: frozenset[int]) -> tuple[int, ...]:
    return tuple(number for number in references if number in numbers)


def _timeline(shown: Mapping[str, Item], numbers: frozenset[int]) -> tuple[PublicEvent, ...]:
    found = [
        PublicEvent(
            key, event.at, event.uncertainty_ms, event.text, event.source, event.source_note,
            _public(event.evidence, numbers),
        )
        for key, item in shown.items()
        if isinstance(event := item.content, Event)
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda event: (event.at, event.event_id)))


def _cause(node: causes.Node, numbers: frozenset[int], events: frozenset[str]) -> PublicCause:
    cause = node.cause
    return PublicCause(
        cause_id=node.cause_id,
        title=cause.title,
        explanation=cause.explanation,
        is_direct=cause.is_direct,
        evidence=_public(cause.evidence, numbers),
        events=tuple(key for key in cause.events if key in events),
        causes=tuple(_cause(child, numbers, events) for child in node.children),
    )


def _factors(shown: Mapping[str, Item], numbers: frozenset[int]) -> tuple[PublicFactor, ...]:
    return tuple(
        PublicFactor(key, one.title, one.explanation, _public(one.evidence, numbers))
        for key, item in shown.items()
        if isinstance(one := item.content, Factor)
    )


def _questions(shown: Mapping[str, Item]) -> tuple[PublicQuestion, ...]:
    return tuple(
        PublicQuestion(key, one.text, one.answer)
        for key, item in shown.items()
        if isinstance(one := item.content, Question)
    )


def _sections(shown: Mapping[str, Item]) -> tuple[PublicSection, ...]:
    found = [
        (one.place, key, one)
        for key, item in shown.items()
        if isinstance(one := item.content, Section)
    ]
    ordered = sorted(found, key=lambda each: each[:2])
    return tuple(PublicSection(key, one.heading, one.body) for _, key, one in ordered)


def _file(one: Evidence) -> PublicEvidence:
    return PublicEvidence(one.number, one.public_name, one.caption, one.sha256.hex(), one.size)
