"""`POST …/sync` of MSC4186: the answer to one request, now or when there is something to answer.

The same rules as for `/sync` hold: an answer speaks of one pinned vector, a client that is ahead of
this node waits for it. A position of another incarnation of the log, or one whose state is gone, is
answered M_UNKNOWN_POS, and the client begins anew.
"""

import asyncio
from typing import NamedTuple

from bongsu.errors import InvalidParam
from bongsu.rooms.client_event import Device
from bongsu.sync.filter import ALL
from bongsu.sync.hot_user import HotUser
from bongsu.sync.hub import Pin
from bongsu.sync.request import WAIT_SECONDS_MAX
from bongsu.sync.sent_members import SentMembers
from bongsu.sync.sliding.admission import Admission
from bongsu.sync.sliding.answer import Answer, Answers, Asked
from bongsu.sync.sliding.connection import (
    EMPTY,
    EMPTY_MARK,
    ConnectionId,
    Position,
    decode_position,
    encode_position,
    owner_mark,
)
from bongsu.sync.sliding.connections import Connections, ConnectionStore, UnknownPosition
from bongsu.sync.sliding.extensions import ExtensionReader
from bongsu.sync.sliding.request import SlidingBody, check
from bongsu.sync.sliding.sources import SlidingStore
from bongsu.sync.sources import PresenceSource
from bongsu.sync.token import SyncToken
from bongsu.sync.v2 import SyncService
from bongsu.sync.view import View, encode


class SlidingRequest(NamedTuple):
    """A request, parsed. `pos` None: the first of its connection."""

    device: Device
    body: SlidingBody
    pos: str | None
    timeout_seconds: float
    set_presence: str = "online"

    @property
    def connection(self) -> ConnectionId:
        return ConnectionId(*self.device, self.body.conn_id or "")


class SlidingSync:
    """Answers sliding syncs. Made once a process, beside the `SyncService` that it reads with."""

    def __init__(
        self,
        sync: SyncService,
        store: SlidingStore,
        connections: ConnectionStore,
        presence: PresenceSource,
        admission: Admission | None = None,
    ) -> None:
        self._sync = sync
        self._presence = presence
        self._connections = Connections(connections)
        self._admission = admission or Admission()
        self._sent = SentMembers()
        sources = sync.sources
        extensions = ExtensionReader(
            sync.hub, sources.store, sources.typing, sources.push_rules, sources.devices,
            sync.device_list_reader, store,
        )  # fmt: skip
        self._answers = Answers(sync.hub, sources.store, store, extensions, sync.tokens.incarnation)

    async def stop(self) -> None:
        await self._connections.stop()

    async def sync(self, request: SlidingRequest) -> bytes:
        """The JSON of the answer, at once or after waiting.

        `InvalidParam` for what is beyond a limit, `UnknownPosition` for a position that is none of
        this connection's, `LimitExceeded` if too many begin anew at once, `Unavailable` if this
        node cannot read the log.
        """
        check(request.body)
        self._presence.touch(request.device, request.set_presence)
        if not request.pos:
            return await self._first(request)
        position = self._open(request)
        since = self._sync.tokens.decode(position.token)
        timeout = min(request.timeout_seconds, WAIT_SECONDS_MAX)
        deadline = asyncio.get_running_loop().time() + timeout
        if not await self._sync.catch_up(since, timeout):
            return _answer(request.pos, b'"lists":{},"rooms":{},"extensions":{}')
        return await self._next(request, position, since, deadline)

    async def _first(self, request: SlidingRequest) -> bytes:
        if request.body.lists or request.body.room_subscriptions:
            await self._admission.turn()
        user, pin = await self._sync.present(request.device)
        view = self._view(request, None, user, pin)
        answer = await self._answers.make(view, Asked(request.body, request.connection, EMPTY))
        return await self._render(request, EMPTY_MARK, answer)

    async def _next(
        self, request: SlidingRequest, position: Position, since: SyncToken, deadline: float
    ) -> bytes:
        """What is new since a position, or the position again when nothing is until then."""
        user = await self._sync.hub.user(request.device.user_id)
        state = await self._connections.load(
            request.connection, position.state, lambda: user.histories
        )
        while True:
            user, pin = await self._sync.present(request.device)
            view = self._view(request, since, user, pin)
            answer = await self._answers.make(view, Asked(request.body, request.connection, state))
            if answer.has_news:
                return await self._render(request, position.state, answer)
            assert answer.token is not None, "an answer without news holds messages"
            since, state = answer.token, answer.state  # what was looked through is seen but once
            waiters = self._sync.waiters
            if waiters.is_closing or asyncio.get_running_loop().time() >= deadline:
                assert request.pos is not None
                return _answer(request.pos, answer.members)
            if user.moment <= since.moment and not user.is_stale:
                await waiters.wait(user, deadline)

    def _open(self, request: SlidingRequest) -> Position:
        position = decode_position(request.pos or "")
        if position is None or position.owner != owner_mark(request.connection):
            raise UnknownPosition
        try:
            token = self._sync.tokens.decode(position.token)
        except InvalidParam:
            raise UnknownPosition from None
        if self._sync.tokens.is_foreign(token):
            raise UnknownPosition
        return position

    async def _render(self, request: SlidingRequest, base: bytes, answer: Answer) -> bytes:
        connection = request.connection
        if answer.token is None:
            assert request.pos is not None
            return _answer(request.pos, answer.members)
        mark = self._connections.keep(connection, base, answer.state)
        await self._connections.stored(connection, mark)
        token = self._sync.tokens.encode(answer.token)
        pos = encode_position(Position(token, owner_mark(connection), mark))
        return _answer(pos, answer.members)

    def _view(
        self, request: SlidingRequest, since: SyncToken | None, user: HotUser, pin: Pin
    ) -> View:
        return View(
            user=user,
            device=request.device,
            filter=ALL,
            since=since,
            pin=pin,
            full_state=False,
            state_key="state_after",
            sent=self._sent,
        )


def _answer(pos: str, members: bytes) -> bytes:
    return b'{"pos":%b,%b}' % (encode(pos), members)
