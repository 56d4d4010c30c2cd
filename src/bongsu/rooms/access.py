"""What one person may read of one room, as of one position of the log.

    joined, or the room is world_readable     up to now
    once joined                               up to the end of their last stay
    invited, and the visibility is `invited`  the history since the invitation, not the state
    forgotten, or never inside                nothing

Within that, `Viewer` judges every event by the visibility and the membership where it stands.
Spec: client-server API, "Room History Visibility", "Ignoring Users".
"""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, cast

import msgspec

from bongsu.errors import Forbidden, Unavailable
from bongsu.log.entry import LoggedEvent
from bongsu.log.position import Vector, partition_of
from bongsu.rooms.client_event import Device
from bongsu.rooms.extras import Reader
from bongsu.rooms.visibility import INVITED, WORLD_READABLE, Viewer, history_visibility_of
from bongsu.users.requester import Requester

CATCH_UP_SECONDS_MAX = 5.0

Own = Sequence[tuple[int, str]]  # positions of one's member events, and what each made one


class Standing(NamedTuple):
    """Somebody's part in a room. `own` is in order; `forgotten` the position of the leave."""

    own: Own
    forgotten: int | None
    visibility: object  # history_visibility in force, as the state event says it
    ignored_user_list: bytes | None  # content of that account data


class AccessReader(Protocol):
    async def standing(self, user_id: str, room_id: str, through: int) -> Standing: ...

    async def head(self, partition: int) -> int:
        """The last position given out, asked of the primary."""
        ...


class SnapshotReader(Protocol):
    async def reach(self, vector: Vector) -> None:
        """Return once the database that answers reads has all of `vector`."""
        ...


class FollowerLike(Protocol):
    @property
    def applied(self) -> Vector: ...

    async def wait_for_position(
        self, partition: int, position: int, timeout_seconds: float
    ) -> bool: ...


class Reach(NamedTuple):
    """How far somebody may read: the history, and the state; None for not at all."""

    history: int | None
    state: int | None


def remembered(own: Own, forgotten: int | None) -> Own:
    """One's member events without what was forgotten. To join again is to remember."""
    if forgotten is None or (own and own[-1][1] == "join"):
        return own
    return [each for each in own if each[0] > forgotten]


def reach_of(own: Own, visibility: str, now: int) -> Reach:
    """How far one may read at position `now`, by one's member events up to it."""
    membership = own[-1][1] if own else "leave"
    if membership == "join" or visibility == WORLD_READABLE:
        return Reach(now, now)
    end = _end_of_last_stay(own)
    if membership == "invite" and visibility == INVITED:
        return Reach(now, end)
    return Reach(end, end)


def _end_of_last_stay(own: Own) -> int | None:
    end = None
    for position, membership in reversed(own):
        if membership == "join":
            return end
        end = position
    return None


class RoomView:
    """One person's view of one room, for one answer.

    `through` bounds the history and `state_through` the state, None where nothing may be read.
    `vector` is what the answer is as of: nothing of the room beyond `through` is in it.
    """

    __slots__ = ("_memberships", "_positions", "ignored", "partition", "requester", "room_id",
                 "state_through", "through", "vector", "viewer")  # fmt: skip

    def __init__(
        self, requester: Requester, room_id: str, standing: Standing, applied: Vector
    ) -> None:
        self.requester = requester
        self.room_id = room_id
        self.partition = partition_of(room_id)
        own = remembered(standing.own, standing.forgotten)
        visibility = history_visibility_of(standing.visibility)
        reach = reach_of(own, visibility, applied[self.partition])
        self.through = reach.history
        self.state_through = reach.state
        bound = applied[self.partition] if reach.history is None else reach.history
        self.vector = (*applied[: self.partition], bound, *applied[self.partition + 1 :])
        self.viewer = Viewer(own)
        self.ignored = _ignored(standing.ignored_user_list) - {requester.user_id}
        self._positions = [position for position, _ in own]
        self._memberships = ["leave", *(membership for _, membership in own)]

    @property
    def membership(self) -> str | None:
        """What one is in the room now; None for who never was anything there."""
        return self._memberships[-1] if self._positions else None

    @property
    def device(self) -> Device:
        return Device(self.requester.user_id, self.requester.device_id)

    @property
    def reader(self) -> Reader:
        return Reader(self.device, self.ignored)

    def membership_at(self, event: LoggedEvent) -> str:
        return self._memberships[bisect_right(self._positions, event.position)]

    def shows(self, event: LoggedEvent) -> bool:
        """Whether one may see an event, and has not chosen to ignore its sender."""
        facts = event.facts
        if facts.state_key is None and facts.sender in self.ignored:
            return False
        return self.viewer.sees(event.position, facts.visibility, facts.visibility_before)


class RoomAccess:
    """Makes views. A refusal is given only after a look at the primary: it is never stale."""

    def __init__(
        self, follower: FollowerLike, reader: AccessReader, snapshots: SnapshotReader
    ) -> None:
        self._follower = follower
        self._reader = reader
        self._snapshots = snapshots

    async def glimpse(self, requester: Requester, room_id: str, *, covering: int = 0) -> RoomView:
        """A view of whatever may be seen, which may be nothing.

        `covering` is a position of the room's partition that a token speaks of: a node that is
        behind it catches up first.
        """
        partition = partition_of(room_id)
        if covering > self._follower.applied[partition]:
            await self.catch_up(room_id)
        applied = await self.pin()
        standing = await self._reader.standing(requester.user_id, room_id, applied[partition])
        return RoomView(requester, room_id, standing, applied)

    async def view(self, requester: Requester, room_id: str, *, covering: int = 0) -> RoomView:
        """A view of the room's history; `Forbidden` for who may read none of it."""
        view = await self.glimpse(requester, room_id, covering=covering)
        if view.through is None and await self.catch_up(room_id):
            view = await self.glimpse(requester, room_id)
        if view.through is None:
            raise _outside()
        return view

    async def state_view(
        self, requester: Requester, room_id: str, *, covering: int = 0
    ) -> tuple[RoomView, int]:
        """A view of the room's state, and the position as of which it may be read."""
        view = await self.glimpse(requester, room_id, covering=covering)
        if view.state_through is None and await self.catch_up(room_id):
            view = await self.glimpse(requester, room_id)
        if view.state_through is None:
            raise _outside()
        return view, view.state_through

    async def pin(self) -> Vector:
        """The vector as of which an answer is made: all of it can be read."""
        applied = self._follower.applied
        await self._snapshots.reach(applied)
        return applied

    async def catch_up(self, room_id: str) -> bool:
        """Whether this node lacked entries of the room's partition, and has them now.

        Asked before a "no": then it is worth another look. `Unavailable` if they don't come.
        """
        partition = partition_of(room_id)
        head = await self._reader.head(partition)
        if head <= self._follower.applied[partition]:
            return False
        if not await self._follower.wait_for_position(partition, head, CATCH_UP_SECONDS_MAX):
            raise Unavailable("This node is behind the log")
        return True


def _outside() -> Forbidden:
    return Forbidden("You are not in this room, and were not")


def _ignored(content: bytes | None) -> frozenset[str]:
    """User ids in m.ignored_user_list, which is the client's and may have any shape."""
    if content is None:
        return frozenset()
    decoded: Any = msgspec.json.decode(content)
    users = cast("dict[str, Any]", decoded).get("ignored_users") if isinstance(decoded, dict) else 0
    return frozenset(cast("dict[str, Any]", users)) if isinstance(users, dict) else frozenset()
