"""The past of a room: pages of it, what stands around an event, and single events.

A page looks at the log in batches, from a cursor towards a stop, and keeps what the reader may and
wants to see. A cursor is a position p and means the place right after it:

    position   1   2   3   4   5
    cursor   0   1   2   3   4   5

so `dir=b` from cursor 3 gives 3, 2, 1 and `dir=f` gives 4, 5. No event is given twice or left out,
however the pages are cut.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

import msgspec

from bongsu.errors import NotFound
from bongsu.ids import is_event_id
from bongsu.log.entry import LoggedEvent
from bongsu.rooms.access import RoomAccess, RoomView
from bongsu.rooms.event_filter import EventSelection
from bongsu.rooms.presenting import Presenter, show
from bongsu.sync.token import TokenCodec, room_token
from bongsu.users.requester import Requester

PAGE_EVENTS_MAX = 500
CONTEXT_EVENTS_MAX = 100
BATCH_EVENTS_MIN = 50  # read at once when most events are likely to be left out
LOOKED_AT_MAX = 2_000  # events read for one page, seen or not; then the client asks again


class HistoryReader(Protocol):
    async def list_events(
        self, room_id: str, after: int, through: int, limit: int, *, backwards: bool
    ) -> list[LoggedEvent]:
        """Events at after < position <= through, `backwards` the newest first."""
        ...

    async def event(self, room_id: str, event_id: str, through: int) -> LoggedEvent | None: ...

    async def with_children(
        self,
        room_id: str,
        event_ids: Sequence[str],
        through: int,
        senders: Sequence[str] | None,
        rel_types: Sequence[str] | None,
    ) -> set[str]:
        """Those that have a child by one of `senders` and of one of `rel_types`; None: any."""
        ...


class Page(NamedTuple):
    """`cursor` is where the next page begins; None if there is none."""

    events: list[LoggedEvent]
    cursor: int | None


class Messages(msgspec.Struct, omit_defaults=True):
    """The answer of /messages."""

    start: str
    chunk: list[msgspec.Raw]
    end: str | None = None
    state: list[msgspec.Raw] | None = None


class Context(msgspec.Struct):
    """The answer of /context, but for the state, which may be long and is streamed."""

    start: str
    end: str
    event: msgspec.Raw
    events_before: list[msgspec.Raw]
    events_after: list[msgspec.Raw]


class Surroundings(NamedTuple):
    """A context, and what its state follows from: whose view, as of which position.

    `members` are those to show if the client loads members lazily; None: all of them.
    """

    context: Context
    view: RoomView
    last: int
    members: list[LoggedEvent] | None


class History:
    def __init__(
        self, access: RoomAccess, reader: HistoryReader, presenter: Presenter, tokens: TokenCodec
    ) -> None:
        self._access = access
        self._reader = reader
        self._presenter = presenter
        self._tokens = tokens

    async def messages(
        self,
        requester: Requester,
        room_id: str,
        *,
        backwards: bool,
        start: str | None,
        stop: str | None,
        limit: int,
        selection: EventSelection,
    ) -> Messages:
        """A page from token `start` (else from the end, or the beginning) towards `stop`."""
        begin, until = (self._position(token, room_id) for token in (start, stop))
        view = await self._access.view(requester, room_id, covering=max(begin or 0, until or 0))
        newest = view.through or 0
        begin = min(newest, begin) if begin is not None else newest if backwards else 0
        until = min(newest, until) if until is not None else 0 if backwards else newest
        page = await self.page(view, begin, until, limit, backwards=backwards, selection=selection)
        messages = Messages(
            start=start or room_token(begin),
            chunk=await self._presenter.present(view, page.events),
            end=None if page.cursor is None else room_token(page.cursor),
        )
        if selection.lazy_load_members:
            members = await self._presenter.senders_of(view, page.events)
            messages.state = [msgspec.Raw(show(view, member)) for member in members]
        return messages

    async def page(
        self,
        view: RoomView,
        cursor: int,
        stop: int,
        limit: int,
        *,
        backwards: bool,
        selection: EventSelection,
    ) -> Page:
        """Up to `limit` events from `cursor` towards `stop`."""
        shown: list[LoggedEvent] = []
        looked_at = 0
        while looked_at < LOOKED_AT_MAX and not selection.allows_nothing:
            # One more than asked for tells whether there is more.
            wanted = max(limit - len(shown) + 1, BATCH_EVENTS_MIN if looked_at else 1)
            after, through = (stop, cursor) if backwards else (cursor, stop)
            batch = await self._reader.list_events(
                view.room_id, after, through, wanted, backwards=backwards
            )
            passing = await self._passing(view, batch, selection)
            for event in batch:
                if len(shown) == limit:
                    return Page(shown, cursor)
                cursor = event.position - 1 if backwards else event.position
                if event.event_id in passing:
                    shown.append(event)
            if len(batch) < wanted:
                return Page(shown, None)
            looked_at += len(batch)
        return Page(shown, None if selection.allows_nothing else cursor)

    async def event(self, requester: Requester, room_id: str, event_id: str) -> msgspec.Raw:
        """One event; `NotFound` also for who may not see it."""
        view, event = await self.find(requester, room_id, event_id)
        return (await self._presenter.present(view, [event]))[0]

    async def find(
        self, requester: Requester, room_id: str, event_id: str, *, covering: int = 0
    ) -> tuple[RoomView, LoggedEvent]:
        """An event that the requester may see, and their view of its room."""
        if not is_event_id(event_id):
            raise NotFound("Event not found")
        found = await self._look_for(requester, room_id, event_id, covering)
        if found is None and await self._access.catch_up(room_id):
            found = await self._look_for(requester, room_id, event_id)
        if found is None:
            raise NotFound("Event not found")
        return found

    async def context(
        self,
        requester: Requester,
        room_id: str,
        event_id: str,
        *,
        limit: int,
        selection: EventSelection,
    ) -> Surroundings:
        """What stands before and after an event; `limit` counts both sides together."""
        view, event = await self.find(requester, room_id, event_id)
        before = await self.page(
            view, event.position - 1, 0, limit // 2, backwards=True, selection=selection
        )
        after = await self.page(
            view,
            event.position,
            view.vector[view.partition],
            limit - limit // 2,
            backwards=False,
            selection=selection,
        )
        shown = [*before.events, event, *after.events]
        rendered = await self._presenter.present(view, shown)
        middle = len(before.events)
        first, last = (pick(e.position for e in shown) for pick in (min, max))
        context = Context(
            start=room_token(first - 1),
            end=room_token(last),
            event=rendered[middle],
            events_before=rendered[:middle],
            events_after=rendered[middle + 1 :],
        )
        lazy = selection.lazy_load_members
        members = await self._presenter.senders_of(view, shown) if lazy else None
        return Surroundings(context, view, last, members)

    async def _look_for(
        self, requester: Requester, room_id: str, event_id: str, covering: int = 0
    ) -> tuple[RoomView, LoggedEvent] | None:
        view = await self._access.glimpse(requester, room_id, covering=covering)
        event = await self._reader.event(room_id, event_id, view.vector[view.partition])
        return None if event is None or not view.shows(event) else (view, event)

    async def _passing(
        self, view: RoomView, events: Sequence[LoggedEvent], selection: EventSelection
    ) -> Collection[str]:
        """Ids of those that the reader may and wants to see."""
        passing = [e.event_id for e in events if view.shows(e) and selection.allows(e)]
        if selection.related_by is None or not passing:
            return frozenset(passing)
        through = view.vector[view.partition]
        return await self._reader.with_children(
            view.room_id, passing, through, *selection.related_by
        )

    def _position(self, token: str | None, room_id: str) -> int | None:
        return None if token is None else self._tokens.room_position(token, room_id)
