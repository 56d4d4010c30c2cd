"""Push rules and rulesets, and what a client may write into them.

Matrix spec, client-server API, "Push Rules". Actions and conditions stay the JSON that the client
wrote; they are checked here once, so that everything behind may trust them.
"""

import re
from typing import Any, Literal, cast, get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bongsu.errors import InvalidParam, MissingParam, TooLarge
from bongsu.push.conditions import (
    BODY_KEY,
    PATTERN_CHARS_MAX,
    EventMatch,
    parse_condition,
    pattern_cost,
)

ACTIONS_MAX = 16
CONDITIONS_MAX = 32
JSON_DEPTH_MAX = 8
RULE_BYTES_MAX = 16 * 1024
RULE_ID_BYTES_MAX = 255

_RULE_ID = re.compile(r"[^/\\\x00\ud800-\udfff]+", re.DOTALL)

# In the order in which rules are tried.
Kind = Literal["override", "content", "room", "sender", "underride"]
KINDS: tuple[Kind, ...] = get_args(Kind)

NOTIFY = "notify"
# Older versions of the spec had these; they must be ignored.
HISTORICAL_ACTIONS = frozenset({"dont_notify", "coalesce"})

# "notify", or {"set_tweak": name, "value": any JSON}.
Action = str | dict[str, Any]
RawCondition = dict[str, Any]


class PushRule(Struct, frozen=True, kw_only=True):
    """One rule, as clients see it: only content rules have a pattern, only over- and underride
    rules have conditions."""

    rule_id: str
    actions: list[Action]
    conditions: list[RawCondition] | UnsetType = UNSET
    pattern: str | UnsetType = UNSET
    default: bool = False
    enabled: bool = True


class Ruleset(Struct, frozen=True):
    """All rules of a person in force, each kind with its most important rule first."""

    override: list[PushRule]
    content: list[PushRule]
    room: list[PushRule]
    sender: list[PushRule]
    underride: list[PushRule]

    def of(self, kind: Kind) -> list[PushRule]:
        return cast(list[PushRule], getattr(self, kind))


class RuleBody(Struct, frozen=True):
    """Body of PUT /pushrules/global/{kind}/{ruleId}."""

    actions: list[Any] | UnsetType = UNSET
    conditions: list[RawCondition] | None = None
    pattern: str | None = None


def parse_kind(text: str) -> Kind:
    """`text` as a kind of rule; `InvalidParam` if it is none."""
    if text not in KINDS:
        raise InvalidParam("Unknown kind of push rule")
    return text


def parse_rule(kind: Kind, rule_id: str, body: RuleBody) -> PushRule:
    """A rule as a client may define it.

    Raises `InvalidParam` for what is wrong, `MissingParam` for what is missing, `TooLarge`.
    """
    _check_rule_id(rule_id)
    if body.actions is UNSET:
        raise MissingParam("Missing parameters: actions")
    rule = PushRule(
        rule_id=rule_id,
        actions=parse_actions(body.actions),
        conditions=_parse_conditions(body) if kind in ("override", "underride") else UNSET,
        pattern=_parse_pattern(body) if kind == "content" else UNSET,
    )
    if len(msgspec.json.encode(rule)) > RULE_BYTES_MAX:
        raise TooLarge("Push rule is too large")
    return rule


def parse_actions(raw: list[Any]) -> list[Action]:
    """The actions that are still defined; `InvalidParam` if one never was."""
    if len(raw) > ACTIONS_MAX:
        raise InvalidParam(f"More than {ACTIONS_MAX} actions")
    actions: list[Action] = []
    for action in raw:
        if _is_action(action):
            actions.append(action)
        elif not (isinstance(action, str) and action in HISTORICAL_ACTIONS):
            raise InvalidParam("Unrecognised action")
    if len(msgspec.json.encode(actions)) > RULE_BYTES_MAX:
        raise TooLarge("Actions are too large")
    return actions


def rule_cost(rule: PushRule) -> int:
    """Steps a character of text that matching a checked rule may cost at worst."""
    if rule.pattern is not UNSET:
        return pattern_cost(EventMatch(BODY_KEY, rule.pattern))
    if rule.conditions is UNSET:
        return 0
    return sum(pattern_cost(parse_condition(raw)) for raw in rule.conditions)


def is_default_id(rule_id: str) -> bool:
    """Whether an id is reserved for the rules that the server defines."""
    return rule_id.startswith(".")


def _check_rule_id(rule_id: str) -> None:
    if is_default_id(rule_id):
        raise InvalidParam("Rule ids that start with '.' are reserved for the server's rules")
    if _RULE_ID.fullmatch(rule_id) is None:
        raise InvalidParam("Rule id is empty or holds a slash, a backslash or a NUL")
    if len(rule_id.encode()) > RULE_ID_BYTES_MAX:
        raise InvalidParam("Rule id is too long")


def _parse_conditions(body: RuleBody) -> list[RawCondition]:
    conditions = body.conditions or []
    if len(conditions) > CONDITIONS_MAX:
        raise InvalidParam(f"More than {CONDITIONS_MAX} conditions")
    for condition in conditions:
        if not is_shallow(condition):
            raise InvalidParam("Condition is nested too deeply")
        parse_condition(condition)
    return conditions


def _parse_pattern(body: RuleBody) -> str:
    if body.pattern is None:
        raise MissingParam("Missing parameters: pattern")
    if len(body.pattern) > PATTERN_CHARS_MAX:
        raise InvalidParam("Pattern is too long")
    return body.pattern


def _is_action(action: Any) -> bool:
    if isinstance(action, dict):
        tweak = cast(dict[str, Any], action)
        return isinstance(tweak.get("set_tweak"), str) and is_shallow(tweak)
    return action == NOTIFY


def is_shallow(value: Any, depth: int = JSON_DEPTH_MAX) -> bool:
    """Whether JSON nests no deeper than is safe to encode again inside other documents."""
    if isinstance(value, dict):
        members = list(cast(dict[str, Any], value).values())
    elif isinstance(value, list):
        members = cast(list[Any], value)
    else:
        return True
    return depth > 0 and all(is_shallow(member, depth - 1) for member in members)
