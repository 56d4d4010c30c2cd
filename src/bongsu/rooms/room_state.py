"""The state of rooms and their members, streamed page by page: a room may have 100,000 of them."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

import msgspec

from bongsu.errors import Forbidden, NotFound
from bongsu.log.entry import LoggedEvent
from bongsu.rooms.access import RoomAccess, RoomView
from bongsu.rooms.event import FIELD_BYTES_MAX
from bongsu.rooms.event_filter import ANY_EVENT, EventSelection
from bongsu.rooms.presenting import show
from bongsu.sync.token import TokenCodec
from bongsu.users.requester import Requester

PAGE_EVENTS = 500

# Rendered pieces of an array or object, a page at a time.
Pieces = AsyncIterator[list[bytes]]


class RoomStateReader(Protocol):
    async def list_state_page(
        self, room_id: str, through: int, after: tuple[str, str], limit: int, *, members: bool
    ) -> list[LoggedEvent]:
        """State in force at `through`, by (type, state key) from after `after` on.

        Without `members` no m.room.member is among them.
        """
        ...

    async def list_members_page(
        self, room_id: str, through: int, after: str, limit: int
    ) -> list[LoggedEvent]:
        """Member events in force at `through`, by user id from after `after` on."""
        ...

    async def state_event_at(
        self, room_id: str, type: str, state_key: str, through: int
    ) -> LoggedEvent | None: ...

    async def list_joined_rooms(self, user_id: str) -> list[str]:
        """Asked of the primary."""
        ...


class RoomStates:
    def __init__(self, access: RoomAccess, reader: RoomStateReader, tokens: TokenCodec) -> None:
        self._access = access
        self._reader = reader
        self._tokens = tokens

    async def state(self, requester: Requester, room_id: str) -> Pieces:
        """The state of a room; as it was when they left for who has left."""
        view, through = await self._access.state_view(requester, room_id)
        return self.stream_state(view, through)

    async def event(
        self, requester: Requester, room_id: str, type: str, state_key: str
    ) -> tuple[RoomView, LoggedEvent]:
        """One piece of state; `NotFound` if the room has none such."""
        if not (_is_field(type) and _is_field(state_key)):
            raise NotFound("No such state")
        for _ in range(2):
            view, through = await self._access.state_view(requester, room_id)
            event = await self._reader.state_event_at(room_id, type, state_key, through)
            if event is not None:
                return view, event
            if not await self._access.catch_up(room_id):
                break
        raise NotFound("The room has no such state")

    async def members(
        self,
        requester: Requester,
        room_id: str,
        *,
        at: str | None,
        membership: str | None,
        not_membership: str | None,
    ) -> Pieces:
        """Member events now, or as of token `at`; those of either condition if both are given."""
        position = None if at is None else self._tokens.room_position(at, room_id)
        view, through = await self._access.state_view(requester, room_id, covering=position or 0)
        if position is not None:
            through = min(through, position)
        wanted = _membership_test(membership, not_membership)

        async def pieces() -> Pieces:
            async for page in self._stream_members(room_id, through):
                yield [show(view, event) for event in page if wanted(event.facts.membership)]

        return pieces()

    async def joined_members(self, requester: Requester, room_id: str) -> Pieces:
        """`"user":{...}` of everybody joined; only for who is joined."""
        view, through = await self._access.state_view(requester, room_id)
        if view.membership != "join":
            raise Forbidden("You are not in this room")

        async def pieces() -> Pieces:
            async for page in self._stream_members(room_id, through):
                yield [_joined_member(e) for e in page if e.facts.membership == "join"]

        return pieces()

    async def joined_rooms(self, requester: Requester) -> list[str]:
        return await self._reader.list_joined_rooms(requester.user_id)

    async def stream_state(
        self,
        view: RoomView,
        through: int,
        members: Sequence[LoggedEvent] | None = None,
        selection: EventSelection = ANY_EVENT,
    ) -> Pieces:
        """State in force at `through`; `members`: these instead of everybody's member events."""
        if members is not None:
            yield [show(view, member) for member in members if selection.allows(member)]
        after = ("", "")
        while True:
            page = await self._reader.list_state_page(
                view.room_id, through, after, PAGE_EVENTS, members=members is None
            )
            yield [show(view, event) for event in page if selection.allows(event)]
            if len(page) < PAGE_EVENTS:
                return
            last = page[-1].facts
            after = (last.type, last.state_key or "")

    async def context_state(
        self,
        view: RoomView,
        at: int,
        members: Sequence[LoggedEvent] | None,
        selection: EventSelection,
    ) -> Pieces:
        """State beside a context that ends at `at`: none for who may not read the state."""
        if view.state_through is not None:
            through = min(at, view.state_through)
            async for page in self.stream_state(view, through, members, selection):
                yield page

    async def _stream_members(self, room_id: str, through: int) -> AsyncIterator[list[LoggedEvent]]:
        after = ""
        while True:
            page = await self._reader.list_members_page(room_id, through, after, PAGE_EVENTS)
            yield page
            if len(page) < PAGE_EVENTS:
                return
            after = page[-1].facts.state_key or ""


class RoomMember(msgspec.Struct, omit_defaults=True):
    display_name: str | None = None
    avatar_url: str | None = None


def _joined_member(event: LoggedEvent) -> bytes:
    name, avatar = event.content.get("displayname"), event.content.get("avatar_url")
    member = RoomMember(
        name if isinstance(name, str) else None, avatar if isinstance(avatar, str) else None
    )
    return msgspec.json.encode(event.facts.state_key) + b":" + msgspec.json.encode(member)


def _membership_test(
    membership: str | None, not_membership: str | None
) -> Callable[[str | None], bool]:
    if membership is None and not_membership is None:
        return lambda _: True
    return lambda value: (
        (membership is not None and value == membership)
        or (not_membership is not None and value != not_membership)
    )


def _is_field(text: str) -> bool:
    """Whether `text` can be the type or key of any state."""
    return "\x00" not in text and len(text.encode("utf-8", "replace")) <= FIELD_BYTES_MAX
