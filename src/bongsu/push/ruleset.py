"""A person's changes to the default rules, and the ruleset that follows from both.

Only the changes are kept, one compact document a person, so that a default rule added by a later
release reaches everybody. Matrix spec, client-server API, "Push Rules: API".
"""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bongsu.errors import InvalidParam, NotFound, Refused, TooLarge
from bongsu.push.default_rules import MASTER, default_ids, default_rules
from bongsu.push.rules import (
    KINDS,
    Action,
    Kind,
    PushRule,
    Ruleset,
    is_default_id,
    rule_cost,
)

RULES_PER_USER_MAX = 1000
DOCUMENT_BYTES_MAX = 256 * 1024
# Sum of `rule_cost`: with `glob.TEXT_CHARS_MAX` it bounds what one event may cost one person.
COST_PER_USER_MAX = 4096


class DefaultChange(Struct, frozen=True, omit_defaults=True):
    """What somebody changed in one default rule; what is unset is as the default has it."""

    enabled: bool | UnsetType = UNSET
    actions: list[Action] | UnsetType = UNSET


class Changes(Struct, frozen=True, omit_defaults=True):
    """The stored document. `version` counts the changes; `rules` are the person's own, each kind
    with its most important rule first; `defaults` are by rule id."""

    version: int = 0
    rules: dict[Kind, list[PushRule]] = {}
    defaults: dict[str, DefaultChange] = {}

    def of(self, kind: Kind) -> list[PushRule]:
        return self.rules.get(kind, [])


NO_CHANGES = Changes()

_decoder = msgspec.json.Decoder(Changes)


def decode_changes(document: bytes | None) -> Changes:
    """The changes in a stored document; no changes if there is none."""
    return NO_CHANGES if document is None else _decoder.decode(document)


def encode_changes(changes: Changes) -> bytes:
    """A document to store; `TooLarge` if the changes pass a limit."""
    rules = [rule for kind in KINDS for rule in changes.of(kind)]
    document = msgspec.json.encode(changes)
    if len(rules) > RULES_PER_USER_MAX or len(document) > DOCUMENT_BYTES_MAX:
        raise TooLarge("Too many push rules")
    if sum(map(rule_cost, rules)) > COST_PER_USER_MAX:
        raise TooLarge("Too many patterns in push rules")
    return document


def effective_ruleset(changes: Changes, user_id: str) -> Ruleset:
    """All rules in force: the person's own before the defaults, but `.m.rule.master` first."""
    rules: dict[Kind, list[PushRule]] = {kind: list(changes.of(kind)) for kind in KINDS}
    for kind, defaults in default_rules(user_id).items():
        rules[kind] += [_changed(rule, changes.defaults) for rule in defaults]
    rules["override"].sort(key=lambda rule: rule.rule_id != MASTER)
    return Ruleset(**rules)


def account_data_content(document: bytes | None, user_id: str) -> dict[str, Any]:
    """Content of the account data event m.push_rules for a stored document."""
    return {"global": effective_ruleset(decode_changes(document), user_id)}


def get_rule(ruleset: Ruleset, kind: Kind, rule_id: str) -> PushRule:
    """The rule of an id; `NotFound` without one."""
    for rule in ruleset.of(kind):
        if rule.rule_id == rule_id:
            return rule
    raise NotFound("The push rule was not found")


def put_rule(
    changes: Changes,
    kind: Kind,
    rule: PushRule,
    *,
    before: str | None = None,
    after: str | None = None,
) -> Changes:
    """Add a rule, or put it in the place of the one with its id.

    `before` makes it the next more important than another of the person's own rules, `after` the
    next less important; `before` wins. Without either, a new rule becomes the most important and
    an old one keeps its place. An old rule stays disabled if it was.
    """
    old = changes.of(kind)
    place = _index(old, rule.rule_id)
    others = [other for other in old if other.rule_id != rule.rule_id]
    if before is not None:
        target = _neighbour(others, before)
    elif after is not None:
        target = _neighbour(others, after) + 1
    else:
        target = max(place, 0)
    if place >= 0:
        rule = msgspec.structs.replace(rule, enabled=old[place].enabled)
    return _with_rules(changes, kind, [*others[:target], rule, *others[target:]])


def delete_rule(changes: Changes, kind: Kind, rule_id: str) -> Changes:
    """Without that rule. `NotFound` if there is none, `InvalidParam` for a default one."""
    if default_ids().get(rule_id) == kind:
        raise InvalidParam("The server's own push rules cannot be deleted")
    rules = changes.of(kind)
    place = _index_or_not_found(rules, rule_id)
    return _with_rules(changes, kind, rules[:place] + rules[place + 1 :])


def set_enabled(changes: Changes, kind: Kind, rule_id: str, enabled: bool) -> Changes:
    """With that rule, own or default, switched on or off; `NotFound` if there is none."""
    return _with_fields(changes, kind, rule_id, enabled=enabled)


def set_actions(changes: Changes, kind: Kind, rule_id: str, actions: list[Action]) -> Changes:
    """With other actions for that rule, own or default; `NotFound` if there is none."""
    return _with_fields(changes, kind, rule_id, actions=actions)


def copy_room_rules(changes: Changes, from_room: str, to_room: str) -> Changes:
    """With the rule of a room also in force for the room that replaces it."""
    place = _index(changes.of("room"), from_room)
    if place < 0 or _index(changes.of("room"), to_room) >= 0:
        return changes
    copy = msgspec.structs.replace(changes.of("room")[place], rule_id=to_room)
    return put_rule(changes, "room", copy)


def _with_fields(changes: Changes, kind: Kind, rule_id: str, **fields: Any) -> Changes:
    if is_default_id(rule_id):
        if default_ids().get(rule_id) != kind:
            raise NotFound("The push rule was not found")
        change = changes.defaults.get(rule_id, DefaultChange())
        defaults = changes.defaults | {rule_id: msgspec.structs.replace(change, **fields)}
        return msgspec.structs.replace(changes, defaults=defaults)
    rules = list(changes.of(kind))
    place = _index_or_not_found(rules, rule_id)
    rules[place] = msgspec.structs.replace(rules[place], **fields)
    return _with_rules(changes, kind, rules)


def _with_rules(changes: Changes, kind: Kind, rules: list[PushRule]) -> Changes:
    return msgspec.structs.replace(changes, rules=changes.rules | {kind: rules})


def _changed(rule: PushRule, changes: dict[str, DefaultChange]) -> PushRule:
    change = changes.get(rule.rule_id)
    if change is None:
        return rule
    fields = msgspec.structs.asdict(change).items()
    given = {name: value for name, value in fields if value is not UNSET}
    return msgspec.structs.replace(rule, **given)


def _index(rules: list[PushRule], rule_id: str) -> int:
    return next((place for place, rule in enumerate(rules) if rule.rule_id == rule_id), -1)


def _index_or_not_found(rules: list[PushRule], rule_id: str) -> int:
    place = _index(rules, rule_id)
    if place < 0:
        raise NotFound("The push rule was not found")
    return place


def _neighbour(rules: list[PushRule], rule_id: str) -> int:
    place = _index(rules, rule_id)
    if place < 0:
        raise Refused(f"before/after rule not found: {rule_id}", code="M_UNKNOWN")
    return place
