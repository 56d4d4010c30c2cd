"""A condition as a function of an event and of what sets its reader apart."""

from collections.abc import Callable
from operator import eq, ge, gt, le, lt
from typing import Any, cast

from msgspec import Struct

from bongsu.push import conditions as c
from bongsu.push.default_rules import MENTIONED_USERS_KEY
from bongsu.push.facts import EventFacts
from bongsu.push.glob import Glob, has_wildcard

# The bits that set a reader apart from others with the same rules.
MENTIONED, IS_STATE_KEY, IS_NAMED = 1, 2, 4

Predicate = Callable[[EventFacts, int], bool]


class MentionsReader(Struct, frozen=True, tag_field="kind", tag="mentions_reader"):
    """`event_property_contains` of the reader's id in m.mentions."""


class StateKeyIsReader(Struct, frozen=True, tag_field="kind", tag="state_key_is_reader"):
    """`event_match` of the reader's id on the state key."""


ClassCondition = c.Condition | MentionsReader | StateKeyIsReader


def bound_room(condition: ClassCondition) -> str | None:
    """The one room, in lower case, in which the condition can hold, if it names one."""
    match condition:
        case c.EventPropertyIs(key="room_id", value=str(room)):
            return room.lower()
        case c.EventMatch(key="room_id", pattern=pattern) if not has_wildcard(pattern):
            return pattern.lower()
        case _:
            return None


def is_about_room_only(conditions: list[ClassCondition]) -> bool:
    """Whether they hold for everything in some room, or everywhere."""
    return all(bound_room(condition) is not None for condition in conditions)


def without_owner(condition: c.Condition, user_id: str) -> ClassCondition:
    """The condition, not naming its owner any more if it did."""
    match condition:
        case c.EventPropertyContains(key=key, value=value) if (
            key == MENTIONED_USERS_KEY and value == user_id
        ):
            return MentionsReader()
        case c.EventMatch(key="state_key", pattern=pattern) if (
            pattern == user_id and not has_wildcard(pattern)
        ):
            return StateKeyIsReader()
        case _:
            return condition


def predicate_of(condition: ClassCondition) -> Predicate:
    """The test that a condition stands for."""
    match condition:
        case c.EventMatch(key=key, pattern=pattern):
            return _event_match(c.split_path(key), pattern, words=key == c.BODY_KEY)
        case c.EventPropertyIs(key=key, value=value):
            path = c.split_path(key)
            return lambda event, _: _is_same(event.value(path), value)
        case c.EventPropertyContains(key=key, value=value):
            return _event_property_contains(c.split_path(key), value)
        case c.RoomMemberCount(is_=text):
            return _room_member_count(*c.parse_member_count(text))
        case c.SenderNotificationPermission(key=key):
            return lambda event, _: event.room.sender_may_notify(key)
        case c.ContainsDisplayName():
            return lambda _, bits: bits & IS_NAMED != 0
        case MentionsReader():
            return lambda _, bits: bits & MENTIONED != 0
        case StateKeyIsReader():
            return lambda _, bits: bits & IS_STATE_KEY != 0


def _event_match(path: tuple[str, ...], pattern: str, *, words: bool) -> Predicate:
    if not words and not has_wildcard(pattern):
        lowered = pattern.lower()
        return lambda event, _: event.lowered(path) == lowered
    glob = Glob(pattern, words=words)

    def match(event: EventFacts, _: int) -> bool:
        text = event.lowered(path)
        return text is not None and glob.matches(text)

    return match


def _event_property_contains(path: tuple[str, ...], value: c.Scalar) -> Predicate:
    def contains(event: EventFacts, _: int) -> bool:
        values = event.value(path)
        if not isinstance(values, list):
            return False
        return any(_is_same(each, value) for each in cast(list[Any], values))

    return contains


def _room_member_count(operator: str, count: int) -> Predicate:
    compare = {"==": eq, "<": lt, ">": gt, "<=": le, ">=": ge}[operator]
    return lambda event, _: bool(compare(event.room.member_count, count))


def _is_same(left: Any, right: c.Scalar) -> bool:
    """Equal as JSON: true is not 1."""
    return type(left) is type(right) and left == right
