"""Requests that repeat the last head of their connection, and those that an application takes.

Goal: a client cannot tell which of its requests were parsed, run as a task or answered by a call;
and nobody is ever answered by what was offered to somebody else.
Method: raw bytes against the real server, with an application that offers, holds and declines.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bongsu.http import server as server_module
from bongsu.http.asgi import Receive, Scope, Send
from bongsu.http.limits import DEFAULT_LIMITS
from bongsu.http.repeated import OFFER_AGAIN, WAITED_SECONDS, Reply
from bongsu.http.server import Server
from bongsu.http.wire import EncodedHeaders

SECONDS_MAX = 60


@pytest.fixture(autouse=True)
def quick_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "SWEEP_SECONDS", 0.02)


class Held:
    """A request that was taken, and waits to be answered or declined."""

    def __init__(self, target: bytes, reply: Reply) -> None:
        self.target = target
        self.reply = reply
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Offering:
    """An application that offers to take again what its client asked under the same `x-who`."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, bytes]] = []  # who asked for what, as a task
        self.waited: list[float] = []
        self.held: list[Held] = []
        self.seconds: list[float] = []
        self.takes = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        who = dict(scope["headers"]).get(b"x-who", b"").decode()
        target = scope["raw_path"] + b"?" + scope["query_string"]
        self.ran.append((who, target))
        self.waited.append(scope.get(WAITED_SECONDS, 0.0))
        scope["extensions"][OFFER_AGAIN](Offer(self, who))
        body = f"{who} ran {target.decode()}".encode()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


class Offer:
    headers = EncodedHeaders([(b"x-taken", b"yes")])

    def __init__(self, app: Offering, who: str) -> None:
        self._app, self.who = app, who

    def take(self, target: bytes, reply: Reply) -> Held | None:
        if not self._app.takes:
            return None
        held = Held(target, reply)
        self._app.held.append(held)
        return held

    def answered(self, seconds: float) -> None:
        self._app.seconds.append(seconds)


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self.writer = reader, writer

    def get(self, target: str, who: str = "alice", *, method: str = "GET", more: str = "") -> None:
        self.writer.write(
            f"{method} {target} HTTP/1.1\r\nhost: x\r\nx-who: {who}\r\n{more}\r\n".encode()
        )

    async def answer(self) -> tuple[bool, str]:
        """Whether it was taken, and the body."""
        async with asyncio.timeout(SECONDS_MAX):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            return "x-taken: yes" in head, (await self._reader.readexactly(length)).decode()

    async def ask(self, target: str, who: str = "alice") -> str:
        self.get(target, who)
        return (await self.answer())[1]

    async def rest(self) -> bytes:
        async with asyncio.timeout(SECONDS_MAX):
            return await self._reader.read()


@asynccontextmanager
async def served(**limits: Any) -> AsyncIterator[tuple[Server, Offering, Client]]:
    app = Offering()
    server = Server(app, port=0, limits=replace(DEFAULT_LIMITS, **limits))
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield server, app, Client(reader, writer)
    finally:
        writer.close()
        await server.stop(5)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        while not condition():
            await asyncio.sleep(0.005)


async def test_a_request_like_the_last_is_taken_and_answered() -> None:
    async with served() as (_, app, client):
        await client.ask("/poll?since=1")
        for number in range(2, 5):
            client.get(f"/poll?since={number}")
            await until(lambda: app.held)
            held = app.held.pop()
            assert held.target == b"/poll?since=%d" % number
            held.reply.answer(b"taken")
            assert await client.answer() == (True, "taken")
        assert len(app.ran) == 1
        assert len(app.seconds) == 3


async def test_what_is_not_taken_runs_as_any_other() -> None:
    async with served() as (_, app, client):
        app.takes = False
        for number in range(3):
            assert await client.ask(f"/poll?since={number}") == f"alice ran /poll?since={number}"
        assert [waited for waited in app.waited if waited] == []


async def test_what_is_declined_runs_and_says_how_long_it_waited() -> None:
    async with served() as (_, app, client):
        await client.ask("/poll?since=1")
        client.get("/poll?since=2")
        await until(lambda: app.held)
        await asyncio.sleep(0.05)
        app.held.pop().reply.decline()
        assert await client.answer() == (False, "alice ran /poll?since=2")
        assert app.waited[-1] >= 0.05


async def test_other_headers_are_another_request() -> None:
    """The offer to one is never taken up by the other on the same connection."""
    async with served() as (_, app, client):
        await client.ask("/poll?since=1", "alice")
        assert await client.ask("/poll?since=1", "bob") == "bob ran /poll?since=1"
        client.get("/poll?since=2", "bob")
        await until(lambda: app.held)
        app.held.pop().reply.answer(b"for bob")
        assert await client.answer() == (True, "for bob")
        assert await client.ask("/poll?since=3", "alice") == "alice ran /poll?since=3"


async def test_an_offer_to_a_pipelined_request_is_not_the_last_heads() -> None:
    """Alice's head is remembered; Bob's request comes behind hers and is answered after it: what
    he was offered must not be given to her."""
    async with served() as (_, app, client):
        client.get("/poll?since=1", "alice")
        client.get("/poll?since=2", "bob")
        assert await client.answer() == (False, "alice ran /poll?since=1")
        assert await client.answer() == (False, "bob ran /poll?since=2")
        app.takes = False
        assert await client.ask("/poll?since=3", "alice") == "alice ran /poll?since=3"
        assert await client.ask("/poll?since=4", "bob") == "bob ran /poll?since=4"
        assert app.held == []


async def test_requests_behind_a_taken_one_wait_for_it() -> None:
    async with served() as (_, app, client):
        await client.ask("/poll?since=1")
        client.get("/poll?since=2")
        await until(lambda: app.held)
        client.get("/other", "bob")
        client.get("/poll?since=3")
        await asyncio.sleep(0.05)
        assert len(app.ran) == 1
        app.held.pop().reply.answer(b"first")
        assert await client.answer() == (True, "first")
        assert await client.answer() == (False, "bob ran /other?")
        assert await client.answer() == (False, "alice ran /poll?since=3")


async def test_two_in_one_piece_are_both_answered() -> None:
    async with served() as (_, app, client):
        app.takes = False
        await client.ask("/poll?since=1")
        client.get("/poll?since=2")
        client.get("/poll?since=3")
        assert (await client.answer())[1] == "alice ran /poll?since=2"
        assert (await client.answer())[1] == "alice ran /poll?since=3"


async def test_a_head_in_pieces_is_put_together() -> None:
    async with served() as (_, app, client):
        app.takes = False
        await client.ask("/poll?since=1")
        for byte in b"GET /poll?since=2 HTTP/1.1\r\nhost: x\r\nx-who: alice\r\n\r\n":
            client.writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert (await client.answer())[1] == "alice ran /poll?since=2"


async def test_the_end_of_a_head_is_no_request_of_its_own() -> None:
    """Half a head comes while a poll waits, its rest after the answer, looking like a poll."""
    async with served() as (_, app, client):
        await client.ask("/poll?since=1")
        client.get("/poll?since=2")
        await until(lambda: app.held)
        client.writer.write(b"POST /other HTTP/1.1\r\nx-more: ")
        await asyncio.sleep(0.05)
        app.held.pop().reply.answer(b"taken")
        assert await client.answer() == (True, "taken")
        client.get("/poll?since=3")
        assert await client.answer() == (False, "alice ran /other?")
        assert app.held == []


async def test_the_end_of_a_head_is_not_remembered() -> None:
    """Else all that began the head would be taken for that of the next request, too."""
    async with served() as (_, app, client):
        await client.ask("/poll?since=1")
        client.get("/poll?since=2")
        await until(lambda: app.held)
        client.writer.write(b"POST /other HTTP/1.1\r\nx-who: mallory\r\nx-more: ")
        await asyncio.sleep(0.05)
        app.held.pop().reply.answer(b"taken")
        assert await client.answer() == (True, "taken")
        for expected in ("mallory ran /other?", " ran /poll?since=3", " ran /poll?since=3"):
            client.writer.write(b"GET /poll?since=3 HTTP/1.1\r\nhost: x\r\n\r\n")
            assert await client.answer() == (False, expected)
            app.takes = False


@pytest.mark.parametrize(
    "line",
    [
        "GET /poll?since=\x01 HTTP/1.1",
        "GET /poll HTTP/1.1 HTTP/1.1",
        "GET poll HTTP/1.1",
        "GET /poll HTTP/1.9",
        "GE\tT /poll HTTP/1.1",
    ],
)
async def test_a_bad_line_before_known_headers_is_refused(line: str) -> None:
    async with served() as (_, app, client):
        await client.ask("/poll?since=1")
        client.writer.write(f"{line}\r\nhost: x\r\nx-who: alice\r\n\r\n".encode())
        assert (await client.rest()).startswith(b"HTTP/1.1 400")
        assert len(app.ran) == 1
        assert app.held == []


@pytest.mark.parametrize("end", ["\n", "\r\n "])
async def test_fields_that_end_otherwise_are_refused(end: str) -> None:
    async with served() as (_, app, client):
        await client.ask("/poll?since=1")
        client.writer.write(f"GET /poll HTTP/1.1\r\nhost: x{end}x-who: alice\r\n\r\n".encode())
        assert (await client.rest()).startswith(b"HTTP/1.1 400")
        assert len(app.ran) == 1


async def test_empty_lines_before_a_request_are_skipped() -> None:
    async with served(keep_alive_seconds_max=2.0) as (_, app, client):
        await client.ask("/poll?since=1")
        client.writer.write(b"\r\n")
        await asyncio.sleep(0.05)
        assert await client.ask("/poll?since=2") == "alice ran /poll?since=2"
        assert app.held == []
        assert await client.rest() == b""  # an idle connection ends all the same


async def test_every_visible_character_of_a_target_goes_either_way() -> None:
    async with served() as (_, app, client):
        app.takes = False
        for code in range(0x21, 0x7F):
            target = f"/poll?since={chr(code)}"
            assert await client.ask(target, "parsed") == f"parsed ran {target}"
            assert await client.ask(target, "parsed") == f"parsed ran {target}"
            assert await client.ask(target, "alice") == f"alice ran {target}"


async def test_a_target_over_the_limit_is_refused() -> None:
    async with served(request_line_bytes_max=100) as (_, app, client):
        await client.ask("/poll?since=1")
        client.get("/poll?since=" + "x" * 100)
        assert (await client.rest()).startswith(b"HTTP/1.1 414")
        assert app.held == []


async def test_another_verb_with_known_headers_is_parsed() -> None:
    async with served() as (_, app, client):
        await client.ask("/poll?since=1")
        client.get("/poll?since=2", method="DELETE")
        assert await client.answer() == (False, "alice ran /poll?since=2")
        assert app.held == []


async def test_a_body_behind_the_head_is_no_repeated_request() -> None:
    """Nor is its head remembered: the next bytes belong to the body."""
    async with served() as (_, app, client):
        client.get("/poll?since=1", more="content-length: 4\r\n")
        client.writer.write(b"body")
        await client.answer()
        client.get("/poll?since=2", more="content-length: 4\r\n")
        client.writer.write(b"body")
        assert await client.answer() == (False, "alice ran /poll?since=2")
        assert app.held == []


async def test_a_client_that_goes_is_not_waited_for() -> None:
    async with served() as (server, app, client):
        await client.ask("/poll?since=1")
        client.get("/poll?since=2")
        await until(lambda: app.held)
        client.writer.close()
        await until(lambda: app.held[0].is_cancelled)
        await until(lambda: server.connection_count == 0)


async def test_a_stopping_server_answers_what_it_took_and_closes() -> None:
    async with served() as (server, app, client):
        await client.ask("/poll?since=1")
        client.get("/poll?since=2")
        await until(lambda: app.held)
        stopping = asyncio.create_task(server.stop(SECONDS_MAX))
        await until(lambda: server.is_stopping)
        app.held.pop().reply.answer(b"last")
        rest = await client.rest()
        assert b"connection: close" in rest
        assert rest.endswith(b"last")
        await stopping
