"""The directory of public rooms. Spec: "Published room directory".

The largest rooms come first. A token names the last room shown by its size and id, and the way to
go on from it, so a page costs what is on it; a room whose size changes meanwhile may be met twice
or not at all, as the spec lets it.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from bongsu.errors import Forbidden, InvalidParam, NotFound
from bongsu.ids import RoomId, is_room_id
from bongsu.rooms.access import RoomAccess
from bongsu.rooms.reading import RoomReader
from bongsu.rooms.standing_power import may_send_state
from bongsu.rooms.summary import RoomSummary, Summaries
from bongsu.users.requester import Requester

PAGE_ROOMS_DEFAULT = 100
PAGE_ROOMS_MAX = 500
BATCH_ROOMS = 200  # looked at at once when a filter leaves rooms out
LOOKED_AT_MAX = 2_000  # for one page; then the client asks again
TERM_CHARACTERS_MAX = 255
ROOM_TYPES_MAX = 100
TOKEN_CHARACTERS_MAX = 600


class Place(NamedTuple):
    """Where a room stands in the directory."""

    joined_count: int
    room_id: str


class Listing(NamedTuple):
    """Which list is meant: this server's own, that of a bridged network (`instance_id`), or all."""

    instance_id: str | None = None
    all_networks: bool = False


OWN = Listing()


class PublicRoomStore(Protocol):
    async def is_public(self, room_id: str) -> bool: ...

    async def publish(self, room_id: str, public: bool) -> None: ...

    async def count(self, listing: Listing) -> int: ...

    async def list_places(
        self,
        listing: Listing,
        beside: Place | None,
        limit: int,
        terms: Sequence[str] | None,
        *,
        backwards: bool,
    ) -> list[Place]:
        """Rooms after `beside`, or before it and nearest first if `backwards`.

        `terms`: only rooms that may hold one of them in their name, topic or alias.
        """
        ...


class PublicRoomFilter(msgspec.Struct, frozen=True):
    generic_search_term: str | None = None
    room_types: list[str | None] | None = None

    def allows(self, summary: RoomSummary) -> bool:
        if self.room_types is not None and summary.room_type not in self.room_types:
            return False
        if not self.generic_search_term:
            return True
        term = self.generic_search_term.casefold()
        texts = (summary.name, summary.topic, summary.canonical_alias)
        return any(term in text.casefold() for text in texts if text is not None)


class PublicRoomPage(msgspec.Struct, omit_defaults=True):
    """The answer of /publicRooms."""

    chunk: list[RoomSummary]
    total_room_count_estimate: int
    next_batch: str | None = None
    prev_batch: str | None = None


class Cursor(msgspec.Struct, array_like=True, frozen=True):
    """What a page token holds."""

    backwards: bool
    joined_count: int
    room_id: str


class Directory:
    def __init__(
        self, access: RoomAccess, rooms: RoomReader, store: PublicRoomStore, summaries: Summaries
    ) -> None:
        self._access = access
        self._rooms = rooms
        self._store = store
        self._summaries = summaries

    async def page(
        self, since: str | None, limit: int, filter: PublicRoomFilter, listing: Listing = OWN
    ) -> PublicRoomPage:
        """A page of the rooms that a filter lets pass."""
        _check(filter)
        cursor = None if since is None else _decode(since)
        backwards = cursor is not None and cursor.backwards
        beside = None if cursor is None else Place(cursor.joined_count, cursor.room_id)
        found, has_more = await self._collect(listing, beside, limit, filter, backwards)
        places = [place for place, _ in found]
        if backwards:
            found.reverse()
            places.reverse()
        count = await self._store.count(listing)
        page = PublicRoomPage([summary for _, summary in found], count)
        first, last = (places[0], places[-1]) if places else (beside, beside)
        if last is not None and (backwards or has_more):
            page.next_batch = _encode(False, last)
        if first is not None and (has_more if backwards else beside is not None):
            page.prev_batch = _encode(True, first)
        return page

    async def is_public(self, room_id: RoomId) -> bool:
        await self._check_known(room_id)
        return await self._store.is_public(room_id)

    async def set_public(self, requester: Requester, room_id: RoomId, public: bool) -> None:
        """For who may set the room's canonical alias, and administrators."""
        info = await self._rooms.room(room_id)
        if info is None:
            raise NotFound("Room not found")
        if not requester.is_admin and not await may_send_state(
            self._rooms, info, requester.user_id, "m.room.canonical_alias"
        ):
            raise Forbidden("This needs the power to set the room's canonical alias")
        await self._store.publish(room_id, public)

    async def _collect(
        self,
        listing: Listing,
        beside: Place | None,
        limit: int,
        filter: PublicRoomFilter,
        backwards: bool,
    ) -> tuple[list[tuple[Place, RoomSummary]], bool]:
        """Up to `limit` rooms in the direction of travel, and whether there may be more."""
        vector = await self._access.pin()
        found: list[tuple[Place, RoomSummary]] = []
        terms = _spellings(filter.generic_search_term)
        wanted = limit + 1 if terms is None and filter.room_types is None else BATCH_ROOMS
        for _ in range(max(1, LOOKED_AT_MAX // wanted)):
            places = await self._store.list_places(
                listing, beside, wanted, terms, backwards=backwards
            )
            glances = await self._summaries.glances(None, [p.room_id for p in places], vector)
            for place in places:
                if len(found) == limit:
                    return found, True
                beside = place
                glance = glances.get(place.room_id)
                if glance is not None and filter.allows(glance.summary):
                    found.append((place, glance.summary))
            if len(places) < wanted:
                return found, False
        return found, True

    async def _check_known(self, room_id: RoomId) -> None:
        if await self._rooms.room(room_id) is None:
            raise NotFound("Room not found")


def _check(filter: PublicRoomFilter) -> None:
    term = filter.generic_search_term or ""
    if len(term) > TERM_CHARACTERS_MAX or "\x00" in term:
        raise InvalidParam("The search term is too long or holds a NUL")
    if filter.room_types is not None and len(filter.room_types) > ROOM_TYPES_MAX:
        raise InvalidParam("Too many room types")


def _spellings(term: str | None) -> list[str] | None:
    """A term in the cases in which a room may write it; the database knows only those of ASCII."""
    if not term:
        return None
    return sorted({term, term.lower(), term.upper(), term.title(), term.capitalize()})


def _encode(backwards: bool, place: Place) -> str:
    packed = msgspec.json.encode(Cursor(backwards, *place))
    return urlsafe_b64encode(packed).rstrip(b"=").decode()


def _decode(token: str) -> Cursor:
    try:
        if len(token) > TOKEN_CHARACTERS_MAX:
            raise ValueError
        packed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        cursor = msgspec.json.decode(packed, type=Cursor)
    except (ValueError, msgspec.DecodeError):
        raise InvalidParam("Unknown pagination token") from None
    if not is_room_id(cursor.room_id) or abs(cursor.joined_count) > 2**62:
        raise InvalidParam("Unknown pagination token")
    return cursor
