"""One request and its answer, as the ASGI 3 application meets them: `receive` and `send`.

The connection feeds the body in; the application's task takes it out and gives the answer. A small
answer leaves in one write. Cancelled when the client goes: see `Connection.connection_lost`.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from bongsu.http import wire
from bongsu.http.asgi import Application, Message, Scope

log = structlog.get_logger(__name__)

JOINED_BYTES_MAX = 64 * 1024
"""Up to here head and body are copied into one write; beyond, they are written side by side."""

_BODY_END: Message = {"type": "http.request", "body": b"", "more_body": False}
_DISCONNECT: Message = {"type": "http.disconnect"}


class Line(Protocol):
    """What an exchange needs of its connection."""

    @property
    def date(self) -> bytes: ...
    @property
    def is_last(self) -> bool: ...
    @property
    def is_full(self) -> bool: ...
    def write(self, data: bytes) -> None: ...
    async def drain(self) -> None: ...
    def body_taken(self, size: int) -> None: ...
    def finish(self, exchange: "Exchange") -> None: ...
    def abort(self) -> None: ...


class Exchange:
    """Waits in its connection's queue, runs (`task`), writes (`started`), is `complete`."""

    __slots__ = (
        "_body", "_body_ended", "_bytes_left", "_expects_continue", "_gone", "_is_chunked",
        "_is_http_1_0", "_line", "_scope", "_sends_body", "_start", "_waiter", "body_complete",
        "complete", "keep_alive", "started", "task",
    )  # fmt: skip

    def __init__(
        self, line: Line, scope: Scope, *, keep_alive: bool, expects_continue: bool
    ) -> None:
        self._line = line
        self._scope: Scope | None = scope
        self._sends_body = scope["method"] != "HEAD"
        self._is_http_1_0 = scope["http_version"] == "1.0"
        self._expects_continue = expects_continue
        self._body: bytes | bytearray = b""
        self._body_ended = False  # the application has seen the end of the body
        self._start: Message | None = None  # http.response.start, until the first body message
        self._is_chunked = False
        self._bytes_left: int | None = None  # of a content-length that the application declared
        self._waiter: asyncio.Future[None] | None = None
        self._gone = False  # nobody waits for the answer
        self.task: asyncio.Task[None] | None = None
        self.keep_alive = keep_alive
        self.body_complete = False  # all of it has arrived
        self.started = False  # some of the answer is on the wire
        self.complete = False

    @property
    def repeats(self) -> bool:
        """Whether a request with the same headers may follow. Asked before it runs."""
        return self.keep_alive and self.body_complete and not self._expects_continue

    @property
    def headers(self) -> list[wire.Header]:
        """Of the request. Asked before it runs."""
        assert self._scope is not None, "it runs already"
        return self._scope["headers"]

    def begin(self, app: Application, loop: asyncio.AbstractEventLoop) -> None:
        """Start the application; `cancel` ends it."""
        self.task = asyncio.Task(self._run(app), loop=loop, name="http request")

    def cancel(self) -> None:
        """End the application: nobody waits for its answer any more."""
        self._gone = True
        self._wake()
        if self.task is not None and not self.complete:
            self.task.cancel()

    def feed(self, data: bytes) -> None:
        """A piece of the body. Joined in a bytearray, so that many tiny pieces stay cheap."""
        if not self._body:
            self._body = data
        elif isinstance(self._body, bytearray):
            self._body += data
        else:
            self._body = bytearray(self._body) + data
        self._wake()

    def end_body(self) -> None:
        self.body_complete = True
        self._wake()

    def drop_body(self) -> int:
        """Forget what the application left of the body; its size."""
        size, self._body = len(self._body), b""
        return size

    async def receive(self) -> Message:
        """The next piece of the body; after the last one `http.disconnect`, once that is so."""
        if self._body_ended:
            await self._wait(lambda: self.complete)
            return _DISCONNECT
        if self._expects_continue and not (self._body or self.body_complete or self.started):
            self._expects_continue = False
            self._line.write(wire.CONTINUE)
        await self._wait(lambda: bool(self._body) or self.body_complete)
        if self._gone:
            return _DISCONNECT
        self._body_ended = self.body_complete
        body, self._body = self._body, b""
        if not body:
            return _BODY_END
        self._line.body_taken(len(body))
        return {"type": "http.request", "body": bytes(body), "more_body": not self._body_ended}

    async def send(self, message: Message) -> None:
        """Write the answer; waits while the client does not take it."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        body: bytes = message.get("body", b"")
        more: bool = message.get("more_body", False)
        if self._start is not None:
            self._write_first(self._start, body, more)
        elif not self.started or self.complete:
            raise RuntimeError("http.response.body without http.response.start before it")
        else:
            self._write_piece(body, more)
        if not more:
            self._end_answer()
        if self._line.is_full:
            await self._line.drain()

    async def _run(self, app: Application) -> None:
        scope, self._scope = self._scope, None
        assert scope is not None
        call = app(scope, self.receive, self.send)
        del scope  # a long poll need not keep its headers twice
        try:
            await call
        except asyncio.CancelledError:
            if not self._gone:  # something within the application was cancelled, not the request
                self._fail()
        except Exception:
            log.exception("the application failed")
            self._fail()
        else:
            if not self.complete:
                log.error("the application returned before its answer was whole")
                self._fail()
        self._line.finish(self)

    def _write_first(self, start: Message, body: bytes, more: bool) -> None:
        """Status line, headers and the first piece, which mostly is all of it."""
        self._start, self.started = None, True
        head = self._head(start, None if more else len(body))
        if len(body) > JOINED_BYTES_MAX or not body or not self._sends_body:
            self._line.write(head)
            self._write_piece(body, more)
        elif self._is_chunked:
            self._line.write(head + wire.chunk(body))
        else:
            self._line.write(head + self._counted(body))

    def _write_piece(self, body: bytes, more: bool) -> None:
        if not self._sends_body:
            return
        if self._is_chunked:
            data = wire.chunk(body) if body else b""
            if not more:
                data += wire.LAST_CHUNK
            if data:
                self._line.write(data)
        elif body:
            self._line.write(self._counted(body))

    def _head(self, start: Message, length: int | None) -> bytes:
        """The answer's head. `length` is of the whole body, `None` if further pieces follow."""
        status: int = start["status"]
        headers: wire.Headers = start.get("headers", ())
        if isinstance(headers, wire.EncodedHeaders):
            block, declared = headers.wire, None
        else:
            headers = list(headers)
            block, declared = wire.header_block(headers), wire.content_length(headers)
        if status in wire.STATUSES_WITHOUT_BODY:
            self._sends_body, length = False, None
        if not self.body_complete or self._line.is_last:
            self.keep_alive = False
        framing = self._framing(declared, length)
        return b"".join((wire.status_line(status), self._line.date, block, framing, b"\r\n"))

    def _framing(self, declared: int | None, length: int | None) -> bytes:
        """The headers that say where the body ends, and whether the connection does."""
        framing = b""
        if declared is not None:
            self._bytes_left = declared
        elif length is not None:
            framing = b"content-length: %d\r\n" % length if length or self._sends_body else b""
        elif self._is_http_1_0:
            self.keep_alive = False
        elif self._sends_body:
            self._is_chunked, framing = True, wire.CHUNKED
        if not self.keep_alive:
            return framing + wire.CLOSE
        return framing + wire.KEEP_ALIVE if self._is_http_1_0 else framing

    def _counted(self, body: bytes) -> bytes:
        if self._bytes_left is not None:
            self._bytes_left -= len(body)
            if self._bytes_left < 0:
                raise RuntimeError("the body is longer than its content-length")
        return body

    def _end_answer(self) -> None:
        if self._bytes_left and self._sends_body:
            raise RuntimeError("the body is shorter than its content-length")
        self.complete = True
        self._wake()

    def _fail(self) -> None:
        """500 if nothing is on the wire yet; else cut the connection: half an answer is none."""
        if self.complete:
            return
        self.complete, self.keep_alive = True, False
        if self.started:
            self._line.abort()
        else:
            self._line.write(wire.SERVER_ERROR)

    async def _wait(self, ready: Callable[[], bool]) -> None:
        while not (ready() or self._gone):
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
