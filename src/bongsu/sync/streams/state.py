"""The state of rooms beside their timelines: whole, or what changed in the gap before them.

`state` is as of the start of the timeline, `state_after` as of its end. With lazy loading only
those members are shown whom the reader needs: the senders, the heroes and themselves; in a gap
every member that changed there.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from bongsu.log.entry import LoggedEvent
from bongsu.sync.room_feed import MEMBER
from bongsu.sync.sources import StateWish, SyncStore
from bongsu.sync.streams.timeline import RoomWork, Timeline
from bongsu.sync.view import View, passes


async def load_states(
    store: SyncStore,
    view: View,
    works: Sequence[RoomWork],
    timelines: Mapping[str, Timeline],
    heroes: Mapping[str, Collection[str]],
) -> dict[str, list[LoggedEvent]]:
    """State events to show, by room."""
    wishes: list[StateWish] = []
    members: list[tuple[str, str, int, int]] = []
    states: dict[str, list[LoggedEvent]] = {}
    for work in works:
        timeline = timelines[work.room_id]
        states[work.room_id] = []
        through = work.through if view.state_is_after else timeline.start - 1
        senders = _needed_members(view, work, timeline, heroes.get(work.room_id, ()))
        if work.is_new or view.full_state:
            lazily = tuple(senders) if view.filter.lazy_load_members else None
            wishes.append(StateWish(work.room_id, 0, through, lazily))
            continue
        if not timeline.is_whole:
            wishes.append(StateWish(work.room_id, work.after, through))
        elif view.state_is_after:
            states[work.room_id] = _latest(timeline.events)
        members += ((work.room_id, each, 0, through) for each in senders)
    states.update(await store.load_state(wishes))
    for event in await store.load_members(members):
        if all(event.event_id != each.event_id for each in states[event.room_id]):
            states[event.room_id].append(event)
    for work in works:
        _note_sent(view, work, timelines[work.room_id], states[work.room_id])
    return {
        room_id: [event for event in events if passes(view.filter.state, event)]
        for room_id, events in states.items()
    }


def _needed_members(
    view: View, work: RoomWork, timeline: Timeline, heroes: Collection[str]
) -> list[str]:
    """With lazy loading, whose member events must be there, as far as not sent before."""
    if not view.filter.lazy_load_members:
        return []
    needed = dict.fromkeys(event.facts.sender for event in timeline.events)
    if work.is_new or view.full_state:
        needed |= dict.fromkeys((*heroes, view.user.user_id))
        return list(needed)
    if view.filter.include_redundant_members or view.since is None:
        return list(needed)
    return view.sent.missing(view.device, work.room_id, needed, view.since.moment)


def _note_sent(
    view: View, work: RoomWork, timeline: Timeline, state: Sequence[LoggedEvent]
) -> None:
    if not view.filter.lazy_load_members:
        return
    if work.is_new:
        view.sent.forget(view.device, work.room_id)
    shown = [
        event.facts.state_key
        for event in (*state, *timeline.events)
        if event.facts.type == MEMBER and event.facts.state_key is not None
    ]
    view.sent.note(view.device, work.room_id, shown, view.pin.moment)


def _latest(events: Iterable[LoggedEvent]) -> list[LoggedEvent]:
    """The last of each (type, state key) among these."""
    latest = {
        (event.facts.type, event.facts.state_key): event
        for event in events
        if event.facts.state_key is not None
    }
    return list(latest.values())
