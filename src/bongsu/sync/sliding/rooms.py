"""Rooms rendered for an answer: whole, or what is new in them. Many at once, by few queries."""

from collections.abc import Iterable, Mapping, Sequence, Set
from functools import lru_cache
from typing import Any, NamedTuple

from bongsu.log.entry import LoggedEvent
from bongsu.rooms.client_event import NO_EXTRAS, Device, Extras
from bongsu.sync.filter import EventFilter, Filter, FilterDefinition, RoomFilter
from bongsu.sync.history import Section
from bongsu.sync.hub import Hub
from bongsu.sync.sliding.connection import Sent
from bongsu.sync.sliding.facts import FactsReader, Labels, stripped_facts
from bongsu.sync.sliding.plan import Task, next_sent
from bongsu.sync.sliding.required_state import MEMBER, StateSpec, expands
from bongsu.sync.sliding.room_list import stamp, was_joined
from bongsu.sync.sliding.sources import SlidingStore
from bongsu.sync.sources import StateWish, SyncStore
from bongsu.sync.streams.joined import load_room_extras
from bongsu.sync.streams.summary import Summaries, Summary, SummaryWish, heroes_of
from bongsu.sync.streams.timeline import RoomWork, Timeline, load_timelines
from bongsu.sync.streams.unread import load_unread
from bongsu.sync.token import room_token
from bongsu.sync.view import View, encode

NAME, AVATAR = "m.room.name", "m.room.avatar"
# What makes a room rise in a client's list.
BUMP_TYPES = (
    "m.room.create", "m.room.message", "m.room.encrypted", "m.sticker", "m.call.invite",
    "m.poll.start", "org.matrix.msc3381.poll.start", "m.beacon_info",
    "org.matrix.msc3672.beacon_info",
)  # fmt: skip
IN_ROOM = (Section.JOINED, Section.LEFT)


class Shown(NamedTuple):
    """A rendered room, None if there was nothing to show. `sent` None: it is sent no more."""

    body: bytes | None
    sent: Sent | None
    event_ids: frozenset[str]  # of its timeline


class _Parts(NamedTuple):
    """What was read for the rooms of one answer, by room id."""

    timelines: Mapping[str, Timeline]
    state: Mapping[str, Sequence[LoggedEvent]]  # all that was read, whether wanted or not
    extras: Mapping[str, Extras]  # by event id
    summaries: Mapping[str, Summary]
    nameless: frozenset[str]  # rooms that are called by their heroes
    heroes: Mapping[tuple[str, str], LoggedEvent]  # member events by (room, user)
    bumps: Mapping[str, int]


class RoomRenderer:
    def __init__(
        self, hub: Hub, store: SyncStore, sliding: SlidingStore, facts: FactsReader
    ) -> None:
        self._hub = hub
        self._store = store
        self._sliding = sliding
        self._facts = facts
        self._summaries = Summaries(store)

    async def load(
        self, view: View, device: Device, tasks: Sequence[Task], labels: Labels, counted: set[str]
    ) -> dict[str, Shown]:
        """All tasks rendered. `device` stands for the connection; `counted` are rooms whose unread
        counts changed although nothing else did."""
        shown = await self._load_pending(view, [t for t in tasks if t.section not in IN_ROOM])
        inside = [t for t in tasks if t.section in IN_ROOM and was_joined(t.history)]
        strange = [t for t in tasks if t.section in IN_ROOM and not was_joined(t.history)]
        shown |= await self._load_rejected(view, strange)
        if inside:
            joined = [task.history for task in inside if task.section is Section.JOINED]
            await load_unread(self._hub, self._store, view, joined)
            parts = await self._load_parts(view, device, inside)
            for task in inside:
                is_counted = task.room_id in counted
                shown[task.room_id] = _show(view, task, parts, labels, is_counted)
        return shown

    async def _load_parts(self, view: View, device: Device, tasks: Sequence[Task]) -> _Parts:
        timelines = await self._load_timelines(view, tasks)
        state = await self._load_state(view, device, tasks, timelines)
        works = [_work(task) for task in tasks]
        extras = await load_room_extras(self._store, view, works, timelines)
        changed = [
            task for task in tasks
            if task.section is Section.JOINED
            and _members_changed(task, timelines[task.room_id], state[task.room_id])
        ]  # fmt: skip
        summaries = await self._summaries.load(
            [SummaryWish(task.room_id, task.through, task.through) for task in changed]
        )
        nameless = await self._find_nameless(view, tasks, changed, state)
        heroes = await self._load_heroes(view, changed, summaries, nameless)
        bumps = await self._load_bumps(tasks, timelines)
        return _Parts(timelines, state, extras, summaries, nameless, heroes, bumps)

    async def _load_timelines(self, view: View, tasks: Sequence[Task]) -> dict[str, Timeline]:
        """One load for all rooms with the same limit."""
        groups: dict[tuple[int, bool], list[RoomWork]] = {}
        for task in tasks:
            anew = task.is_initial or task.is_expanded
            work = _work(task)._replace(after=0 if anew else task.after, is_new=anew)
            groups.setdefault((task.config.limit, anew), []).append(work)
        found: dict[str, Timeline] = {}
        for (limit, anew), works in groups.items():
            since = None if anew else view.since
            limited = view._replace(filter=_filter(limit), since=since)
            found |= await load_timelines(self._hub, self._store, limited, works)
        return found

    async def _load_state(
        self, view: View, device: Device, tasks: Sequence[Task], timelines: Mapping[str, Timeline]
    ) -> dict[str, list[LoggedEvent]]:
        """State that is new to the client, latest first come; members as far as they are wanted."""
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
        found |= await self._store.load_state(wishes)
        for event in await self._store.load_members(members):
            if all(event.event_id != each.event_id for each in found[event.room_id]):
                found[event.room_id].append(event)
        for task in tasks:
            _note_members(view, device, task, found[task.room_id])
        return found

    async def _find_nameless(
        self,
        view: View,
        tasks: Sequence[Task],
        changed: Sequence[Task],
        state: Mapping[str, Sequence[LoggedEvent]],
    ) -> frozenset[str]:
        """Rooms of `changed` without a name, and others that lost theirs."""
        named = {task.room_id for task in tasks if _find(state[task.room_id], NAME, task.through)}
        unsure = [t.history for t in changed if not t.is_initial and t.room_id not in named]
        facts = await self._facts.load(view.user, unsure)
        return frozenset(
            task.room_id
            for task in changed
            if not _text(_find(state[task.room_id], NAME, task.through), "name")
            and (task.room_id not in facts or facts[task.room_id].name is None)
        )

    async def _load_heroes(
        self,
        view: View,
        tasks: Sequence[Task],
        summaries: Mapping[str, Summary],
        nameless: frozenset[str],
    ) -> dict[tuple[str, str], LoggedEvent]:
        wishes = [
            (task.room_id, hero, 0, task.through)
            for task in tasks
            if task.room_id in nameless
            for hero in heroes_of(summaries[task.room_id], view.user.user_id)
        ]
        events = await self._store.load_members(wishes)
        return {(event.room_id, event.facts.state_key or ""): event for event in events}

    async def _load_bumps(
        self, tasks: Sequence[Task], timelines: Mapping[str, Timeline]
    ) -> dict[str, int]:
        """By room, unless it is as the client knows it."""
        bumps: dict[str, int] = {}
        unknown: list[tuple[str, int]] = []
        for task in tasks:
            timeline = timelines[task.room_id]
            last = next((e for e in reversed(timeline.events) if e.facts.type in BUMP_TYPES), None)
            if last is not None:
                bumps[task.room_id] = stamp(last.body)
            elif task.is_initial or not timeline.is_whole:
                unknown.append((task.room_id, task.through))
        for room_id, body in (await self._sliding.load_bumps(unknown, BUMP_TYPES)).items():
            bumps[room_id] = stamp(body)
        return bumps

    async def _load_pending(self, view: View, tasks: Sequence[Task]) -> dict[str, Shown]:
        """Invites and knocks, by the stripped state kept with them."""
        shown = {t.room_id: Shown(None, _sent(t), frozenset()) for t in tasks}
        wanted: dict[str, int] = {}
        for task in tasks:
            change = task.history.change_at(task.through)
            if change is not None and (task.sent is None or change.position > task.after):
                wanted[task.room_id] = change.position
        if not wanted:
            return shown
        stripped = await self._store.load_stripped_state(view.user.user_id, list(wanted.items()))
        wishes = [(room, view.user.user_id, 0, position) for room, position in wanted.items()]
        stamps = {e.room_id: stamp(e.body) for e in await self._store.load_members(wishes)}
        for room_id in wanted:
            state = stripped.get(room_id, b"[]")
            name = stripped_facts(state).name
            body = b'"initial":true,"invite_state":%b,"bump_stamp":%d' % (
                state, stamps.get(room_id, 0),
            )  # fmt: skip
            body += b"" if name is None else b',"name":' + encode(name)
            shown[room_id] = shown[room_id]._replace(body=b"{%b}" % body)
        return shown

    async def _load_rejected(self, view: View, tasks: Sequence[Task]) -> dict[str, Shown]:
        """An invite that was rejected or taken back: nothing of the room is shown but that."""
        wishes = [(task.room_id, view.user.user_id, 0, task.through) for task in tasks]
        events = {event.room_id: event for event in await self._store.load_members(wishes)}
        shown: dict[str, Shown] = {}
        for task in tasks:
            body, event = None, events.get(task.room_id)
            if event is not None:
                leave = view.render(event, task.history)
                body = b'{"required_state":[%b],"timeline":[%b],"limited":false,"num_live":1}' % (
                    leave, leave,
                )  # fmt: skip
            shown[task.room_id] = Shown(body, None, frozenset())
        return shown


def reads_anew(task: Task) -> bool:
    """Whether state has to be looked for from the beginning on: it was not asked for before."""
    return task.is_initial or task.sent is None or expands(task.sent.spec, task.config.spec)


@lru_cache(256)
def _filter(limit: int) -> Filter:
    return Filter(FilterDefinition(room=RoomFilter(timeline=EventFilter(limit=limit))))


def _work(task: Task) -> RoomWork:
    return RoomWork(task.history, task.after, task.through, task.is_initial)


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
    if task.is_initial or view.since is None:
        return list(needed)
    return view.sent.missing(device, task.room_id, needed, view.since.moment)


def _note_members(view: View, device: Device, task: Task, state: Iterable[LoggedEvent]) -> None:
    if not task.config.spec.lazy:
        return
    if task.is_initial:
        view.sent.forget(device, task.room_id)
    members = [e.facts.state_key for e in state if e.facts.type == MEMBER and e.facts.state_key]
    view.sent.note(device, task.room_id, members, view.pin.moment)


def _members_changed(task: Task, timeline: Timeline, state: Sequence[LoggedEvent]) -> bool:
    if task.is_initial or not timeline.is_whole:
        return True
    seen = (*state, *timeline.events)  # of members only those wanted are among the state
    return any(e.facts.type == MEMBER and e.position > task.after for e in seen)


def _find(state: Iterable[LoggedEvent], kind: str, through: int) -> LoggedEvent | None:
    found = [e for e in state if (e.facts.type, e.facts.state_key) == (kind, "")]
    return max(found, key=lambda event: event.position, default=None)


def _text(event: LoggedEvent | None, key: str) -> str | None:
    value: Any = None if event is None else event.content.get(key)
    return value if isinstance(value, str) and value else None


def _sent(task: Task) -> Sent:
    return next_sent(task, is_limited=False, missed=False)


def _required(view: View, task: Task, state: Sequence[LoggedEvent]) -> list[LoggedEvent]:
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


def _misses(
    task: Task, timeline: Timeline, news: Iterable[LoggedEvent], required: Set[str]
) -> bool:
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


def _show(view: View, task: Task, parts: _Parts, labels: Labels, is_counted: bool) -> Shown:
    room_id, timeline = task.room_id, parts.timelines[task.room_id]
    state = parts.state[room_id]
    news = [event for event in state if event.position > task.after]
    required = _required(view, task, state)
    missed = _misses(task, timeline, news, {event.event_id for event in required})
    sent = next_sent(task, is_limited=timeline.limited, missed=missed)
    shown = Shown(None, sent, frozenset(e.event_id for e in timeline.events))
    if not (
        task.is_initial or task.is_expanded or timeline.events or required or news or is_counted
    ):
        return shown
    fields = [
        *_marks(task, labels),
        *_naming(view, task, parts, news),
        *_timeline(view, task, timeline, parts.extras),
    ]
    if required:
        rendered = [view.render(event, task.history) for event in required]
        fields.append(b'"required_state":[%b]' % b",".join(rendered))
    if room_id in parts.bumps:
        fields.append(b'"bump_stamp":%d' % parts.bumps[room_id])
    if task.section is Section.JOINED:
        fields += _counts(view, room_id, parts)
    return shown._replace(body=b"{%b}" % b",".join(fields))


def _marks(task: Task, labels: Labels) -> list[bytes]:
    marks: list[bytes] = []
    if task.is_initial:
        marks.append(b'"initial":true')
    elif task.is_expanded:
        marks.append(b'"unstable_expanded_timeline":true')
    if task.room_id in labels.direct:
        marks.append(b'"is_dm":true')
    return marks


def _naming(view: View, task: Task, parts: _Parts, news: Sequence[LoggedEvent]) -> list[bytes]:
    """Name, avatar and heroes, as far as they changed."""
    source = parts.state[task.room_id] if task.is_initial else news
    fields: list[bytes] = []
    if name := _text(_find(source, NAME, task.through), "name"):
        fields.append(b'"name":' + encode(name))
    avatar = _find(source, AVATAR, task.through)
    if url := _text(avatar, "url"):
        fields.append(b'"avatar":' + encode(url))
    elif avatar is not None and not task.is_initial:
        fields.append(b'"avatar":null')
    summary = parts.summaries.get(task.room_id)
    if summary is not None and task.room_id in parts.nameless:
        heroes = [
            _hero(each, parts.heroes.get((task.room_id, each)))
            for each in heroes_of(summary, view.user.user_id)
        ]
        if heroes:
            fields.append(b'"heroes":' + encode(heroes))
    return fields


def _hero(user_id: str, member: LoggedEvent | None) -> dict[str, str]:
    hero = {"user_id": user_id}
    for key in ("displayname", "avatar_url"):
        if value := _text(member, key):
            hero[key] = value
    return hero


def _timeline(
    view: View, task: Task, timeline: Timeline, extras: Mapping[str, Extras]
) -> list[bytes]:
    if not task.config.limit:
        return []
    events = [
        view.render(event, task.history, extras.get(event.event_id, NO_EXTRAS))
        for event in timeline.events
    ]
    seen = 2**63 if view.since is None else view.since.vector[task.history.partition]
    live = sum(event.position > seen for event in timeline.events)
    fields = [
        b'"limited":' + (b"true" if timeline.limited else b"false"),
        b'"prev_batch":' + encode(room_token(timeline.start - 1)),
        b'"num_live":%d' % live,
    ]
    return [b'"timeline":[%b]' % b",".join(events), *fields] if events else fields


def _counts(view: View, room_id: str, parts: _Parts) -> list[bytes]:
    fields: list[bytes] = []
    summary = parts.summaries.get(room_id)
    if summary is not None:
        fields.append(b'"joined_count":%d' % summary.counts.joined)
        fields.append(b'"invited_count":%d' % summary.counts.invited)
    unread = view.user.unread.get(room_id)
    notifications, highlights = unread.totals(False) if unread is not None else (0, 0)
    fields.append(b'"notification_count":%d' % notifications)
    fields.append(b'"highlight_count":%d' % highlights)
    return fields
