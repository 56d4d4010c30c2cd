"""Filters: what a client wants to be left out. Spec: client-server API, "Filtering"."""

import re
from collections.abc import Callable

import msgspec

from bongsu.errors import BadJson, Refused

TIMELINE_LIMIT_DEFAULT = 10
TIMELINE_LIMIT_MAX = 100
FILTER_BYTES_MAX = 64 * 1024
NAMES_MAX = 10_000  # rooms, senders or types in one list


class EventFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    """`EventFilter` and `RoomEventFilter` of the spec in one."""

    limit: int | None = None
    senders: list[str] | None = None
    not_senders: list[str] | None = None
    types: list[str] | None = None
    not_types: list[str] | None = None
    rooms: list[str] | None = None
    not_rooms: list[str] | None = None
    contains_url: bool | None = None
    lazy_load_members: bool = False
    include_redundant_members: bool = False
    unread_thread_notifications: bool = False


_ALL = EventFilter()


class RoomFilter(msgspec.Struct, frozen=True, omit_defaults=True):
    rooms: list[str] | None = None
    not_rooms: list[str] | None = None
    include_leave: bool = False
    timeline: EventFilter = _ALL
    state: EventFilter = _ALL
    ephemeral: EventFilter = _ALL
    account_data: EventFilter = _ALL


class FilterDefinition(msgspec.Struct, frozen=True, omit_defaults=True):
    """A filter as clients write it."""

    event_fields: list[str] | None = None
    event_format: str = "client"
    presence: EventFilter = _ALL
    account_data: EventFilter = _ALL
    room: RoomFilter = RoomFilter()


class Selection:
    """An `EventFilter` made ready to test events. Pure, shared by all who use the filter."""

    __slots__ = ("_not_rooms", "_not_senders", "_not_types", "_rooms", "_senders", "_types",
                 "contains_url", "is_trivial", "limit")  # fmt: skip

    def __init__(
        self, definition: EventFilter, *, limit_default: int = TIMELINE_LIMIT_DEFAULT
    ) -> None:
        limit = limit_default if definition.limit is None else definition.limit
        self.limit = max(0, min(limit, TIMELINE_LIMIT_MAX))
        self._types = _matcher(definition.types)
        self._not_types = _matcher(definition.not_types or None)
        self._senders = _set(definition.senders)
        self._not_senders = frozenset(definition.not_senders or ())
        self._rooms = _set(definition.rooms)
        self._not_rooms = frozenset(definition.not_rooms or ())
        self.contains_url = definition.contains_url
        lists = (self._types, self._not_types, self._senders, self._rooms, self.contains_url)
        self.is_trivial = all(each is None for each in lists) and not (
            self._not_senders or self._not_rooms
        )

    def allows_room(self, room_id: str) -> bool:
        return room_id not in self._not_rooms and (self._rooms is None or room_id in self._rooms)

    def allows(self, event_type: str, sender: str | None = None) -> bool:
        """Whether an event of that type passes; without a sender only types count."""
        if self._not_types is not None and self._not_types(event_type):
            return False
        if self._types is not None and not self._types(event_type):
            return False
        if sender is None:
            return True
        return sender not in self._not_senders and (
            self._senders is None or sender in self._senders
        )


class Filter:
    """A whole filter made ready to use."""

    __slots__ = ("_not_rooms", "_rooms", "account_data", "ephemeral", "event_fields", "federation",
                 "include_leave", "include_redundant_members", "lazy_load_members", "presence",
                 "room_account_data", "state", "thread_notifications", "timeline")  # fmt: skip

    def __init__(self, definition: FilterDefinition) -> None:
        room = definition.room
        self._rooms = _set(room.rooms)
        self._not_rooms = frozenset(room.not_rooms or ())
        self.include_leave = room.include_leave
        self.timeline = Selection(room.timeline)
        self.state = Selection(room.state)
        self.ephemeral = Selection(room.ephemeral)
        self.room_account_data = Selection(room.account_data)
        self.account_data = Selection(definition.account_data)
        self.presence = Selection(definition.presence)
        self.federation = definition.event_format == "federation"
        fields = definition.event_fields
        self.event_fields = None if fields is None else [parse_path(each) for each in fields]
        # The spec has these on any room event filter; clients put them on state or timeline.
        self.lazy_load_members = room.state.lazy_load_members or room.timeline.lazy_load_members
        self.include_redundant_members = (
            room.state.include_redundant_members or room.timeline.include_redundant_members
        )
        self.thread_notifications = (
            room.timeline.unread_thread_notifications or room.state.unread_thread_notifications
        )

    def allows_room(self, room_id: str) -> bool:
        return room_id not in self._not_rooms and (self._rooms is None or room_id in self._rooms)

    @property
    def has_plain_timeline(self) -> bool:
        """Whether timelines are shown as they are, so that they can be shared."""
        return self.timeline.is_trivial and not self.federation and self.event_fields is None


def parse_filter(text: bytes) -> FilterDefinition:
    """A filter from its JSON. `BadJson` for another shape, M_NOT_JSON if it is no JSON."""
    if len(text) > FILTER_BYTES_MAX:
        raise BadJson("Filter too large")
    try:
        definition = msgspec.json.decode(text, type=FilterDefinition)
    except msgspec.ValidationError as error:
        raise BadJson(str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused("Filter is not JSON", code="M_NOT_JSON") from None
    check_filter(definition)
    return definition


def check_filter(definition: FilterDefinition) -> None:
    """`BadJson` for values that the schema of the spec does not permit."""
    if definition.event_format not in ("client", "federation"):
        raise BadJson("event_format is neither client nor federation")
    room = definition.room
    parts = (definition.presence, definition.account_data, room.timeline, room.state,
             room.ephemeral, room.account_data)  # fmt: skip
    for part in parts:
        if part.limit is not None and part.limit < 0:
            raise BadJson("limit is below 0")
        lists = (part.types, part.not_types, part.senders, part.not_senders, part.rooms)
        for names in (*lists, part.not_rooms, room.rooms, room.not_rooms, definition.event_fields):
            if names is not None and len(names) > NAMES_MAX:
                raise BadJson("List too long")


def parse_path(text: str) -> list[str]:
    """A dot-separated property path; `\\.` is a dot within a name, `\\\\` a backslash."""
    return [
        re.sub(r"\\([.\\])", r"\1", name)
        for name in re.findall(r"(?:\\.|[^.\\]|\\(?=[^.\\]|\Z))+", text)
    ] or [text]


def _set(names: list[str] | None) -> frozenset[str] | None:
    return None if names is None else frozenset(names)


def _matcher(globs: list[str] | None) -> Callable[[str], bool] | None:
    """Tests a type against globs, in which `*` stands for any characters."""
    if not globs and globs is not None:
        return lambda _: False
    if globs is None:
        return None
    exact = frozenset(glob for glob in globs if "*" not in glob)
    # Several stars in a row are one: no pattern may take more than quadratic time.
    wild = [list(filter(None, re.split(r"(\*)\**", glob))) for glob in globs if "*" in glob]
    if not wild:
        return exact.__contains__
    return lambda text: text in exact or any(_matches(parts, text) for parts in wild)


def _matches(parts: list[str], text: str) -> bool:
    """Whether `text` is `parts` in order, "*" being anything; each part at its first place."""
    at, floating = 0, False
    for index, part in enumerate(parts):
        if part == "*":
            floating = True
            continue
        if index == len(parts) - 1:
            tail = len(text) - len(part)
            return (tail >= at if floating else tail == at) and text.endswith(part)
        found = text.find(part, at) if floating else (at if text.startswith(part, at) else -1)
        if found < 0:
            return False
        at, floating = found + len(part), False
    return floating or at == len(text)


ALL = Filter(FilterDefinition())
