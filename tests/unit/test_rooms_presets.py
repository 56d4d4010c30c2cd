"""What /createRoom makes: the order of the spec, presets, overrides, and a room that stands."""

from typing import Any, get_args

import msgspec
import pytest
from fixtures.room_builder import ALICE, BOB, CAROL
from hypothesis import given
from hypothesis import strategies as st

from bongsu.errors import BadJson, InvalidParam, Refused, TooLarge
from bongsu.ids import RoomAlias, RoomId
from bongsu.rooms.auth_rules import auth_event_keys, authorise, authorise_create
from bongsu.rooms.event import EventDraft, build_event
from bongsu.rooms.presets import (
    INITIAL_STATE_MAX,
    INVITES_MAX,
    PresetName,
    RoomCreation,
    initial_events,
    requested_alias,
)
from bongsu.rooms.room_auth import AuthState
from bongsu.rooms.room_version import ROOM_VERSIONS

VERSIONS = ["10", "11", "12"]
PRESETS = get_args(PresetName)


def events_of(version: str = "12", **body: Any) -> list[EventDraft]:
    creation = msgspec.convert(body, RoomCreation)
    alias = requested_alias(creation, "example.org")
    return initial_events(creation, ROOM_VERSIONS[version], ALICE, alias=alias)


def content_of(events: list[EventDraft], type: str, state_key: str = "") -> dict[str, Any]:
    return [e for e in events if (e.type, e.state_key) == (type, state_key)][-1].content


def stand_up(version: str, events: list[EventDraft]) -> AuthState:
    """Authorise, build and apply the events one by one, as a sequencer does."""
    rules = ROOM_VERSIONS[version]
    room_id = None if rules.room_id_is_create_hash else RoomId("!r:example.org")
    authorise_create(rules, events[0], room_id)
    auth: AuthState | None = None
    for index, draft in enumerate(events):
        if auth is not None:
            authorise(draft, auth)
        event = build_event(
            rules,
            draft,
            room_id=auth.room_id if auth else room_id,
            origin_server_ts=index,
            depth=index + 1,
            prev_events=[],
            auth_events=auth.auth_events(auth_event_keys(draft, rules)) if auth else [],
        )
        if auth is None:
            auth = AuthState(rules, event)
        else:
            auth.apply(event)
    assert auth is not None
    return auth


def test_the_order_is_that_of_the_spec() -> None:
    events = events_of(
        room_alias_name="pub",
        name="The Pub",
        topic="Happy hour",
        invite=[BOB],
        initial_state=[
            {"type": "org.example", "content": {}, "state_key": "k"},
            {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}},
        ],
    )
    assert [event.type for event in events] == [
        "m.room.create", "m.room.member", "m.room.power_levels", "m.room.canonical_alias",
        "m.room.join_rules", "m.room.history_visibility", "m.room.guest_access", "org.example",
        "m.room.encryption", "m.room.name", "m.room.topic", "m.room.member",
    ]  # fmt: skip
    assert all(event.sender == ALICE and event.state_key is not None for event in events)
    assert content_of(events, "m.room.canonical_alias") == {"alias": "#pub:example.org"}
    assert content_of(events, "m.room.encryption") == {"algorithm": "m.megolm.v1.aes-sha2"}
    assert content_of(events, "m.room.topic") == {
        "topic": "Happy hour",
        "m.topic": {"m.text": [{"body": "Happy hour", "mimetype": "text/plain"}]},
    }


@pytest.mark.parametrize(
    ("body", "join_rule", "guest_access"),
    [
        ({}, "invite", "can_join"),
        ({"visibility": "public"}, "public", "forbidden"),
        ({"visibility": "public", "preset": "private_chat"}, "invite", "can_join"),
        ({"preset": "trusted_private_chat"}, "invite", "can_join"),
        ({"preset": "public_chat"}, "public", "forbidden"),
    ],
)
def test_presets(body: dict[str, Any], join_rule: str, guest_access: str) -> None:
    events = events_of(**body)
    assert content_of(events, "m.room.join_rules") == {"join_rule": join_rule}
    assert content_of(events, "m.room.history_visibility") == {"history_visibility": "shared"}
    assert content_of(events, "m.room.guest_access") == {"guest_access": guest_access}


def test_initial_state_takes_the_place_of_the_preset() -> None:
    given_state = [
        {"type": "m.room.join_rules", "content": {"join_rule": "knock"}},
        {"type": "m.room.guest_access", "content": {}, "state_key": "other"},
    ]
    events = events_of(initial_state=given_state)
    assert [e.content for e in events if e.type == "m.room.join_rules"] == [{"join_rule": "knock"}]
    assert content_of(events, "m.room.guest_access") == {"guest_access": "can_join"}


@pytest.mark.parametrize("version", VERSIONS)
def test_trusted_invitees_are_the_creators_equals(version: str) -> None:
    events = events_of(version, preset="trusted_private_chat", invite=[BOB, CAROL, BOB])
    auth = stand_up(version, events)
    assert auth.members == {ALICE: "join", BOB: "invite", CAROL: "invite"}
    levels = auth.power_levels
    assert levels.level_of(ALICE) == levels.level_of(BOB) == levels.level_of(CAROL)
    expected = {ALICE, BOB, CAROL} if version == "12" else {ALICE}
    assert auth.creators == expected


def test_v12_power_levels_list_no_creator_and_guard_the_tombstone() -> None:
    for body in ({}, {"power_level_content_override": {"events": {"m.room.name": 0}}}):
        levels = content_of(events_of("12", **body), "m.room.power_levels")
        assert levels["users"] == {}
        assert levels["events"]["m.room.tombstone"] == 150 > levels["state_default"]
    override = {"power_level_content_override": {"events": {"m.room.tombstone": 60}}}
    levels = content_of(events_of("12", **override), "m.room.power_levels")
    assert levels["events"]["m.room.tombstone"] == 60


def test_older_power_levels_list_the_creator() -> None:
    levels = content_of(events_of("11"), "m.room.power_levels")
    assert levels["users"] == {ALICE: 100}
    assert levels["events"]["m.room.tombstone"] == 100


def test_power_levels_are_overridden_key_by_key_or_given_whole() -> None:
    override = {"users_default": 7, "users": {BOB: 60}}
    levels = content_of(events_of(power_level_content_override=override), "m.room.power_levels")
    assert (levels["users_default"], levels["users"], levels["ban"]) == (7, {BOB: 60}, 50)
    whole = [{"type": "m.room.power_levels", "content": {"users": {BOB: 3}}}]
    events = events_of(initial_state=whole, power_level_content_override=override)
    assert [e.type for e in events].count("m.room.power_levels") == 1
    assert content_of(events, "m.room.power_levels")["users"] == {BOB: 3}


def test_create_content_is_the_clients_but_for_the_servers_keys() -> None:
    given_content = {"type": "m.space", "creator": BOB, "room_version": "1", "m.federate": False}
    for version in VERSIONS:
        content = content_of(events_of(version, creation_content=given_content), "m.room.create")
        assert content["type"] == "m.space"
        assert content["m.federate"] is False
        assert content["room_version"] == version
        assert content.get("creator") == (ALICE if version == "10" else None)
        assert "additional_creators" not in content


def test_additional_creators_are_merged_once() -> None:
    content = content_of(
        events_of(
            preset="trusted_private_chat",
            invite=[CAROL, BOB],
            creation_content={"additional_creators": [BOB, BOB, ALICE]},
        ),
        "m.room.create",
    )
    assert content["additional_creators"] == [BOB, CAROL]


def test_invites_carry_profiles_and_is_direct() -> None:
    creation = RoomCreation(invite=[BOB], is_direct=True)
    profiles = {ALICE: {"displayname": "Alice", "membership": "no"}, BOB: {"avatar_url": "mxc://a"}}
    events = initial_events(creation, ROOM_VERSIONS["12"], ALICE, profiles=profiles)
    joined = {"displayname": "Alice", "membership": "join"}
    invited = {"avatar_url": "mxc://a", "membership": "invite", "is_direct": True}
    assert content_of(events, "m.room.member", ALICE) == joined
    assert content_of(events, "m.room.member", BOB) == invited


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"invite": ["bob"]}, InvalidParam),
        ({"invite": [BOB] * (INVITES_MAX + 1)}, TooLarge),
        ({"initial_state": [{"type": "a", "content": {}}] * (INITIAL_STATE_MAX + 1)}, TooLarge),
        ({"invite_3pid": [{"medium": "email"}]}, Refused),
        ({"room_alias_name": "a b:c\x00"}, InvalidParam),
        ({"creation_content": {"m.federate": "no"}}, BadJson),
        ({"creation_content": {"additional_creators": BOB}}, BadJson),
        ({"creation_content": {"additional_creators": [[BOB]]}}, BadJson),
        ({"power_level_content_override": {"ban": "50"}}, BadJson),
        ({"power_level_content_override": {"events": []}}, BadJson),
        ({"initial_state": [{"type": "m.room.power_levels", "content": {"users": 1}}]}, BadJson),
    ],
    ids=str,
)
def test_bad_requests(body: dict[str, Any], error: type[Refused]) -> None:
    with pytest.raises(error):
        events_of(**body)


def test_creators_in_power_levels_contradict_v12() -> None:
    for override, body in (
        ({ALICE: 100}, {}),
        ({BOB: 100}, {"creation_content": {"additional_creators": [BOB]}}),
    ):
        with pytest.raises(Refused) as refusal:
            events_of(power_level_content_override={"users": override}, **body)
        assert refusal.value.code == "M_INVALID_ROOM_STATE"
        events_of("11", power_level_content_override={"users": {ALICE: 100}})


def test_aliases_are_whole() -> None:
    assert requested_alias(RoomCreation(), "example.org") is None
    alias = requested_alias(RoomCreation(room_alias_name="펍"), "example.org")
    assert alias == RoomAlias("#펍:example.org")


@given(
    version=st.sampled_from(VERSIONS),
    preset=st.sampled_from([None, *PRESETS]),
    invite=st.lists(st.sampled_from([BOB, CAROL]), unique=True),
    name=st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    is_direct=st.booleans(),
)
def test_every_plain_request_makes_a_room_that_stands(version: str, **body: Any) -> None:
    auth = stand_up(version, events_of(version, **body))
    assert auth.membership(ALICE) == "join"
    authorise(EventDraft("m.room.message", ALICE, {}), auth)
