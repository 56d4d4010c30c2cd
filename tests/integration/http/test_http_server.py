"""The HTTP server against raw sockets: what clients do, and what they should not do.

Every test talks bytes, so that nothing between hides what is on the wire. Times in the limits are
short and checked often; no test asserts that something happens *quickly*.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bongsu.http import server as server_module
from bongsu.http.asgi import Message, Receive, Scope, Send
from bongsu.http.limits import DEFAULT_LIMITS, Limits
from bongsu.http.server import Server

SECONDS_MAX = 60  # of waiting for anything


@pytest.fixture(autouse=True)
def quick_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "SWEEP_SECONDS", 0.02)


class Echo:
    """An application that tells what it was asked, and can be held, broken and watched."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.ended = asyncio.Event()
        self.cancelled = 0
        self.seen: list[str] = []
        self.body_bytes_taken = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.began.set()
        self.seen.append(scope["path"])
        name = scope["path"].strip("/").partition("/")[0]
        answer: Callable[..., Awaitable[None]] = getattr(self, f"on_{name}", self.on_echo)
        try:
            await answer(scope, receive, send)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.ended.set()

    async def on_echo(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        told = {
            "method": scope["method"],
            "path": scope["path"],
            "raw_path": scope["raw_path"].decode(),
            "query": scope["query_string"].decode(),
            "headers": [name.decode() for name, _ in scope["headers"]],
            "body": body.decode(),
        }
        await reply(send, json.dumps(told).encode())

    async def on_hold(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.may_answer.wait()
        await reply(send, b"held")

    async def on_early(self, scope: Scope, receive: Receive, send: Send) -> None:
        await reply(send, b"no", status=401)  # without having read the body

    async def on_fail(self, scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("secret")

    async def on_half(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("half-way")

    async def on_nothing(self, scope: Scope, receive: Receive, send: Send) -> None:
        await reply(send, b"{}", status=204)

    async def on_stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        pieces = int(scope["query_string"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for index in range(pieces):
            await send({"type": "http.response.body", "body": PIECE, "more_body": True})
            self.body_bytes_taken = (index + 1) * len(PIECE)
        await send({"type": "http.response.body"})

    async def on_upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.may_answer.wait()
        more = True
        while more:
            message = await receive()
            self.body_bytes_taken += len(message["body"])
            more = message["more_body"]
        await reply(send, str(self.body_bytes_taken).encode())


PIECE = b"x" * 65536


async def reply(send: Send, body: bytes, status: int = 200) -> None:
    start: Message = {"type": "http.response.start", "status": status, "headers": []}
    await send(start)
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(**limits: Any) -> AsyncIterator[tuple[Server, Echo]]:
    app = Echo()
    server = Server(app, port=0, limits=replace(DEFAULT_LIMITS, **limits))
    await server.start()
    try:
        yield server, app
    finally:
        app.may_answer.set()
        await server.stop(5)


class Client:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        block = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), SECONDS_MAX)
        status, *lines = block.decode().split("\r\n")[:-2]
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(status.split(" ")[1]), headers

    async def answer(
        self, *, has_body: bool = True
    ) -> tuple[int, dict[str, str], bytes | bytearray]:
        status, headers = await self.head()
        body: bytes | bytearray = b""
        if has_body and headers.get("transfer-encoding") == "chunked":
            body = await self._chunks()
        elif has_body:
            body = await self.exactly(int(headers.get("content-length", 0)))
        return status, headers, body

    async def exactly(self, size: int) -> bytes:
        return await asyncio.wait_for(self.reader.readexactly(size), SECONDS_MAX)

    async def rest(self) -> bytes:
        """All until the server closes."""
        return await asyncio.wait_for(self.reader.read(), SECONDS_MAX)

    async def _chunks(self) -> bytearray:
        body = bytearray()
        while True:
            line = await asyncio.wait_for(self.reader.readuntil(b"\r\n"), SECONDS_MAX)
            body += await self.exactly(int(line, 16))
            await self.exactly(2)
            if int(line, 16) == 0:
                return body


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        while not condition():
            await asyncio.sleep(0.005)


def assert_error(
    status: int, headers: dict[str, str], body: bytes | bytearray, expected: int
) -> None:
    """A refusal of the server itself: Matrix JSON, CORS, and the end of the connection."""
    assert status == expected
    assert headers["access-control-allow-origin"] == "*"
    assert headers["connection"] == "close"
    assert set(json.loads(body)) == {"errcode", "error"}


GET = b"GET %s HTTP/1.1\r\nhost: x\r\n\r\n"


async def test_keep_alive_and_the_scope() -> None:
    async with serving() as (server, _), connected(server) as client:
        for number in range(3):
            await client.send(GET % (b"/a%%2Fb?n=%d" % number))
            status, headers, body = await client.answer()
            assert status == 200
            assert "date" in headers
            assert "connection" not in headers
            told = json.loads(body)
            assert told["raw_path"] == "/a%2Fb"
            assert told["path"] == "/a/b"
            assert told["query"] == f"n={number}"


async def test_one_byte_at_a_time() -> None:
    async with serving() as (server, _), connected(server) as client:
        for byte in b"PUT /x HTTP/1.1\r\nHost: x\r\ncontent-length: 5\r\n\r\nhello":
            await client.send(bytes([byte]))
            await asyncio.sleep(0)
        assert json.loads((await client.answer())[2])["body"] == "hello"


async def test_pipelined_requests_are_answered_in_order() -> None:
    """Far more than may wait, in one piece: the server must stop reading, and lose none."""
    async with serving(pipelined_requests_max=4) as (server, app), connected(server) as client:
        count = 3000
        await client.send(b"".join(GET % (b"/n/%d" % number) for number in range(count)))
        for number in range(count):
            assert json.loads((await client.answer())[2])["path"] == f"/n/{number}"
        assert app.seen == [f"/n/{number}" for number in range(count)]


async def test_pipelined_bodies() -> None:
    async with serving(body_buffered_bytes_max=1000) as (server, _), connected(server) as client:
        put = b"PUT /x HTTP/1.1\r\ncontent-length: 3000\r\n\r\n%b"
        bodies = [bytes([letter]) * 3000 for letter in b"abcdefghij"]
        await client.send(b"".join(put % body for body in bodies))
        for body in bodies:
            assert json.loads((await client.answer())[2])["body"] == body.decode()


async def test_a_bad_request_is_refused_after_the_good_ones_before_it() -> None:
    async with serving() as (server, _), connected(server) as client:
        await client.send(GET % b"/one" + GET % b"/two" + b"\x00\x01 nonsense\r\n\r\n")
        for path in ("/one", "/two"):
            assert json.loads((await client.answer())[2])["path"] == path
        assert_error(*await client.answer(), 400)
        assert await client.rest() == b""


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\na: b\x00c\r\n\r\n",
        b"PUT / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"PUT / HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"PUT / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"PUT / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"PUT / HTTP/1.1\r\nupgrade: h2c\r\nconnection: upgrade\r\ncontent-length: 1\r\n\r\nx",
    ],
)
async def test_malformed_requests(request_bytes: bytes) -> None:
    async with serving() as (server, _), connected(server) as client:
        await client.send(request_bytes)
        assert_error(*await client.answer(), 400)
        assert await client.rest() == b""


async def test_an_upgrade_is_ignored() -> None:
    async with serving() as (server, _), connected(server) as client:
        await client.send(b"GET /x HTTP/1.1\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n")
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert await client.rest() == b""


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\na: " + b"b" * 40_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 101 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100_000 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\na: " + b"b" * 5_000_000, 431),
        (b"PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n1;" + b"x" * 5_000_000, 431),
        (b"PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\na: " + b"b" * 5_000_000, 431),
    ],
    ids=["line", "header", "count", "headers", "endless", "chunk-extension", "trailers"],
)
async def test_heads_over_the_limits(request_bytes: bytes, status: int) -> None:
    """The client sends all of it before it reads: it must still get the answer, not a reset."""
    async with serving() as (server, _), connected(server) as client:
        await client.send(request_bytes)
        assert_error(*await client.answer(), status)
        assert await client.rest() == b""


async def test_chunked_body_and_trailers_that_are_no_headers() -> None:
    """A trailer must not be taken for a header of the next request."""
    async with serving() as (server, _), connected(server) as client:
        head = b"PUT /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
        await client.send(head + b"5\r\nhello\r\n1\r\n!\r\n0\r\nauthorization: evil\r\n\r\n")
        await client.send(GET % b"/next")
        told = json.loads((await client.answer())[2])
        assert told["body"] == "hello!"
        assert json.loads((await client.answer())[2])["headers"] == ["host"]


async def test_many_tiny_chunks() -> None:
    async with serving() as (server, _), connected(server) as client:
        head = b"PUT /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
        await client.send(head + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n")
        assert json.loads((await client.answer())[2])["body"] == "x" * 100_000


async def test_expect_100_continue() -> None:
    async with serving() as (server, _), connected(server) as client:
        head = b"PUT /x HTTP/1.1\r\nexpect: 100-Continue\r\ncontent-length: 2\r\n\r\n"
        await client.send(head)
        assert (await client.head())[0] == 100
        await client.send(b"hi")
        assert json.loads((await client.answer())[2])["body"] == "hi"
        await client.send(head + b"hi")  # did not wait: no 100 is owed
        assert (await client.answer())[0] == 200


async def test_a_refusal_instead_of_continue() -> None:
    async with serving() as (server, _), connected(server) as client:
        head = b"PUT /early HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n"
        await client.send(head)
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (401, "close")
        assert await client.rest() == b""


async def test_an_early_answer_survives_an_unread_body() -> None:
    """5 MB are on their way when 401 is answered: the client must see it, not a reset."""
    async with serving() as (server, _), connected(server) as client:
        head = b"PUT /early HTTP/1.1\r\ncontent-length: 5000000\r\n\r\n"
        await client.send(head + b"x" * 5_000_000)
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (401, "close")


async def test_bodies_that_nobody_reads_do_not_add_up() -> None:
    async with serving(body_buffered_bytes_max=10_000) as (server, _), connected(server) as client:
        for _ in range(10):
            await client.send(
                b"PUT /nothing HTTP/1.1\r\ncontent-length: 4000\r\n\r\n" + b"x" * 4000
            )
            assert (await client.answer(has_body=False))[0] == 204


async def test_head_has_the_length_and_no_body() -> None:
    async with serving() as (server, _), connected(server) as client:
        await client.send(b"HEAD /x HTTP/1.1\r\n\r\n" + GET % b"/y")
        status, headers, _ = await client.answer(has_body=False)
        assert (status, int(headers["content-length"]) > 10) == (200, True)
        assert json.loads((await client.answer())[2])["path"] == "/y"


async def test_204_has_neither_body_nor_length() -> None:
    async with serving() as (server, _), connected(server) as client:
        await client.send(GET % b"/nothing" + GET % b"/y")
        status, headers, _ = await client.answer(has_body=False)
        assert status == 204
        assert not {"content-length", "transfer-encoding"} & set(headers)
        assert json.loads((await client.answer())[2])["path"] == "/y"


async def test_http_1_0() -> None:
    async with serving() as (server, _):
        async with connected(server) as client:
            await client.send(b"GET /x HTTP/1.0\r\n\r\n")
            assert (await client.answer())[1]["connection"] == "close"
            assert await client.rest() == b""
        async with connected(server) as client:
            await client.send(b"GET /x HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
            assert (await client.answer())[1]["connection"] == "keep-alive"
            await client.send(b"GET /stream?2 HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
            assert "transfer-encoding" not in (await client.head())[1]
            assert await client.rest() == PIECE * 2


async def test_connection_close_and_absolute_form() -> None:
    async with serving() as (server, _), connected(server) as client:
        await client.send(b"GET http://h:1/p?q HTTP/1.1\r\nConnection: close\r\n\r\n")
        _, headers, body = await client.answer()
        assert (json.loads(body)["path"], json.loads(body)["query"]) == ("/p", "q")
        assert headers["connection"] == "close"
        assert await client.rest() == b""


async def test_a_long_answer_waits_for_its_reader() -> None:
    """Backpressure: the application must not run far ahead of a client that does not read."""
    async with serving() as (server, app), connected(server) as client:
        client.writer.transport.pause_reading()
        await client.send(GET % b"/stream?2000")  # 131 MB
        await until(lambda: app.body_bytes_taken > 0)
        taken = -1
        while taken != app.body_bytes_taken:
            taken = app.body_bytes_taken
            await asyncio.sleep(0.1)
        assert taken < 60_000_000
        client.writer.transport.resume_reading()
        assert len((await client.answer())[2]) == 2000 * len(PIECE)


@pytest.mark.parametrize("piece_bytes", [2000, 1_000_000])
async def test_an_upload_waits_for_its_reader(piece_bytes: int) -> None:
    """The other way round: what the application does not take must stay with the client."""
    async with serving() as (server, app), connected(server) as client:
        size = 40_000_000

        async def send_all() -> None:
            for _ in range(size // piece_bytes):
                await client.send(b"x" * piece_bytes)

        await client.send(b"PUT /upload HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % size)
        sending = asyncio.create_task(send_all())
        await app.began.wait()
        await asyncio.sleep(0.2)
        assert not sending.done()
        app.may_answer.set()
        await sending
        assert (await client.answer())[2] == str(size).encode()


async def test_the_handler_ends_when_the_client_goes() -> None:
    async with serving() as (server, app):
        async with connected(server) as client:
            await client.send(GET % b"/hold")
            await app.began.wait()
        await asyncio.wait_for(app.ended.wait(), SECONDS_MAX)
        assert app.cancelled == 1
        await until(lambda: server.connection_count == 0)


async def test_an_application_that_fails() -> None:
    async with serving() as (server, _):
        async with connected(server) as client:
            await client.send(GET % b"/fail")
            status, headers, body = await client.answer()
            assert_error(status, headers, body, 500)
            assert b"secret" not in body
        async with connected(server) as client:
            await client.send(GET % b"/half")
            assert b"\r\n0\r\n" not in await client.rest()  # cut off, so it cannot pass for whole


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\na: b\r\n",
        b"PUT / HTTP/1.1\r\ncontent-length: 9\r\n\r\nx",
    ],
    ids=["nothing", "request-line", "headers", "body"],
)
async def test_a_slow_client_is_cut_off(sent: bytes) -> None:
    async with serving(header_seconds_max=0.2, body_idle_seconds_max=0.2) as (server, _):
        async with connected(server) as client:
            await client.send(sent)
            answer = await client.rest()
            if sent:
                assert answer.startswith(b"HTTP/1.1 408 ")
                assert b"access-control-allow-origin: *" in answer
        await until(lambda: server.connection_count == 0)


@pytest.mark.parametrize(
    "head",
    [b"GET /", b"PUT / HTTP/1.1\r\ncontent-length: 100000\r\n\r\n"],
    ids=["headers", "body"],
)
async def test_trickling_does_not_help(head: bytes) -> None:
    """A byte now and then keeps neither headers nor body alive beyond the limit."""
    limits = {"header_seconds_max": 0.3, "body_idle_seconds_max": 0.3}
    async with serving(**limits) as (server, _), connected(server) as client:
        await client.send(head)
        answer = asyncio.create_task(client.rest())
        while not answer.done():
            client.writer.write(b"G")
            await asyncio.sleep(0.05)
        assert answer.result().startswith(b"HTTP/1.1 408 ")


async def test_a_steady_body_is_not_cut_off() -> None:
    async with serving(body_idle_seconds_max=1.0) as (server, _), connected(server) as client:
        await client.send(b"PUT /x HTTP/1.1\r\ncontent-length: 25000\r\n\r\n")
        for _ in range(25):  # for longer than the limit
            await client.send(b"x" * 1000)
            await asyncio.sleep(0.05)
        assert (await client.answer())[0] == 200


async def test_an_idle_connection_is_closed_and_a_long_poll_is_not() -> None:
    names = ("keep_alive_seconds_max", "header_seconds_max", "body_idle_seconds_max")
    async with serving(**dict.fromkeys(names, 0.2)) as (server, app), connected(server) as client:
        await client.send(GET % b"/hold")
        await app.began.wait()
        await asyncio.sleep(0.6)
        app.may_answer.set()
        assert (await client.answer())[2] == b"held"
        assert await client.rest() == b""


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    async with serving(write_idle_seconds_max=0.3) as (server, app), connected(server) as client:
        client.writer.transport.pause_reading()
        await client.send(GET % b"/stream?2000")
        await asyncio.wait_for(app.ended.wait(), SECONDS_MAX)
        assert app.cancelled == 1


async def test_one_connection_too_many_is_told_so() -> None:
    async with serving(connections_max=2) as (server, _):
        async with connected(server) as first, connected(server) as second:
            for client in (first, second):
                await client.send(GET % b"/x")
                assert (await client.answer())[0] == 200
            async with connected(server) as third:
                assert_error(*await third.answer(), 503)
                assert await third.rest() == b""
        await until(lambda: server.connection_count == 0)
        async with connected(server) as client:
            await client.send(GET % b"/x")
            assert (await client.answer())[0] == 200


async def test_stopping_answers_what_runs() -> None:
    async with serving() as (server, app), connected(server) as busy, connected(server) as idle:
        await idle.send(GET % b"/x")
        await idle.answer()
        await busy.send(GET % b"/hold")
        await until(lambda: "/hold" in app.seen)
        stopping = asyncio.create_task(server.stop(SECONDS_MAX))
        assert await idle.rest() == b""
        with pytest.raises(OSError):  # noqa: PT011  # refused or reset, as the kernel likes
            await asyncio.open_connection("127.0.0.1", server.port)
        app.may_answer.set()
        _, headers, body = await busy.answer()
        assert (headers["connection"], body) == ("close", b"held")
        await stopping
        assert server.connection_count == 0


async def test_stopping_does_not_wait_for_ever() -> None:
    async with serving() as (server, app), connected(server) as client:
        await client.send(GET % b"/hold")
        await app.began.wait()
        await server.stop(0.1)
        async with asyncio.timeout(SECONDS_MAX):  # its task unwinds in its own turn
            while app.cancelled != 1:
                await asyncio.sleep(0.01)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await client.answer()


async def test_a_unix_socket(tmp_path: Path) -> None:
    server = Server(Echo(), unix_path=str(tmp_path / "http.sock"))
    await server.start()
    reader, writer = await asyncio.open_unix_connection(str(tmp_path / "http.sock"))
    client = Client(reader, writer)
    await client.send(GET % b"/x")
    assert (await client.answer())[0] == 200
    writer.close()
    await server.stop()


async def test_two_servers_share_a_port() -> None:
    first = Server(Echo(), port=0, reuse_port=True)
    await first.start()
    second = Server(Echo(), port=first.port, reuse_port=True)
    await second.start()
    await first.stop()
    async with connected(second) as client:
        await client.send(GET % b"/x")
        assert (await client.answer())[0] == 200
    await second.stop()


async def test_thousands_of_idle_polls() -> None:
    """2,000 long polls wait, the server goes on serving, and all are answered."""
    count = int(os.environ.get("BONGSU_TEST_POLLS", "2000"))
    async with serving() as (server, app):
        clients = [
            Client(*await asyncio.open_connection("127.0.0.1", server.port)) for _ in range(count)
        ]
        for client in clients:
            client.writer.write(GET % b"/hold")
        await until(lambda: len(app.seen) == count)
        async with connected(server) as another:
            await another.send(GET % b"/x")
            assert (await another.answer())[0] == 200
        app.may_answer.set()
        for client in clients:
            assert (await client.answer())[2] == b"held"
            client.writer.close()
        await until(lambda: server.connection_count == 0)


def test_every_limit_has_a_bound() -> None:
    limits = Limits()
    assert all(getattr(limits, name) > 0 for name in Limits.__slots__)
