"""Rooms that the reader left, was kicked from or banned from, up to that point."""

from collections.abc import Sequence

from bongsu.rooms.client_event import NO_EXTRAS
from bongsu.sync.history import JOIN, History
from bongsu.sync.hub import Hub
from bongsu.sync.sources import SyncStore
from bongsu.sync.streams.joined import load_room_extras
from bongsu.sync.streams.state import load_states
from bongsu.sync.streams.timeline import RoomWork, Timeline, load_timelines
from bongsu.sync.view import EMPTY_EVENTS, View, encode, events_object


async def load_left(
    hub: Hub, store: SyncStore, view: View, works: Sequence[RoomWork]
) -> list[bytes]:
    """The rendered members of `rooms.leave`."""
    known = [work for work in works if _was_joined(work.history, work.through)]
    strange = [work for work in works if work not in known]
    rooms: list[bytes] = []
    timelines = await load_timelines(hub, store, view, known)
    states = await load_states(store, view, known, timelines, {})
    for work in strange:  # a rejected invite, say: nothing of the room may be shown but that
        wish = (work.room_id, view.user.user_id, 0, work.through)
        leave = await store.load_members([wish])
        timelines[work.room_id] = Timeline(leave, False, work.through, True)
    extras = await load_room_extras(store, view, works, timelines)
    for work in works:
        timeline = timelines[work.room_id]
        state = [view.render(e, work.history) for e in states.get(work.room_id, ())]
        events = [
            view.render(e, work.history, extras.get(e.event_id, NO_EXTRAS)) for e in timeline.events
        ]
        rooms.append(
            b'%b:{%b,"%b":%b,"account_data":%b}'
            % (
                encode(work.room_id),
                timeline.render(events),
                view.state_key.encode(),
                events_object(state),
                EMPTY_EVENTS,
            )
        )
    return rooms


def _was_joined(history: History, through: int) -> bool:
    return any(c.membership == JOIN and c.position <= through for c in history.changes)
