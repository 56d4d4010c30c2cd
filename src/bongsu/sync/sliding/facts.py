"""What lists choose rooms by: facts of a room that its state tells, and a person's labels of it."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from bongsu.log.entry import LoggedEvent
from bongsu.sync.history import History
from bongsu.sync.hot_user import HotUser
from bongsu.sync.hub import Hub
from bongsu.sync.sliding.room_list import is_pending
from bongsu.sync.sliding.sources import SlidingStore
from bongsu.sync.sources import SyncStore

CREATE, ENCRYPTION, NAME = "m.room.create", "m.room.encryption", "m.room.name"
TYPES = (CREATE, ENCRYPTION, NAME)
DIRECT, TAG = "m.direct", "m.tag"
ROOMS_MAX = 200_000
PEOPLE_MAX = 5_000


class RoomFacts(NamedTuple):
    room_type: str | None = None
    is_encrypted: bool = False
    name: str | None = None


NO_FACTS = RoomFacts()


class Labels(NamedTuple):
    """`direct`: rooms of `m.direct`; `tags` by room."""

    direct: frozenset[str]
    tags: Mapping[str, frozenset[str]]


class FactsReader:
    """Reads facts once and keeps them until the log says that they changed."""

    def __init__(self, hub: Hub, store: SyncStore, sliding: SlidingStore) -> None:
        self._hub = hub
        self._store = store
        self._sliding = sliding
        # By room, the position up to which they hold, and the facts.
        self._rooms: OrderedDict[str, tuple[int, RoomFacts]] = OrderedDict()
        # By person, the position of the account data that they come from.
        self._labels: OrderedDict[str, tuple[int, Labels]] = OrderedDict()

    async def load(self, user: HotUser, histories: Sequence[History]) -> dict[str, RoomFacts]:
        """Facts by room, as far as the person may know them."""
        vector = self._hub.pin().vector
        found: dict[str, RoomFacts] = {}
        pending: list[tuple[str, int]] = []
        unknown: list[tuple[str, int]] = []
        for history in histories:
            room_id, last = history.room_id, history.changes[-1]
            if is_pending(last.membership):
                pending.append((room_id, last.position))
                continue
            through = vector[history.partition] if last.membership == "join" else last.position
            facts = self._known(room_id, through)
            if facts is None:
                unknown.append((room_id, through))
            else:
                found[room_id] = facts
        if pending:
            stripped = await self._store.load_stripped_state(user.user_id, pending)
            found |= {room_id: stripped_facts(state) for room_id, state in stripped.items()}
        if unknown:
            found |= await self._load_rooms(unknown)
        return found

    async def labels(self, user: HotUser) -> Labels:
        kept = self._labels.get(user.user_id)
        if kept is not None and kept[0] == user.account_data_position:
            return kept[1]
        position = user.account_data_position
        direct: frozenset[str] = frozenset()
        tags: dict[str, frozenset[str]] = {}
        for record in await self._store.load_account_data(user.user_id, 0):
            if record.content is None:
                continue
            if not record.room_id and record.type == DIRECT:
                direct = _direct_rooms(record.content)
            elif record.room_id and record.type == TAG:
                tags[record.room_id] = _tags(record.content)
        labels = Labels(direct, tags)
        self._labels[user.user_id] = (position, labels)
        if len(self._labels) > PEOPLE_MAX:
            self._labels.popitem(last=False)
        return labels

    def _known(self, room_id: str, through: int) -> RoomFacts | None:
        """What is kept, if nothing changed it up to `through`."""
        kept = self._rooms.get(room_id)
        if kept is None or kept[0] == through:
            return kept[1] if kept else None
        feed = self._hub.feed(room_id)
        events = feed.between(kept[0], through) if feed else None
        if events is None or any(event.facts.type in TYPES for event in events):
            return None
        self._rooms[room_id] = (max(through, kept[0]), kept[1])
        return kept[1]

    async def _load_rooms(self, rooms: Sequence[tuple[str, int]]) -> dict[str, RoomFacts]:
        state: dict[str, dict[str, LoggedEvent]] = {room_id: {} for room_id, _ in rooms}
        for event in await self._sliding.load_state_of(rooms, TYPES):
            state[event.room_id][event.facts.type] = event
        for room_id, through in rooms:
            contents = {kind: event.content for kind, event in state[room_id].items()}
            self._rooms[room_id] = (through, facts_of(contents))
        found = {room_id: self._rooms[room_id][1] for room_id, _ in rooms}
        while len(self._rooms) > ROOMS_MAX:
            self._rooms.popitem(last=False)
        return found


def facts_of(contents: Mapping[str, Mapping[str, Any]]) -> RoomFacts:
    """From contents of state events by type."""
    room_type = contents.get(CREATE, {}).get("type")
    name = contents.get(NAME, {}).get("name")
    return RoomFacts(
        room_type if isinstance(room_type, str) else None,
        ENCRYPTION in contents,
        name if isinstance(name, str) and name else None,
    )


def stripped_facts(state: bytes) -> RoomFacts:
    """From the stripped state that an invite or a knock brought."""
    contents: dict[str, Mapping[str, Any]] = {}
    for event in msgspec.json.decode(state, type=list[dict[str, Any]]):
        kind, content = event.get("type"), event.get("content")
        if isinstance(kind, str) and isinstance(content, dict) and not event.get("state_key"):
            contents[kind] = cast(dict[str, Any], content)
    return facts_of(contents)


def _direct_rooms(content: bytes) -> frozenset[str]:
    """Rooms named anywhere in `m.direct`; clients write it, so it may be anything."""
    rooms: set[str] = set()
    value = msgspec.json.decode(content)
    for names in cast(dict[str, Any], value).values() if isinstance(value, dict) else ():
        if isinstance(names, list):
            rooms.update(name for name in cast(list[Any], names) if isinstance(name, str))
    return frozenset(rooms)


def _tags(content: bytes) -> frozenset[str]:
    value = msgspec.json.decode(content)
    tags = cast(dict[str, Any], value).get("tags") if isinstance(value, dict) else None
    return frozenset(cast(dict[str, Any], tags)) if isinstance(tags, dict) else frozenset()
