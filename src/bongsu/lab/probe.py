"""Questions over HTTP that are answered at once or not at all: a hung site must not hang us."""

import asyncio
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

T = TypeVar("T")

PROBE_SECONDS_MAX = 0.5
ANSWER_BYTES_MAX = 4 * 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """`status` 0: there was no answer."""

    status: int
    body: bytes

    def decoded(self, kind: type[T]) -> T | None:
        """The JSON body as a `kind`; None if it is none."""
        try:
            return msgspec.json.decode(self.body, type=kind)
        except msgspec.DecodeError:
            return None


NO_ANSWER = Answer(0, b"")


async def ask(url: str, body: bytes | None = None) -> Answer:
    """GET `url`, or POST `body` to it, within `PROBE_SECONDS_MAX`."""
    try:
        async with asyncio.timeout(PROBE_SECONDS_MAX):
            return await _ask(url, body)
    except (OSError, TimeoutError, ValueError):
        return NO_ANSWER


async def _ask(url: str, body: bytes | None) -> Answer:
    target = urlsplit(url)
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    try:
        verb = "GET" if body is None else "POST"
        head = f"{verb} {target.path or '/'} HTTP/1.0\r\nHost: {target.netloc}\r\n"
        if body is not None:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"Connection: close\r\n\r\n" + (body or b""))
        answer = await _read_all(reader)
    finally:
        writer.transport.abort()
    header, _, content = answer.partition(b"\r\n\r\n")
    status = header[9:12]  # HTTP/1.x 200 …
    return Answer(int(status), content) if status.isdigit() else NO_ANSWER


async def _read_all(reader: asyncio.StreamReader) -> bytes:
    answer = bytearray()
    while len(answer) < ANSWER_BYTES_MAX and (piece := await reader.read(65536)):
        answer += piece
    return bytes(answer)
