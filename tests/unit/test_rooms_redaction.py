"""What survives redaction, version by version, as the tables of the spec have it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.rooms.redaction import redact
from bongsu.rooms.room_version import ROOM_VERSIONS

V10, V11, V12 = (ROOM_VERSIONS[name] for name in ("10", "11", "12"))

KEPT = {
    "event_id", "type", "room_id", "sender", "state_key", "content", "hashes", "signatures",
    "depth", "prev_events", "auth_events", "origin_server_ts",
}  # fmt: skip
KEPT_IN_V10 = {"prev_state", "origin", "membership"}
DROPPED = {"unsigned", "redacts", "age_ts", "org.example.key"}

SIGNED = {"signed": {"token": "t"}, "display_name": "A"}


def test_top_level_keys() -> None:
    event: dict[str, Any] = dict.fromkeys(KEPT | KEPT_IN_V10 | DROPPED, 1)
    event |= {"type": "m.room.message", "content": {"body": "secret"}}
    before = dict(event)
    assert redact(event, V10).keys() == KEPT | KEPT_IN_V10
    assert redact(event, V11).keys() == redact(event, V12).keys() == KEPT
    assert redact(event, V12)["content"] == {}
    assert event == before


@pytest.mark.parametrize(
    ("type", "content", "in_v10", "since_v11"),
    [
        ("m.room.create", {"creator": "@a:b", "x": 1}, {"creator"}, {"creator", "x"}),
        ("m.room.join_rules", {"join_rule": 1, "allow": 2, "x": 3}, *[{"join_rule", "allow"}] * 2),
        ("m.room.history_visibility", {"history_visibility": 1, "x": 2},
         *[{"history_visibility"}] * 2),
        ("m.room.member",
         {"membership": 1, "join_authorised_via_users_server": 2, "displayname": 3},
         *[{"membership", "join_authorised_via_users_server"}] * 2),
        ("m.room.member", {"membership": 1, "third_party_invite": SIGNED},
         {"membership"}, {"membership", "third_party_invite"}),
        ("m.room.member", {"membership": 1, "third_party_invite": 2}, *[{"membership"}] * 2),
        ("m.room.power_levels", {"ban": 1, "invite": 2, "notifications": {}, "users": {}},
         {"ban", "users"}, {"ban", "users", "invite"}),
        ("m.room.redaction", {"redacts": "$a", "reason": "b"}, set(), {"redacts"}),
        ("m.room.aliases", {"aliases": []}, set(), set()),
        ("m.room.message", {"body": "a", "membership": "join"}, set(), set()),
    ],
)  # fmt: skip
def test_content_keys(
    type: str, content: dict[str, Any], in_v10: set[str], since_v11: set[str]
) -> None:
    event = {"type": type, "content": content}
    assert redact(event, V10)["content"].keys() == in_v10
    assert redact(event, V11)["content"].keys() == since_v11
    assert redact(event, V12) == redact(event, V11)


def test_only_the_signed_part_of_a_third_party_invite_is_kept() -> None:
    event = {"type": "m.room.member", "content": {"third_party_invite": SIGNED}}
    assert redact(event, V11)["content"] == {"third_party_invite": {"signed": {"token": "t"}}}


@given(
    type=st.sampled_from(["m.room.member", "m.room.create", "m.room.power_levels", "other"]),
    content=st.dictionaries(
        st.sampled_from(["membership", "creator", "ban", "invite", "third_party_invite", "x"]),
        st.integers() | st.dictionaries(st.sampled_from(["signed", "x"]), st.integers()),
    ),
    version=st.sampled_from([V10, V11, V12]),
)
def test_redacting_again_changes_nothing(type: str, content: dict[str, Any], version: Any) -> None:
    once = redact({"type": type, "content": content, "unsigned": {}}, version)
    assert redact(once, version) == once
