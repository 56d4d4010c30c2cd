"""The state of rooms that an answer needs: what is read of it, and what of that is shown."""

from collections.abc import Iterable, Mapping, Sequence, Set

from bongsu.log.entry import LoggedEvent
from bongsu.rooms.client_event import Device
from bongsu.sync.history import Section
from bongsu.sync.sliding.plan import Task
from bongsu.sync.sliding.required_state import MEMBER, StateSpec, expands
from bongsu.sync.sources import StateWish, SyncStore
from bongsu.sync.streams.timeline import Timeline
from bongsu.sync.view import View


async def load_state(
    store: SyncStore,
    view: View,
    device: Device,
    tasks: Sequence[Task],
    timelines: Mapping[str, Timeline],
) -> dict[str, list[LoggedEvent]]:
    """By room, the state that is new to the client, members only as far as they are wanted."""
    found: dict[str, list[LoggedEvent]] = {}
    wishes: list[StateWish] = []
    members: list[tuple[str, str, int, int]] = []
    for task in tasks:
        room_id, timeline, spec = task.room_id, timelines[task.room_id], task.config.spec
        lazy = _lazy_members(view, device, task, timeline)
        if reads_anew(task):
            named = None if spec.has_all_members else (*spec.members, *lazy, *_own(view, task))
            wishes.append(StateWish(room_id, 0, task.through, _distinct(named)))
            continue
        if timeline.is_whole and not task.is_expanded:
            found[room_id] = [e for e in timeline.events if e.facts.state_key is not None]
        else:
            named = None if spec.has_all_members else (*spec.members, *_own(view, task))
            wishes.append(StateWish(room_id, task.after, task.through, _distinct(named)))
        members += ((room_id, each, 0, task.through) for each in lazy)
    found |= await store.load_state(wishes)
    for event in await store.load_members(members):
        if all(event.event_id != each.event_id for each in found[event.room_id]):
            found[event.room_id].append(event)
    for task in tasks:
        _note_members(view, device, task, found[task.room_id])
    return found


def reads_anew(task: Task) -> bool:
    """Whether state has to be looked for from the beginning on: it was not asked for before."""
    return task.is_initial or task.sent is None or expands(task.sent.spec, task.config.spec)


def _own(view: View, task: Task) -> tuple[str, ...]:
    """One's own member event tells that one is out."""
    return (view.user.user_id,) if task.section is Section.LEFT else ()


def _distinct(names: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(dict.fromkeys(names))


def _lazy_members(view: View, device: Device, task: Task, timeline: Timeline) -> list[str]:
    """Whom the client needs to know to show the timeline, and was not told of."""
    if not task.config.spec.lazy:
        return []
    needed: dict[str, None] = {}
    for event in timeline.events:
        needed[event.facts.sender] = None
        if event.facts.type == MEMBER and event.facts.state_key is not None:
            needed[event.facts.state_key] = None
    has_gap = not timeline.is_whole and timeline.start - 1 > task.after
    if task.is_initial or view.since is None or has_gap:
        return list(needed)  # in a gap they may have changed
    return view.sent.missing(device, task.room_id, needed, view.since.moment)


def _note_members(view: View, device: Device, task: Task, state: Iterable[LoggedEvent]) -> None:
    if not task.config.spec.lazy:
        return
    if task.is_initial:
        view.sent.forget(device, task.room_id)
    members = [e.facts.state_key for e in state if e.facts.type == MEMBER and e.facts.state_key]
    view.sent.note(device, task.room_id, members, view.pin.moment)


def members_changed(task: Task, timeline: Timeline, state: Sequence[LoggedEvent]) -> bool:
    if task.is_initial or not timeline.is_whole:
        return True
    seen = (*state, *timeline.events)  # of members only those wanted are among the state
    return any(e.facts.type == MEMBER and e.position > task.after for e in seen)


def required(view: View, task: Task, state: Sequence[LoggedEvent]) -> list[LoggedEvent]:
    """Of what was read, what the client asked for and was not sent."""
    old = None if task.sent is None or task.is_initial else task.sent.spec
    latest = {(e.facts.type, e.facts.state_key or ""): e for e in state}
    return [event for event in latest.values() if _is_required(view, task, old, event)]


def _is_required(view: View, task: Task, old: StateSpec | None, event: LoggedEvent) -> bool:
    spec, kind, key = task.config.spec, event.facts.type, event.facts.state_key or ""
    if task.section is Section.LEFT and (kind, key) == (MEMBER, view.user.user_id):
        return True
    if old is not None and event.position <= task.after and old.matches(kind, key):
        return False
    if kind == MEMBER and spec.lazy and not spec.has_all_members:
        return True  # only those that are needed were read
    return spec.matches(kind, key)


def misses(task: Task, timeline: Timeline, news: Iterable[LoggedEvent], required: Set[str]) -> bool:
    """Whether the client is not shown state that it once asked for and now does not."""
    if task.sent is None or task.is_initial:
        return False
    old, new = task.sent.spec, task.config.spec
    is_read = (timeline.is_whole and not task.is_expanded) or new.has_all_members
    if not is_read and (old.has_all_members or not set(old.members) <= set(new.members)):
        return True  # of members only those were read that are asked for now
    return any(
        event.event_id not in required
        and old.matches(event.facts.type, event.facts.state_key or "")
        for event in news
    )
