"""The conditions of push rules, as types.

Matrix spec, client-server API, "Conditions". A rule keeps its conditions as the JSON that the
client wrote, so that it gets them back unchanged; what they mean is parsed here.
"""

import re
from typing import Any

import msgspec
from msgspec import Struct

from bongsu.errors import InvalidParam
from bongsu.push.glob import has_wildcard

KEY_CHARS_MAX = 255
PATTERN_CHARS_MAX = 1024
INTEGER_MAX = 2**53 - 1

BODY_KEY = "content.body"

# A JSON value that is neither array nor object; no floats in canonical JSON.
Scalar = str | int | bool | None


class EventMatch(Struct, frozen=True, tag_field="kind", tag="event_match"):
    """A glob over a whole string property; over words, if the property is `content.body`."""

    key: str
    pattern: str


class EventPropertyIs(Struct, frozen=True, tag_field="kind", tag="event_property_is"):
    key: str
    value: Scalar


class EventPropertyContains(Struct, frozen=True, tag_field="kind", tag="event_property_contains"):
    key: str
    value: Scalar


class ContainsDisplayName(Struct, frozen=True, tag_field="kind", tag="contains_display_name"):
    """Deprecated by the spec, still honoured in rules that people made themselves."""


class RoomMemberCount(Struct, frozen=True, tag_field="kind", tag="room_member_count"):
    is_: str = msgspec.field(name="is")


class SenderNotificationPermission(
    Struct, frozen=True, tag_field="kind", tag="sender_notification_permission"
):
    key: str


Condition = (
    EventMatch
    | EventPropertyIs
    | EventPropertyContains
    | ContainsDisplayName
    | RoomMemberCount
    | SenderNotificationPermission
)

_TYPES: dict[str, type[Condition]] = {
    "event_match": EventMatch,
    "event_property_is": EventPropertyIs,
    "event_property_contains": EventPropertyContains,
    "contains_display_name": ContainsDisplayName,
    "room_member_count": RoomMemberCount,
    "sender_notification_permission": SenderNotificationPermission,
}

_MEMBER_COUNT = re.compile(r"(==|<=|>=|<|>)?([0-9]{1,15})", re.ASCII)
_UNESCAPED_DOT = re.compile(r"\\([.\\])|\.|([^.\\]+|\\)")


def parse_condition(raw: dict[str, Any]) -> Condition | None:
    """A condition as a type; None for a kind that is not known, which matches no event.

    Raises `InvalidParam` for a known kind whose parameters are missing, wrong or too long.
    """
    kind = raw.get("kind")
    if not isinstance(kind, str):
        raise InvalidParam("Condition without a kind")
    shape = _TYPES.get(kind)
    if shape is None:
        return None
    try:
        condition = msgspec.convert(raw, type=shape)
    except msgspec.ValidationError as error:
        raise InvalidParam(f"Condition {kind}: {error}") from None
    _check_limits(condition)
    return condition


def _check_limits(condition: Condition) -> None:
    match condition:
        case EventMatch(key=key, pattern=text):
            _check_text(key, text)
        case EventPropertyIs(key=key, value=value) | EventPropertyContains(key=key, value=value):
            _check_text(key, value if isinstance(value, str) else "")
            if isinstance(value, int) and abs(value) > INTEGER_MAX:
                raise InvalidParam("Condition value is out of range")
        case RoomMemberCount(is_=text):
            if _MEMBER_COUNT.fullmatch(text) is None:
                raise InvalidParam("Condition room_member_count: is must be like 2 or >=2")
        case SenderNotificationPermission(key=key):
            _check_text(key, "")
        case ContainsDisplayName():
            pass


def _check_text(key: str, text: str) -> None:
    if len(key) > KEY_CHARS_MAX or len(text) > PATTERN_CHARS_MAX:
        raise InvalidParam("Condition is too long")


def pattern_cost(condition: Condition | None) -> int:
    """Steps a character of text that a condition may cost at worst; 0 for a plain comparison."""
    if not isinstance(condition, EventMatch):
        return 0
    searched = condition.key == BODY_KEY or has_wildcard(condition.pattern)
    return 1 + len(condition.pattern) if searched else 0


def parse_member_count(text: str) -> tuple[str, int]:
    """`>=10` as (">=", 10); the operator of a bare number is "=="."""
    found = _MEMBER_COUNT.fullmatch(text)
    assert found is not None, "checked when the condition was parsed"
    return found.group(1) or "==", int(found.group(2))


def split_path(key: str) -> tuple[str, ...]:
    r"""The property names of a dot-separated path; `\.` and `\\` stand for themselves.

    Matrix spec, appendices, "Dot-separated property paths".
    """
    names = [""]
    for found in _UNESCAPED_DOT.finditer(key):
        if found.group() == ".":
            names.append("")
        else:
            names[-1] += found.group(1) or found.group(2)
    return tuple(names)
