"""How far somebody may read a room, by their own member events and the visibility in force."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.rooms.access import Own, Reach, reach_of, remembered

NOW = 100
JOINED_AND_LEFT = [(3, "invite"), (5, "join"), (9, "leave")]


@pytest.mark.parametrize(
    ("own", "visibility", "reach"),
    [
        ([], "shared", Reach(None, None)),
        ([], "world_readable", Reach(NOW, NOW)),
        ([(5, "join")], "joined", Reach(NOW, NOW)),
        ([(5, "join"), (7, "join")], "joined", Reach(NOW, NOW)),
        (JOINED_AND_LEFT, "shared", Reach(9, 9)),
        (JOINED_AND_LEFT, "world_readable", Reach(NOW, NOW)),
        ([*JOINED_AND_LEFT, (12, "ban"), (13, "leave")], "shared", Reach(9, 9)),
        ([*JOINED_AND_LEFT, (12, "invite")], "shared", Reach(9, 9)),
        ([*JOINED_AND_LEFT, (12, "invite")], "invited", Reach(NOW, 9)),
        ([(3, "invite")], "invited", Reach(NOW, None)),
        ([(3, "invite")], "shared", Reach(None, None)),
        ([(3, "invite"), (4, "leave")], "invited", Reach(None, None)),
        ([(3, "knock")], "invited", Reach(None, None)),
    ],
)
def test_reach(own: Own, visibility: str, reach: Reach) -> None:
    assert reach_of(own, visibility, NOW) == reach


def test_what_was_forgotten_comes_back_only_by_joining() -> None:
    assert remembered(JOINED_AND_LEFT, None) == JOINED_AND_LEFT
    assert remembered(JOINED_AND_LEFT, 9) == []
    assert remembered([*JOINED_AND_LEFT, (12, "invite")], 9) == [(12, "invite")]
    again = [*JOINED_AND_LEFT, (12, "join")]
    assert remembered(again, 9) == again


@given(
    st.lists(st.sampled_from(["join", "invite", "leave", "ban", "knock"]), max_size=8),
    st.sampled_from(["shared", "invited", "joined"]),
)
def test_nobody_reads_the_state_beyond_their_last_stay(
    memberships: list[str], visibility: str
) -> None:
    own = list(enumerate(memberships, start=1))
    reach = reach_of(own, visibility, NOW)
    if "join" not in memberships:
        assert reach.state is None
    elif memberships[-1] != "join":
        assert reach.state is not None
        assert "join" not in memberships[reach.state - 1 :]
        assert memberships[reach.state - 2] == "join"
