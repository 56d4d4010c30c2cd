"""`RoomEventFilter`: which events of a room a client wants. Spec: "Filtering"."""

from typing import Any

import msgspec

from bongsu.errors import BadJson, Refused
from bongsu.log.entry import LoggedEvent
from bongsu.sync.filter import FILTER_BYTES_MAX, NAMES_MAX, EventFilter, Selection

RELATED_NAMES_MAX = 100


class RoomEventFilter(EventFilter, frozen=True):
    """As clients write it."""

    related_by_senders: list[str] | None = None
    related_by_rel_types: list[str] | None = None


class EventSelection:
    """A `RoomEventFilter` made ready to test events of one room."""

    __slots__ = ("_selection", "allows_nothing", "lazy_load_members", "limit", "related_by")

    def __init__(self, definition: RoomEventFilter, room_id: str) -> None:
        self._selection = Selection(definition)
        self.allows_nothing = not self._selection.allows_room(room_id)
        self.lazy_load_members = definition.lazy_load_members
        self.limit = definition.limit
        senders, rel_types = definition.related_by_senders, definition.related_by_rel_types
        # (senders, relation types) of which an event must have a child; None where any will do.
        self.related_by = None if senders is None and rel_types is None else (senders, rel_types)

    def allows(self, event: LoggedEvent) -> bool:
        """Whether the filter lets an event through, `related_by` left aside."""
        if self._selection.is_trivial:
            return True
        facts, wanted = event.facts, self._selection.contains_url
        if self.allows_nothing or not self._selection.allows(facts.type, facts.sender):
            return False
        return wanted is None or isinstance(event.content.get("url"), str) == wanted


ANY_EVENT = EventSelection(RoomEventFilter(), "")


def parse_event_filter(text: str | None, room_id: str) -> EventSelection:
    """The `filter` parameter of /messages and /context: JSON, or nothing.

    `BadJson` for another shape, M_NOT_JSON if it is no JSON.
    """
    if text is None:
        return ANY_EVENT
    encoded = text.encode("utf-8", "replace")
    if len(encoded) > FILTER_BYTES_MAX:
        raise BadJson("Filter too large")
    try:
        definition = msgspec.json.decode(encoded, type=RoomEventFilter)
    except msgspec.ValidationError as error:
        raise BadJson(str(error)) from None
    except (msgspec.DecodeError, RecursionError):
        raise Refused("Filter is not JSON", code="M_NOT_JSON") from None
    _check(definition)
    return EventSelection(definition, room_id)


def _check(definition: RoomEventFilter) -> None:
    if definition.limit is not None and definition.limit < 0:
        raise BadJson("limit is below 0")
    many: tuple[Any, ...] = (
        definition.types, definition.not_types, definition.senders, definition.not_senders,
        definition.rooms, definition.not_rooms,
    )  # fmt: skip
    if any(len(names) > NAMES_MAX for names in many if names is not None):
        raise BadJson("List too long")
    for names in (definition.related_by_senders, definition.related_by_rel_types):
        if names is not None and (len(names) > RELATED_NAMES_MAX or any("\0" in n for n in names)):
            raise BadJson("Not a list to look relations up by")
