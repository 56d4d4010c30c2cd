"""Compiled rules say what the spec says: a plain interpreter of the spec is the reference."""

import re
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bongsu.push.default_rules import MASTER, default_rules
from bongsu.push.evaluate import (
    Verdict,
    compile_defaults,
    compile_document,
    compile_ruleset,
    evaluate,
)
from bongsu.push.facts import EventFacts, RoomFacts
from bongsu.push.notify_class import NotifyClass, notify_class
from bongsu.push.rules import KINDS, Kind, PushRule, RuleBody, Ruleset, parse_rule
from bongsu.push.ruleset import NO_CHANGES, effective_ruleset, encode_changes, put_rule, set_enabled

ALICE, BOB = "@alice:example.org", "@bob:example.org"
ROOM = "!room:example.org"


# --- the reference -------------------------------------------------------------------------------


def reference(
    ruleset: Ruleset, event: dict[str, Any], room: RoomFacts, user: str, name: str | None
) -> list[Any] | None:
    """Actions of the rule that matches, None if none does; as the spec's prose has it."""
    if event.get("sender") == user:
        return None
    for kind in KINDS:
        for rule in ruleset.of(kind):
            if rule.enabled and all(
                holds(condition, event, room, name) for condition in implied(kind, rule)
            ):
                return rule.actions
    return None


def implied(kind: Kind, rule: PushRule) -> list[dict[str, Any]]:
    if kind == "content":
        return [{"kind": "event_match", "key": "content.body", "pattern": rule.pattern}]
    if kind == "room":
        return [{"kind": "event_property_is", "key": "room_id", "value": rule.rule_id}]
    if kind == "sender":
        return [{"kind": "event_property_is", "key": "sender", "value": rule.rule_id}]
    return rule.conditions or []


def holds(
    condition: dict[str, Any], event: dict[str, Any], room: RoomFacts, name: str | None
) -> bool:
    match condition["kind"]:
        case "event_match":
            value = look_up(event | {"room_id": room.room_id}, condition["key"])
            if value is None or not isinstance(value[0], str):
                return False
            if condition["key"] == "content.body":
                return words_match(to_regex(condition["pattern"]), value[0])
            return bool(re.fullmatch(to_regex(condition["pattern"]), value[0], re.I | re.S))
        case "event_property_is":
            value = look_up(event | {"room_id": room.room_id}, condition["key"])
            return value is not None and same(value[0], condition["value"])
        case "event_property_contains":
            value = look_up(event, condition["key"])
            return (
                value is not None
                and isinstance(value[0], list)
                and any(same(each, condition["value"]) for each in value[0])
            )
        case "contains_display_name":
            body = look_up(event, "content.body")
            if not name or body is None or not isinstance(body[0], str):
                return False
            return words_match(re.escape(name), body[0])
        case "room_member_count":
            operator, count = re.fullmatch(r"([<>=]*)(\d+)", condition["is"]).groups()  # type: ignore[union-attr]
            return {
                "": room.member_count == int(count),
                "==": room.member_count == int(count),
                "<": room.member_count < int(count),
                ">": room.member_count > int(count),
                "<=": room.member_count <= int(count),
                ">=": room.member_count >= int(count),
            }[operator]
        case "sender_notification_permission":
            needed = room.notification_levels.get(condition["key"], 50)
            return room.sender_power_level >= needed
        case _:
            return False


def same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and left == right


def to_regex(glob: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in glob)


def words_match(pattern: str, text: str) -> bool:
    edges = [
        at for at in range(len(text) + 1)
        if not (re.match(r"\w", text[at - 1 : at], re.A) and re.match(r"\w", text[at:], re.A))
    ]  # fmt: skip
    return any(
        re.fullmatch(pattern, text[start:end], re.I | re.S)
        for start in edges
        for end in edges
        if start <= end
    )


def look_up(event: Any, key: str) -> tuple[Any] | None:
    names, name, rest = [], "", list(key)
    while rest:
        char = rest.pop(0)
        if char == "\\" and rest and rest[0] in ".\\":
            name += rest.pop(0)
        elif char == ".":
            names.append(name)
            name = ""
        else:
            name += char
    for each in [*names, name]:
        if not isinstance(event, dict) or each not in event:
            return None
        event = event[each]
    return (event,)


# --- random rules and events ---------------------------------------------------------------------

words = st.text(alphabet="ab_ -.한*?", max_size=6)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-1, 2), words, st.sampled_from([ALICE]))
anything = st.one_of(scalars, st.lists(scalars, max_size=3), st.just({"a": 1}))
keys = st.sampled_from([
    "type", "sender", "room_id", "state_key", "content.body", "content.msgtype", "content.a",
    "content.m\\.mentions.room", "content.m\\.mentions.user_ids", "content.m\\.relates_to.rel_type",
    "content", "content.a\\\\b", "nowhere.at.all",
])  # fmt: skip
patterns = st.one_of(
    words, st.sampled_from(["m.room.message", "m.*", ROOM, "!ROOM:*", ALICE, "*", "ab*a", "b?"])
)
conditions = st.one_of(
    st.fixed_dictionaries({"kind": st.just("event_match"), "key": keys, "pattern": patterns}),
    st.fixed_dictionaries({
        "kind": st.sampled_from(["event_property_is", "event_property_contains"]),
        "key": keys, "value": scalars,
    }),
    st.just({"kind": "contains_display_name"}),
    st.fixed_dictionaries({
        "kind": st.just("room_member_count"),
        "is": st.sampled_from(["2", "==2", "<3", ">2", "<=2", ">=2", "<2"]),
    }),
    st.fixed_dictionaries({
        "kind": st.just("sender_notification_permission"),
        "key": st.sampled_from(["room", "other"]),
    }),
    st.just({"kind": "org.example.unknown", "x": [1]}),
)  # fmt: skip
actions = st.lists(
    st.sampled_from([
        "notify", {"set_tweak": "highlight"}, {"set_tweak": "highlight", "value": False},
        {"set_tweak": "sound", "value": "x"},
    ]),
    max_size=3,
)  # fmt: skip
rule_ids = st.sampled_from([ROOM, "!other:example.org", BOB, ALICE, "a", "b"])


@st.composite
def rulesets(draw: st.DrawFn) -> Ruleset:
    changes = NO_CHANGES
    for _ in range(draw(st.integers(0, 4))):
        kind = draw(st.sampled_from(KINDS))
        body = RuleBody(draw(actions), draw(st.lists(conditions, max_size=3)), draw(patterns))
        rule = parse_rule(kind, draw(rule_ids), body)
        changes = put_rule(changes, kind, rule)
        if draw(st.integers(0, 5)) == 0:
            changes = set_enabled(changes, kind, rule.rule_id, False)
    for kind, rules in default_rules(ALICE).items():
        for rule in rules:
            if draw(st.integers(0, 9)) == 0:
                changes = set_enabled(changes, kind, rule.rule_id, not rule.enabled)
    return effective_ruleset(changes, ALICE)


contents = st.fixed_dictionaries(
    {},
    optional={
        "body": st.one_of(words, st.text(alphabet="ab _,", max_size=12), anything),
        "msgtype": st.one_of(st.sampled_from(["m.text", "m.notice"]), anything),
        "membership": st.sampled_from(["invite", "join"]),
        "a": anything,
        "a\\b": anything,
        "m.mentions": st.one_of(
            anything,
            st.fixed_dictionaries(
                {},
                optional={
                    "room": st.one_of(st.just(True), anything),
                    "user_ids": st.one_of(
                        anything, st.lists(st.sampled_from([ALICE, BOB, "no id"]), max_size=3)
                    ),
                },
            ),
        ),
        "m.relates_to": st.one_of(
            anything,
            st.fixed_dictionaries({
                "rel_type": st.one_of(st.sampled_from(["m.replace", "m.thread"]), anything),
                "event_id": st.one_of(st.just("$parent"), anything),
            }),
        ),
    },
)  # fmt: skip
types = st.sampled_from([
    "m.room.message", "m.room.encrypted", "m.room.member", "m.reaction", "m.room.tombstone",
    "m.room.server_acl", "m.call.invite", "org.example", "M.Room.Message",
])  # fmt: skip
events = st.fixed_dictionaries(
    {"type": types, "sender": st.sampled_from([ALICE, BOB]), "content": contents},
    optional={"state_key": st.sampled_from(["", ALICE, BOB, ALICE.upper()])},
)
rooms = st.builds(
    RoomFacts,
    room_id=st.sampled_from([ROOM, "!ROOM:example.org"]),
    member_count=st.integers(1, 4),
    sender_power_level=st.sampled_from([0, 50, 100, float("inf")]),
    notification_levels=st.dictionaries(st.just("room"), st.sampled_from([0, 100])),
)


@given(rulesets(), events, rooms, st.sampled_from([None, "", "ab", "a.", "*"]))
@settings(max_examples=200, deadline=None)
def test_compiled_rules_agree_with_the_reference(
    ruleset: Ruleset, event: dict[str, Any], room: RoomFacts, name: str | None
) -> None:
    facts = EventFacts(event, room)
    # The defaults of another are evaluated first, so that a wrong share in a class would show.
    for user, rules in ((BOB, compile_defaults(BOB)), (ALICE, compile_ruleset(ruleset, ALICE))):
        source = ruleset if user == ALICE else effective_ruleset(NO_CHANGES, BOB)
        expected = reference(source, event, room, user, name) or []
        verdict = evaluate(rules, facts, name)
        assert list(verdict.actions) == expected
        assert verdict.notify == ("notify" in expected)


@given(events, rooms)
@settings(max_examples=200, deadline=None)
@example({"type": "m.room.message", "sender": BOB, "content": {}}, RoomFacts(ROOM, 2))
def test_notify_class_is_what_the_default_rules_say(event: dict[str, Any], room: RoomFacts) -> None:
    """A member with default rules is notified just when the event's class says so."""
    if event.get("state_key", "").lower() in (ALICE, BOB):
        del event["state_key"]  # the one invited is no member yet
    found = notify_class(event, sender_may_notify_room=room.sender_may_notify("room"))
    facts = EventFacts(event, room)
    for user in (ALICE, BOB, "@carol:example.org"):
        verdict = evaluate(compile_defaults(user), facts)
        is_own, mentioned = user == event["sender"], user in found.mentions
        assert verdict.notify == ((found.notifies or mentioned) and not is_own)
        assert verdict.highlight == ((found.highlights or mentioned) and not is_own)


# --- by hand -------------------------------------------------------------------------------------


def verdict_of(event: dict[str, Any], *, members: int = 3, power: float = 0) -> Verdict:
    facts = EventFacts({"sender": BOB} | event, RoomFacts(ROOM, members, power))
    return evaluate(compile_defaults(ALICE), facts)


def message(**content: Any) -> dict[str, Any]:
    return {"type": "m.room.message", "content": {"msgtype": "m.text", "body": "hi"} | content}


def test_default_rules_by_example() -> None:
    sound = {"set_tweak": "sound", "value": "default"}
    assert verdict_of(message()).actions == ("notify",)
    assert verdict_of(message(), members=2).actions == ("notify", sound)
    assert not verdict_of(message(msgtype="m.notice")).notify
    assert verdict_of(message(**{"m.mentions": {"user_ids": [ALICE]}})).highlight
    assert not verdict_of(message(**{"m.mentions": {"room": True}}), power=49).highlight
    assert verdict_of(message(**{"m.mentions": {"room": True}}), power=50).highlight
    assert not verdict_of(message(**{"m.relates_to": {"rel_type": "m.replace"}})).notify
    invite = {"type": "m.room.member", "content": {"membership": "invite"}, "state_key": ALICE}
    assert verdict_of(invite).actions == ("notify", sound)
    assert not verdict_of(invite | {"state_key": BOB}).notify
    assert not verdict_of(message() | {"sender": ALICE}).notify


def test_equal_rules_of_different_people_are_one_class() -> None:
    alice, bob = compile_defaults(ALICE), compile_defaults(BOB)
    assert alice.class_in(ROOM) is bob.class_in(ROOM)


def test_muting_a_room_leaves_the_class_of_other_rooms_alone() -> None:
    mute = parse_rule(
        "override",
        ROOM,
        RuleBody([], [{"kind": "event_match", "key": "room_id", "pattern": ROOM}]),
    )
    muted = compile_ruleset(effective_ruleset(put_rule(NO_CHANGES, "override", mute), ALICE), ALICE)
    assert muted.class_in("!other:example.org") is compile_defaults(BOB).class_in(ROOM)
    facts = EventFacts({"sender": BOB} | message(), RoomFacts(ROOM, 2))
    assert not evaluate(muted, facts).notify


@pytest.mark.parametrize(
    ("value", "wanted"), [(True, True), (1, False), (None, False), ("true", False)]
)
def test_true_is_not_one(value: Any, wanted: bool) -> None:
    rules = [
        parse_rule(
            "override",
            "r",
            RuleBody(
                ["notify"], [{"kind": "event_property_is", "key": "content.x", "value": value}]
            ),
        )
        for value in (True, 1)
    ]
    for rule, expected in zip(rules, (wanted, value == 1 and value is not True), strict=True):
        ruleset = effective_ruleset(put_rule(NO_CHANGES, "override", rule), ALICE)
        facts = EventFacts(
            {"type": "x", "sender": BOB, "content": {"x": value}}, RoomFacts(ROOM, 3)
        )
        assert evaluate(compile_ruleset(ruleset, ALICE), facts).notify is expected


def test_notify_class_by_example() -> None:
    thread = {"rel_type": "m.thread", "event_id": "$root"}
    found = notify_class(
        message(**{"m.relates_to": thread, "m.mentions": {"user_ids": [BOB, "x", 1, ALICE, BOB]}})
    )
    assert found == NotifyClass(notifies=True, mentions=(ALICE, BOB), thread_root="$root")
    reaction = {"type": "m.reaction", "content": {"m.relates_to": {
        "rel_type": "m.annotation", "event_id": "$target", "key": "x"}}}  # fmt: skip
    assert notify_class(reaction) == NotifyClass(relates_to="$target")
    assert notify_class({"type": 1, "content": []}) == NotifyClass()
    myself = message(**{"m.mentions": {"user_ids": [BOB, ALICE]}}) | {"sender": BOB}
    assert notify_class(myself).mentions == (ALICE,)


def test_a_document_compiles_to_the_rules_in_it() -> None:
    document = encode_changes(set_enabled(NO_CHANGES, "override", MASTER, True))
    facts = EventFacts({"sender": BOB} | message(), RoomFacts(ROOM, 2))
    assert not evaluate(compile_document(document, ALICE), facts).notify
    assert evaluate(compile_document(None, ALICE), facts).notify
