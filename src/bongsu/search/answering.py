"""What a page of results is shown as: events with what surrounds them, and groups."""

import asyncio
from collections.abc import Sequence

import msgspec

from bongsu.log.entry import LoggedEvent
from bongsu.rooms.access import RoomView
from bongsu.rooms.event_filter import ANY_EVENT
from bongsu.rooms.history import History
from bongsu.rooms.presenting import Presenter
from bongsu.search.criteria import CONTEXT_MAX, EventContext, GroupKey, Search
from bongsu.search.service import Result, Results
from bongsu.sync.token import room_token

READS_AT_ONCE = 4  # of what surrounds results, by all searches


class Profile(msgspec.Struct, omit_defaults=True):
    displayname: str | None = None
    avatar_url: str | None = None


class ShownContext(msgspec.Struct, omit_defaults=True):
    """`SearchResult.context` of the spec."""

    start: str
    end: str
    events_before: list[msgspec.Raw]
    events_after: list[msgspec.Raw]
    profile_info: dict[str, Profile] | None = None


class ShownResult(msgspec.Struct, omit_defaults=True):
    rank: float
    result: msgspec.Raw
    context: ShownContext | None = None


class ShownGroup(msgspec.Struct, omit_defaults=True):
    results: list[str]
    order: int
    next_batch: str | None = None


class RoomEvents(msgspec.Struct, omit_defaults=True):
    """`search_categories.room_events` of the answer, but for the state, which is streamed."""

    results: list[ShownResult]
    count: int
    highlights: list[str]
    groups: dict[GroupKey, dict[str, ShownGroup]] | None = None
    next_batch: str | None = None


class Surroundings(msgspec.Struct):
    """A result and the events around it, each list in the spec's order: nearest first."""

    result: Result
    before: list[LoggedEvent]
    after: list[LoggedEvent]

    @property
    def events(self) -> list[LoggedEvent]:
        return [*self.before, self.result.event, *self.after]


class Answering:
    def __init__(self, history: History, presenter: Presenter) -> None:
        self._history = history
        self._presenter = presenter
        self._reading = asyncio.Semaphore(READS_AT_ONCE)

    async def answer(self, search: Search, found: Results) -> RoomEvents:
        wanted = search.criteria.event_context
        around = await asyncio.gather(*(self._around(each, wanted) for each in found.results))
        rendered = await self._render(around)
        contexts = await asyncio.gather(*(self._context(each, rendered, wanted) for each in around))
        shown = [
            ShownResult(each.result.rank, rendered[each.result.event.event_id], context)
            for each, context in zip(around, contexts, strict=True)
        ]
        token = None
        if found.last is not None:
            token = search.token(found.last, found.total, found.ceiling)
        return RoomEvents(
            results=shown,
            count=max(found.total, len(shown)),
            highlights=found.highlights,
            groups={key: _group(search, found, key) for key in search.group_keys} or None,
            next_batch=token,
        )

    async def senders_of(self, view: RoomView, events: Sequence[LoggedEvent]) -> list[LoggedEvent]:
        """Member events of those who said this, for who loads members lazily."""
        return await self._presenter.senders_of(view, events)

    async def _around(self, result: Result, wanted: EventContext | None) -> Surroundings:
        if wanted is None:
            return Surroundings(result, [], [])
        position, view = result.event.position, result.view
        newest = view.vector[view.partition]
        async with self._reading:
            before = await self._page(view, position - 1, 0, wanted.before_limit, backwards=True)
            after = await self._page(view, position, newest, wanted.after_limit, backwards=False)
        return Surroundings(result, before, after)

    async def _page(
        self, view: RoomView, cursor: int, stop: int, limit: int, *, backwards: bool
    ) -> list[LoggedEvent]:
        if limit == 0:
            return []
        page = await self._history.page(
            view, cursor, stop, min(limit, CONTEXT_MAX), backwards=backwards, selection=ANY_EVENT
        )
        return page.events

    async def _render(self, around: Sequence[Surroundings]) -> dict[str, msgspec.Raw]:
        """Every event of the answer by its id, rendered room by room."""
        rooms: dict[str, tuple[RoomView, dict[str, LoggedEvent]]] = {}
        for each in around:
            _, events = rooms.setdefault(each.result.view.room_id, (each.result.view, {}))
            events.update((event.event_id, event) for event in each.events)
        rendered: dict[str, msgspec.Raw] = {}
        for view, events in rooms.values():
            presented = await self._presenter.present(view, list(events.values()))
            rendered.update(zip(events, presented, strict=True))
        return rendered

    async def _context(
        self, around: Surroundings, rendered: dict[str, msgspec.Raw], wanted: EventContext | None
    ) -> ShownContext | None:
        if wanted is None:
            return None
        positions = [event.position for event in around.events]
        return ShownContext(
            start=room_token(min(positions) - 1),
            end=room_token(max(positions)),
            events_before=[rendered[event.event_id] for event in around.before],
            events_after=[rendered[event.event_id] for event in around.after],
            profile_info=await self._profiles(around) if wanted.include_profile else None,
        )

    async def _profiles(self, around: Surroundings) -> dict[str, Profile]:
        """Of the senders, as they were then."""
        async with self._reading:
            members = await self._presenter.senders_of(around.result.view, around.events)
        return {member.facts.state_key or "": _profile(member) for member in members}


def _profile(member: LoggedEvent) -> Profile:
    name, avatar = member.content.get("displayname"), member.content.get("avatar_url")
    return Profile(
        name if isinstance(name, str) else None, avatar if isinstance(avatar, str) else None
    )


def _group(search: Search, found: Results, key: GroupKey) -> dict[str, ShownGroup]:
    """The results of the page by their room or sender; each group goes on after its last one."""
    groups: dict[str, ShownGroup] = {}
    for result in found.results:
        event = result.event
        name = event.room_id if key == "room_id" else event.facts.sender
        group = groups.setdefault(name, ShownGroup([], len(groups) + 1))
        group.results.append(event.event_id)
        if found.last is not None:
            token = search.token(result.place, found.total, found.ceiling, key, name)
            group.next_batch = token
    return groups
