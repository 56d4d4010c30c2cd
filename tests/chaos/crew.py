"""Senders who never give up and readers who miss nothing: the ledger's hands on a server.

A sender repeats a message with the same transaction id through any of the server's addresses until
it is acknowledged. A reader follows /sync from one token to the next; an answer that did not come
whole is asked for again with the same token.
"""

import asyncio
import itertools
import random
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from harness.bongsu import Bongsu
from harness.http import Answer, ConnectionLost, HttpClient
from harness.matrix import V3, MatrixError, User, call, register

from bongsu.drill.ledger import Found, Journal, Verdict, judge, mark_of, stream_faults
from bongsu.drill.stream import PAGE_EVENTS, Stream

MARK = "ledger.mark"
LIFE_SECONDS = (0.3, 2.0)  # how long a victim may live between two deaths
REQUEST_SECONDS_MAX = 15.0
RETRY_PAUSE_SECONDS = 0.1
CATCH_UP_SECONDS_MAX = 120.0
POLL_SECONDS = 5.0
_RETRYABLE = (ConnectionLost, TimeoutError)


class WrongRefusal(Exception):
    """The server refused for good what it should have taken: a 4xx other than 429."""


@dataclass
class Pace:
    """How hard the senders press: a pause between one's sends."""

    senders: int = 8
    rooms: int = 16
    readers: int = 3
    pause_seconds: float = 0.01
    body_bytes: int = 20


class Crew:
    """Senders and readers at work on one server with one or more addresses."""

    def __init__(self, urls: Sequence[str], journal: Journal, pace: Pace | None = None) -> None:
        self.journal = journal
        self.pace = pace or Pace()
        self.retries = 0
        self.rooms: list[str] = []
        self._clients = [HttpClient(url) for url in urls]
        self._senders: list[User] = []
        self._readers: list[Reader] = []
        self._stopping = False
        self._tasks: list[asyncio.Task[None]] = []

    async def board(self) -> None:
        """Make accounts and rooms, with everybody in every room. The server must be well."""
        run, first = secrets.token_hex(3), self._clients[0]
        for number in range(self.pace.senders):
            self._senders.append(await register(first, f"sender-{run}-{number}"))
        users = [
            await register(first, f"reader-{run}-{number}") for number in range(self.pace.readers)
        ]
        for number in range(self.pace.rooms):
            host = self._senders[number % len(self._senders)]
            room_id = await host.create_room(preset="public_chat")
            self.rooms.append(room_id)
            for other in (*self._senders, *users):
                if other is not host:
                    await other.join(room_id)
        self._readers = [Reader(user, self) for user in users]
        for reader in self._readers:
            await reader.begin()

    @property
    def anybody(self) -> User:
        return self._senders[0]

    def start(self) -> None:
        """Send and read until `finish`."""
        self._tasks = [asyncio.create_task(self._send(sender)) for sender in self._senders]
        self._tasks += [asyncio.create_task(reader.run()) for reader in self._readers]

    async def finish(self) -> "Verdict":
        """Stop sending, let readers catch up, judge. Raises what a sender or reader met."""
        self._stopping = True
        async with asyncio.timeout(CATCH_UP_SECONDS_MAX):
            await asyncio.gather(*self._tasks[: len(self._senders)])
            history = await self.history()
            wanted = sum(len(room) for room in history.values())
            while any(reader.stream.count < wanted for reader in self._readers) and self._reading():
                await asyncio.sleep(0.05)
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
        for reader in self._readers:
            faults = stream_faults(reader.stream.streamed, history)
            assert not faults, f"{reader.user.user_id}: {len(faults)} faults: {faults[:10]}"
        return judge(self.journal.acknowledged, history)

    async def history(self) -> dict[str, list[Found]]:
        """Every room's marked messages from /messages, oldest first."""
        user = self._senders[0]
        return {room_id: await self._messages(user, room_id) for room_id in self.rooms}

    async def probe(self, sender: int = 0, seconds_max: float = 120.0) -> dict[str, float]:
        """Seconds from now until a fresh send into each room is acknowledged."""
        begun = time.monotonic()

        async def one(room_id: str) -> float:
            mark = mark_of(f"probe-{secrets.token_hex(4)}", room_id, 0)
            await self._until_acknowledged(self._senders[sender], room_id, mark)
            return time.monotonic() - begun

        async with asyncio.timeout(seconds_max):
            seconds = await asyncio.gather(*[one(room_id) for room_id in self.rooms])
        return dict(zip(self.rooms, seconds, strict=True))

    async def try_send(self) -> int:
        """The status of one fresh send, tried once; one that brought no answer counts as 503."""
        sender, room_id = self._senders[0], self.rooms[0]
        path = f"/rooms/{quote(room_id)}/send/m.room.message/{secrets.token_hex(8)}"
        try:
            answer = await self.ask(sender, "PUT", path, b'{"msgtype":"m.text","body":"once"}')
        except _RETRYABLE:
            return 503
        return answer.status

    async def ask(self, user: User, method: str, path: str, body: bytes = b"") -> Answer:
        """One request through an address by chance; `ConnectionLost` or `TimeoutError`."""
        client = random.choice(self._clients)
        async with asyncio.timeout(REQUEST_SECONDS_MAX):
            return await client.request(method, V3 + path, body, token=user.token)

    async def persist(self, user: User, method: str, path: str, body: bytes = b"") -> Any:
        """Ask until there is an answer 200; only 429 and 5xx are worth another try."""
        while True:
            try:
                answer = await self.ask(user, method, path, body)
            except _RETRYABLE:
                answer = None
            if answer is not None and answer.status == 200:
                return orjson.loads(answer.body)
            if answer is not None and answer.status != 429 and answer.status < 500:
                raise WrongRefusal(f"{method} {path}: {MatrixError(answer.status, answer.body)}")
            self.retries += 1
            await asyncio.sleep(RETRY_PAUSE_SECONDS)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for client in self._clients:
            await client.close()
        self.journal.close()

    async def _send(self, sender: User) -> None:
        for number in itertools.count():
            if self._stopping:
                return
            for room_id in random.sample(self.rooms, 3):
                await self._until_acknowledged(
                    sender, room_id, mark_of(sender.user_id, room_id, number)
                )
                await asyncio.sleep(self.pace.pause_seconds)

    async def _until_acknowledged(self, sender: User, room_id: str, mark: str) -> None:
        # The same transaction id may be used in different rooms, so it is: they must not be mixed.
        txn_id = mark.rpartition("/")[2] + mark.partition("/")[0].lstrip("@").partition(":")[0]
        path = f"/rooms/{quote(room_id)}/send/m.room.message/{txn_id}"
        body = secrets.token_hex(self.pace.body_bytes // 2)
        content = orjson.dumps({"msgtype": "m.text", "body": body, MARK: mark})
        answer = await self.persist(sender, "PUT", path, content)
        self.journal.acknowledge(mark, answer["event_id"])

    async def _messages(self, user: User, room_id: str) -> list[Found]:
        found: list[Found] = []
        query: dict[str, Any] = {"dir": "f", "limit": PAGE_EVENTS}
        while True:
            path = f"/rooms/{quote(room_id)}/messages?{urlencode(query)}"
            page = await self.persist(user, "GET", path)
            found += marked(page["chunk"])
            if not page["chunk"] or "end" not in page:
                return found
            query["from"] = page["end"]

    def _reading(self) -> bool:
        return not any(task.done() for task in self._tasks[len(self._senders) :])


class Reader:
    """Follows one account's sync stream and keeps every marked message as it came."""

    def __init__(self, user: User, crew: Crew) -> None:
        self.user = user
        self.stream = Stream(self._ask, marked)
        self._crew = crew

    async def begin(self) -> None:
        path = V3 + self.stream.path(timeout_seconds=0)
        self.stream.begin(await call(self.user.client, "GET", path, token=self.user.token))

    async def run(self) -> None:
        while True:
            await self.stream.take(await self._ask(self.stream.path(POLL_SECONDS)))

    async def _ask(self, path: str) -> Any:
        return await self._crew.persist(self.user, "GET", path)


async def lives(chance: random.Random, rounds: int) -> AsyncIterator[int]:
    """As many rounds, each after a while of undisturbed work."""
    for number in range(rounds):
        await asyncio.sleep(chance.uniform(*LIFE_SECONDS))
        yield number


async def expect_clean(crew: Crew) -> None:
    """Nothing that was acknowledged is lost, doubled or out of order."""
    verdict = await crew.finish()
    print(f"{verdict}; {crew.retries} retries")
    assert verdict.clean, str(verdict)
    assert verdict.acknowledged > 50, "too little was sent to prove anything"


MakeCrew = Callable[..., Awaitable[Crew]]
UnderLoad = Callable[..., AbstractAsyncContextManager[tuple[Bongsu, Crew]]]


def marked(events: Sequence[dict[str, Any]]) -> list[Found]:
    """The ledger's messages among client events."""
    return [
        Found(event["event_id"], event["content"][MARK])
        for event in events
        if MARK in event["content"]
    ]
