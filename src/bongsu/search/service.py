"""Answers of /search: whose rooms, which hits, and what is shown beside them.

The index only proposes, and only from where the reader may see what was said. Every hit is looked
at before it is shown: its text as it is now must be what was sought, and the reader must be allowed
to see the event and, where its text is an edit's, the edit. Encrypted rooms are left out.
Spec: "Server Side Search".
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from bongsu.errors import LimitExceeded, Unavailable
from bongsu.log.entry import LoggedEvent
from bongsu.log.position import Vector, partition_of
from bongsu.rooms.access import RoomView, Standing
from bongsu.rooms.visibility import Stretches
from bongsu.search.criteria import Place, RelatedBy, Search, Spot
from bongsu.search.documents import Segment, Sought, text_of
from bongsu.search.finding import Found, HitReader, Span, Walk, Wish
from bongsu.search.terms import hash_of_sender
from bongsu.users.requester import Requester

SEARCHES_AT_ONCE = 4
SEARCHES_WAITING_MAX = 100
SEARCH_SECONDS_MAX = 10.0
SEGMENTS_MAX = 40_000  # the newest 20 million messages of one reader; older ones are not found
EXAMINED_MAX = 500  # hits looked at for one answer; then the client asks again
EXAMINED_AT_ONCE = 25  # at first; more when most of them may not be shown
EXAMINED_GROWTH = 4
SENDERS_IN_INDEX_MAX = 100  # more of them are told apart afterwards
RETRY_AFTER_MS = 2_000


class Part(NamedTuple):
    """A user's part in a room; `changes` of its visibility: at which position, and to what."""

    room_id: str
    standing: Standing
    changes: Sequence[tuple[int, str]]


class SearchReader(HitReader, Protocol):
    async def list_parts(self, user_id: str, room_ids: Sequence[str] | None) -> list[Part]:
        """The user's part in each room they ever had one in, without those that are encrypted.

        `room_ids`: only of these.
        """
        ...

    async def list_segments(self, room_ids: Sequence[str], limit: int) -> list[Segment]:
        """Segments of these rooms, the newest first."""
        ...

    async def load_sought(self, places: Sequence[tuple[int, int]]) -> list[Sought]:
        """The events of documents at (partition, position), with the edits that they have the
        text of; in any order, those that are gone missing."""
        ...

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


class Access(Protocol):
    async def pin(self) -> Vector: ...


class Result(NamedTuple):
    """A hit that is shown; `rank` as the spec has it, the higher the closer."""

    place: Place
    event: LoggedEvent
    view: RoomView
    rank: float


class Results(NamedTuple):
    """A page; `last` is where the next one begins, None if there is none."""

    results: list[Result]
    highlights: list[str]
    total: int = 0  # of all pages, roughly
    last: Place | None = None
    ceiling: Spot | None = None  # above all that is ranked


class Room(NamedTuple):
    """A room to search, and what of it may be seen."""

    view: RoomView
    visible: Stretches


class SearchService:
    def __init__(self, access: Access, reader: SearchReader) -> None:
        self._access = access
        self._reader = reader
        self._running = asyncio.Semaphore(SEARCHES_AT_ONCE)
        self._waiting = 0

    async def search(self, requester: Requester, search: Search) -> Results:
        """A page of results. `LimitExceeded` when too many search, `Unavailable` after a time."""
        if not search.wording.hashes:
            return Results([], [])
        if self._waiting >= SEARCHES_WAITING_MAX:
            raise LimitExceeded("Too many searches", retry_after_ms=RETRY_AFTER_MS)
        self._waiting += 1
        try:
            async with asyncio.timeout(SEARCH_SECONDS_MAX), self._running:
                return await self._search(requester, search)
        except TimeoutError:
            raise Unavailable("The search took too long") from None
        finally:
            self._waiting -= 1

    async def _search(self, requester: Requester, search: Search) -> Results:
        rooms = await self._rooms(requester, search)
        segments = await self._reader.list_segments(list(rooms), SEGMENTS_MAX)
        spans = [Span(segment, rooms[segment.room_id].visible) for segment in segments]
        cursor = search.cursor
        walk = Walk(self._reader, spans, _wish(search), cursor.ceiling if cursor else None)
        place = cursor.place if cursor else None
        results: list[Result] = []
        highlights: set[str] = set()
        examined, is_more = 0, True
        wanted = max(EXAMINED_AT_ONCE, search.limit + 1)
        while len(results) < search.limit and is_more and examined < EXAMINED_MAX:
            batch = await walk.next(place, wanted, by_rank=search.by_rank)
            is_more = len(batch) == wanted
            passing = await self._passing(search, rooms, batch)
            for each in batch:
                if len(results) == search.limit:
                    is_more = True
                    break
                place, examined = each.place, examined + 1
                if place in passing:
                    result, words = passing[place]
                    results.append(result)
                    highlights |= words
            wanted = min(wanted * EXAMINED_GROWTH, EXAMINED_MAX)
        count = cursor.count if cursor else walk.count
        last = place if is_more else None
        return Results(results, sorted(highlights), count, last, walk.ceiling)

    async def _rooms(self, requester: Requester, search: Search) -> dict[str, Room]:
        """What the requester may read of the rooms that the filter lets through."""
        applied = await self._access.pin()
        rooms: dict[str, Room] = {}
        for part in await self._reader.list_parts(requester.user_id, search.rooms):
            room_id, standing, changes = part
            if not search.allows_room(room_id):
                continue
            own = [each for each in standing.own if each[0] <= applied[partition_of(room_id)]]
            view = RoomView(requester, room_id, standing._replace(own=own), applied)
            if visible := view.viewer.stretches(changes, view.through or 0):
                rooms[room_id] = Room(view, visible)
        return rooms

    async def _passing(
        self, search: Search, rooms: dict[str, Room], hits: Sequence[Found]
    ) -> dict[Place, tuple[Result, frozenset[str]]]:
        """Those of the hits that may be shown, with the words found in them."""
        at = {(hit.place.partition, hit.place.position): hit for hit in hits}
        passing: dict[Place, tuple[Result, frozenset[str]]] = {}
        for sought in await self._reader.load_sought(list(at)):
            event = sought.event
            room = rooms.get(event.room_id)
            if room is None or not _may_see(room.view, sought) or not search.allows(event):
                continue
            if words := search.wording.found_in(text_of(sought) or ""):
                hit = at[room.view.partition, event.position]
                passing[hit.place] = Result(hit.place, event, room.view, hit.rank), words
        if search.related_by is None:
            return passing
        related = await self._related([result for result, _ in passing.values()], search.related_by)
        return {place: each for place, each in passing.items() if each[0].event.event_id in related}

    async def _related(self, results: Sequence[Result], related_by: RelatedBy) -> set[str]:
        """Ids of those that have the children that the filter wants."""
        views = {result.view.room_id: result.view for result in results}
        related: set[str] = set()
        for room_id, view in views.items():
            ids = [each.event.event_id for each in results if each.view is view]
            through = view.vector[view.partition]
            related |= await self._reader.with_children(room_id, ids, through, *related_by)
        return related


def _may_see(view: RoomView, sought: Sought) -> bool:
    """An edit that one may not see must not be found out about by searching for it."""
    event, edit = sought
    last = view.vector[view.partition]
    if event.position > last or not view.shows(event):
        return False
    return edit is None or (edit.position <= last and view.shows(edit))


def _wish(search: Search) -> Wish:
    senders = search.senders
    hashes = None
    if senders is not None and len(senders) <= SENDERS_IN_INDEX_MAX:
        hashes = sorted(map(hash_of_sender, senders))
    return Wish(search.wording.hashes, hashes, search.kinds)
