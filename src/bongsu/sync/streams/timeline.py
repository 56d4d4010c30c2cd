"""The timeline of rooms: the last events of an interval that the reader may and wants to see."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from bongsu.log.entry import LoggedEvent
from bongsu.sync.filter import Filter
from bongsu.sync.history import History
from bongsu.sync.hub import Hub
from bongsu.sync.room_feed import RoomFeed
from bongsu.sync.sources import Span, SyncStore
from bongsu.sync.token import room_token
from bongsu.sync.view import View, encode, events_object, passes

KEPT_ROOMS_MAX = 100  # of larger accounts what was read is not kept for the next reader
FILTERED_EVENTS_MAX = 200  # looked through in one room for those that a filter lets pass


class RoomWork(NamedTuple):
    """A room to be shown: events at after < position <= through; `is_new` with its whole state."""

    history: History
    after: int
    through: int
    is_new: bool

    @property
    def room_id(self) -> str:
        return self.history.room_id

    @property
    def span(self) -> Span:
        return Span(self.history.room_id, self.after, self.through)


class Timeline(NamedTuple):
    """`start` is the position of its first event, or the one after `through` if it has none.

    `is_whole` if it shows every event of the interval. `related`: to which events those after
    `start` relate; children follow their parents, so no other event here has any. None: unknown.
    """

    events: Sequence[LoggedEvent]
    limited: bool
    start: int
    is_whole: bool
    related: Collection[str] | None = None

    def render(self, rendered: Sequence[bytes]) -> bytes:
        limited = b"true" if self.limited else b"false"
        return b'"timeline":%b,"limited":%b,"prev_batch":%b}' % (
            events_object(rendered)[:-1], limited, encode(room_token(self.start - 1)),
        )  # fmt: skip


async def load_timelines(
    hub: Hub, store: SyncStore, view: View, works: Sequence[RoomWork]
) -> dict[str, Timeline]:
    """By room, from memory where it reaches back far enough."""
    wanted = _fetched(view.filter)
    found: dict[str, list[LoggedEvent]] = {}
    spans: list[Span] = []
    for work in works:
        feed = hub.feed(work.room_id)
        events = None if feed is None else feed.latest(work.after, work.through, wanted)
        if events is None:
            spans.append(work.span)
        else:
            found[work.room_id] = events
    feeds = {span: (feed, feed.redactions) for span in spans if (feed := hub.feed(span.room_id))}
    found.update(await store.load_timelines(spans, wanted))
    if len(view.user.histories) <= KEPT_ROOMS_MAX:
        for span, (feed, redactions) in feeds.items():
            if feed.redactions == redactions:  # else what was read may be what was redacted
                _keep(hub, feed, span, found[span.room_id], wanted)
    return {work.room_id: _cut(view, work, found[work.room_id], wanted) for work in works}


def _keep(hub: Hub, feed: RoomFeed, span: Span, events: Sequence[LoggedEvent], wanted: int) -> None:
    """Leave what was read to the next reader."""
    floor = events[0].position - 1 if len(events) >= wanted else span.after
    if span.through >= feed.floor > floor:
        hub.keep_before(feed, [e for e in events if e.position <= feed.floor], floor)


def _fetched(filter: Filter) -> int:
    """How many events to look at: one more than asked for tells whether there are more."""
    limit = filter.timeline.limit
    return limit + 1 if filter.timeline.is_trivial else FILTERED_EVENTS_MAX


def _cut(view: View, work: RoomWork, events: list[LoggedEvent], wanted: int) -> Timeline:
    selection = view.filter.timeline
    has_more = len(events) >= wanted
    shown = [e for e in events if view.shows(e, work.history) and passes(selection, e)]
    has_more = has_more or len(shown) > selection.limit
    is_whole = not has_more and len(shown) == len(events)
    shown = shown[-selection.limit :] if selection.limit else []
    limited = has_more or (work.is_new and view.since is not None)
    start = shown[0].position if shown else work.through + 1
    related = {e.facts.relation.event_id for e in events if e.facts.relation is not None}
    return Timeline(shown, limited, start, is_whole, related)
