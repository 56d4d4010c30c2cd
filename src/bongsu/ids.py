"""Identifiers of the Matrix spec as types of their own, parsed once, at the edge.

Grammar and limits: Matrix spec, appendices, "Identifier Grammar". Every identifier is at most
255 bytes of UTF-8 and holds no NUL, so that each can be stored and indexed (a longer one would
break a b-tree page, a NUL a text column).
"""

import re
from typing import NewType

from bongsu.errors import InvalidParam

UserId = NewType("UserId", str)
RoomId = NewType("RoomId", str)
EventId = NewType("EventId", str)
RoomAlias = NewType("RoomAlias", str)
DeviceId = NewType("DeviceId", str)

ID_BYTES_MAX = 255

_SERVER_NAME = r"(?:[A-Za-z0-9.\-]{1,230}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
_USER_ID = re.compile(rf"@[\x21-\x39\x3B-\x7E]*:{_SERVER_NAME}\Z")
_LOCALPART = re.compile(r"[a-z0-9._=/+\-]+\Z")
_ROOM_ID = re.compile(rf"!(?:[^:\x00\ud800-\udfff]+:{_SERVER_NAME}|[A-Za-z0-9_\-]{{43}})\Z")
_EVENT_ID = re.compile(r"\$[^\x00\s\ud800-\udfff]+\Z")
_ROOM_ALIAS = re.compile(rf"#[^:\x00\ud800-\udfff]+:{_SERVER_NAME}\Z")
_SERVER_NAME_WHOLE = re.compile(_SERVER_NAME + r"\Z")


def is_user_id(text: str) -> bool:
    """Whether `text` is a user id of any server; historical localparts are allowed."""
    return len(text) <= ID_BYTES_MAX and _USER_ID.match(text) is not None


def is_localpart(text: str) -> bool:
    """Whether `text` may be the localpart of a *new* user."""
    return _LOCALPART.match(text) is not None


def is_room_id(text: str) -> bool:
    """Whether `text` is a room id, with a domain (up to room v11) or without (from v12)."""
    return _fits(text) and _ROOM_ID.match(text) is not None


def is_event_id(text: str) -> bool:
    return _fits(text) and _EVENT_ID.match(text) is not None


def is_room_alias(text: str) -> bool:
    return _fits(text) and _ROOM_ALIAS.match(text) is not None


def is_server_name(text: str) -> bool:
    return len(text) <= 230 and _SERVER_NAME_WHOLE.match(text) is not None


def user_id(text: str) -> UserId:
    """`text` as a user id; `InvalidParam` if it is none."""
    if not is_user_id(text):
        raise InvalidParam("Not a valid user ID")
    return UserId(text)


def room_id(text: str) -> RoomId:
    """`text` as a room id; `InvalidParam` if it is none."""
    if not is_room_id(text):
        raise InvalidParam("Not a valid room ID")
    return RoomId(text)


def event_id(text: str) -> EventId:
    """`text` as an event id; `InvalidParam` if it is none."""
    if not is_event_id(text):
        raise InvalidParam("Not a valid event ID")
    return EventId(text)


def room_alias(text: str) -> RoomAlias:
    """`text` as a room alias; `InvalidParam` if it is none."""
    if not is_room_alias(text):
        raise InvalidParam("Not a valid room alias")
    return RoomAlias(text)


def domain_of(identifier: str) -> str:
    """The server name in a user id, alias or room id: what follows the first colon, or ""."""
    return identifier.partition(":")[2]


def localpart_of(user: str) -> str:
    """`alice` of `@alice:example.org`."""
    return user[1:].partition(":")[0]


def _fits(text: str) -> bool:
    return len(text) <= ID_BYTES_MAX and len(text.encode("utf-8", "replace")) <= ID_BYTES_MAX
