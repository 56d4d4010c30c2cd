"""What a client asks for: the body of a sliding sync request, its shape and its limits. Pure."""

from collections.abc import Iterable

import msgspec

from bongsu.errors import InvalidParam

LISTS_MAX = 100
LIST_KEY_BYTES_MAX = 64
RANGES_MAX = 100
SUBSCRIPTIONS_MAX = 100
REQUIRED_STATE_MAX = 200
NAMES_MAX = 100  # in one list of a filter or an extension
NAME_CHARS_MAX = 255
TIMELINE_LIMIT_MAX = 1000  # permitted; fewer are shown, see sync.filter
CONN_ID_CHARS_MAX = 255
TXN_ID_CHARS_MAX = 255
INDEX_MAX = 2**53
THREADS = "io.element.msc4308.thread_subscriptions"


class RoomParameters(msgspec.Struct, frozen=True, kw_only=True):
    """How a room is to be shown. `required_state` holds (type, state key)."""

    timeline_limit: int
    required_state: list[tuple[str, str]] = []


class Filters(msgspec.Struct, frozen=True):
    """Which rooms a list holds; None: any."""

    is_dm: bool | None = None
    spaces: list[str] | None = None
    is_encrypted: bool | None = None
    is_invite: bool | None = None
    room_types: list[str | None] | None = None
    not_room_types: list[str | None] | None = None
    room_name_like: str | None = None
    tags: list[str] | None = None
    not_tags: list[str] | None = None


class RoomListParameters(RoomParameters, frozen=True, kw_only=True):
    """`ranges` are of indexes, both ends included; None: all rooms."""

    ranges: list[tuple[int, int]] | None = None
    slow_get_all_rooms: bool | None = False
    filters: Filters | None = None


class ToDeviceExtension(msgspec.Struct, frozen=True):
    enabled: bool | None = False
    limit: int | None = None
    since: str | None = None


class Extension(msgspec.Struct, frozen=True):
    enabled: bool | None = False


class RoomExtension(msgspec.Struct, frozen=True):
    """For rooms of these lists and of these subscriptions; None and "*" mean all."""

    enabled: bool | None = False
    lists: list[str] | None = None
    rooms: list[str] | None = None


class ThreadsExtension(msgspec.Struct, frozen=True):
    """Thread subscriptions (MSC4308): the latest `limit` changes."""

    enabled: bool | None = False
    limit: int | None = None


class Extensions(msgspec.Struct, frozen=True):
    """Extensions that are not known here are ignored, as MSC4186 has it."""

    to_device: ToDeviceExtension | None = None
    e2ee: Extension | None = None
    account_data: RoomExtension | None = None
    receipts: RoomExtension | None = None
    typing: RoomExtension | None = None
    threads: ThreadsExtension | None = msgspec.field(default=None, name=THREADS)


class SlidingBody(msgspec.Struct, frozen=True):
    conn_id: str | None = None
    txn_id: str | None = None
    lists: dict[str, RoomListParameters] | None = None
    room_subscriptions: dict[str, RoomParameters] | None = None
    extensions: Extensions | None = None


def is_on(
    extension: ToDeviceExtension | Extension | RoomExtension | ThreadsExtension | None,
) -> bool:
    return extension is not None and bool(extension.enabled)


def check(body: SlidingBody) -> None:
    """`InvalidParam` for what the shape permits and this server does not."""
    _check_text(body.conn_id, CONN_ID_CHARS_MAX, "conn_id")
    _check_text(body.txn_id, TXN_ID_CHARS_MAX, "txn_id")
    lists, subscriptions = body.lists or {}, body.room_subscriptions or {}
    if len(lists) > LISTS_MAX:
        raise InvalidParam(f"More than {LISTS_MAX} lists")
    if len(subscriptions) > SUBSCRIPTIONS_MAX:
        raise InvalidParam(f"More than {SUBSCRIPTIONS_MAX} room subscriptions")
    for key, parameters in lists.items():
        _check_text(key, LIST_KEY_BYTES_MAX, "A list's name")
        _check_room(parameters)
        _check_ranges(parameters.ranges or ())
        if parameters.filters is not None:
            _check_filters(parameters.filters)
    for parameters in subscriptions.values():
        _check_room(parameters)
    if body.extensions is not None:
        _check_extensions(body.extensions)


def _check_room(parameters: RoomParameters) -> None:
    if not 0 <= parameters.timeline_limit <= TIMELINE_LIMIT_MAX:
        raise InvalidParam(f"timeline_limit is not between 0 and {TIMELINE_LIMIT_MAX}")
    if len(parameters.required_state) > REQUIRED_STATE_MAX:
        raise InvalidParam(f"More than {REQUIRED_STATE_MAX} of required_state")
    for pair in parameters.required_state:
        for text in pair:
            _check_text(text, NAME_CHARS_MAX, "required_state")


def _check_ranges(ranges: Iterable[tuple[int, int]]) -> None:
    for count, (start, end) in enumerate(ranges, 1):
        if count > RANGES_MAX:
            raise InvalidParam(f"More than {RANGES_MAX} ranges")
        if not 0 <= start <= end <= INDEX_MAX:
            raise InvalidParam("A range does not go from 0 or more to as much or more")


def _check_filters(filters: Filters) -> None:
    lists = (filters.spaces, filters.room_types, filters.not_room_types, filters.tags,
             filters.not_tags)  # fmt: skip
    for names in lists:
        _check_names(names)
    _check_text(filters.room_name_like, NAME_CHARS_MAX, "room_name_like")


def _check_extensions(extensions: Extensions) -> None:
    for each in (extensions.account_data, extensions.receipts, extensions.typing):
        if each is not None:
            _check_names(each.lists)
            _check_names(each.rooms)
    to_device, threads = extensions.to_device, extensions.threads
    if threads is not None and threads.limit is not None and threads.limit < 1:
        raise InvalidParam("limit is below 1")
    if to_device is not None:
        if to_device.limit is not None and to_device.limit < 0:
            raise InvalidParam("limit is below 0")
        _check_text(to_device.since, NAME_CHARS_MAX, "since")


def _check_names(names: Iterable[str | None] | None) -> None:
    for count, name in enumerate(names or (), 1):
        if count > NAMES_MAX:
            raise InvalidParam(f"More than {NAMES_MAX} names in one list")
        _check_text(name, NAME_CHARS_MAX, "A name")


def _check_text(text: str | None, chars_max: int, what: str) -> None:
    if text is not None and (len(text) > chars_max or "\x00" in text):
        raise InvalidParam(f"{what} is longer than {chars_max} or holds a NUL")
