"""How events relate to one another, as far as a sequencer has to know. Spec: "Relationships"."""

from collections.abc import Mapping
from typing import Any, cast

from bongsu.errors import Refused
from bongsu.log.entry import Relation
from bongsu.rooms.event import EventDraft
from bongsu.rooms.hot_room import HotRoom

RELATION_KEY_BYTES_MAX = 255
RELATION_TYPE_BYTES_MAX = 255
EVENT_ID_BYTES_MAX = 255


def relation_of(content: Mapping[str, Any]) -> Relation | None:
    """The relation that `m.relates_to` states, if it is one and may be indexed."""
    stated = content.get("m.relates_to")
    if not isinstance(stated, dict):
        return None
    fields = cast(dict[str, Any], stated)
    rel_type, event_id, key = fields.get("rel_type"), fields.get("event_id"), fields.get("key")
    if not isinstance(rel_type, str) or not isinstance(event_id, str):
        return None
    if not _indexable(rel_type, RELATION_TYPE_BYTES_MAX):
        return None
    if not _indexable(event_id, EVENT_ID_BYTES_MAX):
        return None
    if not isinstance(key, str) or not _indexable(key, RELATION_KEY_BYTES_MAX):
        key = None
    return Relation(rel_type, event_id, key)


def _indexable(text: str, bytes_max: int) -> bool:
    return "\x00" not in text and len(text.encode("utf-8", "replace")) <= bytes_max


def thread_of(room: HotRoom, relation: Relation | None) -> str | None:
    """The root of the thread an event belongs to, by itself or by what it relates to."""
    if relation is None:
        return None
    parent = room.recent.get(relation.event_id)
    if parent is None:  # as any event is that a new room's first state claims to relate to
        return None
    return relation.event_id if relation.rel_type == "m.thread" else parent.facts.thread


def check_relation(room: HotRoom, draft: EventDraft) -> None:
    """Refuse a thread on an event that cannot root one, and a reaction given twice."""
    relation = relation_of(draft.content)
    if relation is None:
        return
    if relation.rel_type == "m.thread":
        root = room.recent.get(relation.event_id)
        if root is None or root.facts.relation is not None:
            raise Refused("Cannot start threads from this event", code="M_UNKNOWN")
    if relation.rel_type == "m.annotation" and draft.type == "m.reaction":
        key = (relation.event_id, relation.key or "", draft.sender)
        if room.annotations.get(key):
            raise Refused("You reacted so already", code="M_DUPLICATE_ANNOTATION")
