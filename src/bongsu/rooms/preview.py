"""A look into a room as it is: its state and its latest messages. Spec: "Room Previews"."""

from typing import NamedTuple, Protocol

import msgspec

from bongsu.rooms.access import RoomAccess
from bongsu.rooms.event_filter import ANY_EVENT
from bongsu.rooms.history import History
from bongsu.rooms.presenting import Presenter
from bongsu.rooms.room_state import Pieces, RoomStates
from bongsu.sync.token import room_token
from bongsu.users.requester import Requester

MESSAGES = 20


class RoomAccountData(Protocol):
    async def list_room_account_data(self, user_id: str, room_id: str) -> dict[str, bytes]: ...


class PublicRooms(Protocol):
    async def is_public(self, room_id: str) -> bool: ...


class Chunk(msgspec.Struct, omit_defaults=True):
    chunk: list[msgspec.Raw]
    end: str
    start: str | None = None


class AccountDataEvent(msgspec.Struct):
    type: str
    content: msgspec.Raw


class RoomPreview(msgspec.Struct, omit_defaults=True):
    """The answer of a room's /initialSync, but for the state, which is streamed."""

    room_id: str
    messages: Chunk
    visibility: str
    account_data: list[AccountDataEvent]
    membership: str | None = None


class PreviewAndState(NamedTuple):
    preview: RoomPreview
    state: Pieces


class Previews:
    def __init__(
        self,
        access: RoomAccess,
        history: History,
        states: RoomStates,
        presenter: Presenter,
        public_rooms: PublicRooms,
        account_data: RoomAccountData,
    ) -> None:
        self._access = access
        self._history = history
        self._states = states
        self._presenter = presenter
        self._public_rooms = public_rooms
        self._account_data = account_data

    async def preview(self, requester: Requester, room_id: str) -> PreviewAndState:
        view, through = await self._access.state_view(requester, room_id)
        newest = view.through or 0
        page = await self._history.page(
            view, newest, 0, MESSAGES, backwards=True, selection=ANY_EVENT
        )
        own = await self._account_data.list_room_account_data(requester.user_id, room_id)
        is_public = await self._public_rooms.is_public(room_id)
        preview = RoomPreview(
            room_id=room_id,
            messages=Chunk(
                await self._presenter.present(view, page.events[::-1]),
                end=room_token(newest),
                start=None if page.cursor is None else room_token(page.cursor),
            ),
            visibility="public" if is_public else "private",
            account_data=[
                AccountDataEvent(type, msgspec.Raw(content)) for type, content in own.items()
            ],
            membership=view.membership,
        )
        return PreviewAndState(preview, self._states.stream_state(view, through))
