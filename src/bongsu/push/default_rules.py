"""The rules that everybody begins with, in the spec's order.

Matrix spec v1.19, client-server API, "Predefined Rules". Since v1.17 the rules that looked for
names in the body (contains_display_name, contains_user_name, roomnotif) are no longer among them.
"""

from functools import lru_cache
from typing import Any

from bongsu.push.rules import Action, Kind, PushRule, RawCondition

MASTER = ".m.rule.master"
MENTIONED_USERS_KEY = r"content.m\.mentions.user_ids"

# Stands for the user's own id until the rules are made for somebody.
_USER = "\x00user"

_SOUND: Action = {"set_tweak": "sound", "value": "default"}
_RING: Action = {"set_tweak": "sound", "value": "ring"}
_HIGHLIGHT: Action = {"set_tweak": "highlight"}


def default_rules(user_id: str) -> dict[Kind, list[PushRule]]:
    """The default rules of somebody, those of a kind in order of importance."""
    return {
        "override": [_for_user(rule, user_id) for rule in _OVERRIDE],
        "underride": list(_UNDERRIDE),
    }


@lru_cache(maxsize=1)
def default_ids() -> dict[str, Kind]:
    """The id of every default rule, with its kind."""
    kinds: list[tuple[Kind, tuple[PushRule, ...]]]
    kinds = [("override", _OVERRIDE), ("underride", _UNDERRIDE)]
    return {rule.rule_id: kind for kind, rules in kinds for rule in rules}


def _for_user(rule: PushRule, user_id: str) -> PushRule:
    conditions = rule.conditions or []
    if not any(_USER in condition.values() for condition in conditions):
        return rule
    return _rule(
        rule.rule_id,
        [_with_user(condition, user_id) for condition in conditions],
        rule.actions,
        enabled=rule.enabled,
    )


def _with_user(condition: RawCondition, user_id: str) -> RawCondition:
    return {name: user_id if value == _USER else value for name, value in condition.items()}


def _rule(
    rule_id: str, conditions: list[RawCondition], actions: list[Action], *, enabled: bool = True
) -> PushRule:
    return PushRule(
        rule_id=rule_id, conditions=conditions, actions=actions, default=True, enabled=enabled
    )


def _match(key: str, pattern: str) -> RawCondition:
    return {"kind": "event_match", "key": key, "pattern": pattern}


def _is(key: str, value: Any) -> RawCondition:
    return {"kind": "event_property_is", "key": key, "value": value}


_TWO_MEMBERS: RawCondition = {"kind": "room_member_count", "is": "2"}

_OVERRIDE = (
    _rule(MASTER, [], [], enabled=False),
    _rule(".m.rule.suppress_notices", [_match("content.msgtype", "m.notice")], []),
    _rule(
        ".m.rule.invite_for_me",
        [
            _match("type", "m.room.member"),
            _match("content.membership", "invite"),
            _match("state_key", _USER),
        ],
        ["notify", _SOUND],
    ),
    _rule(".m.rule.member_event", [_match("type", "m.room.member")], []),
    _rule(
        ".m.rule.is_user_mention",
        [{"kind": "event_property_contains", "key": MENTIONED_USERS_KEY, "value": _USER}],
        ["notify", _SOUND, _HIGHLIGHT],
    ),
    _rule(
        ".m.rule.is_room_mention",
        [
            _is(r"content.m\.mentions.room", True),
            {"kind": "sender_notification_permission", "key": "room"},
        ],
        ["notify", _HIGHLIGHT],
    ),
    _rule(
        ".m.rule.tombstone",
        [_match("type", "m.room.tombstone"), _match("state_key", "")],
        ["notify", _HIGHLIGHT],
    ),
    _rule(".m.rule.reaction", [_match("type", "m.reaction")], []),
    _rule(
        ".m.rule.room.server_acl",
        [_match("type", "m.room.server_acl"), _match("state_key", "")],
        [],
    ),
    _rule(".m.rule.suppress_edits", [_is(r"content.m\.relates_to.rel_type", "m.replace")], []),
)

_UNDERRIDE = (
    _rule(".m.rule.call", [_match("type", "m.call.invite")], ["notify", _RING]),
    _rule(
        ".m.rule.encrypted_room_one_to_one",
        [_TWO_MEMBERS, _match("type", "m.room.encrypted")],
        ["notify", _SOUND],
    ),
    _rule(
        ".m.rule.room_one_to_one",
        [_TWO_MEMBERS, _match("type", "m.room.message")],
        ["notify", _SOUND],
    ),
    _rule(".m.rule.message", [_match("type", "m.room.message")], ["notify"]),
    _rule(".m.rule.encrypted", [_match("type", "m.room.encrypted")], ["notify"]),
)
