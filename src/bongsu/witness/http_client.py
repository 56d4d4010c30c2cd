"""JSON over HTTP/1.1 to several equal servers, answered by whoever answers first.

The server that answered last is asked first; when it is not quick the next one is asked as well,
and so on. What is asked must therefore bear being done twice: reads do, and so do transactions
that compare what they change.
"""

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import urlsplit

import httptools
import msgspec

HEDGE_SECONDS = 0.15  # then the next server is asked too
CALL_SECONDS_MAX = 1.0  # for all of them together
ANSWER_BYTES_MAX = 4 * 1024 * 1024
IDLE_CONNECTIONS_MAX = 2  # kept open for each server
_READ_BYTES = 64 * 1024


class CallFailed(Exception):
    """No server gave a good answer in time; whether one acted is unknown."""


class HttpClient:
    """Calls any of `endpoints` (http:// or https:// URLs without a path)."""

    def __init__(self, endpoints: Sequence[str], tls: ssl.SSLContext | None = None) -> None:
        self._servers = [_Server(url, tls) for url in endpoints]

    async def post(
        self, path: str, body: dict[str, Any], seconds: float = CALL_SECONDS_MAX
    ) -> dict[str, Any]:
        """The JSON object answered with 200; `CallFailed` otherwise."""
        data = msgspec.json.encode(body)
        started: set[asyncio.Task[dict[str, Any]]] = set()
        try:
            async with asyncio.timeout(seconds):
                return await self._race(path, data, started)
        except TimeoutError:
            raise CallFailed(f"{path}: no answer in {seconds:g} s") from None
        finally:
            for task in started:
                task.cancel()

    def close(self) -> None:
        for server in self._servers:
            server.close()

    async def _race(
        self, path: str, data: bytes, started: set[asyncio.Task[dict[str, Any]]]
    ) -> dict[str, Any]:
        waiting, pending, failure = list(self._servers), set[asyncio.Task[dict[str, Any]]](), ""
        asked: dict[asyncio.Task[dict[str, Any]], _Server] = {}
        while waiting or pending:
            if waiting:
                server = waiting.pop(0)
                task = asyncio.ensure_future(server.post(path, data))
                asked[task] = server
                started.add(task)
                pending.add(task)
            done, pending = await asyncio.wait(
                pending,
                timeout=HEDGE_SECONDS if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                if (error := task.exception()) is None:
                    self._prefer(asked[task])
                    return task.result()
                failure = str(error) or type(error).__name__
        raise CallFailed(f"{path}: {failure}")

    def _prefer(self, server: "_Server") -> None:
        self._servers.remove(server)
        self._servers.insert(0, server)


Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Server:
    def __init__(self, url: str, tls: ssl.SSLContext | None) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._idle: list[Stream] = []

    async def post(self, path: str, data: bytes) -> dict[str, Any]:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        is_reused = bool(self._idle)
        reader, writer = stream = await self._connect()
        try:
            writer.write(head.encode() + data)
            answer = await _read_answer(reader)
        except BaseException as error:
            writer.close()
            if is_reused and isinstance(error, OSError | EOFError):  # it had been closed meanwhile
                self.close()
                return await self.post(path, data)
            raise
        self._keep(stream, answer.keeps_alive)
        if answer.status != 200:
            raise OSError(f"status {answer.status}: {bytes(answer.body[:200])!r}")
        return cast(dict[str, Any], msgspec.json.decode(answer.body))

    def close(self) -> None:
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()

    async def _connect(self) -> Stream:
        if self._idle:
            return self._idle.pop()
        return await asyncio.open_connection(self._host, self._port, ssl=self._tls)

    def _keep(self, stream: Stream, keeps_alive: bool) -> None:
        if keeps_alive and len(self._idle) < IDLE_CONNECTIONS_MAX:
            self._idle.append(stream)
        else:
            stream[1].close()


class _Answer:
    """Fed by httptools."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.body = bytearray()
        self.status = 0
        self.keeps_alive = False
        self.is_complete = False

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.status = self.parser.get_status_code()
        self.keeps_alive = self.parser.should_keep_alive()
        self.is_complete = True


async def _read_answer(reader: asyncio.StreamReader) -> _Answer:
    answer = _Answer()
    while not answer.is_complete:
        data = await reader.read(_READ_BYTES)
        if not data:
            raise EOFError("closed before its answer")
        if len(answer.body) > ANSWER_BYTES_MAX:
            raise OSError("answer too large")
        try:
            answer.parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise OSError(f"no HTTP: {error}") from None
    return answer
