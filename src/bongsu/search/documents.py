"""Which events are searched, by what text, and where in the index a document lies.

An edit is no document of its own: its text takes the place of its original's. Segments cut a room's
documents into stretches of time; a key of the index is a term in one segment.

    key    partition 6 bits | segment 25 bits | hash of a term 32 bits

Spec: "Server Side Search", "Event replacements".
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple, cast

from bongsu.log.entry import EventFacts, LoggedEvent
from bongsu.log.position import partition_of
from bongsu.search.terms import TERM_BITS, hash_of, hash_of_sender, terms_of

SEGMENT_BITS = 25
# Smaller ones make the index larger and what is rare dearer to find, larger ones what is common:
# of every lively room the last segment is read for as many documents as have the term.
SEGMENT_DOCUMENTS_MAX = 512
REPLACES = "m.replace"


class Kind(IntEnum):
    """The property that is searched."""

    BODY = 1  # content.body of m.room.message
    NAME = 2  # content.name of m.room.name
    TOPIC = 3  # content.topic of m.room.topic


_KINDS: dict[tuple[str, str | None], Kind] = {
    ("m.room.message", None): Kind.BODY,
    ("m.room.name", ""): Kind.NAME,
    ("m.room.topic", ""): Kind.TOPIC,
}


class Document(NamedTuple):
    """A row of the index. `keys` are in order."""

    partition: int
    position: int
    segment: int
    kind: int
    ts: int
    edit_position: int | None
    keys: list[int]


class Segment(NamedTuple):
    """A stretch of a room's documents; times are origin_server_ts."""

    room_id: str
    segment: int
    documents: int
    oldest_ts: int
    newest_ts: int


class Sought(NamedTuple):
    """An event whose text is to be in the index, with the edit that stands for it, if any."""

    event: LoggedEvent
    edit: LoggedEvent | None


def kind_of(facts: EventFacts) -> Kind | None:
    """What of an event is searched; None for what is no document, as an edit is none."""
    if facts.relation is not None and facts.relation.rel_type == REPLACES:
        return None
    return _KINDS.get((facts.type, facts.state_key))


def text_of(sought: Sought) -> str | None:
    """The text under which an event is found; None if it has none, or none any more."""
    event, edit = sought
    kind = kind_of(event.facts)
    if kind is None or event.facts.redacted_by is not None:
        return None
    if kind == Kind.NAME:
        return _text(event.content, "name")
    if kind == Kind.TOPIC:
        return _topic(event.content)
    new = None if edit is None else edit.content.get("m.new_content")
    replaced = _text(cast("dict[str, Any]", new), "body") if isinstance(new, dict) else None
    return _text(event.content, "body") if replaced is None else replaced


def _text(content: Mapping[str, Any], name: str) -> str | None:
    value = content.get(name)
    return value if isinstance(value, str) else None


def _topic(content: Mapping[str, Any]) -> str | None:
    """The topic and its plain representation, which are mostly the same."""
    found = [_text(content, "topic")]
    block = content.get("m.topic")
    parts = cast("dict[str, Any]", block).get("m.text") if isinstance(block, dict) else None
    for part in cast("list[Any]", parts) if isinstance(parts, list) else ():
        if isinstance(part, dict):
            shown = cast("dict[str, Any]", part)
            if shown.get("mimetype", "text/plain") == "text/plain":
                found.append(_text(shown, "body"))
    return "\n".join(dict.fromkeys(filter(None, found))) or None


def first_key(partition: int, segment: int) -> int:
    """The key of the term 0 in a segment: a term's key is the sum of this and its hash."""
    return (partition << SEGMENT_BITS | segment) << TERM_BITS


def document_of(sought: Sought, segment: int) -> Document | None:
    """The document of an event; None if there is nothing to be found of it."""
    kind, text = kind_of(sought.event.facts), text_of(sought)
    terms = terms_of(text) if text else None
    if kind is None or not terms:
        return None
    event, edit = sought
    partition = partition_of(event.room_id)
    base = first_key(partition, segment)
    hashes = {hash_of_sender(event.facts.sender), *map(hash_of, terms)}
    return Document(
        partition,
        event.position,
        segment,
        kind,
        stamp_of(event),
        None if edit is None else edit.position,
        sorted(base + each for each in hashes),
    )


def stamp_of(event: LoggedEvent) -> int:
    return event.pdu["origin_server_ts"]


class Placing:
    """Gives documents their segments: the room's last one, until that is full."""

    def __init__(self, last: Iterable[Segment], segments: int) -> None:
        """`last` are the last segments of the rooms, `segments` how many the partition has."""
        self._last = {segment.room_id: segment for segment in last}
        self._changed: dict[tuple[str, int], Segment] = {}
        self.segments = segments

    @property
    def changed(self) -> Sequence[Segment]:
        """Every segment that took documents, as it is now."""
        return list(self._changed.values())

    def segment_for(self, room_id: str) -> int:
        """The segment that the next new document of the room goes into."""
        last = self._last.get(room_id)
        if last is None or last.documents >= SEGMENT_DOCUMENTS_MAX:
            last = self._last[room_id] = Segment(room_id, self.segments, 0, 2**63 - 1, 0)
            self.segments += 1
        return last.segment

    def add(self, room_id: str, ts: int) -> None:
        """Count a document that went into the segment given."""
        last = self._last[room_id]
        grown = last._replace(
            documents=last.documents + 1,
            oldest_ts=min(last.oldest_ts, ts),
            newest_ts=max(last.newest_ts, ts),
        )
        self._last[room_id] = self._changed[room_id, grown.segment] = grown
