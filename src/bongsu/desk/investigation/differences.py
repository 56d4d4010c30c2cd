"""What changed from one published version to another, block by block and word by word."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from bongsu.desk.investigation.document import Document, PublicCause, PublicEvent
from bongsu.desk.wording import Text
from bongsu.desk.words_changed import Change, Piece, differences

TimeText = Callable[[int], str]


class Block(NamedTuple):
    """One thing a reader sees. `kind`: section, event, cause, factor, question, evidence."""

    kind: str
    key: str
    text: str


class BlockChange(NamedTuple):
    """`change` KEPT: the block was there and is there, with other words in `pieces`."""

    change: Change
    kind: str
    key: str
    pieces: list[Piece]


def blocks(document: Document, language: str, time_text: TimeText) -> list[Block]:
    """All that `document` says in `language`."""

    def block(kind: str, key: str, *parts: Text | str) -> Block:
        said = (part if isinstance(part, str) else part.said(language) for part in parts)
        return Block(kind, key, "\n".join(text for text in said if text))

    found = [block("title", "", document.title)]
    found += [block("section", one.section_id, one.heading, one.body) for one in document.sections]
    for event in document.timeline:
        lines = _event(event, language, time_text)
        found.append(block("event", event.event_id, *lines))
    for cause in _causes(document.causes):
        mark = "●" if cause.is_direct else "○"
        lines = f"{mark} {cause.title.said(language)}", cause.explanation, _numbers(cause.evidence)
        found.append(block("cause", cause.cause_id, *lines))
    for factor in document.factors:
        lines = factor.title, factor.explanation, _numbers(factor.evidence)
        found.append(block("factor", factor.factor_id, *lines))
    found += [
        block("question", one.question_id, one.text, one.answer) for one in document.questions
    ]
    for one in document.evidence:
        lines = f"E{one.number} {one.name}", one.caption, one.sha256
        found.append(block("evidence", str(one.number), *lines))
    return found


def compare(old: Sequence[Block], new: Sequence[Block]) -> list[BlockChange]:
    """What differs, in the order of the new version; what was taken out stands at the end."""
    before = {(one.kind, one.key): one for one in old}
    after = {(one.kind, one.key) for one in new}
    found: list[BlockChange] = []
    for one in new:
        known = before.get((one.kind, one.key))
        if known is None:
            found.append(BlockChange(Change.ADDED, one.kind, one.key, differences("", one.text)))
        elif known.text != one.text:
            pieces = differences(known.text, one.text)
            found.append(BlockChange(Change.KEPT, one.kind, one.key, pieces))
    found += [
        BlockChange(Change.REMOVED, one.kind, one.key, differences(one.text, ""))
        for key, one in before.items()
        if key not in after
    ]
    return found


def _event(event: PublicEvent, language: str, time_text: TimeText) -> list[str]:
    when = time_text(event.at)
    if event.uncertainty_ms:
        when += f" ± {event.uncertainty_ms / 1000:g} s"
    note = event.source_note.said(language)
    source = f"({event.source.value}{': ' + note if note else ''})"
    return [when, event.text.said(language), source, _numbers(event.evidence)]


def _causes(causes: Sequence[PublicCause]) -> Iterator[PublicCause]:
    for cause in causes:
        yield cause
        yield from _causes(cause.causes)


def _numbers(evidence: Sequence[int]) -> str:
    return " ".join(f"E{number}" for number in evidence)
