"""What administrators see of rooms, members or not: lists, details, members, state."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgspec

from bongsu.errors import NotFound
from bongsu.ids import RoomId, UserId
from bongsu.log.entry import LoggedEvent
from bongsu.rooms.client_event import render
from bongsu.rooms.reading import RoomInfo, RoomReader

PAGE_MAX = 1000
MEMBERS_MAX = 1_000_000

Order = Literal[
    "name", "canonical_alias", "joined_members", "joined_local_members", "version", "creator",
    "encryption", "federatable", "public", "join_rules", "guest_access", "history_visibility",
    "state_events",
]  # fmt: skip

# Of each room shown, as (field, event type, key of its content).
_STATE_FIELDS = (
    ("name", "m.room.name", "name"),
    ("canonical_alias", "m.room.canonical_alias", "alias"),
    ("encryption", "m.room.encryption", "algorithm"),
    ("join_rules", "m.room.join_rules", "join_rule"),
    ("guest_access", "m.room.guest_access", "guest_access"),
    ("history_visibility", "m.room.history_visibility", "history_visibility"),
    ("room_type", "m.room.create", "type"),
)
_DETAIL_FIELDS = (
    ("topic", "m.room.topic", "topic"),
    ("avatar", "m.room.avatar", "url"),
    ("replacement_room", "m.room.tombstone", "replacement_room"),
)
STATE_TYPES = tuple(type for _, type, _ in (*_STATE_FIELDS, *_DETAIL_FIELDS))


@dataclass(frozen=True)
class RoomFilter:
    """Which rooms are listed; None: whether or not. `term`: in name, alias or id."""

    term: str | None = None
    public: bool | None = None
    empty: bool | None = None


class RoomFacts(msgspec.Struct, frozen=True):
    """What tables say of a room."""

    info: RoomInfo
    is_public: bool
    state_events: int


class Block(msgspec.Struct, frozen=True):
    user_id: str  # the administrator's


class RoomAdminStore(Protocol):
    async def list_rooms(
        self, wanted: RoomFilter, order: Order, *, backwards: bool, offset: int, limit: int
    ) -> tuple[Sequence[RoomFacts], int]:
        """A page, and how many there are in all. Purged rooms are none."""
        ...

    async def get(self, room_id: str) -> RoomFacts | None: ...

    async def load_state(
        self, room_ids: Sequence[str], types: Sequence[str]
    ) -> Sequence[LoggedEvent]:
        """State in force of these types with an empty state key."""
        ...

    async def count_local_devices(self, room_id: str) -> int: ...

    async def is_forgotten(self, room_id: str) -> bool: ...

    async def get_block(self, room_id: str) -> Block | None: ...

    async def block(self, room_id: str, user_id: str, now: int) -> None: ...

    async def unblock(self, room_id: str) -> None: ...


class RoomAdministration:
    def __init__(self, store: RoomAdminStore, rooms: RoomReader) -> None:
        self._store = store
        self._rooms = rooms

    async def list_rooms(
        self, wanted: RoomFilter, order: Order, *, backwards: bool, offset: int, limit: int
    ) -> tuple[list[dict[str, Any]], int]:
        """A page of rooms as Synapse shows them, and how many there are in all."""
        found, total = await self._store.list_rooms(
            wanted, order, backwards=backwards, offset=offset, limit=min(limit, PAGE_MAX)
        )
        state = await self._state_of([each.info.room_id for each in found])
        return [_shown(each, state.get(each.info.room_id, {})) for each in found], total

    async def get(self, room_id: RoomId) -> dict[str, Any]:
        """All about one room; `NotFound` if there is none."""
        facts = await self._known(room_id)
        state = (await self._state_of([room_id])).get(room_id, {})
        details = {name: _text(state, type, key) for name, type, key in _DETAIL_FIELDS}
        return {
            **_shown(facts, state),
            **details,
            "joined_local_devices": await self._store.count_local_devices(room_id),
            "forgotten": await self._store.is_forgotten(room_id),
            "tombstoned": "m.room.tombstone" in state,
        }

    async def exists(self, room_id: RoomId) -> bool:
        return await self._store.get(room_id) is not None

    async def list_members(self, room_id: RoomId) -> list[str]:
        await self._known(room_id)
        return await self._rooms.list_joined(room_id, MEMBERS_MAX)

    async def list_state(self, room_id: RoomId, type: str | None) -> list[msgspec.Raw]:
        """State in force as clients get it, all of it or of one type."""
        await self._known(room_id)
        events = await self._rooms.list_state(room_id, types=None if type is None else [type])
        return [msgspec.Raw(render(event, room_id=True)) for event in events]

    async def get_block(self, room_id: RoomId) -> Block | None:
        return await self._store.get_block(room_id)

    async def set_block(self, room_id: RoomId, admin: UserId, blocked: bool, now: int) -> None:
        if blocked:
            await self._store.block(room_id, admin, now)
        else:
            await self._store.unblock(room_id)

    async def _known(self, room_id: RoomId) -> RoomFacts:
        facts = await self._store.get(room_id)
        if facts is None:
            raise NotFound("Room not found")
        return facts

    async def _state_of(self, room_ids: Sequence[str]) -> dict[str, dict[str, LoggedEvent]]:
        """By room and type."""
        state: dict[str, dict[str, LoggedEvent]] = {}
        for event in await self._store.load_state(room_ids, STATE_TYPES):
            state.setdefault(event.room_id, {})[event.facts.type] = event
        return state


def _shown(facts: RoomFacts, state: dict[str, LoggedEvent]) -> dict[str, Any]:
    info, create = facts.info, state.get("m.room.create")
    return {
        "room_id": info.room_id,
        **{name: _text(state, type, key) for name, type, key in _STATE_FIELDS},
        "joined_members": info.joined_count,
        "joined_local_members": info.joined_count,
        "version": info.version,
        "creator": info.creator,
        "federatable": create is None or create.content.get("m.federate") is not False,
        "public": facts.is_public,
        "state_events": facts.state_events,
    }


def _text(state: dict[str, LoggedEvent], type: str, key: str) -> str | None:
    event = state.get(type)
    value = None if event is None else event.content.get(key)
    return value if isinstance(value, str) else None
