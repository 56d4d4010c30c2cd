"""Which rooms may have something to show, and how each stands to the reader's token."""

from collections.abc import Iterable
from typing import NamedTuple

from bongsu.sync.history import JOIN, History, Section
from bongsu.sync.sources import Span, SyncStore
from bongsu.sync.streams.timeline import RoomWork
from bongsu.sync.view import View


class Rooms(NamedTuple):
    """Rooms of an answer by section."""

    joined: list[RoomWork]
    left: list[RoomWork]
    pending: list[History]


async def changed_rooms(store: SyncStore, view: View) -> Iterable[str]:
    """Rooms of the reader with events or receipts since the token, or one's own membership."""
    since, user = view.since, view.user
    if since is None:
        return list(user.histories)
    if view.full_state:
        return list(dict.fromkeys([*_joined(view), *await _changed_by_tables(store, view)]))
    # Twice the same token is no gap, but only if this process gave it out while it watched.
    if since.moment and since.moment >= user.loaded_moment:
        return user.rooms_since(since.moment)
    return await _changed_by_tables(store, view)


async def _changed_by_tables(store: SyncStore, view: View) -> list[str]:
    """The same for a token that this process knows nothing of."""
    assert view.since is not None
    old, new = view.since.vector, view.pin.vector
    changed: list[str] = []
    spans: list[Span] = []
    for room_id, history in view.user.histories.items():
        after, through = old[history.partition], new[history.partition]
        if after == through:
            continue
        if history.between(after, through):
            changed.append(room_id)
        elif history.at(through) == JOIN:
            spans.append(Span(room_id, after, through))
    return [*changed, *await store.load_changed_rooms(spans)]


def sort_rooms(view: View, room_ids: Iterable[str]) -> Rooms:
    """What to show of each room, as the filter permits."""
    rooms = Rooms([], [], [])
    for room_id in dict.fromkeys(room_ids):
        history = view.user.histories.get(room_id)
        if history is None or not view.filter.allows_room(room_id):
            continue
        after = view.after(history.partition)
        standing = history.standing(after, view.pin.vector[history.partition])
        start = 0 if standing.is_new or after is None else after
        match standing.section:
            case Section.JOINED:
                rooms.joined.append(RoomWork(history, start, standing.through, standing.is_new))
            case Section.LEFT:
                if after is not None or view.filter.include_leave:
                    rooms.left.append(RoomWork(history, start, standing.through, standing.is_new))
            case Section.INVITED | Section.KNOCKED:
                rooms.pending.append(history)
            case Section.ABSENT:
                pass
    return rooms


def _joined(view: View) -> list[str]:
    return [
        room_id
        for room_id, history in view.user.histories.items()
        if history.at(view.pin.vector[history.partition]) == JOIN
    ]
