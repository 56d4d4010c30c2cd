"""Polls that wait without a task: nearly all that a server of many people does all day.

A poll whose client, filter and token are known here is an object of a few words. What wakes it
puts it in a queue; after the batch of the log that did so, all in the queue are answered in a row
of plain calls, most from bytes that they share. One that needs more than memory holds (the
database, messages to its device) is declined: it then goes the general way (`sync.v2`), which
gives the same answers.

    park ─▶ waits ─▶ woken ─▶ answered, or declined
              ▲        │
              └────────┘ what happened is not for this reader
"""

import asyncio
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Protocol

import structlog

from bongsu.rooms.client_event import Device
from bongsu.sync.answer import Answers
from bongsu.sync.hot_user import HotUser
from bongsu.sync.hub import Hub
from bongsu.sync.request import WAIT_SECONDS_MAX, SyncRequest
from bongsu.sync.token import Pin, SyncToken, TokenCodec
from bongsu.sync.view import View
from bongsu.sync.waiters import Waiters

log = structlog.get_logger()

ANSWERED_AT_ONCE_MAX = 100  # then others have a turn of the loop

MakeView = Callable[[SyncRequest, SyncToken, HotUser, Pin], View]


class Reply(Protocol):
    """How a poll ends: by one call of one of these."""

    def answer(self, body: bytes) -> None: ...

    def decline(self) -> None: ...


class Poll:
    """One that waits. `since` moves on past what is not for its reader, `text` stays."""

    __slots__ = ("_polls", "deadline", "is_over", "is_woken", "reply", "request", "since", "text",
                 "tick", "user")  # fmt: skip

    def __init__(
        self, polls: "Polls", request: SyncRequest, text: str, since: SyncToken, user: HotUser,
        deadline: float, reply: Reply,
    ) -> None:  # fmt: skip
        self._polls = polls
        self.request = request
        self.text = text
        self.since = since
        self.user = user
        self.deadline = deadline
        self.reply = reply
        self.tick = 0
        self.is_woken = False
        self.is_over = False

    def wake(self) -> None:
        if not self.is_woken:
            self.is_woken = True
            self._polls.woken(self)

    def cancel(self) -> None:
        """Nobody waits for the answer any more."""
        self._polls.end(self)


class Polls:
    """Those of one process. Bounded by its connections: each has one at most."""

    def __init__(
        self,
        hub: Hub,
        tokens: TokenCodec,
        answers: Answers,
        waiters: Waiters,
        make_view: MakeView,
        touch: Callable[[Device, str], None],
    ) -> None:
        self._hub = hub
        self._tokens = tokens
        self._answers = answers
        self._waiters = waiters
        self._make_view = make_view
        self._touch = touch
        self._woken: deque[Poll] = deque()
        self._is_scheduled = False

    def park(self, request: SyncRequest, text: str, reply: Reply) -> Poll | None:
        """Let a poll with the token `text` (`request.since` is another's) wait for news, if all
        that it needs is known here. `reply` is called later, never at once."""
        since = self._tokens.known(text)
        user = self._hub.hot_user(request.device.user_id)
        if since is None or not since.moment or user is None:
            return None
        self._touch(request.device, request.set_presence)
        timeout = min(request.timeout_seconds, WAIT_SECONDS_MAX)
        deadline = monotonic() + timeout
        poll = Poll(self, request, text, since, user, deadline, reply)
        poll.tick = self._waiters.add(poll, user, deadline)
        if user.moment > since.moment or self._waiters.is_closing or not timeout:
            poll.wake()
        return poll

    def end(self, poll: Poll) -> None:
        """It is answered, declined or not waited for any more."""
        if not poll.is_over:
            poll.is_over = True
            self._waiters.remove(poll, poll.user, poll.tick)

    def woken(self, poll: Poll) -> None:
        self._woken.append(poll)
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._look)

    def _look(self) -> None:
        """Answer who was woken, as of one moment."""
        pin, now = self._hub.pin(), monotonic()
        for _ in range(min(len(self._woken), ANSWERED_AT_ONCE_MAX)):
            poll = self._woken.popleft()
            poll.is_woken = False
            if poll.is_over:
                continue
            try:
                self._look_at(poll, pin, now)
            except Exception:
                log.exception("a poll could not be answered at once")
                self._decline(poll)
        self._is_scheduled = bool(self._woken)
        if self._is_scheduled:
            asyncio.get_running_loop().call_soon(self._look)

    def _look_at(self, poll: Poll, pin: Pin, now: float) -> None:
        answer = self._answer_of(poll, pin, now)
        if answer is None:
            self._decline(poll)
        elif answer:
            self.end(poll)
            poll.reply.answer(answer)

    def _answer_of(self, poll: Poll, pin: Pin, now: float) -> bytes | None:
        """Its answer as of `pin`, empty while it waits on; None if it takes more than memory."""
        user, since = poll.user, poll.since
        if user.is_stale:
            return None
        if user.moment > since.moment:
            answer = self._answers.at_once(self._make_view(poll.request, since, user, pin))
            if answer != b"":
                return answer
            poll.since = since.moved_on(pin.vector, pin.moment)
        if self._waiters.is_closing or now >= poll.deadline:
            return self._answers.nothing(poll.request.device, poll.text)
        return b""

    def _decline(self, poll: Poll) -> None:
        if not poll.is_over:
            self.end(poll)
            poll.reply.decline()
