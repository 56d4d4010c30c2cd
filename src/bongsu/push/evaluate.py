"""Which of a person's rules an event matches, at the price of a dictionary lookup for most.

Rules are compiled to a *class*: what is left of a ruleset when disabled rules, ids and the person's
own name are taken out. People whose rules come to the same thing (nearly all of them) share one
class, and the verdict of a class on an event is found once. What may set one person of a class
apart is three bits: is mentioned, is the state key (invited), has their display name in the body.

Rules bound to single rooms (mutes) would make a class of their own for everybody; so they are
left out of the class for all the rooms they do not name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b

import msgspec
from msgspec import UNSET, Struct

from bongsu.errors import InvalidParam
from bongsu.push import conditions as c
from bongsu.push.facts import EventFacts
from bongsu.push.predicates import (
    IS_NAMED,
    IS_STATE_KEY,
    MENTIONED,
    ClassCondition,
    bound_room,
    predicate_of,
    without_owner,
)
from bongsu.push.rules import KINDS, NOTIFY, Action, Kind, PushRule, RawCondition, Ruleset
from bongsu.push.ruleset import NO_CHANGES, decode_changes, effective_ruleset

RULE_CLASSES_CACHED_MAX = 4096


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of an event. `highlight` implies `notify`; `actions` are the rule's own."""

    notify: bool
    highlight: bool
    actions: tuple[Action, ...]


SILENT = Verdict(notify=False, highlight=False, actions=())


class ClassRule(Struct, frozen=True):
    """A rule with whatever names its owner taken out."""

    conditions: list[ClassCondition]
    actions: list[Action]


_decoder = msgspec.json.Decoder(list[ClassRule])


class RuleClass:
    """Rules that many people share. `class_id` is the same for equal rules on every node."""

    __slots__ = ("_tests", "class_id", "reads_display_name", "rules")

    def __init__(self, class_id: bytes, rules: list[ClassRule]) -> None:
        self.class_id = class_id
        self.rules = rules
        self._tests = [
            (tuple(map(predicate_of, rule.conditions)), _verdict(rule.actions)) for rule in rules
        ]
        self.reads_display_name = any(
            isinstance(condition, c.ContainsDisplayName)
            for rule in rules
            for condition in rule.conditions
        )

    def verdict(self, event: EventFacts, bits: int) -> Verdict:
        """The verdict of the first rule that matches."""
        for predicates, verdict in self._tests:
            for predicate in predicates:
                if not predicate(event, bits):
                    break
            else:
                return verdict
        return SILENT


class CompiledRules:
    """One person's rules, ready to evaluate. Immutable but for what it has not yet compiled."""

    __slots__ = ("_by_room", "_everywhere", "_rules", "user_id", "user_id_lowered")

    def __init__(
        self, user_id: str, everywhere: RuleClass, rules: list[tuple[str | None, ClassRule]]
    ) -> None:
        self.user_id = user_id
        self.user_id_lowered = user_id.lower()
        self._everywhere = everywhere  # made of the rules that are bound to no room
        self._rules = rules  # all of them, each with the one room it is bound to, in lower case
        rooms = (room for room, _ in rules if room is not None)
        self._by_room: dict[str, RuleClass | None] = dict.fromkeys(rooms)

    def class_in(self, room_key: str) -> RuleClass:
        """The class of this person in a room, given its id in lower case."""
        if room_key not in self._by_room:
            return self._everywhere
        found = self._by_room[room_key]
        if found is None:
            found = _class_of([rule for room, rule in self._rules if room in (None, room_key)])
            self._by_room[room_key] = found
        return found


def compile_ruleset(ruleset: Ruleset, user_id: str) -> CompiledRules:
    """A ruleset of `user_id` made ready to evaluate."""
    rules = list(_stream_reachable(ruleset, user_id))
    everywhere = _class_of([rule for room, rule in rules if room is None])
    return CompiledRules(user_id, everywhere, rules)


def compile_defaults(user_id: str) -> CompiledRules:
    """The rules of somebody who changed none: the same as `compile_ruleset`, and quick."""
    return CompiledRules(user_id, default_class(), [])


def compile_document(document: bytes | None, user_id: str) -> CompiledRules:
    """The rules that follow from a stored document of changes, None if there is none."""
    if document is None:
        return compile_defaults(user_id)
    return compile_ruleset(effective_ruleset(decode_changes(document), user_id), user_id)


def evaluate(rules: CompiledRules, event: EventFacts, display_name: str | None = None) -> Verdict:
    """What an event is to the owner of the rules, called `display_name` in its room.

    Nobody is notified of their own events.
    """
    user_id = rules.user_id
    if user_id == event.sender:
        return SILENT
    rule_class = rules.class_in(event.room_key)
    bits = MENTIONED if user_id in event.mentioned_users else 0
    if rules.user_id_lowered == event.state_key_lowered:
        bits |= IS_STATE_KEY
    if rule_class.reads_display_name and event.body_names(display_name):
        bits |= IS_NAMED
    key = (rule_class.class_id, bits)
    verdict = event.verdicts.get(key)
    if verdict is None:
        verdict = event.verdicts[key] = rule_class.verdict(event, bits)
    return verdict


def _stream_reachable(ruleset: Ruleset, user_id: str) -> Iterator[tuple[str | None, ClassRule]]:
    """The compiled rules in order of importance, up to one that matches everything."""
    for kind in KINDS:
        for rule in ruleset.of(kind):
            compiled = _compile_rule(kind, rule, user_id) if rule.enabled else None
            if compiled is not None:
                yield compiled
                if not compiled[1].conditions:
                    return


def _compile_rule(kind: Kind, rule: PushRule, user_id: str) -> tuple[str | None, ClassRule] | None:
    """The room that a rule is bound to, if any, and the rule; None if it can match nothing."""
    raw = _raw_conditions(kind, rule)
    try:
        parsed = [c.parse_condition(condition) for condition in raw]
    except InvalidParam:
        return None
    known = [condition for condition in parsed if condition is not None]
    if len(known) < len(raw):
        return None
    room = next(filter(None, map(bound_room, known)), None)
    return room, ClassRule([without_owner(each, user_id) for each in known], rule.actions)


def _raw_conditions(kind: Kind, rule: PushRule) -> list[RawCondition]:
    """The conditions of a rule, those that its kind implies spelled out."""
    if kind == "content":
        return [{"kind": "event_match", "key": c.BODY_KEY, "pattern": rule.pattern}]
    if kind in ("room", "sender"):
        key = "room_id" if kind == "room" else "sender"
        return [{"kind": "event_property_is", "key": key, "value": rule.rule_id}]
    return [] if rule.conditions is UNSET else rule.conditions


@lru_cache(maxsize=1)
def default_class() -> RuleClass:
    """The class of all who changed no rule."""
    anybody = "@:"
    defaults = compile_ruleset(effective_ruleset(NO_CHANGES, anybody), anybody)
    return defaults.class_in("")


def _class_of(rules: list[ClassRule]) -> RuleClass:
    return _class_of_encoded(msgspec.json.encode(rules))


@lru_cache(maxsize=RULE_CLASSES_CACHED_MAX)
def _class_of_encoded(encoded: bytes) -> RuleClass:
    # Keyed by bytes, for True == 1 would make one class of two.
    class_id = blake2b(encoded, digest_size=16).digest()
    return RuleClass(class_id, _decoder.decode(encoded))


def _verdict(actions: list[Action]) -> Verdict:
    notify = NOTIFY in actions
    highlight = False
    for action in actions:
        if isinstance(action, dict) and action.get("set_tweak") == "highlight":
            highlight = action.get("value", True) is True
    return Verdict(notify, notify and highlight, tuple(actions))
