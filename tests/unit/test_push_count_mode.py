"""The modes by which unread counts follow from totals, and that they agree with the rules."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bongsu.push.count_mode import CountMode, count_mode
from bongsu.push.default_rules import MASTER, default_ids
from bongsu.push.evaluate import CompiledRules, compile_defaults, compile_ruleset, evaluate
from bongsu.push.facts import EventFacts, RoomFacts
from bongsu.push.notify_class import notify_class
from bongsu.push.rules import Kind, RuleBody, parse_rule
from bongsu.push.ruleset import (
    NO_CHANGES,
    Changes,
    effective_ruleset,
    put_rule,
    set_actions,
    set_enabled,
)

ALICE, BOB, ROOM = "@alice:example.org", "@bob:example.org", "!room:example.org"
IN_ROOM = {"kind": "event_match", "key": "room_id", "pattern": ROOM}


def compiled(changes: Changes) -> CompiledRules:
    return compile_ruleset(effective_ruleset(changes, ALICE), ALICE)


def with_rule(kind: Kind, rule_id: str, *arguments: Any) -> CompiledRules:
    return compiled(put_rule(NO_CHANGES, kind, parse_rule(kind, rule_id, RuleBody(*arguments))))


def only_mentions() -> CompiledRules:
    """As clients set it: messages of larger rooms notify nobody."""
    changes = set_actions(NO_CHANGES, "underride", ".m.rule.message", [])
    return compiled(set_enabled(changes, "underride", ".m.rule.encrypted", False))


@pytest.mark.parametrize(
    ("rules", "members", "wanted"),
    [
        (compile_defaults(ALICE), 3, CountMode.ALL),
        (with_rule("override", ROOM, [], [IN_ROOM]), 3, CountMode.NONE),
        (with_rule("room", ROOM, []), 3, CountMode.MENTIONS),
        (with_rule("room", ROOM, []), 2, CountMode.MENTIONS),
        (with_rule("room", "!other:x", []), 3, CountMode.ALL),
        (with_rule("content", "cake", ["notify"], None, "cake"), 3, CountMode.SCAN),
        (with_rule("sender", BOB, []), 3, CountMode.SCAN),
        (compiled(set_enabled(NO_CHANGES, "override", MASTER, True)), 3, CountMode.NONE),
        (only_mentions(), 3, CountMode.MENTIONS),
        (only_mentions(), 2, CountMode.ALL),
    ],
)
def test_by_example(rules: CompiledRules, members: int, wanted: CountMode) -> None:
    assert count_mode(rules, ROOM, members) is wanted


switches = st.lists(st.sampled_from(sorted(default_ids())), unique=True, max_size=3)
extras = st.sampled_from([None, ("room", []), ("room", ["notify"]), ("override", [])])
events = st.fixed_dictionaries({
    "type": st.sampled_from([
        "m.room.message", "m.room.encrypted", "m.room.tombstone", "m.reaction", "m.room.topic",
        "m.room.server_acl",
    ]),
    "sender": st.just(BOB),
    "content": st.fixed_dictionaries({}, optional={
        "msgtype": st.sampled_from(["m.text", "m.notice"]),
        "m.mentions": st.sampled_from([{}, {"room": True}, {"user_ids": [ALICE]}]),
        "m.relates_to": st.just({"rel_type": "m.replace", "event_id": "$x"}),
    }),
    "state_key": st.sampled_from([None, ""]),
})  # fmt: skip


@given(switches, extras, events, st.integers(2, 3), st.sampled_from([0, 100]))
@settings(max_examples=200, deadline=None)
def test_modes_agree_with_the_rules(
    switched: list[str], extra: Any, event: dict[str, Any], members: int, power: int
) -> None:
    """Method: any default rules switched over; what the mode says of an event must be `evaluate`'s
    verdict, unless the mode is to ask `evaluate`."""
    changes = NO_CHANGES
    for rule_id in switched:
        changes = set_enabled(changes, default_ids()[rule_id], rule_id, rule_id == MASTER)
    if extra is not None:
        body = RuleBody(extra[1], [IN_ROOM])
        changes = put_rule(changes, extra[0], parse_rule(extra[0], ROOM, body))
    rules, room = compiled(changes), RoomFacts(ROOM, members, power)
    verdict = evaluate(rules, EventFacts(event, room))
    stored = notify_class(event, sender_may_notify_room=room.sender_may_notify("room"))
    highlight = stored.highlights or ALICE in stored.mentions
    expected = {
        CountMode.ALL: (stored.notifies or highlight, highlight),
        CountMode.MENTIONS: (highlight, highlight),
        CountMode.NONE: (False, False),
        CountMode.SCAN: (verdict.notify, verdict.highlight),
    }[count_mode(rules, ROOM, members)]
    assert (verdict.notify, verdict.highlight) == expected
