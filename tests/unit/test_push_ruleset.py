"""What clients may write into their push rules, and what becomes of it."""

from typing import Any

import msgspec
import pytest

from bongsu.errors import InvalidParam, MissingParam, NotFound, Refused, TooLarge
from bongsu.http.message import Request
from bongsu.push import ruleset
from bongsu.push.default_rules import MASTER
from bongsu.push.rules import Kind, PushRule, RuleBody, parse_actions, parse_kind, parse_rule
from bongsu.push.ruleset import NO_CHANGES, Changes

ALICE = "@alice:example.org"


def override(rule_id: str, conditions: list[Any] | None = None) -> PushRule:
    return parse_rule("override", rule_id, RuleBody(["notify"], conditions))


def ids(changes: Changes, kind: Kind = "override") -> list[str]:
    return [rule.rule_id for rule in changes.of(kind)]


def of_three() -> Changes:
    changes = NO_CHANGES
    for rule_id in ("c", "b", "a"):
        changes = ruleset.put_rule(changes, "override", override(rule_id))
    return changes


def test_default_rules_are_those_of_the_spec_in_its_order() -> None:
    effective = ruleset.effective_ruleset(NO_CHANGES, ALICE)
    assert [rule.rule_id for rule in effective.override] == [
        ".m.rule.master", ".m.rule.suppress_notices", ".m.rule.invite_for_me",
        ".m.rule.member_event", ".m.rule.is_user_mention", ".m.rule.is_room_mention",
        ".m.rule.tombstone", ".m.rule.reaction", ".m.rule.room.server_acl",
        ".m.rule.suppress_edits",
    ]  # fmt: skip
    assert [rule.rule_id for rule in effective.underride] == [
        ".m.rule.call", ".m.rule.encrypted_room_one_to_one", ".m.rule.room_one_to_one",
        ".m.rule.message", ".m.rule.encrypted",
    ]  # fmt: skip
    assert effective.content == effective.room == effective.sender == []
    assert [rule.enabled for rule in effective.override] == [False] + [True] * 9


def test_default_rules_name_their_user() -> None:
    encoded = msgspec.json.encode(ruleset.account_data_content(None, ALICE))
    assert encoded.count(ALICE.encode()) == 2
    assert b"\\u0000" not in encoded


def test_own_rules_come_before_the_defaults_but_after_master() -> None:
    effective = ruleset.effective_ruleset(of_three(), ALICE)
    assert [rule.rule_id for rule in effective.override][:5] == [
        MASTER, "a", "b", "c", ".m.rule.suppress_notices",
    ]  # fmt: skip
    mine = effective.override[1]
    assert (mine.enabled, mine.default) == (True, False)


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ({}, "nabc"),
        ({"before": "b"}, "anbc"),
        ({"after": "b"}, "abnc"),
        ({"before": "a", "after": "c"}, "nabc"),
        ({"after": "c"}, "abcn"),
    ],
)
def test_order(where: dict[str, str], wanted: str) -> None:
    changes = ruleset.put_rule(of_three(), "override", override("n"), **where)
    assert "".join(ids(changes)) == wanted


def test_an_old_rule_keeps_its_place_and_stays_disabled() -> None:
    changes = ruleset.set_enabled(of_three(), "override", "b", False)
    changes = ruleset.put_rule(changes, "override", override("b"))
    assert ids(changes) == ["a", "b", "c"]
    assert not changes.of("override")[1].enabled
    assert ids(ruleset.put_rule(changes, "override", override("b"), after="c")) == ["a", "c", "b"]


@pytest.mark.parametrize("neighbour", ["x", MASTER, "n"])
def test_no_place_beside_a_default_or_missing_rule(neighbour: str) -> None:
    with pytest.raises(Refused) as refused:
        ruleset.put_rule(of_three(), "override", override("n"), before=neighbour)
    assert (refused.value.code, refused.value.status) == ("M_UNKNOWN", 400)


def test_delete() -> None:
    assert ids(ruleset.delete_rule(of_three(), "override", "b")) == ["a", "c"]
    with pytest.raises(NotFound):
        ruleset.delete_rule(of_three(), "override", "x")
    with pytest.raises(NotFound):
        ruleset.delete_rule(of_three(), "underride", MASTER)
    with pytest.raises(InvalidParam):
        ruleset.delete_rule(of_three(), "override", MASTER)


def test_default_rules_can_be_switched_and_get_other_actions() -> None:
    changes = ruleset.set_enabled(NO_CHANGES, "override", MASTER, True)
    changes = ruleset.set_actions(changes, "underride", ".m.rule.message", [])
    changes = ruleset.decode_changes(ruleset.encode_changes(changes))
    effective = ruleset.effective_ruleset(changes, ALICE)
    assert ruleset.get_rule(effective, "override", MASTER).enabled
    message = ruleset.get_rule(effective, "underride", ".m.rule.message")
    assert (message.actions, message.enabled, message.default) == ([], True, True)
    for kind, rule_id in (("override", ".m.rule.message"), ("override", ".m.x"), ("room", "x")):
        with pytest.raises(NotFound):
            ruleset.set_enabled(changes, kind, rule_id, True)  # type: ignore[arg-type]


def test_an_upgraded_room_keeps_its_rule() -> None:
    mute = parse_rule("room", "!old:x", RuleBody([]))
    changes = ruleset.put_rule(NO_CHANGES, "room", mute)
    copied = ruleset.copy_room_rules(changes, "!old:x", "!new:x")
    assert ids(copied, "room") == ["!new:x", "!old:x"]
    assert ruleset.copy_room_rules(copied, "!old:x", "!new:x") is copied
    assert ruleset.copy_room_rules(changes, "!other:x", "!new:x") is changes


def test_a_document_comes_back_as_it_was() -> None:
    tweak = {"set_tweak": "sound", "value": "cakealarm.wav"}
    raw = {"kind": "event_match", "key": "content.body", "pattern": "beer", "extra": 1.5}
    unknown = {"kind": "org.example", "is": [None, {"a": True}]}
    rule = parse_rule("underride", "한", RuleBody(["notify", tweak], [raw, unknown]))
    changes = ruleset.put_rule(NO_CHANGES, "underride", rule)
    again = ruleset.decode_changes(ruleset.encode_changes(changes))
    assert again == changes
    assert again.of("underride")[0].conditions == [raw, unknown]


@pytest.mark.parametrize("rule_id", ["", ".a", "a/b", "a\\b", "a\x00", "\ud800", "é" * 128])
def test_bad_rule_ids(rule_id: str) -> None:
    with pytest.raises(InvalidParam):
        override(rule_id)


@pytest.mark.parametrize(
    "condition",
    [
        {}, {"kind": 1}, {"kind": None}, {"kind": "event_match", "key": "a"},
        {"kind": "event_match", "key": "a", "pattern": 1},
        {"kind": "event_match", "key": "a" * 256, "pattern": ""},
        {"kind": "event_match", "key": "a", "pattern": "a" * 1025},
        {"kind": "event_property_is", "key": "a"},
        {"kind": "event_property_is", "key": "a", "value": 1.5},
        {"kind": "event_property_is", "key": "a", "value": 2**53},
        {"kind": "event_property_contains", "key": "a", "value": []},
        {"kind": "room_member_count", "is": 2}, {"kind": "room_member_count", "is": "=2"},
        {"kind": "room_member_count", "is": "٢"}, {"kind": "room_member_count", "is": "9" * 16},
        {"kind": "room_member_count", "is": "2\n"},
        {"kind": "sender_notification_permission"},
        {"kind": "x", "a": [[[[[[[[[1]]]]]]]]]},
    ],
)  # fmt: skip
def test_bad_conditions(condition: dict[str, Any]) -> None:
    with pytest.raises(InvalidParam):
        override("a", [condition])


def test_actions() -> None:
    tweak = {"set_tweak": "highlight"}
    assert parse_actions(["dont_notify", "notify", "coalesce", tweak]) == ["notify", tweak]
    for bad in (["x"], [1], [None], [{}], [{"set_tweak": 1}], [[]], ["notify"] * 17):
        with pytest.raises(InvalidParam):
            parse_actions(bad)


def test_what_is_missing_is_said() -> None:
    with pytest.raises(MissingParam):
        parse_rule("content", "a", RuleBody(["notify"]))
    with pytest.raises(MissingParam):
        parse_rule("room", "a", RuleBody())
    with pytest.raises(InvalidParam):
        parse_kind("rooms")


def test_limits_of_one_person() -> None:
    many = ruleset.Changes(rules={"room": [override(f"r{n}") for n in range(1001)]})
    costly = ruleset.Changes(
        rules={
            "content": [parse_rule("content", str(n), RuleBody([], None, "a" * 1024))
                        for n in range(4)]
        }
    )  # fmt: skip
    for changes in (many, costly):
        with pytest.raises(TooLarge):
            ruleset.encode_changes(changes)
    with pytest.raises(TooLarge):
        parse_rule("override", "a", RuleBody([], [{"kind": "x", "y": "z" * 20_000}]))
    with pytest.raises(InvalidParam):
        override("a", [{"kind": "contains_display_name"}] * 33)


@pytest.mark.parametrize(
    "body",
    [b"[]", b'{"actions": {}}', b'{"actions": [], "conditions": [1]}', b'{"pattern": 1}',
     b'{"actions": ["\\ud800"]}', b"{", b"[" * 5000],
)  # fmt: skip
def test_bodies_of_another_shape_are_refused(body: bytes) -> None:
    request = Request("PUT", b"/", b"", {}, "", "")
    request.body = body
    with pytest.raises(Refused) as refused:
        request.json(RuleBody)
    assert refused.value.code in ("M_BAD_JSON", "M_NOT_JSON")
