"""A room in a few words, for people who may not be in it. Spec: `room_summary`, "Room Summaries".

The same form serves the room directory, the tree of a space and /room_summary.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, cast

import msgspec

from bongsu.errors import NotFound
from bongsu.log.entry import LoggedEvent
from bongsu.log.position import Vector, partition_of
from bongsu.rooms.access import RoomAccess
from bongsu.rooms.join_rules import JoinRules, join_rules_from
from bongsu.rooms.reading import RoomInfo
from bongsu.users.requester import Requester

SPACE = "m.space"

# State that a summary is made of, each with an empty state key.
SUMMARY_TYPES = (
    "m.room.create",
    "m.room.name",
    "m.room.topic",
    "m.room.avatar",
    "m.room.canonical_alias",
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.encryption",
)
KNOCKABLE = frozenset({"knock", "knock_restricted"})


class RoomSummary(msgspec.Struct, omit_defaults=True):
    """As clients see it."""

    room_id: str
    num_joined_members: int
    world_readable: bool
    guest_can_join: bool
    join_rule: str | None = None
    name: str | None = None
    topic: str | None = None
    avatar_url: str | None = None
    canonical_alias: str | None = None
    room_type: str | None = None
    encryption: str | None = None
    room_version: str | None = None
    allowed_room_ids: list[str] = []


class SummaryOf(RoomSummary, omit_defaults=True):
    """The answer of /room_summary: `membership` is the requester's."""

    membership: str | None = None


class SummaryReader(Protocol):
    """`rooms` are (room id, position as of which)."""

    async def load_rooms(self, rooms: Sequence[tuple[str, int]]) -> Sequence[RoomInfo]: ...

    async def load_summary_state(
        self, rooms: Sequence[tuple[str, int]], types: Sequence[str]
    ) -> Sequence[LoggedEvent]: ...

    async def load_memberships_in(
        self, user_id: str, rooms: Sequence[tuple[str, int]]
    ) -> Mapping[str, str]:
        """By room, where the user has any."""
        ...


class RoomGlance(NamedTuple):
    """A summary, and what decides who may have it."""

    summary: RoomSummary
    rules: JoinRules
    membership: str | None

    def is_accessible(self, belongs_to: Collection[str]) -> bool:
        """Whether one may join, read or knock; `belongs_to` are rooms that one is joined to."""
        if self.membership in ("join", "invite") or self.is_open:
            return True
        return self.rules.is_restricted and not set(self.rules.allow_rooms).isdisjoint(belongs_to)

    @property
    def is_open(self) -> bool:
        """Whether anybody may know of the room."""
        rule = self.rules.join_rule
        return self.summary.world_readable or rule == "public" or rule in KNOCKABLE


class Summaries:
    """Looks at many rooms in a handful of queries."""

    def __init__(self, access: RoomAccess, reader: SummaryReader) -> None:
        self._access = access
        self._reader = reader

    async def summary(self, requester: Requester | None, room_id: str) -> SummaryOf:
        """`NotFound` also for a room that one may not know of."""
        user = requester.user_id if requester else None
        found = await self._accessible(user, room_id)
        if found is None and await self._access.catch_up(room_id):
            found = await self._accessible(user, room_id)
        if found is None:
            raise NotFound("Room not found")
        fields = msgspec.structs.asdict(found.summary)
        return SummaryOf(**fields, membership=found.membership if user else None)

    async def glances(
        self, user_id: str | None, room_ids: Sequence[str], vector: Vector
    ) -> dict[str, RoomGlance]:
        """Of those rooms that there are, as of `vector`."""
        rooms = _bounded(room_ids, vector)
        memberships = await self._memberships(user_id, rooms)
        state: dict[str, dict[str, dict[str, Any]]] = {}
        for event in await self._reader.load_summary_state(rooms, SUMMARY_TYPES):
            state.setdefault(event.room_id, {})[event.facts.type] = event.content
        return {
            info.room_id: RoomGlance(
                summarise(info, state[info.room_id]),
                join_rules_from(state[info.room_id].get("m.room.join_rules", {})),
                memberships.get(info.room_id),
            )
            for info in await self._reader.load_rooms(rooms)
            if info.room_id in state
        }

    async def accessible(
        self, user_id: str | None, room_ids: Sequence[str], vector: Vector
    ) -> dict[str, RoomGlance]:
        """Of those rooms that the user may know of."""
        glances = await self.glances(user_id, room_ids, vector)
        named = {room for glance in glances.values() for room in glance.rules.allow_rooms}
        memberships = await self._memberships(user_id, _bounded(sorted(named), vector))
        joined = {room for room, membership in memberships.items() if membership == "join"}
        return {room: g for room, g in glances.items() if g.is_accessible(joined)}

    async def _memberships(
        self, user_id: str | None, rooms: Sequence[tuple[str, int]]
    ) -> Mapping[str, str]:
        return await self._reader.load_memberships_in(user_id, rooms) if user_id else {}

    async def _accessible(self, user_id: str | None, room_id: str) -> RoomGlance | None:
        vector = await self._access.pin()
        return (await self.accessible(user_id, [room_id], vector)).get(room_id)


def summarise(info: RoomInfo, state: Mapping[str, Mapping[str, Any]]) -> RoomSummary:
    """A summary from contents by type, which may have any shape."""

    def text(type: str, key: str) -> str | None:
        value = state.get(type, {}).get(key)
        return value if isinstance(value, str) and value else None

    rules = join_rules_from(state.get("m.room.join_rules", {}))
    return RoomSummary(
        room_id=info.room_id,
        num_joined_members=info.joined_count,
        world_readable=text("m.room.history_visibility", "history_visibility") == "world_readable",
        guest_can_join=text("m.room.guest_access", "guest_access") == "can_join",
        join_rule=rules.join_rule,
        name=text("m.room.name", "name"),
        topic=_plain_topic(state.get("m.room.topic", {})),
        avatar_url=text("m.room.avatar", "url"),
        canonical_alias=text("m.room.canonical_alias", "alias"),
        room_type=text("m.room.create", "type"),
        encryption=text("m.room.encryption", "algorithm"),
        room_version=info.version,
        allowed_room_ids=list(rules.allow_rooms) if rules.is_restricted else [],
    )


def _plain_topic(content: Mapping[str, Any]) -> str | None:
    """The text/plain of a topic: the first such part of `m.topic`, else the old `topic`."""
    block: Any = content.get("m.topic")
    parts: Any = cast("dict[str, Any]", block).get("m.text") if isinstance(block, dict) else None
    for part in cast("list[Any]", parts) if isinstance(parts, list) else []:
        if isinstance(part, dict):
            fields = cast("dict[str, Any]", part)
            body = fields.get("body")
            if fields.get("mimetype", "text/plain") == "text/plain" and isinstance(body, str):
                return body
    topic = content.get("topic")
    return topic if isinstance(topic, str) and topic else None


def _bounded(room_ids: Sequence[str], vector: Vector) -> list[tuple[str, int]]:
    return [(room, vector[partition_of(room)]) for room in room_ids]
