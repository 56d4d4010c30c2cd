"""The running server against connections that idle, trickle, or speak no HTTP.

Goal: whoever does that harms nobody else, is cut off in time, and leaves no fault in the log. The
server's limits one by one are the matter of tests/integration/http; here it is whole, with the
limits that it has in production.

FUZZ_CONNECTIONS (1500) is how many are open at once, IDLE_CONNECTIONS (10000) how many say nothing
more after one request.
"""

import asyncio
import contextlib
import os
import random
import re
import resource
import secrets
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from harness.bongsu import Bongsu
from harness.http import HttpClient
from harness.matrix import register
from harness.process import resident_bytes
from harness.watched import watched

CONNECTIONS = int(os.environ.get("FUZZ_CONNECTIONS", "1500"))
IDLE_CONNECTIONS = int(os.environ.get("IDLE_CONNECTIONS", "10000"))
IDLE_BYTES_MAX = 32 * 1024  # of the server's memory, for each
AT_ONCE = 200
SENDS = 100
SECONDS_MAX = 60.0
GET = b"GET /_matrix/client/versions HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /_matrix/client/v3/register HTTP/1.1\r\nHost: x\r\n"

# What a connection says before it falls silent, and whether the server must end it in time.
SILENT: dict[str, tuple[bytes, bool]] = {
    "nothing": (b"", True),
    "half a request line": (b"GET /_matrix/cli", True),
    "half the headers": (GET[:-2], True),
    "no body": (POST + b"Content-Length: 100\r\n\r\n", True),
    "half a body": (POST + b'Content-Length: 100\r\n\r\n{"username":', True),
    "half a chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\n64\r\n{", True),
    "a request before": (GET, False),
}

GARBAGE: dict[str, bytes] = {
    "TLS": bytes.fromhex("16030102000100") + b"\x01\xfc\x03\x03" + b"\x00" * 512,
    "zeros": b"\x00" * 5000,
    "noise": random.Random(1).randbytes(100_000),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00" * 50,
    "HTTP/9": b"GET / HTTP/9.9\r\n\r\n",
    "bad bytes in the path": b"GET /_matrix/\xff\xfe\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    "a blank in the path": b"GET /_matrix/a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "an endless path": b"GET /" + b"a" * 200_000,
    "an endless header": GET[:-2] + b"X: " + b"a" * 200_000,
    "many headers": GET[:-2] + b"X: y\r\n" * 10_000 + b"\r\n",
    "no colon": GET[:-2] + b"nothing\r\n\r\n",
    "NUL in a header": GET[:-2] + b"Authorization: Bearer \x00\r\n\r\n",
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
    "length and chunks": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a negative length": POST + b"Content-Length: -1\r\n\r\n{}",
    "a long length": POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n{}",
    "no chunk size": POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}",
    "a huge chunk": POST + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n{}",
    "an unknown verb": b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
    "only newlines": b"\r\n" * 10_000,
    "a body after GET": GET[:-2] + b"Content-Length: 5\r\n\r\nxxxxx" + b"}{",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Bongsu]:
    with watched() as bongsu:
        yield bongsu


class Wire:
    """A raw connection to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, server: Bongsu, first: bytes = b"") -> "Wire":
        wire = cls(*await asyncio.open_connection("127.0.0.1", port_of(server)))
        wire._writer.write(first)
        return wire

    async def rest(self) -> bytes:
        """All that still comes, until the server closes (or resets) the connection."""
        got = bytearray()
        with contextlib.suppress(ConnectionError):
            while more := await self._reader.read(65536):
                got += more
        return bytes(got)

    def end(self) -> None:
        if self._writer.can_write_eof():
            self._writer.write_eof()

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()


async def test_silent_connections_harm_nobody(server: Bongsu) -> None:
    """While they are open a sender is answered as ever; those that owe something are cut off."""
    allow_files(CONNECTIONS + 500)
    kinds = list(SILENT.values())
    wires = [
        (await Wire.open(server, kinds[index % len(kinds)][0]), kinds[index % len(kinds)][1])
        for index in range(CONNECTIONS)
    ]
    await send_some(server)
    async with asyncio.timeout(SECONDS_MAX):
        for answer in await asyncio.gather(*(wire.rest() for wire, ends in wires if ends)):
            assert statuses(answer) in ([], [408])
    await send_some(server)
    await asyncio.gather(*(wire.close() for wire, _ in wires))


async def test_ten_thousand_idle_connections(server: Bongsu) -> None:
    """Each was answered once and is kept: they cost little, a sender is answered as ever, and at
    the end each is answered again."""
    allow_files(IDLE_CONNECTIONS + 500)
    before = resident_bytes(server.gateway_pids)
    lines: list[socket.socket] = []
    with contextlib.ExitStack() as stack:
        for _ in range(IDLE_CONNECTIONS):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", port_of(server))))
            line.settimeout(SECONDS_MAX)
            lines.append(line)
        await asyncio.to_thread(ask_all, lines)
        cost = (resident_bytes(server.gateway_pids) - before) / IDLE_CONNECTIONS
        print(f"{IDLE_CONNECTIONS} idle connections, {cost / 1024:.1f} KB each")
        await send_some(server)
        await asyncio.to_thread(ask_all, lines)
    assert cost < IDLE_BYTES_MAX


def ask_all(lines: list[socket.socket]) -> None:
    """One request on every connection, some hundred at once; all of them are answered."""
    for first in range(0, len(lines), AT_ONCE):
        ask_some(lines[first : first + AT_ONCE])


def ask_some(lines: list[socket.socket]) -> None:
    for line in lines:
        line.sendall(GET)
    for line in lines:
        answer = b""
        while b"\r\n\r\n" not in answer or b"}" not in answer[-2:]:
            piece = line.recv(65536)
            assert piece, answer
            answer += piece
        assert answer.startswith(b"HTTP/1.1 200 ")


def port_of(server: Bongsu) -> int:
    port = urlsplit(server.url).port
    assert port is not None
    return port


@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_after_a_request(name: str, server: Bongsu) -> None:
    """What came before it is answered; it gets a refusal at most, and others notice nothing."""
    wire = await Wire.open(server, GET + GARBAGE[name])
    wire.end()
    async with asyncio.timeout(SECONDS_MAX):
        answer = await wire.rest()
    await wire.close()
    first, *others = statuses(answer)
    assert first == 200
    assert all(200 <= status < 500 for status in others)
    refusals = answer.count(b'"errcode"')
    assert refusals == sum(status >= 400 for status in others), answer[-2000:]
    assert answer.lower().count(b"access-control-allow-origin: *") == 1 + len(others)
    await send_some(server, 1)


async def send_some(server: Bongsu, count: int = SENDS) -> None:
    """Somebody new makes a room and sends; every answer must come."""
    client = HttpClient(server.url)
    async with asyncio.timeout(SECONDS_MAX):
        user = await register(client, f"sender-{secrets.token_hex(4)}")
        room = await user.create_room()
        for number in range(count):
            await user.send_text(room, str(number))
    await client.close()


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def allow_files(count: int) -> None:
    """Raise this process's limit of open files; skip if the machine does not allow it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        pytest.skip(f"only {hard} open files are allowed")
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
