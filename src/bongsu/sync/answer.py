"""Puts an answer together from what the streams have, as JSON bytes, whole or in pieces."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from bongsu.rooms.client_event import Device
from bongsu.sync.changes import Rooms, changed_rooms, sort_rooms
from bongsu.sync.device_lists import NOTHING, DeviceListReader, DeviceLists
from bongsu.sync.hub import Hub
from bongsu.sync.sources import (
    DeviceAnswer,
    DeviceListStore,
    DeviceSource,
    PresenceSource,
    SyncStore,
    TypingSource,
)
from bongsu.sync.streams.account_data import (
    AccountDataNews,
    PushRules,
    load_account_data,
    load_account_data_of,
)
from bongsu.sync.streams.invited import Pending, load_pending
from bongsu.sync.streams.joined import JoinedRooms, RoomNews
from bongsu.sync.streams.left import load_left
from bongsu.sync.streams.presence import load_presence
from bongsu.sync.streams.timeline import RoomWork
from bongsu.sync.streams.typing import TypingNews, typing_candidates, typing_news
from bongsu.sync.token import Pin, SyncToken, TokenCodec, mark_of
from bongsu.sync.view import View, encode, events_object

ROOMS_AT_ONCE = 50  # loaded together: bounds the memory of a first sync


NO_ROOMS = Rooms([], [], [])
NONE_PENDING = Pending([], [])
NO_ACCOUNT_DATA = AccountDataNews([], {})


class News(NamedTuple):
    """All that an answer holds, its joined and left rooms not loaded yet."""

    rooms: Rooms
    pending: Pending
    account_data: AccountDataNews
    typing: TypingNews
    presence: list[bytes]
    devices: DeviceAnswer
    device_lists: DeviceLists

    @property
    def of_rooms(self) -> RoomNews:
        return RoomNews(self.account_data.by_room, self.typing.events)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing beside rooms."""
        return not (
            self.pending.invited
            or self.pending.knocked
            or self.account_data.everywhere
            or self.presence
            or self.devices.has_news
            or self.device_lists is not NOTHING
        )


class Answers:
    """Builds answers for views. `push_rules` shows what is stored as `m.push_rules`."""

    def __init__(
        self,
        hub: Hub,
        store: SyncStore,
        tokens: TokenCodec,
        typing: TypingSource,
        presence: PresenceSource,
        push_rules: PushRules,
        devices: DeviceSource,
        device_lists: DeviceListStore,
    ) -> None:
        self._hub = hub
        self._store = store
        self._tokens = tokens
        self._typing = typing
        self._presence = presence
        self._push_rules = push_rules
        self._devices = devices
        self._joined = JoinedRooms(hub, store)
        self.device_lists = DeviceListReader(device_lists, hub.device_lists, hub.feed)
        self._mark = mark_of(typing.source)
        self._last_token: tuple[tuple[Pin, int, frozenset[bytes]], bytes] | None = None

    def at_once(self, view: View) -> bytes | None:
        """The whole answer made of what is in memory, empty if there is nothing new for the
        reader; None if it takes more."""
        since = view.since
        assert since is not None, "a first sync is never at once"
        devices = self._devices.at_once(view.device, since.vector, since.to_device, view.pin.vector)
        joined = self._messages(view) if devices is not None else None
        if devices is None or joined is None:
            return None
        if not joined and not devices.has_news:
            return b""
        token = self._token_of(view.pin, devices.to_device, since.typing_rooms)
        rooms = b'"join":{%b}' % b",".join(joined) if joined else b""
        return b'{"rooms":{%b},%b}' % (rooms, b",".join((token, *devices.counts)))

    def nothing(self, device: Device, since: str) -> bytes:
        """The answer when nothing happened: go on from where you are."""
        parts = (b'"next_batch":' + encode(since), *self._devices.standing(device))
        return b"{%b}" % b",".join(parts)

    async def increment(self, view: View) -> bytes | None:
        """The whole answer; None if there is nothing new for the reader."""
        devices = await self._device_answer(view)
        if devices.is_full and view.since is not None:
            return self._messages_only(view.since, devices)
        left: list[bytes] = []
        joined = self._messages(view)
        if joined is not None and view.since is not None:
            news = _nothing_else(view.since, devices)
        else:
            news = await self._news(view, devices)
            joined = list[bytes]()
            for works in _pieces(news.rooms.joined):
                joined += await self._joined.load(view, works, news.of_rooms)
            for works in _pieces(news.rooms.left):
                left += await load_left(self._hub, self._store, view, works)
        if news.is_empty and not joined and not left and not view.full_state:
            return None
        return b'{"rooms":{%b},%b}' % (
            _sections(joined, news.pending, left), self._rest(view, news),
        )  # fmt: skip

    async def stream(self, view: View) -> AsyncIterator[bytes]:
        """The same in pieces of `ROOMS_AT_ONCE` rooms, even if there is nothing new."""
        news = await self._news(view, await self._device_answer(view))
        yield b'{"rooms":{"join":{'
        separator = b""
        for works in _pieces(news.rooms.joined):
            if rooms := await self._joined.load(view, works, news.of_rooms):
                yield separator + b",".join(rooms)
                separator = b","
        yield b'},"leave":{'
        separator = b""
        for works in _pieces(news.rooms.left):
            if rooms := await load_left(self._hub, self._store, view, works):
                yield separator + b",".join(rooms)
                separator = b","
        sections = _sections((), news.pending, ())
        yield b"}%b%b},%b}" % (b"," if sections else b"", sections, self._rest(view, news))

    def _messages(self, view: View) -> list[bytes] | None:
        """The rendered rooms if there is surely nothing else to show, as for nearly every poll that
        waited; None if everything has to be looked at."""
        since, user = view.since, view.user
        if since is None or view.full_state or not 0 < user.loaded_moment <= since.moment:
            return None
        if (
            user.presence_moment > since.moment
            or user.account_data_position > since.vector[user.partition]
            or since.source != self._mark
            or not self._hub.device_lists.is_quiet_since(since.moment)
        ):
            return None
        rooms = user.rooms_since(since.moment)
        if self._typing.cursor > since.typing and any(
            self._typing.version(room_id) > since.typing for room_id in rooms
        ):
            return None
        return self._joined.messages(view, rooms)

    async def _device_answer(self, view: View) -> DeviceAnswer:
        since = view.since
        vector, to_device = (since.vector, since.to_device) if since else (None, 0)
        return await self._devices.answer(view.device, vector, to_device, view.pin.vector)

    def _messages_only(self, since: SyncToken, devices: DeviceAnswer) -> bytes:
        """So many messages wait that they come first: among them may be the keys to events."""
        token = self._tokens.encode(
            SyncToken(
                since.incarnation,
                since.vector,
                to_device=devices.to_device,
                source=since.source,
                typing=since.typing,
                presence=since.presence,
                typing_rooms=since.typing_rooms,
                moment=since.moment,
            )
        )
        return b"{%b}" % b",".join((b'"next_batch":' + encode(token), *devices.parts))

    async def _device_lists(self, view: View, room_ids: Sequence[str]) -> DeviceLists:
        since = view.since
        if since is None:
            return NOTHING
        return await self.device_lists.read(
            view.user, since.vector, view.pin.vector, room_ids, since.moment
        )

    async def _news(self, view: View, devices: DeviceAnswer) -> News:
        account_data = await load_account_data(self._store, view, self._push_rules)
        room_ids = [*await changed_rooms(self._store, view), *account_data.by_room]
        room_ids += typing_candidates(self._typing, self._mark, view)
        rooms = sort_rooms(view, room_ids)
        new = {work.room_id for work in rooms.joined if work.is_new}
        works = [work.room_id for work in rooms.joined]
        since = view.since
        if since is not None and new and view.user.account_data_position:
            account_data.by_room.update(await load_account_data_of(self._store, view, new))
        return News(
            rooms,
            await load_pending(self._store, view, rooms.pending),
            account_data,
            typing_news(self._typing, self._mark, view, works, new),
            await load_presence(self._presence, self._store, view),
            devices,
            await self._device_lists(view, room_ids),
        )

    def _rest(self, view: View, news: News) -> bytes:
        """The members of the answer beside `rooms`."""
        parts = [self._token_of(view.pin, news.devices.to_device, news.typing.marks)]
        if news.account_data.everywhere:
            parts.append(b'"account_data":' + events_object(news.account_data.everywhere))
        if news.presence:
            parts.append(b'"presence":' + events_object(news.presence))
        parts += news.devices.parts
        lists = news.device_lists
        if lists is not NOTHING:
            members = {"changed": sorted(lists.changed), "left": sorted(lists.left)}
            parts.append(b'"device_lists":' + encode(members))
        return b",".join(parts)

    def _token_of(self, pin: Pin, to_device: int, typing_rooms: frozenset[bytes]) -> bytes:
        """The member `next_batch`. All who are answered as of one pin mostly share it."""
        key = (pin, to_device, typing_rooms)
        last = self._last_token
        if last is None or last[0] != key:
            token = SyncToken(
                self._tokens.incarnation, pin.vector, to_device=to_device, source=self._mark,
                typing=pin.typing, presence=pin.presence, typing_rooms=typing_rooms,
                moment=pin.moment,
            )  # fmt: skip
            member = b'"next_batch":' + encode(self._tokens.encode(token))
            self._last_token = last = (key, member)
        return last[1]


def _nothing_else(since: SyncToken, devices: DeviceAnswer) -> News:
    """The news of a reader who has none but messages in rooms, and what is for this device."""
    typing = TypingNews({}, since.typing_rooms)
    return News(NO_ROOMS, NONE_PENDING, NO_ACCOUNT_DATA, typing, [], devices, NOTHING)


def _sections(joined: Sequence[bytes], pending: Pending, left: Sequence[bytes]) -> bytes:
    """The members of `rooms` that are not empty."""
    sections = (
        (b"join", joined), (b"invite", pending.invited), (b"knock", pending.knocked),
        (b"leave", left),
    )  # fmt: skip
    return b",".join(b'"%b":{%b}' % (name, b",".join(rooms)) for name, rooms in sections if rooms)


def _pieces(works: Sequence[RoomWork]) -> list[Sequence[RoomWork]]:
    return [works[at : at + ROOMS_AT_ONCE] for at in range(0, len(works), ROOMS_AT_ONCE)]
