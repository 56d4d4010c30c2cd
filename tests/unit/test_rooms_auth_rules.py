"""The authorisation rules, told as small scenes in a room that Alice made."""

from contextlib import suppress
from typing import Any

import pytest
from fixtures.room_builder import ALICE, BOB, CAROL, Room
from hypothesis import given
from hypothesis import strategies as st

from bongsu.errors import BadJson, Forbidden, Refused
from bongsu.ids import RoomId, UserId
from bongsu.rooms.auth_rules import (
    auth_event_keys,
    authorise,
    authorise_create,
    authorise_redaction,
)
from bongsu.rooms.event import EventDraft
from bongsu.rooms.room_version import ROOM_VERSIONS, room_version

FOREIGNER = UserId("@dave:elsewhere.org")
VERSIONS = ["10", "11", "12"]


@pytest.fixture(params=VERSIONS)
def room(request: pytest.FixtureRequest) -> Room:
    return Room(request.param)


class TestCreate:
    def draft(self, version: str, **content: Any) -> EventDraft:
        return EventDraft("m.room.create", ALICE, {"room_version": version, **content}, "")

    def test_needs_a_room_id_of_the_creators_server_before_v12(self) -> None:
        draft = self.draft("11")
        authorise_create(ROOM_VERSIONS["11"], draft, RoomId("!a:example.org"))
        for bad in (None, RoomId("!a:elsewhere.org")):
            with pytest.raises(Forbidden):
                authorise_create(ROOM_VERSIONS["11"], draft, bad)

    def test_gives_the_room_id_in_v12(self) -> None:
        authorise_create(ROOM_VERSIONS["12"], self.draft("12"), None)
        with pytest.raises(Forbidden):
            authorise_create(ROOM_VERSIONS["12"], self.draft("12"), RoomId("!a:example.org"))

    def test_names_its_creator_in_v10(self) -> None:
        room_id = RoomId("!a:example.org")
        authorise_create(ROOM_VERSIONS["10"], self.draft("10", creator=ALICE), room_id)
        with pytest.raises(Forbidden):
            authorise_create(ROOM_VERSIONS["10"], self.draft("10"), room_id)

    @pytest.mark.parametrize("named", ["11", "13", None, 12, ["12"], {}])
    def test_names_its_own_version(self, named: Any) -> None:
        with pytest.raises(Forbidden):
            authorise_create(ROOM_VERSIONS["12"], self.draft("12", room_version=named), None)

    @pytest.mark.parametrize("creators", ["@b:c", {}, None, [1], ["bob"], [[]], [BOB, "\x00"]])
    def test_additional_creators_are_user_ids(self, creators: Any) -> None:
        draft = self.draft("12", additional_creators=creators)
        with pytest.raises(BadJson):
            authorise_create(ROOM_VERSIONS["12"], draft, None)

    def test_happens_once(self, room: Room) -> None:
        with pytest.raises(Forbidden):
            room.send(ALICE, "m.room.create", {"room_version": room.version.identifier}, "")

    def test_unknown_versions_are_unsupported(self) -> None:
        with pytest.raises(Refused) as refusal:
            room_version("9")
        assert refusal.value.code == "M_UNSUPPORTED_ROOM_VERSION"


class TestSending:
    def test_needs_membership(self, room: Room) -> None:
        room.send(ALICE, "m.room.message", {})
        with pytest.raises(Forbidden, match=r"@bob:example\.org is not in the room"):
            room.send(BOB, "m.room.message", {})

    def test_needs_the_level_of_the_type(self, room: Room) -> None:
        room.with_members(BOB)
        room.send(BOB, "m.room.message", {})
        with pytest.raises(Forbidden):
            room.send(BOB, "m.room.name", {}, "")
        room.levels(events={"m.room.message": 1, "m.room.name": 0}, **_alice_rules(room))
        room.send(BOB, "m.room.name", {}, "")
        with pytest.raises(Forbidden):
            room.send(BOB, "m.room.message", {})

    def test_state_keys_with_a_user_id_are_that_users(self, room: Room) -> None:
        room.with_members(BOB)
        room.levels(state_default=0, **_alice_rules(room))
        room.send(BOB, "org.example", {}, BOB)
        room.send(BOB, "org.example", {}, "anything else")
        with pytest.raises(Forbidden):
            room.send(BOB, "org.example", {}, ALICE)
        with pytest.raises(Forbidden):
            room.send(ALICE, "org.example", {}, BOB)

    def test_other_servers_are_kept_out_if_the_room_does_not_federate(self) -> None:
        open_room, closed = Room("12"), Room("12", {"m.federate": False})
        for room in (open_room, closed):
            room.join_rule("public")
        open_room.member(FOREIGNER, "join")
        with pytest.raises(Forbidden, match="federate"):
            closed.member(FOREIGNER, "join")

    def test_redacting_others_needs_the_redact_level(self, room: Room) -> None:
        room.with_members(BOB, CAROL)
        authorise_redaction(BOB, BOB, room.auth)
        authorise_redaction(ALICE, BOB, room.auth)
        with pytest.raises(Forbidden):
            authorise_redaction(BOB, CAROL, room.auth)


class TestJoining:
    def test_the_creator_joins_first_without_an_invite(self, room: Room) -> None:
        assert room.auth.membership(ALICE) == "join"
        assert not room.auth.only_create

    @pytest.mark.parametrize(
        ("rule", "memberships"),
        [
            ("public", {None, "invite", "leave", "knock", "join"}),
            ("invite", {"invite", "join"}),
            ("knock", {"invite", "join"}),
            ("restricted", {"invite", "join"}),
            ("knock_restricted", {"invite", "join"}),
            ("private", set()),
            ("something new", set()),
        ],
    )
    def test_by_join_rule_and_membership(self, rule: str, memberships: set[str | None]) -> None:
        for membership in (None, "invite", "leave", "knock", "join", "ban"):
            room = Room()
            room.join_rule(rule)
            if membership:
                room.auth.members[BOB] = membership
            if membership in memberships:
                room.member(BOB, "join")
            else:
                with pytest.raises(Forbidden):
                    room.member(BOB, "join")

    def test_is_ones_own_act(self, room: Room) -> None:
        room.join_rule("public")
        with pytest.raises(Forbidden):
            room.member(BOB, "join", by=ALICE)

    @pytest.mark.parametrize("rule", ["restricted", "knock_restricted"])
    def test_restricted_joins_are_vouched_for_by_who_may_invite(
        self, room: Room, rule: str
    ) -> None:
        room.with_members(BOB)
        room.levels(invite=50, **_alice_rules(room))
        room.join_rule(rule, allow=[{"type": "m.room_membership", "room_id": "!s:example.org"}])
        assert room.auth.join_rules.allow_rooms == ("!s:example.org",)
        for authoriser in (BOB, CAROL, FOREIGNER, "nonsense", 5, None, [ALICE]):
            with pytest.raises(Forbidden):
                room.member(CAROL, "join", join_authorised_via_users_server=authoriser)
        room.member(CAROL, "join", join_authorised_via_users_server=ALICE)


class TestInviting:
    def test_needs_membership_and_level(self, room: Room) -> None:
        room.with_members(BOB)
        room.member(CAROL, "invite", by=BOB)
        with pytest.raises(Forbidden):
            room.member(FOREIGNER, "invite", by=CAROL)
        room.levels(invite=1, **_alice_rules(room))
        with pytest.raises(Forbidden):
            room.member(FOREIGNER, "invite", by=BOB)
        room.member(FOREIGNER, "invite", by=ALICE)

    @pytest.mark.parametrize("membership", ["join", "ban"])
    def test_not_who_is_in_or_banned(self, room: Room, membership: str) -> None:
        room.auth.members[BOB] = membership
        with pytest.raises(Forbidden):
            room.member(BOB, "invite", by=ALICE)


class TestLeavingAndKicking:
    @pytest.mark.parametrize("membership", ["join", "invite", "knock"])
    def test_one_may_leave_or_decline(self, room: Room, membership: str) -> None:
        room.auth.members[BOB] = membership
        room.member(BOB, "leave")

    @pytest.mark.parametrize("membership", [None, "leave", "ban"])
    def test_one_cannot_leave_what_one_is_not_in(self, room: Room, membership: str | None) -> None:
        if membership:
            room.auth.members[BOB] = membership
        with pytest.raises(Forbidden):
            room.member(BOB, "leave")

    def test_kicks_and_bans_need_a_higher_level_than_the_targets(self, room: Room) -> None:
        room.with_members(BOB, CAROL)
        room.levels(kick=50, ban=50, **_alice_rules(room, {BOB: 50, CAROL: 50}))
        for membership in ("leave", "ban"):
            with pytest.raises(Forbidden):
                room.member(CAROL, membership, by=BOB)
            with pytest.raises(Forbidden):
                room.member(ALICE, membership, by=BOB)
        room.levels(kick=50, ban=51, **_alice_rules(room, {BOB: 50, CAROL: 49}))
        with pytest.raises(Forbidden):
            room.member(CAROL, "ban", by=BOB)
        room.member(CAROL, "leave", by=BOB)

    def test_unbanning_needs_the_ban_level_too(self, room: Room) -> None:
        room.with_members(BOB, CAROL)
        room.levels(kick=0, ban=60, **_alice_rules(room, {BOB: 50}))
        room.member(CAROL, "ban", by=ALICE)
        with pytest.raises(Forbidden, match="unban"):
            room.member(CAROL, "leave", by=BOB)
        with pytest.raises(Forbidden):
            room.member(CAROL, "leave")
        room.member(CAROL, "leave", by=ALICE)

    def test_v12_creators_are_equals_above_all_others(self) -> None:
        room = Room("12", {"additional_creators": [BOB]}).with_members(BOB, CAROL)
        room.levels(users={CAROL: 2**53 - 1})
        for sender, target in ((ALICE, BOB), (BOB, ALICE), (CAROL, ALICE)):
            with pytest.raises(Forbidden):
                room.member(target, "leave", by=sender)
        room.member(CAROL, "ban", by=BOB)


class TestKnocking:
    @pytest.mark.parametrize("rule", ["public", "invite", "restricted", "private"])
    def test_not_where_the_rule_has_none(self, room: Room, rule: str) -> None:
        room.join_rule(rule)
        with pytest.raises(Forbidden):
            room.member(BOB, "knock")

    @pytest.mark.parametrize("rule", ["knock", "knock_restricted"])
    def test_by_membership(self, room: Room, rule: str) -> None:
        room.join_rule(rule)
        with pytest.raises(Forbidden):
            room.member(BOB, "knock", by=ALICE)
        room.member(BOB, "knock")
        room.member(BOB, "knock")
        for membership in ("invite", "join", "ban"):
            room.auth.members[BOB] = membership
            with pytest.raises(Forbidden):
                room.member(BOB, "knock")


class TestPowerLevelEvents:
    def test_nobody_gives_more_than_they_have(self, room: Room) -> None:
        room.with_members(BOB, CAROL)
        events = {"m.room.power_levels": 50}
        room.levels(**_alice_rules(room, {BOB: 50}), events=events)
        for change in (
            {"users": {CAROL: 51}}, {"ban": 51}, {"events": {"m.room.name": 51}},
            {"notifications": {"room": 51}}, {"users_default": 51},
        ):  # fmt: skip
            with pytest.raises(Forbidden):
                room.levels(by=BOB, **_merge(room.auth.power_levels.content, change))
        for change in ({"users": {CAROL: 50}}, {"ban": 49}, {"notifications": {"room": 50}}):
            room.levels(by=BOB, **_merge(room.auth.power_levels.content, change))

    def test_nobody_changes_what_stands_above_them(self, room: Room) -> None:
        room.with_members(BOB)
        high = {"ban": 60, "notifications": {"room": 60}, "events": {"m.room.name": 60}}
        high["events"] |= {"m.room.power_levels": 50}
        room.levels(**_alice_rules(room, {BOB: 50}), **high)
        content = dict(room.auth.power_levels.content or {})
        for name in high:
            with pytest.raises(Forbidden):
                room.levels(by=BOB, **{key: content[key] for key in content if key != name})

    def test_equals_cannot_be_demoted_but_one_can_step_down(self, room: Room) -> None:
        room.with_members(BOB, CAROL)
        room.levels(**_alice_rules(room, {BOB: 100, CAROL: 100}))
        for users in ({CAROL: 0, BOB: 100}, {BOB: 100}):
            with pytest.raises(Forbidden):
                room.levels(by=BOB, **_alice_rules(room, users))
        room.levels(by=BOB, **_alice_rules(room, {BOB: 0, CAROL: 100}))

    def test_v12_creators_are_never_listed(self) -> None:
        room = Room("12", {"additional_creators": [BOB]})
        for user in (ALICE, BOB):
            with pytest.raises(Forbidden, match="creator"):
                room.levels(users={user: 100})
        room.levels(users={CAROL: 2**53 - 1})

    @pytest.mark.parametrize(
        "content",
        [
            {"ban": "50"}, {"users_default": None}, {"kick": True}, {"invite": 1.0},
            {"events": []}, {"events": {"a": "1"}}, {"notifications": {"room": None}},
            {"users": {"bob": 1}}, {"users": {BOB: "1"}}, {"users": None}, {"users": [BOB]},
            {"ban": 2**53}, {"users": {BOB: 10**5000}}, {"users": {"@b:c\x00": 1}},
        ],
        ids=lambda content: next(iter(content)),
    )  # fmt: skip
    def test_shapes(self, room: Room, content: dict[str, Any]) -> None:
        with pytest.raises(BadJson):
            room.levels(**content)


class TestMemberEventsOfAnyShape:
    @pytest.mark.parametrize("membership", [None, 1, [], {}, "JOIN", "", "\x00"])
    def test_unknown_memberships(self, room: Room, membership: Any) -> None:
        with pytest.raises(BadJson):
            room.send(ALICE, "m.room.member", {"membership": membership}, ALICE)

    @pytest.mark.parametrize("state_key", [None, "", "alice", "@a", "@a:b\x00"])
    def test_state_keys(self, room: Room, state_key: str | None) -> None:
        with pytest.raises(BadJson):
            room.send(ALICE, "m.room.member", {"membership": "join"}, state_key)

    @given(
        content=st.dictionaries(
            st.sampled_from(["membership", "third_party_invite", "signed", "users", "events"]),
            st.recursive(
                st.none() | st.integers() | st.text(max_size=3) | st.just("invite"),
                lambda inner: (
                    st.dictionaries(st.sampled_from(["signed", "token"]), inner) | st.lists(inner)
                ),
            ),
        ),
        type=st.sampled_from(["m.room.member", "m.room.power_levels", "m.room.join_rules"]),
    )
    def test_nothing_but_a_refusal_comes_of_them(self, content: dict[str, Any], type: str) -> None:
        room = Room()
        with suppress(Refused):
            room.send(ALICE, type, content, BOB if type == "m.room.member" else "")


class TestAuthEventKeys:
    def keys(self, version: str, *draft: Any) -> set[tuple[str, str]]:
        found = auth_event_keys(EventDraft(*draft), ROOM_VERSIONS[version])
        assert len(found) == len(set(found))
        return set(found)

    def test_messages(self) -> None:
        basic = {("m.room.power_levels", ""), ("m.room.member", ALICE)}
        assert self.keys("12", "m.room.message", ALICE, {}) == basic
        for version in ("10", "11"):
            found = self.keys(version, "m.room.message", ALICE, {})
            assert found == basic | {("m.room.create", "")}

    def test_create(self) -> None:
        assert self.keys("11", "m.room.create", ALICE, {}, "") == set()

    @pytest.mark.parametrize(
        ("content", "more"),
        [
            ({"membership": "leave"}, set()),
            ({"membership": "ban"}, set()),
            ({"membership": "join"}, {("m.room.join_rules", "")}),
            ({"membership": "knock"}, {("m.room.join_rules", "")}),
            ({"membership": "join", "join_authorised_via_users_server": CAROL},
             {("m.room.join_rules", ""), ("m.room.member", CAROL)}),
            ({"membership": "invite", "third_party_invite": {"signed": {"token": "t"}}},
             {("m.room.join_rules", ""), ("m.room.third_party_invite", "t")}),
            ({"membership": "invite", "third_party_invite": {"signed": []}},
             {("m.room.join_rules", "")}),
            ({"membership": "invite", "third_party_invite": {"signed": {"token": "\x00"}}},
             {("m.room.join_rules", "")}),
            ({"membership": "join", "join_authorised_via_users_server": "@c\x00:d"},
             {("m.room.join_rules", "")}),
        ],
    )  # fmt: skip
    def test_members(self, content: dict[str, Any], more: set[tuple[str, str]]) -> None:
        basic = {("m.room.power_levels", ""), ("m.room.member", ALICE), ("m.room.member", BOB)}
        assert self.keys("12", "m.room.member", ALICE, content, BOB) == basic | more

    @pytest.mark.parametrize("target", ["", "bob", "@\x00:b", "@" + "x" * 300 + ":b"])
    def test_only_what_can_be_looked_up(self, target: str) -> None:
        basic = {("m.room.power_levels", ""), ("m.room.member", ALICE)}
        assert self.keys("12", "m.room.member", ALICE, {"membership": "leave"}, target) == basic

    def test_they_are_all_that_authorise_looks_at(self, room: Room) -> None:
        """Goal: a sequencer may load just these members. Method: forget all others."""
        room.with_members(BOB, CAROL)
        room.join_rule("restricted")
        draft = EventDraft(
            "m.room.member",
            FOREIGNER,
            {"membership": "join", "join_authorised_via_users_server": BOB},
            FOREIGNER,
        )
        needed = {key for type, key in auth_event_keys(draft, room.version)}
        room.auth.members = {u: m for u, m in room.auth.members.items() if u in needed}
        assert room.auth.members == {BOB: "join"}
        authorise(draft, room.auth)


def _alice_rules(room: Room, users: dict[UserId, int] | None = None) -> dict[str, Any]:
    """Power levels that leave Alice in charge: v12 creators cannot be listed, others must be."""
    alice = {} if room.version.privileged_creators else {ALICE: 100}
    return {"users": {**alice, **(users or {})}}


def _merge(content: Any, change: dict[str, Any]) -> dict[str, Any]:
    return {
        **content,
        **{
            key: {**content.get(key, {}), **value} if isinstance(value, dict) else value
            for key, value in change.items()
        },
    }
