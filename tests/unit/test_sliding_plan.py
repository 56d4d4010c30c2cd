"""Lists, ranges and subscriptions become rooms to show; what is shown becomes what was sent."""

from collections.abc import Sequence
from typing import Any

import msgspec

from bongsu.log.position import ORIGIN, Vector, partition_of
from bongsu.sync.history import Change, Section
from bongsu.sync.hot_user import HotUser
from bongsu.sync.sliding.connection import EMPTY, RECEIPTS, Behind, ConnectionState, Sent
from bongsu.sync.sliding.plan import (
    Config,
    Wanted,
    find_parting,
    follow,
    may_subscribe,
    next_sent,
    sort_tasks,
    want,
)
from bongsu.sync.sliding.request import SlidingBody
from bongsu.sync.sliding.required_state import NOTHING, StateSpec

BOB = "@bob:test"
A, B, C, D = "!a", "!b", "!c", "!d"
TOPIC = StateSpec(frozenset({("m.room.topic", "")}))


def at(**positions: int) -> Vector:
    """A vector at these positions of the rooms' partitions, by the letter of the room."""
    vector = list(ORIGIN)
    for letter, position in positions.items():
        vector[partition_of(f"!{letter}")] = position
    return tuple(vector)


def person(**memberships: Sequence[tuple[int, str]]) -> HotUser:
    user = HotUser(BOB)
    for letter, changes in memberships.items():
        for position, membership in changes:
            sender = BOB if membership in ("join", "leave") else "@alice:test"
            change = Change(position, membership.removeprefix("kicked "), sender, 0, 0)
            user.history(f"!{letter}").add(change)
    return user


def wanted(chosen: dict[str, Sequence[str]], known: set[str] | None = None, **body: Any) -> Wanted:
    return want(msgspec.convert(body, SlidingBody), BOB, chosen, known or set())


def parameters(limit: int = 1, **more: Any) -> dict[str, Any]:
    return {"timeline_limit": limit, "required_state": [], **more}


def test_ranges_hold_both_their_ends_and_may_reach_too_far() -> None:
    order = [A, B, C, D]
    cases: list[tuple[Any, list[str]]] = [
        ([[0, 0]], [A]), ([[1, 2]], [B, C]), ([[0, 0], [3, 9]], [A, D]), ([[9, 12]], []),
        ([], []), (None, order),
    ]  # fmt: skip
    for ranges, expected in cases:
        found = wanted({"x": order}, lists={"x": parameters(ranges=ranges)})
        assert list(found.rooms) == expected
        assert found.counts == {"x": 4}
    everything = parameters(ranges=[[0, 0]], slow_get_all_rooms=True)
    assert list(wanted({"x": order}, lists={"x": everything}).rooms) == order


def test_what_wants_a_room_twice_wants_the_most_of_it() -> None:
    lists = {
        "x": parameters(5, ranges=[[0, 1]]),
        "y": parameters(2, required_state=[["m.room.topic", ""]]),
    }
    subscriptions = {B: parameters(20), "!strange": parameters(20)}
    found = wanted({"x": [A, B], "y": [B, C]}, {B}, lists=lists, room_subscriptions=subscriptions)
    assert found.rooms == {
        A: Config(5, NOTHING, 0),
        B: Config(20, TOPIC, 0),
        C: Config(2, TOPIC, 0),
    }


def test_an_extension_covers_its_lists_and_subscriptions() -> None:
    def covered(**scope: Any) -> set[str]:
        found = wanted(
            {"x": [A], "y": [B]}, {C, D},
            lists={"x": parameters(), "y": parameters()},
            room_subscriptions={C: parameters(), D: parameters()},
            extensions={"receipts": {"enabled": True, **scope}},
        )  # fmt: skip
        return {room for room, config in found.rooms.items() if config.extensions & RECEIPTS}

    assert covered() == {A, B, C, D}
    assert covered(lists=["x"], rooms=[]) == {A}
    assert covered(lists=[], rooms=["*"]) == {C, D}
    assert covered(lists=["*"], rooms=[D, "!strange"]) == {A, B, D}
    assert covered(enabled=False) == set()


def test_a_room_is_shown_when_it_is_new_has_news_was_behind_or_is_wanted_more() -> None:
    joined = [(1, "join")]
    user = person(a=joined, b=joined, c=joined, d=joined)
    config = Config(2, TOPIC, 0)
    sent = Sent(2, TOPIC, 0)
    state = ConnectionState({A: sent, B: sent, C: sent._replace(behind=Behind(5, 0))})
    since, now = at(a=10, b=10, c=10, d=10), at(a=12, b=12, c=12, d=12)
    all_wanted = dict.fromkeys([A, B, C, D], config)
    tasks = {t.room_id: t for t in sort_tasks(user, since, now, all_wanted, state, {B})}
    assert tasks.keys() == {B, C, D}
    assert (tasks[B].after, tasks[B].through, tasks[B].is_initial) == (10, 12, False)
    assert (tasks[C].after, tasks[C].through, tasks[C].is_initial) == (5, 12, False)
    assert (tasks[D].after, tasks[D].is_initial) == (0, True)

    for more in (Config(3, TOPIC, 0), Config(2, StateSpec(everything=True), 0),
                 Config(2, TOPIC, RECEIPTS)):  # fmt: skip
        (task,) = sort_tasks(user, since, now, {A: more}, state, set())
        assert task.is_expanded is (more.limit > 2)
    less = Config(1, NOTHING, 0)
    assert sort_tasks(user, since, now, {A: less}, state, set()) == []


def test_a_room_joined_anew_is_shown_whole_and_a_left_one_to_its_end() -> None:
    user = person(a=[(1, "join"), (11, "leave"), (12, "join")], b=[(1, "join"), (11, "leave")])
    sent = Sent(1, NOTHING, 0)
    state = ConnectionState({A: sent, B: sent})
    since, now = at(a=10, b=10), at(a=20, b=20)
    config = Config(1, NOTHING, 0)
    again, left = sort_tasks(user, since, now, {A: config, B: config}, state, {A, B})
    assert (again.section, again.is_initial) == (Section.JOINED, True)
    assert (left.section, left.is_initial, left.through) == (Section.LEFT, False, 11)
    assert find_parting(user, since, state, {A, B}) == [B]
    assert find_parting(user, at(b=11), state, {B}) == []
    behind = ConnectionState({B: sent._replace(behind=Behind(10, 0))})
    assert find_parting(user, at(b=30), behind, ()) == [B]  # not told yet


def test_rooms_of_others_are_not_to_be_subscribed_to() -> None:
    user = person(
        a=[(1, "join")], b=[(1, "invite")], c=[(1, "invite"), (2, "leave")],
        d=[(1, "join"), (2, "leave")],
    )  # fmt: skip
    assert [may_subscribe(user, room) for room in (A, B, C, D, "!no")] == [
        True, True, False, True, False,
    ]  # fmt: skip
    user.history(D).forgotten = 2
    assert not may_subscribe(user, D)
    user.blocks_invites = True
    assert not may_subscribe(user, B)


def test_news_that_is_not_wanted_leaves_a_room_behind_once() -> None:
    user = person(a=[(1, "join")], b=[(1, "join")])
    sent = Sent(1, NOTHING, 0)
    state = ConnectionState({A: sent, B: sent})
    wanted = {A: Config(1, NOTHING, 0)}
    first = follow(state, user, at(a=10, b=10), wanted, {A, B}, {A: sent}, False, False)
    assert first.rooms == {A: sent, B: sent._replace(behind=Behind(10, 0))}
    second = follow(first, user, at(a=20, b=20), {}, {B}, {}, False, False)
    assert second is first  # and nothing is to be stored
    third = follow(second, user, at(a=20, b=20), {}, (), {B: None}, True, False)
    assert (third.rooms, third.account_data) == ({A: sent}, True)
    assert follow(EMPTY, user, None, {}, {A}, {}, False, False) is EMPTY
    assert follow(third, user, at(a=20, b=20), {}, (), {}, True, True).threads


def test_what_was_sent_stays_known_until_something_was_missed() -> None:
    user = person(a=[(1, "join")])
    state = ConnectionState({A: Sent(20, TOPIC, RECEIPTS)})
    less = {A: Config(1, NOTHING, 0)}
    (task,) = sort_tasks(user, at(a=10), at(a=12), less, state, {A})
    assert next_sent(task, is_limited=False, missed=False) == Sent(20, TOPIC, 0)
    assert next_sent(task, is_limited=True, missed=False) == Sent(1, TOPIC, 0)
    assert next_sent(task, is_limited=False, missed=True) == Sent(20, NOTHING, 0)
