"""`GET /sync`: the answer to one request, now or when there is something to answer.

An answer speaks of one pinned vector. A client that is ahead of this node (another one answered it
last) waits until the node has caught up; a token of another incarnation of the log gets everything
anew. Spec: client-server API, "Syncing".
"""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

from bongsu.errors import Unavailable
from bongsu.log.position import ORIGIN, earliest
from bongsu.rooms.client_event import Device
from bongsu.sync.answer import Answers
from bongsu.sync.device_lists import DeviceListReader, DeviceLists
from bongsu.sync.hot_user import HotUser
from bongsu.sync.hub import Hub
from bongsu.sync.polls import Polls
from bongsu.sync.request import WAIT_SECONDS_MAX, SyncRequest
from bongsu.sync.sent_members import SentMembers
from bongsu.sync.sources import (
    DeviceListStore,
    DeviceSource,
    FollowerLike,
    PresenceSource,
    SyncStore,
    TypingSource,
)
from bongsu.sync.streams.account_data import PushRules
from bongsu.sync.streams.devices import NoDeviceLists, NoDeviceNews
from bongsu.sync.token import Pin, SyncToken, TokenCodec
from bongsu.sync.view import View
from bongsu.sync.waiters import Waiters

BEHIND_SECONDS_MIN = 5.0  # a node may need so long to catch up, however impatient the client
STREAMED_ROOMS_MIN = 100
STALE_ATTEMPTS_MAX = 10


class Sources(NamedTuple):
    """What answers are made of; sliding sync reads with the same."""

    store: SyncStore
    typing: TypingSource
    push_rules: PushRules
    devices: DeviceSource
    device_lists: DeviceListStore


class SyncService:
    """Answers syncs. Made once a process; `tokens` also reads tokens for other endpoints.

    `hub`, `sources` and `waiters` serve sliding sync too. `polls` takes those who come again.
    """

    def __init__(
        self,
        follower: FollowerLike,
        store: SyncStore,
        typing: TypingSource,
        presence: PresenceSource,
        push_rules: PushRules,
        devices: DeviceSource | None = None,
        device_lists: DeviceListStore | None = None,
    ) -> None:
        self.tokens = TokenCodec(follower.incarnation)
        self.waiters = Waiters()
        self.hub = Hub(follower, store, typing, presence)
        self._follower = follower
        self.sources = Sources(
            store, typing, push_rules, devices or NoDeviceNews(), device_lists or NoDeviceLists()
        )
        self._store = store
        self._presence = presence
        self._sent = SentMembers()
        self._answers = Answers(
            self.hub,
            store,
            self.tokens,
            typing,
            presence,
            push_rules,
            self.sources.devices,
            self.sources.device_lists,
        )
        self.polls = Polls(
            self.hub, self.tokens, self._answers, self.waiters, self._view, presence.touch
        )

    @property
    def device_list_reader(self) -> DeviceListReader:
        return self._answers.device_lists

    async def stop(self) -> None:
        await self.hub.stop()

    async def sync(self, request: SyncRequest) -> bytes | AsyncIterator[bytes]:
        """The JSON of the answer: at once, or after waiting; in pieces if it is large.

        `InvalidParam` if `since` is no token, `Unavailable` if this node cannot read the log.
        """
        since = self._since(request)
        self._presence.touch(request.device, request.set_presence)
        if since is None:
            return await self._first(request)
        timeout = min(request.timeout_seconds, WAIT_SECONDS_MAX)
        deadline = asyncio.get_running_loop().time() + timeout
        if not await self.catch_up(since, timeout):
            return self._empty(request)
        return await self._next(request, since, deadline)

    async def _next(self, request: SyncRequest, since: SyncToken, deadline: float) -> bytes:
        """What is new since a token, or the token again when nothing is until the deadline."""
        while True:
            user = await self.hub.user(request.device.user_id)
            if user.moment > since.moment or not since.moment or request.full_state:
                user, pin = await self.present(request.device)
                answer = await self._answers.increment(self._view(request, since, user, pin))
                if answer is not None:
                    return answer
                since = since.moved_on(
                    pin.vector, pin.moment
                )  # what is not for this reader is seen but once
            if self.waiters.is_closing or asyncio.get_running_loop().time() >= deadline:
                return self._empty(request)
            if user.moment <= since.moment and not user.is_stale:
                await self.waiters.wait(user, deadline)

    async def _first(self, request: SyncRequest) -> bytes | AsyncIterator[bytes]:
        user, pin = await self.present(request.device)
        pieces = self._answers.stream(self._view(request, None, user, pin))
        if len(user.histories) >= STREAMED_ROOMS_MIN:
            return pieces
        return b"".join([piece async for piece in pieces])

    async def present(self, device: Device) -> tuple[HotUser, Pin]:
        """The reader, and a pin that covers all that is known of them."""
        for _ in range(STALE_ATTEMPTS_MAX):
            user = await self.hub.user(device.user_id)
            pin = self.hub.pin()
            await self._store.reach(pin.vector)
            if not user.is_stale:
                return user, pin
        raise Unavailable("Behind the log")

    async def device_lists(self, device: Device, old: str, new: str) -> DeviceLists:
        """Whose devices changed between two tokens, and who left. A token of another incarnation
        stands for the beginning, or for now. `InvalidParam` if one is no token."""
        begin, end = self.tokens.decode(old), self.tokens.decode(new)
        after = ORIGIN if self.tokens.is_foreign(begin) else begin.vector
        if not self.tokens.is_foreign(end):
            await self._follower.wait_until(end.vector, BEHIND_SECONDS_MIN)
        user, pin = await self.present(device)
        through = pin.vector if self.tokens.is_foreign(end) else earliest(end.vector, pin.vector)
        return await self._answers.device_lists.read(user, after, through, user.histories)

    def _empty(self, request: SyncRequest) -> bytes:
        """Nothing happened: go on from where you are."""
        assert request.since, "an increment without a token"
        return self._answers.nothing(request.device, request.since)

    def _since(self, request: SyncRequest) -> SyncToken | None:
        if not request.since:
            return None
        token = self.tokens.decode(request.since)
        return None if self.tokens.is_foreign(token) else token

    async def catch_up(self, since: SyncToken, seconds: float) -> bool:
        """Whether this node has come as far as a token within some seconds."""
        if since.moment:  # this process gave it out
            return True
        return await self._follower.wait_until(since.vector, max(seconds, BEHIND_SECONDS_MIN))

    def _view(self, request: SyncRequest, since: SyncToken | None, user: HotUser, pin: Pin) -> View:
        return View(
            user=user,
            device=request.device,
            filter=request.filter,
            since=since,
            pin=pin,
            full_state=request.full_state,
            state_key=request.state_key,
            sent=self._sent,
        )
