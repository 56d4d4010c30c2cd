"""Reports of content, rooms and people to the operators. Spec: "Reporting Content"."""

import secrets
from collections.abc import Callable
from typing import Protocol

import msgspec

from bongsu.errors import NotFound
from bongsu.ids import EventId, RoomId, UserId
from bongsu.rooms.read_markers import EventPositions
from bongsu.rooms.reading import Member, RoomInfo
from bongsu.users.accounts import Account
from bongsu.users.text import bounded

REASON_BYTES_MAX = 8 * 1024
REPORT_ID_BYTES = 12


class Report(msgspec.Struct, frozen=True):
    """One report; `room_id`, `event_id` and `target` (a user) name what it is about."""

    reporter: UserId
    report_id: str
    reported_at: int  # ms since the epoch
    room_id: RoomId | None
    event_id: EventId | None
    target: UserId | None
    reason: str


class ReportStore(Protocol):
    async def add(self, report: Report) -> None: ...


class Rooms(Protocol):
    async def room(self, room_id: str) -> RoomInfo | None: ...

    async def member(self, room_id: str, user_id: str) -> Member | None: ...


class Accounts(Protocol):
    async def get(self, user_id: UserId) -> Account | None: ...


class Reports:
    """Takes reports in. `NotFound` for what is not there, or not for the reporter to see."""

    def __init__(
        self,
        store: ReportStore,
        rooms: Rooms,
        events: EventPositions,
        accounts: Accounts,
        now_ms: Callable[[], int],
    ) -> None:
        self._store = store
        self._rooms = rooms
        self._events = events
        self._accounts = accounts
        self._now_ms = now_ms

    async def report_room(self, reporter: UserId, room_id: RoomId, reason: str) -> None:
        """Anybody may report any room."""
        if await self._rooms.room(room_id) is None:
            raise NotFound("The room was not found")
        await self._add(reporter, reason, room_id=room_id)

    async def report_event(
        self, reporter: UserId, room_id: RoomId, event_id: EventId, reason: str
    ) -> None:
        """For who is joined to the room of the event."""
        member = await self._rooms.member(room_id, reporter)
        is_joined = member is not None and member.membership == "join"
        if not is_joined or not await self._events.positions(room_id, [event_id]):
            raise NotFound("The event was not found or you are not joined to the room")
        await self._add(reporter, reason, room_id=room_id, event_id=event_id)

    async def report_user(self, reporter: UserId, target: UserId, reason: str) -> None:
        if await self._accounts.get(target) is None:
            raise NotFound("The user was not found")
        await self._add(reporter, reason, target=target)

    async def _add(
        self,
        reporter: UserId,
        reason: str,
        *,
        room_id: RoomId | None = None,
        event_id: EventId | None = None,
        target: UserId | None = None,
    ) -> None:
        bounded("reason", reason, REASON_BYTES_MAX)
        report_id = secrets.token_urlsafe(REPORT_ID_BYTES)
        report = Report(reporter, report_id, self._now_ms(), room_id, event_id, target, reason)
        await self._store.add(report)
