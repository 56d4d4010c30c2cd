"""Rooms that the reader is joined to.

Nearly every answer is one waiting member and one message: `JoinedRooms.messages` makes it of bytes
that all members of the room share, without a query. Whatever is not that simple goes the general
way, many rooms at once (`JoinedRooms.load`).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from bongsu.log.entry import LoggedEvent, Receipt
from bongsu.rooms.client_event import NO_EXTRAS, Extras
from bongsu.rooms.extras import Reader, load_extras
from bongsu.sync.history import JOIN
from bongsu.sync.hub import Hub
from bongsu.sync.room_feed import MEMBER, RoomFeed
from bongsu.sync.sources import SyncStore
from bongsu.sync.streams.receipts import (
    RECEIPT,
    load_receipts,
    receipt_event,
    shown_receipts,
)
from bongsu.sync.streams.state import load_states
from bongsu.sync.streams.summary import (
    Summaries,
    Summary,
    SummaryWish,
    heroes_of,
    render_summary,
)
from bongsu.sync.streams.timeline import RoomWork, Timeline, load_timelines
from bongsu.sync.streams.unread import advance_unread, load_unread, render_unread
from bongsu.sync.unread import Unread
from bongsu.sync.view import EMPTY_EVENTS, View, encode, events_object

HIDES_THE_PAST = ("joined", "invited")


class RoomNews(NamedTuple):
    """What other streams have for a room: rendered events."""

    account_data: Mapping[str, Sequence[bytes]]
    typing: Mapping[str, bytes]


NO_NEWS = RoomNews({}, {})


def quick_room(
    hub: Hub, view: View, work: RoomWork, news: RoomNews, summaries: Summaries | None = None
) -> bytes | None:
    """The rendered room, empty if there is nothing to show; None if it takes the general way, as
    without `summaries` a room does whose members changed."""
    room_id, after, through = work.room_id, work.after, work.through
    feed = hub.feed(room_id)
    if feed is None or work.is_new or not view.filter.has_plain_timeline or view.full_state:
        return None
    stretch = feed.stretch(after, through)
    if stretch is None or len(stretch.chunk.events) > view.filter.timeline.limit:
        return None
    chunk = stretch.chunk
    if chunk.has_state and view.state_is_after:
        return None
    summary = b""
    if chunk.members_changed:
        known = summaries and summaries.known(room_id, chunk.members_changed)
        if known is None or view.filter.lazy_load_members:
            return None
        summary = render_summary(known, view) + b","
    if not view.user.ignored.isdisjoint(chunk.senders):
        return None
    if work.history.changes[-1].position > min(chunk.shows_from, after):
        return None
    if view.filter.lazy_load_members and _has_unknown_members(view, work, chunk.senders):
        return None
    unread = advance_unread(hub, view, work.history, through)
    if unread is None:
        return None
    shown = ephemeral = ()
    if stretch.receipts or news is not NO_NEWS:
        shown = shown_receipts(stretch.receipts, feed, view.user.user_id)
        ephemeral = _ephemeral(view, room_id, shown, news)
    account_data = news.account_data.get(room_id, ())
    if not (chunk.events or shown or ephemeral or account_data):
        return b""
    is_own = view.device in chunk.devices
    timeline = feed.timeline_for(view.device, chunk) if is_own else stretch.timeline
    return _room(view, room_id, timeline, EMPTY_EVENTS, unread, ephemeral, account_data, summary)


class JoinedRooms:
    """Shows joined rooms, however they stand to the reader's token."""

    def __init__(self, hub: Hub, store: SyncStore) -> None:
        self._hub = hub
        self._store = store
        self._summaries = Summaries(store)

    def messages(self, view: View, rooms: Iterable[str]) -> list[bytes] | None:
        """The rendered `rooms` of a reader for whom nothing happened there but messages and
        receipts, while they were joined; None if that is not so."""
        since = view.since
        assert since is not None, "an increment without a token"
        shown: list[bytes] = []
        for room_id in rooms:
            history = view.user.histories[room_id]
            after, last = since.vector[history.partition], history.changes[-1]
            if last.position > after or last.membership != JOIN:
                return None
            if not view.filter.allows_room(room_id):
                continue
            work = RoomWork(history, after, view.pin.vector[history.partition], False)
            room = quick_room(self._hub, view, work, NO_NEWS)
            if room is None:
                return None
            if room:
                shown.append(room)
        return shown

    async def load(self, view: View, works: Sequence[RoomWork], news: RoomNews) -> list[bytes]:
        """The rendered rooms, without those that have nothing to show."""
        await load_unread(self._hub, self._store, view, [work.history for work in works])
        rooms: list[bytes] = []
        slow: list[RoomWork] = []
        for work in works:
            await self._complete_feed(view, work)
            room = quick_room(self._hub, view, work, news, self._summaries)
            if room is None:
                slow.append(work)
            elif room:
                rooms.append(room)
        if slow:
            rooms += await self._load_slowly(view, slow, news)
        return rooms

    async def _complete_feed(self, view: View, work: RoomWork) -> None:
        """Load, once for all who watch, what is shown of other events with those of a feed."""
        feed = self._hub.feed(work.room_id)
        if feed is None or work.is_new:
            return
        missing = feed.incomplete(work.after, work.through)
        if missing:
            await complete_feed(self._store, view, feed, missing)

    async def _load_slowly(
        self, view: View, works: Sequence[RoomWork], news: RoomNews
    ) -> list[bytes]:
        whole = [w for w in works if w.is_new or view.full_state]
        summaries = await self._summaries.load(
            [SummaryWish(w.room_id, w.through, w.through) for w in whole]
        )
        timelines = await load_timelines(self._hub, self._store, view, works)
        heroes = {room: heroes_of(s, view.user.user_id) for room, s in summaries.items()}
        states = await load_states(self._store, view, works, timelines, heroes)
        summaries |= await self._changed_summaries(view, works, timelines, states, summaries)
        extras = await load_room_extras(self._store, view, works, timelines)
        receipts = await load_receipts(self._hub, self._store, view, works)
        rooms: list[bytes] = []
        for work in works:
            room_id = work.room_id
            rooms += _show(
                view, work, timelines[room_id], states[room_id], extras,
                receipts.get(room_id, ()), summaries.get(room_id), news,
            )  # fmt: skip
        return rooms

    async def _changed_summaries(
        self,
        view: View,
        works: Sequence[RoomWork],
        timelines: Mapping[str, Timeline],
        states: Mapping[str, Sequence[LoggedEvent]],
        known: Collection[str],
    ) -> dict[str, Summary]:
        """Of the rooms where a membership changed."""
        wishes: list[SummaryWish] = []
        for work in works:
            if work.room_id in known:
                continue
            shown = (*timelines[work.room_id].events, *states[work.room_id])
            changed = max(
                (e.position for e in shown if e.facts.type == MEMBER and e.position > work.after),
                default=0,
            )
            if changed:
                wishes.append(SummaryWish(work.room_id, changed, work.through))
        return await self._summaries.load(wishes)


async def load_room_extras(
    store: SyncStore,
    view: View,
    works: Sequence[RoomWork],
    timelines: Mapping[str, Timeline],
) -> dict[str, Extras]:
    """Extras of all timelines' events; bundled aggregations for those with a gap before them."""
    histories = {work.room_id: work.history for work in works}
    who = Reader(view.device, view.user.ignored)
    extras: dict[str, Extras] = {}
    for with_relations in (True, False):
        events = [
            event
            for work in works
            for event in timelines[work.room_id].events
            if _may_be_parent(event, work, timelines[work.room_id]) is with_relations
        ]
        if events:
            extras |= await load_extras(
                store, events, who,
                vector=view.pin.vector,
                with_relations=with_relations,
                is_visible=lambda e: view.shows(e, histories[e.room_id]),
                membership=lambda e: histories[e.room_id].at(e.position),
            )  # fmt: skip
    return extras


def _may_be_parent(event: LoggedEvent, work: RoomWork, timeline: Timeline) -> bool:
    """Whether there may be children to bundle with an event: only behind a gap, where a client
    does not hear of each of them."""
    related = timeline.related
    is_after_gap = timeline.limited or work.is_new
    return is_after_gap and (related is None or event.event_id in related)


async def complete_feed(
    store: SyncStore, view: View, feed: RoomFeed, events: Sequence[LoggedEvent]
) -> None:
    """Give a feed the extras that any member who was joined all along may see."""
    others: dict[str, LoggedEvent] = {}

    def remember(event: LoggedEvent) -> bool:
        others[event.event_id] = event
        return True

    extras = await load_extras(
        store, events, Reader(view.device._replace(device_id="")),
        vector=view.pin.vector, with_relations=False, is_visible=remember,
        membership=lambda _: "join",
    )  # fmt: skip
    for event in events:
        feed.extras[event.event_id] = extras.get(event.event_id, NO_EXTRAS)
        before = others.get(event.facts.replaces_state or "")
        if before is not None and before.facts.visibility in HIDES_THE_PAST:
            feed.shown_from[event.event_id] = before.position


def _show(
    view: View,
    work: RoomWork,
    timeline: Timeline,
    state: Sequence[LoggedEvent],
    extras: Mapping[str, Extras],
    receipts: Sequence[Receipt],
    summary: Summary | None,
    news: RoomNews,
) -> list[bytes]:
    room_id = work.room_id
    ephemeral = _ephemeral(view, room_id, receipts, news)
    account_data = news.account_data.get(room_id, ())
    has_news = timeline.events or timeline.limited or state or receipts or ephemeral or account_data
    if not (has_news or work.is_new or view.full_state):
        return []
    events = [
        view.render(e, work.history, extras.get(e.event_id, NO_EXTRAS)) for e in timeline.events
    ]
    shown_state = events_object([view.render(e, work.history) for e in state])
    shown_summary = b"" if summary is None else render_summary(summary, view) + b","
    unread = view.user.unread.get(room_id)
    rendered = timeline.render(events)
    return [
        _room(view, room_id, rendered, shown_state, unread, ephemeral, account_data, shown_summary)
    ]


def _room(
    view: View,
    room_id: str,
    timeline: bytes,
    state: bytes,
    unread: Unread | None,
    ephemeral: Sequence[bytes],
    account_data: Sequence[bytes],
    summary: bytes,
) -> bytes:
    return b'%b:{%b%b,"%b":%b,"ephemeral":%b,"account_data":%b,%b}' % (
        encode(room_id),
        summary,
        timeline,
        view.state_key.encode(),
        state,
        events_object(ephemeral) if ephemeral else EMPTY_EVENTS,
        events_object(account_data) if account_data else EMPTY_EVENTS,
        render_unread(unread, view.filter.thread_notifications),
    )


def _ephemeral(
    view: View, room_id: str, receipts: Sequence[Receipt], news: RoomNews
) -> list[bytes]:
    selection = view.filter.ephemeral
    if not selection.allows_room(room_id):
        return []
    events: list[bytes] = []
    if room_id in news.typing and selection.allows("m.typing"):
        events.append(news.typing[room_id])
    if receipts and selection.allows(RECEIPT):
        events.append(receipt_event(receipts))
    return events


def _has_unknown_members(view: View, work: RoomWork, senders: Collection[str]) -> bool:
    if view.filter.include_redundant_members or view.since is None:
        return True
    missing = view.sent.missing(view.device, work.room_id, senders, view.since.moment)
    return bool(missing)
