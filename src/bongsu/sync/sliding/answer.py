"""Puts an answer together: chooses the rooms, has them rendered, and says what is sent then."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from bongsu.log.entry import Receipt
from bongsu.sync.changes import changed_rooms
from bongsu.sync.device_lists import NOTHING
from bongsu.sync.hub import Hub
from bongsu.sync.sliding.connection import ConnectionId, ConnectionState
from bongsu.sync.sliding.extensions import ExtensionReader
from bongsu.sync.sliding.facts import FactsReader, Labels, RoomFacts
from bongsu.sync.sliding.filters import choose, needs_facts
from bongsu.sync.sliding.plan import (
    Task,
    Wanted,
    find_parting,
    follow,
    may_subscribe,
    sort_tasks,
    want,
)
from bongsu.sync.sliding.request import Extensions, SlidingBody, is_on
from bongsu.sync.sliding.room_list import RoomLists
from bongsu.sync.sliding.room_result import Shown
from bongsu.sync.sliding.rooms import RoomRenderer
from bongsu.sync.sliding.sources import SlidingStore
from bongsu.sync.sliding.threads import ThreadNews
from bongsu.sync.sources import DeviceAnswer, SyncStore
from bongsu.sync.streams.account_data import AccountDataNews
from bongsu.sync.streams.typing import TypingNews
from bongsu.sync.token import SyncToken
from bongsu.sync.view import View, encode


class Asked(NamedTuple):
    """A request as an answer is made for it: what was sent before, and what is wanted."""

    body: SlidingBody
    connection: ConnectionId
    state: ConnectionState

    @property
    def extensions(self) -> Extensions:
        return self.body.extensions or Extensions()


class Answer(NamedTuple):
    """Members of the answer beside `pos`. `token` None: the position stays as it was."""

    members: bytes
    has_news: bool
    state: ConnectionState
    token: SyncToken | None


class Answers:
    def __init__(
        self,
        hub: Hub,
        store: SyncStore,
        sliding: SlidingStore,
        extensions: ExtensionReader,
        incarnation: bytes,
    ) -> None:
        self._hub = hub
        self._store = store
        self._sliding = sliding
        self._extensions = extensions
        self._incarnation = incarnation
        self._lists = RoomLists(hub, store)
        self._facts = FactsReader(hub, store, sliding)
        self._rooms = RoomRenderer(hub, store, sliding, self._facts)

    async def make(self, view: View, asked: Asked) -> Answer:
        """The answer as of the view's pin."""
        devices = await self._extensions.load_devices(view, asked.extensions, self._incarnation)
        if devices.is_full and view.since is not None:
            return self._messages_only(asked, devices)
        news = await self._extensions.load_account_data(view, asked.extensions, asked.state)
        threads = await self._extensions.load_threads(view, asked.extensions, asked.state)
        changed = await self._changed(view, news)
        labels = await self._facts.labels(view.user)
        wanted = await self._want(view, asked, labels, changed)
        since = None if view.since is None else view.since.vector
        tasks = sort_tasks(view.user, since, view.pin.vector, wanted.rooms, asked.state, changed)
        receipts = await self._extensions.load_receipts(view, tasks)
        counted = {room for room, found in receipts.items() if _has_own(found, view.user.user_id)}
        shown = await self._rooms.load(view, asked.connection.device, tasks, labels, counted)
        typing = self._extensions.load_typing(view, wanted.rooms, tasks, changed)
        state = follow(
            asked.state, view.user, since, wanted.rooms, changed,
            {room_id: each.sent for room_id, each in shown.items()},
            is_on(asked.extensions.account_data)
            or (asked.state.account_data and not news.everywhere),
            self._extensions.keeps_threads(view, asked.extensions, asked.state),
        )  # fmt: skip
        parts = await self._render_extensions(
            view, asked, wanted, tasks, changed, devices, news, threads, receipts, shown, typing
        )
        rooms = [
            encode(room_id) + b":" + each.body
            for room_id, each in shown.items()
            if each.body is not None
        ]
        return Answer(
            _members(asked, wanted.counts, rooms, parts.members),
            bool(rooms) or parts.has_news,
            state,
            self._token(view, typing),
        )

    async def _changed(self, view: View, news: AccountDataNews) -> set[str]:
        """Rooms with news since the token, wanted or not."""
        if view.since is None:
            return set()
        known = view.user.histories  # one may have account data of a room that one was never in
        found = [r for r in await changed_rooms(self._store, view) if r in known]
        news_rooms = {room for room in news.by_room if room in known}
        return news_rooms | {room for room in found if self._has_news(view, room)}

    def _has_news(self, view: View, room_id: str) -> bool:
        """False if nothing happened there but that somebody typed."""
        feed, history = self._hub.feed(room_id), view.user.histories[room_id]
        assert view.since is not None
        after, through = view.since.vector[history.partition], view.pin.vector[history.partition]
        if feed is None or not history.is_joined_throughout(after, through):
            return True
        return feed.between(after, through) != [] or feed.receipts_between(after, through) != []

    async def _want(
        self, view: View, asked: Asked, labels: Labels, changed: Collection[str]
    ) -> Wanted:
        user, lists = view.user, asked.body.lists or {}
        order: Sequence[str] = ()
        if lists:
            order = await self._lists.load(user)
            if view.since is not None:
                parting = find_parting(user, view.since.vector, asked.state, changed)
                listed = set(order) if parting else ()
                order = [*(room for room in parting if room not in listed), *order]
        facts: Mapping[str, RoomFacts] = {}
        if any(needs_facts(each.filters) for each in lists.values()):
            facts = await self._facts.load(user, [user.histories[room] for room in order])
        chosen: dict[str, Sequence[str]] = {}
        for key, parameters in lists.items():
            filters = parameters.filters
            invited: set[str] = set()
            if filters is not None and filters.is_invite is not None:
                invited = {r for r in order if user.histories[r].latest == "invite"}
            children = await self._children(view, (filters and filters.spaces) or ())
            chosen[key] = choose(filters, order, invited, labels, facts, children)
        known = {r for r in asked.body.room_subscriptions or () if may_subscribe(user, r)}
        return want(asked.body, user.user_id, chosen, known)

    async def _children(self, view: View, spaces: Sequence[str]) -> set[str]:
        """Rooms of those spaces that the reader is joined to."""
        vector, histories = view.pin.vector, view.user.histories
        joined = [
            (space, vector[histories[space].partition])
            for space in dict.fromkeys(spaces)
            if space in histories and histories[space].latest == "join"
        ]
        return await self._sliding.load_children(joined) if joined else set()

    async def _render_extensions(
        self,
        view: View,
        asked: Asked,
        wanted: Wanted,
        tasks: Sequence[Task],
        changed: Collection[str],
        devices: DeviceAnswer,
        news: AccountDataNews,
        threads: ThreadNews,
        receipts: Mapping[str, Sequence[Receipt]],
        shown: Mapping[str, Shown],
        typing: TypingNews,
    ) -> "_Extended":
        reader, extensions = self._extensions, asked.extensions
        lists = await reader.load_device_lists(view, extensions, changed)
        parts = reader.render_devices(extensions, devices, lists, self._incarnation)
        has_news = devices.has_news or lists is not NOTHING
        if is_on(extensions.account_data):
            rooms = await reader.room_account_data(view, wanted.rooms, tasks, news)
            by_room = [
                encode(room_id) + b":[" + b",".join(events) + b"]"
                for room_id, events in rooms.items()
            ]
            parts.append(
                b'"account_data":{"global":[%b],"rooms":{%b}}'
                % (b",".join(news.everywhere), b",".join(by_room))
            )
            has_news = has_news or bool(news.everywhere) or bool(rooms)
        if is_on(extensions.receipts):
            rendered = reader.render_receipts(view, tasks, receipts, shown)
            parts.append(b'"receipts":{"rooms":{%b}}' % b",".join(rendered))
            has_news = has_news or bool(rendered)
        if is_on(extensions.typing):
            events = [encode(room) + b":" + event for room, event in typing.events.items()]
            parts.append(b'"typing":{"rooms":{%b}}' % b",".join(events))
            has_news = has_news or bool(events)
        if threads.changes:
            parts.append(reader.render_threads(threads, self._incarnation))
            has_news = True
        return _Extended(parts, has_news)

    def _messages_only(self, asked: Asked, devices: DeviceAnswer) -> Answer:
        """So many messages wait that they come first: among them may be the keys to events."""
        parts = self._extensions.render_devices(
            asked.extensions, devices, NOTHING, self._incarnation
        )
        return Answer(_members(asked, {}, (), parts), True, asked.state, None)

    def _token(self, view: View, typing: TypingNews) -> SyncToken:
        return SyncToken(
            self._incarnation,
            view.pin.vector,
            source=self._extensions.source_mark,
            typing=view.pin.typing,
            presence=view.pin.presence,
            typing_rooms=typing.marks,
            moment=view.pin.moment,
        )


class _Extended(NamedTuple):
    members: Sequence[bytes]
    has_news: bool


def _members(
    asked: Asked, counts: Mapping[str, int], rooms: Sequence[bytes], extensions: Sequence[bytes]
) -> bytes:
    lists = b",".join(encode(key) + b':{"count":%d}' % count for key, count in counts.items())
    txn_id = asked.body.txn_id
    return b"%b%b" % (
        b"" if txn_id is None else b'"txn_id":' + encode(txn_id) + b",",
        b'"lists":{%b},"rooms":{%b},"extensions":{%b}'
        % (lists, b",".join(rooms), b",".join(extensions)),
    )


def _has_own(receipts: Sequence[Receipt], user_id: str) -> bool:
    return any(receipt.user_id == user_id for receipt in receipts)
