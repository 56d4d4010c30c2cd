"""Rooms rendered for an answer: whole, or what is new in them. Many at once, by few queries."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from bongsu.log.entry import LoggedEvent
from bongsu.rooms.client_event import Device
from bongsu.sync.filter import EventFilter, Filter, FilterDefinition, RoomFilter
from bongsu.sync.history import Section
from bongsu.sync.hub import Hub
from bongsu.sync.sliding.connection import Sent
from bongsu.sync.sliding.facts import FactsReader, Labels, stripped_facts
from bongsu.sync.sliding.plan import Task, next_sent
from bongsu.sync.sliding.room_list import stamp, was_joined
from bongsu.sync.sliding.room_result import NAME, Parts, Shown, find, show, text
from bongsu.sync.sliding.room_state import load_state, members_changed
from bongsu.sync.sliding.sources import SlidingStore
from bongsu.sync.sources import SyncStore
from bongsu.sync.streams.joined import load_room_extras
from bongsu.sync.streams.summary import Summaries, Summary, SummaryWish, heroes_of
from bongsu.sync.streams.timeline import RoomWork, Timeline, load_timelines
from bongsu.sync.streams.unread import load_unread
from bongsu.sync.view import View, encode

# What makes a room rise in a client's list.
BUMP_TYPES = (
    "m.room.create", "m.room.message", "m.room.encrypted", "m.sticker", "m.call.invite",
    "m.poll.start", "org.matrix.msc3381.poll.start", "m.beacon_info",
    "org.matrix.msc3672.beacon_info",
)  # fmt: skip
IN_ROOM = (Section.JOINED, Section.LEFT)


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
                shown[task.room_id] = show(view, task, parts, labels, is_counted)
        return shown

    async def _load_parts(self, view: View, device: Device, tasks: Sequence[Task]) -> Parts:
        timelines = await self._load_timelines(view, tasks)
        state = await load_state(self._store, view, device, tasks, timelines)
        works = [_work(task) for task in tasks]
        extras = await load_room_extras(self._store, view, works, timelines)
        changed = [
            task for task in tasks
            if task.section is Section.JOINED
            and members_changed(task, timelines[task.room_id], state[task.room_id])
        ]  # fmt: skip
        summaries = await self._summaries.load(
            [SummaryWish(task.room_id, task.through, task.through) for task in changed]
        )
        nameless = await self._find_nameless(view, tasks, changed, state)
        heroes = await self._load_heroes(view, changed, summaries, nameless)
        bumps = await self._load_bumps(tasks, timelines)
        return Parts(timelines, state, extras, summaries, nameless, heroes, bumps)

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

    async def _find_nameless(
        self,
        view: View,
        tasks: Sequence[Task],
        changed: Sequence[Task],
        state: Mapping[str, Sequence[LoggedEvent]],
    ) -> frozenset[str]:
        """Rooms of `changed` without a name, and others that lost theirs."""
        named = {task.room_id for task in tasks if find(state[task.room_id], NAME, task.through)}
        unsure = [t.history for t in changed if not t.is_initial and t.room_id not in named]
        facts = await self._facts.load(view.user, unsure)
        return frozenset(
            task.room_id
            for task in changed
            if not text(find(state[task.room_id], NAME, task.through), "name")
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


@lru_cache(256)
def _filter(limit: int) -> Filter:
    return Filter(FilterDefinition(room=RoomFilter(timeline=EventFilter(limit=limit))))


def _work(task: Task) -> RoomWork:
    return RoomWork(task.history, task.after, task.through, task.is_initial)


def _sent(task: Task) -> Sent:
    return next_sent(task, is_limited=False, missed=False)
