"""How far somebody has read: receipts, which others may see, and the fully read marker.

Spec: "Receipts", "Read and unread markers". A receipt is an entry of the room, moved forward by its
sequencer; the fully read marker is account data of the user.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from bongsu.errors import Forbidden, InvalidParam, NotFound
from bongsu.ids import EventId, RoomId, UserId, is_event_id
from bongsu.log.gateway import Log
from bongsu.log.proposal import fresh_request_id
from bongsu.rooms.planner import MAIN_TIMELINE
from bongsu.rooms.proposals import MarkRead
from bongsu.rooms.reading import Member
from bongsu.users.account_data import AccountDataService, Content

FULLY_READ = "m.fully_read"
RECEIPT_TYPES = frozenset({"m.read", "m.read.private"})


class MemberReader(Protocol):
    async def member(self, room_id: str, user_id: str) -> Member | None: ...


class EventPositions(Protocol):
    async def positions(self, room_id: str, event_ids: Sequence[str]) -> Mapping[str, int]:
        """Position of each event that is in the room, as the primary knows it."""
        ...


class ReadMarkers:
    def __init__(
        self,
        log: Log,
        members: MemberReader,
        events: EventPositions,
        account_data: AccountDataService,
        now_ms: Callable[[], int],
    ) -> None:
        self._log = log
        self._members = members
        self._events = events
        self._account_data = account_data
        self._now_ms = now_ms

    async def mark(
        self,
        user_id: UserId,
        room_id: RoomId,
        marker_type: str,
        event_id: EventId,
        thread_id: str | None = None,
    ) -> None:
        """Move a receipt or the fully read marker to an event, never back.

        Raises `InvalidParam` for what is no marker or a thread that does not fit, `Forbidden` for
        who is not joined, `NotFound` for an event that is not in the room.
        """
        if marker_type == FULLY_READ:
            if thread_id is not None:
                raise InvalidParam("m.fully_read has no thread_id")
            await self._mark_fully_read(user_id, room_id, event_id)
        elif marker_type in RECEIPT_TYPES:
            await self._mark_read(user_id, room_id, marker_type, event_id, thread_id)
        else:
            raise InvalidParam("Not a type of receipt")

    async def _mark_read(
        self,
        user_id: UserId,
        room_id: RoomId,
        receipt_type: str,
        event_id: EventId,
        thread_id: str | None,
    ) -> None:
        if thread_id not in (None, MAIN_TIMELINE) and not is_event_id(str(thread_id)):
            raise InvalidParam("thread_id is neither main nor an event ID")
        await self._log.propose(
            MarkRead(
                key=room_id,
                request_id=fresh_request_id(),
                user_id=user_id,
                receipt_type=receipt_type,
                event_id=event_id,
                thread_id=thread_id,
                ts=self._now_ms(),
            )
        )

    async def _mark_fully_read(self, user_id: UserId, room_id: RoomId, event_id: EventId) -> None:
        member = await self._members.member(room_id, user_id)
        if member is None or member.membership != "join":
            raise Forbidden("You are not in the room")

        async def forward(content: Content) -> Content | None:
            current: Any = content.get("event_id")
            named = [each for each in (event_id, current) if isinstance(each, str)]
            positions = await self._events.positions(room_id, named)
            if event_id not in positions:
                raise NotFound("Unknown event")
            if positions.get(str(current), 0) >= positions[event_id]:
                return None
            return {"event_id": event_id}

        await self._account_data.update(user_id, room_id, FULLY_READ, forward)
