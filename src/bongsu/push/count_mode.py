"""How a person's unread counts in a room follow from the log's totals, if they do.

The totals of `notify_class` are those of the default rules. Most who changed rules changed them so
that in a given room the totals still tell: all messages count, or only mentions, or nothing. That
is found by trying the rules on one event of each sort. Rules with conditions of a person's own
could look at anything: there the events have to be read.
"""

from enum import Enum
from functools import lru_cache
from typing import Any

import msgspec

from bongsu.push.evaluate import (
    ClassRule,
    CompiledRules,
    RuleClass,
    default_class,
)
from bongsu.push.facts import EventFacts, RoomFacts
from bongsu.push.predicates import MENTIONED, is_about_room_only

MODES_CACHED_MAX = 4096


class CountMode(Enum):
    """With `notifies`, `highlights` and `mentions` as in `NotifyClass`, an event counts if:"""

    ALL = "all"  # it notifies, or mentions the person; highlighted if it highlights or mentions
    MENTIONS = "mentions"  # it highlights, or mentions the person; always highlighted
    NONE = "none"  # never
    SCAN = "scan"  # `evaluate` says so


def count_mode(rules: CompiledRules, room_id: str, member_count: int) -> CountMode:
    """The mode of a person in a room that has `member_count` members now.

    Default rules ask whether there are two members; what was unread before that changed is
    counted as if it always had been so. A call to a larger room is not looked for.
    """
    return _mode(rules.class_in(room_id.lower()), room_id, member_count == 2)


@lru_cache(maxsize=MODES_CACHED_MAX)
def _mode(rules: RuleClass, room_id: str, one_to_one: bool) -> CountMode:
    if not all(map(_is_plain, rules.rules)):
        return CountMode.SCAN
    found = _outcomes(rules, room_id, one_to_one)
    usual = _outcomes(default_class(), room_id, one_to_one)
    if found == usual:
        return CountMode.ALL
    if found == [(highlight, highlight) for _, highlight in usual]:
        return CountMode.MENTIONS
    return CountMode.SCAN if any(notify for notify, _ in found) else CountMode.NONE


def _outcomes(rules: RuleClass, room_id: str, one_to_one: bool) -> list[tuple[bool, bool]]:
    """Whether each sort of event notifies and highlights."""
    room = RoomFacts(room_id, 2 if one_to_one else 3, sender_power_level=float("inf"))
    samples = [(event, bits) for event in _EVENTS for bits in (0, MENTIONED)]
    if one_to_one:
        samples.append((_CALL, 0))
    verdicts = [rules.verdict(EventFacts(event, room), bits) for event, bits in samples]
    return [(verdict.notify, verdict.highlight) for verdict in verdicts]


def _is_plain(rule: ClassRule) -> bool:
    """Whether the samples tell all about a rule: its conditions are a default rule's, or it is
    about everything in a room."""
    return is_about_room_only(rule.conditions) or _key(rule) in _default_conditions()


@lru_cache(maxsize=1)
def _default_conditions() -> frozenset[bytes]:
    return frozenset(map(_key, default_class().rules))


def _key(rule: ClassRule) -> bytes:
    return msgspec.json.encode(rule.conditions)


def _event(
    kind: str, content: dict[str, Any] | None = None, state_key: str | None = None
) -> dict[str, Any]:
    return {"type": kind, "content": content or {}, "state_key": state_key, "sender": ""}


_EDIT = {"m.relates_to": {"rel_type": "m.replace"}}
_ROOM_MENTION = {"m.mentions": {"room": True}}

# One event of every sort that the default rules tell apart, and one that they know nothing of.
_EVENTS = [
    _event("m.room.message"),
    _event("m.room.message", {"msgtype": "m.notice"}),
    _event("m.room.message", _ROOM_MENTION),
    _event("m.room.message", _EDIT),
    _event("m.room.encrypted"),
    _event("m.room.encrypted", _ROOM_MENTION),
    _event("m.room.encrypted", _EDIT),
    _event("m.room.member", {"membership": "join"}, "@:"),
    _event("m.room.tombstone", state_key=""),
    _event("m.room.server_acl", state_key=""),
    _event("m.reaction"),
    _event("org.example.other"),
]
_CALL = _event("m.call.invite")
