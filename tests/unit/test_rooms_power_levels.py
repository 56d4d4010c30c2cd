"""Power levels: defaults, creators, and that no allowed change lifts anybody above its author."""

from typing import Any

import pytest
from fixtures.room_builder import ALICE, BOB, CAROL
from hypothesis import given
from hypothesis import strategies as st

from bongsu.errors import Forbidden
from bongsu.rooms.power_levels import (
    CREATOR_LEVEL,
    PowerLevels,
    check_power_level_change,
    check_power_levels,
)
from bongsu.rooms.room_version import ROOM_VERSIONS

V11, V12 = ROOM_VERSIONS["11"], ROOM_VERSIONS["12"]


def test_without_an_event_the_creator_has_100() -> None:
    levels = PowerLevels(V11, {ALICE})
    assert (levels.level_of(ALICE), levels.level_of(BOB)) == (100, 0)
    assert levels.required_for("m.room.message", is_state=False) == 0
    assert levels.required_for("m.room.name", is_state=True) == 50
    assert (levels.ban, levels.kick, levels.redact, levels.invite) == (50, 50, 50, 0)
    assert levels.required_for_notification("room") == 50


def test_with_an_event_the_creator_has_what_it_says() -> None:
    levels = PowerLevels(V11, {ALICE}, {"users": {BOB: 60}, "users_default": 5})
    assert [levels.level_of(user) for user in (ALICE, BOB, CAROL)] == [5, 60, 5]
    assert levels.users_by_level() == [BOB]


@pytest.mark.parametrize("content", [None, {}, {"users": {BOB: 60}, "users_default": 5}])
def test_v12_creators_stand_above_every_level(content: dict[str, Any] | None) -> None:
    levels = PowerLevels(V12, {ALICE, CAROL}, content)
    assert levels.level_of(ALICE) == levels.level_of(CAROL) == CREATOR_LEVEL > 2**53 - 1
    assert levels.level_of(BOB) < CREATOR_LEVEL


def test_levels_by_type() -> None:
    content = {"events": {"a": 7}, "events_default": 1, "state_default": 2, "notifications": {}}
    levels = PowerLevels(V12, (), content)
    assert levels.required_for("a", is_state=True) == levels.required_for("a", is_state=False) == 7
    assert levels.required_for("b", is_state=False) == 1
    assert levels.required_for("b", is_state=True) == 2


small = st.integers(-2, 4)
names = st.sampled_from(["users_default", "events_default", "ban", "kick", "invite"])
users = st.dictionaries(st.sampled_from([ALICE, BOB, CAROL]), small)
groups = st.dictionaries(st.sampled_from(["m.room.name", "room"]), small)
contents = st.builds(
    lambda named, **objects: {**named, **objects},
    st.dictionaries(names, small),
    users=users,
    events=groups,
    notifications=groups,
)


@given(old=contents, new=contents)
def test_an_allowed_change_keeps_the_order_of_power(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    """Goal: nobody can rise by it, nor pull down an equal. Method: compare before and after."""
    check_power_levels(old)
    check_power_levels(new)
    level = PowerLevels(V11, (), old).level_of(BOB)
    try:
        check_power_level_change(old, new, BOB, level)
    except Forbidden:
        assert old != new
        return
    for user, given_level in new["users"].items():
        assert given_level <= max(level, old["users"].get(user, given_level))
    for user, had in old["users"].items():
        if user != BOB and had >= level:
            assert new["users"].get(user) == had
    for name in ("users_default", "ban", "kick", "invite", "events_default"):
        if old.get(name) != new.get(name):
            assert new.get(name, level) <= level >= old.get(name, level)


@given(contents)
def test_no_change_is_always_allowed(content: dict[str, Any]) -> None:
    check_power_level_change(content, dict(content), BOB, -100)
