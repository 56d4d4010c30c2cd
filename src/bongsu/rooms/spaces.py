"""The tree of rooms below a space, page by page. Spec: "Spaces", /hierarchy.

Any node may be asked for any page, so a page token holds nothing but what was asked and how many
rooms were given already: the walk is made again from the top, which costs a few queries for each
*space* on the way, not for each room.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from bongsu.errors import Forbidden, InvalidParam
from bongsu.ids import is_room_id
from bongsu.log.entry import LoggedEvent
from bongsu.log.position import Vector, partition_of
from bongsu.rooms.access import RoomAccess
from bongsu.rooms.summary import SPACE, RoomGlance, RoomSummary, Summaries
from bongsu.users.requester import Requester

DEPTH_MAX = 32
PAGE_ROOMS_DEFAULT = 50
PAGE_ROOMS_MAX = 50
CHILDREN_MAX = 1_000  # of one space
WALKED_ROOMS_MAX = 10_000  # in all; what lies beyond is not shown
TOKEN_CHARACTERS_MAX = 200

_ORDER = re.compile(r"[\x20-\x7E]{0,50}\Z")


class ChildState(msgspec.Struct):
    """An m.space.child event, stripped."""

    type: str
    state_key: str
    content: dict[str, Any]
    sender: str
    origin_server_ts: int


class SpaceRoom(RoomSummary, omit_defaults=True):
    """A room of the tree; `children_state` is empty unless it is a space."""

    children_state: list[ChildState] | None = None


class Hierarchy(msgspec.Struct, omit_defaults=True):
    """The answer of /hierarchy."""

    rooms: list[SpaceRoom]
    next_batch: str | None = None


class SpaceReader(Protocol):
    async def list_space_children(
        self, room_id: str, through: int, limit: int
    ) -> Sequence[LoggedEvent]:
        """m.space.child events in force at `through`."""
        ...


class Cursor(msgspec.Struct, array_like=True, frozen=True):
    """What a page token holds. `given` rooms were shown on earlier pages."""

    given: int
    max_depth: int
    suggested_only: bool


class _Step(NamedTuple):
    """A room that the walk has yet to come to."""

    glance: RoomGlance
    depth: int


class Spaces:
    def __init__(self, access: RoomAccess, summaries: Summaries, reader: SpaceReader) -> None:
        self._access = access
        self._summaries = summaries
        self._reader = reader

    async def hierarchy(
        self,
        requester: Requester,
        room_id: str,
        *,
        suggested_only: bool,
        max_depth: int,
        limit: int,
        start: str | None,
    ) -> Hierarchy:
        """A page of the tree, depth first; `Forbidden` for who may not know of its root."""
        given = _given(start, max_depth, suggested_only)
        user = requester.user_id
        vector = await self._access.pin()
        root = (await self._summaries.accessible(user, [room_id], vector)).get(room_id)
        if root is None and await self._access.catch_up(room_id):
            vector = await self._access.pin()
            root = (await self._summaries.accessible(user, [room_id], vector)).get(room_id)
        if root is None:
            raise Forbidden("You are not allowed to view this room")
        rooms: list[SpaceRoom] = []
        steps, seen, walked = [_Step(root, 0)], {room_id}, 0
        while steps and walked < min(given + limit, WALKED_ROOMS_MAX):
            step = steps.pop()
            children = await self._children(step.glance.summary, vector, suggested_only)
            if step.depth < max_depth:
                below = await self._below(user, step, children, seen, vector)
                steps += reversed(below)
            if walked >= given:
                rooms.append(_shown(step.glance.summary, children))
            walked += 1
        more = bool(steps) and walked < WALKED_ROOMS_MAX
        return Hierarchy(rooms, _token(walked, max_depth, suggested_only) if more else None)

    async def _children(
        self, summary: RoomSummary, vector: Vector, suggested_only: bool
    ) -> list[LoggedEvent]:
        """Valid m.space.child events of a space, in the order in which they are shown."""
        if summary.room_type != SPACE:
            return []
        through = vector[partition_of(summary.room_id)]
        events = await self._reader.list_space_children(summary.room_id, through, CHILDREN_MAX)
        valid = (event for event in events if _is_child(event))
        if suggested_only:
            valid = (event for event in valid if event.content.get("suggested") is True)
        return sorted(valid, key=_order)

    async def _below(
        self,
        user_id: str,
        step: _Step,
        children: Sequence[LoggedEvent],
        seen: set[str],
        vector: Vector,
    ) -> list[_Step]:
        """The accessible children that the walk was not led to before: it may go in circles."""
        fresh = [room for room in _named(children) if room not in seen]
        seen.update(fresh)
        glances = await self._summaries.accessible(user_id, fresh, vector) if fresh else {}
        return [_Step(glances[room], step.depth + 1) for room in fresh if room in glances]


def _named(children: Sequence[LoggedEvent]) -> Iterator[str]:
    return (event.facts.state_key or "" for event in children)


def _is_child(event: LoggedEvent) -> bool:
    """Whether the event names a child: `via` is there, and the state key a room."""
    via = event.content.get("via")
    return isinstance(via, list) and bool(via) and is_room_id(event.facts.state_key or "")  # pyright: ignore[reportUnknownArgumentType]  # any list will do


def _order(event: LoggedEvent) -> tuple[bool, str, int, str]:
    """By `order` if it is valid, those without one after; then by age, then by room id."""
    age = (event.pdu["origin_server_ts"], event.facts.state_key or "")
    order = event.content.get("order")
    if not isinstance(order, str) or not _ORDER.match(order):
        return (True, "", *age)
    return (False, order, *age)


def _shown(summary: RoomSummary, children: Sequence[LoggedEvent]) -> SpaceRoom:
    stripped = [
        ChildState(
            event.facts.type,
            event.facts.state_key or "",
            event.content,
            event.facts.sender,
            event.pdu["origin_server_ts"],
        )
        for event in children
    ]
    return SpaceRoom(**msgspec.structs.asdict(summary), children_state=stripped)


def _token(given: int, max_depth: int, suggested_only: bool) -> str:
    packed = msgspec.json.encode(Cursor(given, max_depth, suggested_only))
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def _given(token: str | None, max_depth: int, suggested_only: bool) -> int:
    """How many rooms the holder of `token` was given; `InvalidParam` if he asks otherwise now."""
    if token is None:
        return 0
    try:
        if len(token) > TOKEN_CHARACTERS_MAX:
            raise ValueError
        packed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        cursor = msgspec.json.decode(packed, type=Cursor)
    except (ValueError, msgspec.DecodeError):
        raise InvalidParam("Unknown pagination token") from None
    if (cursor.max_depth, cursor.suggested_only) != (max_depth, suggested_only):
        raise InvalidParam("suggested_only and max_depth cannot change on paginated requests")
    return max(0, min(cursor.given, WALKED_ROOMS_MAX))
