"""History visibility, against the spec's own five steps written out plainly."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.rooms.visibility import Viewer, history_visibility_of, visible

VISIBILITIES = ["world_readable", "shared", "invited", "joined"]
Own = Sequence[tuple[int, str]]

own_events = st.dictionaries(
    st.integers(0, 12), st.sampled_from(["join", "invite", "leave", "ban", "knock"]), max_size=6
).map(lambda events: sorted(events.items()))
visibilities = st.sampled_from(VISIBILITIES)


def spec_allows(position: int, visibility: str, membership: str, own: Own) -> bool:
    joined_after = any(at > position and kind == "join" for at, kind in own)
    return (
        visibility == "world_readable"
        or membership == "join"
        or (visibility == "shared" and joined_after)
        or (membership == "invite" and visibility == "invited")
    )


def spec_sees(position: int, before: str, after: str, own: Own) -> bool:
    """The spec's rules for every pairing of before and after that it speaks of."""
    memberships = ["leave"]
    for at, kind in own:
        if at < position:
            memberships = [kind]
        elif at == position:
            memberships = [memberships[0], kind]
    return any(
        spec_allows(position, visibility, membership, own)
        for visibility in {before, after}
        for membership in memberships
    )


@given(own=own_events, position=st.integers(-1, 14), before=visibilities, after=visibilities)
def test_agrees_with_the_spec(own: Own, position: int, before: str, after: str) -> None:
    assert visible(position, before, own) == spec_sees(position, before, before, own)
    assert visible(position, before, own, after) == spec_sees(position, before, after, own)


@pytest.mark.parametrize(
    ("visibility", "seen"),
    [
        ("world_readable", [1, 3, 5, 7, 9, 10, 12, 15, 17]),
        ("shared", [1, 3, 5, 7, 9, 10, 12, 15, 17]),
        ("invited", [3, 5, 7, 9, 10, 15, 17]),
        ("joined", [7, 9, 10, 15, 17]),
    ],
)
def test_invite_join_leave_and_join_again(visibility: str, seen: list[int]) -> None:
    viewer = Viewer([(3, "invite"), (7, "join"), (10, "leave"), (15, "join")])
    positions = [1, 3, 5, 7, 9, 10, 12, 15, 17]
    assert [at for at in positions if viewer.sees(at, visibility)] == seen


def test_who_left_sees_nothing_later() -> None:
    viewer = Viewer([(3, "join"), (8, "leave")])
    assert [at for at in range(12) if viewer.sees(at, "shared")] == list(range(9))


def test_who_was_never_there_sees_what_the_world_reads() -> None:
    stranger = Viewer([])
    assert [v for v in VISIBILITIES if stranger.sees(5, v)] == ["world_readable"]
    assert stranger.sees(5, "world_readable", "joined")
    assert stranger.sees(5, "joined", "world_readable")
    assert not stranger.sees(5, "joined", "shared")


@pytest.mark.parametrize("value", [None, 1, "public", "", [], {"a": 1}])
def test_what_is_not_understood_means_shared(value: object) -> None:
    assert history_visibility_of(value) == "shared"
    assert history_visibility_of("joined") == "joined"


@given(
    own=own_events,
    changes=st.dictionaries(st.integers(1, 12), visibilities, max_size=4),
    through=st.integers(0, 14),
)
def test_stretches_are_where_every_event_is_seen(
    own: Own, changes: dict[int, str], through: int
) -> None:
    stretches = Viewer(own).stretches(sorted(changes.items()), through)
    cuts = changes.keys() | {position for position, _ in own}
    visibility = "shared"
    for position in range(1, 15):
        visibility = changes.get(position, visibility)
        inside = any(first <= position <= last for first, last in stretches)
        seen = position <= through and visible(position, visibility, own)
        assert inside == (seen and position not in cuts)
