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
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from harness.http import Answer, ConnectionLost, HttpClient
from harness.matrix import V3, MatrixError, User, call, register

from bongsu.drill.ledger import Found, Journal, Verdict, judge, mark_of, stream_faults

MARK = "ledger.mark"
REQUEST_SECONDS_MAX = 15.0
RETRY_PAUSE_SECONDS = 0.1
CATCH_UP_SECONDS_MAX = 120.0
PAGE_EVENTS = 100
_SYNC_FILTER = orjson.dumps({"room": {"timeline": {"limit": PAGE_EVENTS}}}).decode()
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
            while any(reader.count < wanted for reader in self._readers) and self._reading():
                await asyncio.sleep(0.05)
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
        for reader in self._readers:
            faults = stream_faults(reader.streamed, history)
            assert not faults, f"{reader.user.user_id}: {len(faults)} faults: {faults[:10]}"
        return judge(self.journal.acknowledged, history)

    async def history(self) -> dict[str, list[Found]]:
        """Every room's marked messages from /messages, oldest first."""
        user = self._senders[0]
        return {room_id: await self._messages(user, room_id) for room_id in self.rooms}

    async def probe(self, sender: int = 0, seconds_max: float = 60.0) -> dict[str, float]:
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
        self.streamed: dict[str, list[Found]] = {}
        self.count = 0
        self._crew = crew
        self._since = ""
        self._last_event: dict[str, str] = {}

    async def begin(self) -> None:
        """The first sync; from here on nothing may be missed."""
        query = urlencode({"timeout": 0, "filter": _SYNC_FILTER})
        answer = await call(self.user.client, "GET", f"{V3}/sync?{query}", token=self.user.token)
        self._since = answer["next_batch"]
        for room_id, room in answer["rooms"]["join"].items():
            self._last_event[room_id] = room["timeline"]["events"][-1]["event_id"]

    async def run(self) -> None:
        while True:
            query = {"timeout": 5000, "filter": _SYNC_FILTER, "since": self._since}
            answer = await self._crew.persist(self.user, "GET", f"/sync?{urlencode(query)}")
            for room_id, room in answer.get("rooms", {}).get("join", {}).items():
                await self._take(room_id, room.get("timeline", {}))
            self._since = answer["next_batch"]

    async def _take(self, room_id: str, timeline: dict[str, Any]) -> None:
        events = timeline.get("events", [])
        if not events:
            return
        if timeline.get("limited"):
            events = await self._gap(room_id, timeline["prev_batch"]) + events
        new = marked(events)
        self.streamed.setdefault(room_id, []).extend(new)
        self.count += len(new)
        self._last_event[room_id] = events[-1]["event_id"]

    async def _gap(self, room_id: str, prev_batch: str) -> list[dict[str, Any]]:
        """What a limited answer left out, oldest first: page back to the last event we have."""
        gap: list[dict[str, Any]] = []
        while True:
            query = urlencode({"dir": "b", "from": prev_batch, "limit": PAGE_EVENTS})
            path = f"/rooms/{quote(room_id)}/messages?{query}"
            page = await self._crew.persist(self.user, "GET", path)
            for event in page["chunk"]:
                if event["event_id"] == self._last_event[room_id]:
                    return gap[::-1]
                gap.append(event)
            assert "end" in page, f"{room_id}: history does not hold {self._last_event[room_id]}"
            prev_batch = page["end"]


MakeCrew = Callable[..., Awaitable[Crew]]


def marked(events: Sequence[dict[str, Any]]) -> list[Found]:
    """The ledger's messages among client events."""
    return [
        Found(event["event_id"], event["content"][MARK])
        for event in events
        if MARK in event["content"]
    ]
