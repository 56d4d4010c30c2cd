"""One user's memberships in one room, and what an interval of them means for a sync.

Pure. Positions are of the room's partition. Rows that repeat a membership (a new display name)
are left out, so a history is a handful of rows however old the account.
"""

from bisect import bisect_right
from enum import Enum
from typing import NamedTuple

from bongsu.rooms.visibility import Viewer

JOIN, INVITE, KNOCK, LEAVE, BAN = "join", "invite", "knock", "leave", "ban"


class Section(Enum):
    """Where a room stands in an answer."""

    JOINED = "join"
    INVITED = "invite"
    KNOCKED = "knock"
    LEFT = "leave"
    ABSENT = ""


class Change(NamedTuple):
    """A membership from `position` on. Totals are the room's of notifying events then."""

    position: int
    membership: str
    sender: str
    notify_total: int
    main_total: int


class Standing(NamedTuple):
    """What an interval means: `section`, and `is_new` if the room must be shown whole.

    `through` is where its timeline ends: the end of the interval, or the user's own leave.
    """

    section: Section
    is_new: bool
    through: int


ABSENT = Standing(Section.ABSENT, False, 0)


class History:
    """Grows at its end; idempotent, for a change may be read from the table and the log."""

    __slots__ = ("_positions", "_viewer", "changes", "forgotten", "partition", "room_id")

    def __init__(self, room_id: str, partition: int) -> None:
        self.room_id = room_id
        self.partition = partition
        self.changes: list[Change] = []
        self.forgotten = -1  # the leave that was forgotten
        self._positions: list[int] = []
        self._viewer: Viewer | None = None

    def add(self, change: Change) -> None:
        if self.changes:
            last = self.changes[-1]
            # A second invite is news, with a new stripped state; a second join is a new name.
            repeats = change.membership == last.membership and change.membership not in (
                INVITE,
                KNOCK,
            )
            if change.position <= last.position or repeats:
                return
        self.changes.append(change)
        self._positions.append(change.position)
        self._viewer = None

    @property
    def viewer(self) -> Viewer:
        """Tells which of the room's events the user may see."""
        if self._viewer is None:
            self._viewer = Viewer([(c.position, c.membership) for c in self.changes])
        return self._viewer

    @property
    def latest(self) -> str:
        return self.changes[-1].membership if self.changes else LEAVE

    def change_at(self, position: int) -> Change | None:
        """The change in force at a position."""
        index = bisect_right(self._positions, position)
        return self.changes[index - 1] if index else None

    def at(self, position: int) -> str:
        """The membership at a position, the event at it included; `leave` before any."""
        change = self.change_at(position)
        return change.membership if change else LEAVE

    def between(self, after: int, through: int) -> list[Change]:
        return self.changes[
            bisect_right(self._positions, after) : bisect_right(self._positions, through)
        ]

    def is_joined_throughout(self, after: int, through: int) -> bool:
        """Whether the user was joined at `after` and never anything else until `through`."""
        if self._positions and self._positions[-1] <= after:  # nearly always
            return self.changes[-1].membership == JOIN
        return self.at(after) == JOIN and all(
            change.membership == JOIN for change in self.between(after, through)
        )

    def standing(self, after: int | None, through: int) -> Standing:
        """What the interval (after, through] means; `after` None: from nothing, a first sync."""
        now = self.change_at(through)
        if now is None:
            return ABSENT
        if after is not None and now.position <= after:
            return Standing(Section.JOINED, False, through) if now.membership == JOIN else ABSENT
        match now.membership:
            case "join":
                is_new = after is None or not self.is_joined_throughout(after, through)
                return Standing(Section.JOINED, is_new, through)
            case "invite":
                return Standing(Section.INVITED, True, through)
            case "knock":
                return Standing(Section.KNOCKED, True, through)
            case _:
                return self._left(after, now)

    def _left(self, after: int | None, now: Change) -> Standing:
        if after is None:
            is_gone = self.forgotten >= now.position or not self._was_joined(now.position)
            return ABSENT if is_gone else Standing(Section.LEFT, True, now.position)
        was_joined = self.is_joined_throughout(after, now.position - 1)
        return Standing(Section.LEFT, not was_joined, now.position)

    def _was_joined(self, through: int) -> bool:
        return any(c.membership == JOIN for c in self.changes if c.position <= through)
