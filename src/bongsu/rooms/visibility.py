"""Which events of a room a user may see. Spec: client-server API, "Room History Visibility".

In a linear room that is a test of intervals. An event stores the visibility in force where it
stands; a user's own member events cut the room's positions into stretches of one membership each:

    position     3       7        12      15
    own events   invite  join     leave   join
    membership   ─┤invite├─ join ─┤ leave ├─ join ─▶

What stands at one of those cuts has a membership before and one after, as an event that changes
the visibility has two visibilities: either may let the user see it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

WORLD_READABLE = "world_readable"
SHARED = "shared"
INVITED = "invited"
JOINED = "joined"

Stretches: TypeAlias = tuple[tuple[int, int], ...]  # (first, last) position of each

_KNOWN = frozenset({WORLD_READABLE, SHARED, INVITED, JOINED})


def history_visibility_of(value: object) -> str:
    """The visibility that `content.history_visibility` means: `shared` if it is not understood."""
    return value if isinstance(value, str) and value in _KNOWN else SHARED


class Viewer:
    """One user's view of one room's history, made once and asked about many events.

    `own` are the positions of all the user's member events with the membership each sets, in
    ascending order; empty for somebody who was never in the room.
    """

    __slots__ = ("_last_join", "_memberships", "_positions")

    def __init__(self, own: Sequence[tuple[int, str]]) -> None:
        self._positions = [position for position, _ in own]
        self._memberships = ["leave", *(membership for _, membership in own)]
        joins = (position for position, membership in own if membership == "join")
        self._last_join = max(joins, default=-1)

    def sees(self, position: int, visibility: str, visibility_after: str | None = None) -> bool:
        """Whether the user may see the event at `position`.

        `visibility` is the one in force before the event; only m.room.history_visibility events
        have another one after them, which is given as `visibility_after`.
        """
        return self._sees(position, visibility) or (
            visibility_after is not None and self._sees(position, visibility_after)
        )

    def stretches(self, changes: Sequence[tuple[int, str]], through: int) -> Stretches:
        """The positions up to `through` where the user sees every event.

        `changes` are the positions of all m.room.history_visibility events with the visibility
        that each sets, in ascending order. These and one's own member events are in no stretch.
        """
        visibilities = dict(changes)
        cuts = sorted({0, *self._positions, *visibilities})
        seen: list[tuple[int, int]] = []
        visibility = SHARED
        for cut, following in pairwise([*cuts, through + 1]):
            visibility = visibilities.get(cut, visibility)
            first, last = cut + 1, min(following - 1, through)
            if first <= last and self._sees(first, visibility):
                seen.append((first, last))
        return tuple(seen)

    def _sees(self, position: int, visibility: str) -> bool:
        if visibility == WORLD_READABLE:
            return True
        if visibility == SHARED and position < self._last_join:
            return True
        index = bisect_left(self._positions, position)
        if self._lets_see(self._memberships[index], visibility):
            return True
        is_own = index < len(self._positions) and self._positions[index] == position
        return is_own and self._lets_see(self._memberships[index + 1], visibility)

    @staticmethod
    def _lets_see(membership: str, visibility: str) -> bool:
        return membership == "join" or (membership == "invite" and visibility == INVITED)


def visible(
    position: int,
    visibility: str,
    own: Sequence[tuple[int, str]],
    visibility_after: str | None = None,
) -> bool:
    """`Viewer.sees` for a single event."""
    return Viewer(own).sees(position, visibility, visibility_after)
