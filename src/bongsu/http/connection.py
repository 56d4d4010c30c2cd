"""A client's connection: bytes in, exchanges in order, bytes out, within the limits.

Requests are parsed as they arrive and answered one at a time, in order. Reading stops while too
much waits (requests behind the running one, or body that the application has not asked for), and
the application waits while the client does not read. What a connection waits for next stands in
`deadline`; the server sweeps over all of them once a second, so ten thousand cost no timer each.

    reading a head ──▶ exchange running ──▶ idle ──▶ …       by deadline: 408 and close, or close
          │ refused by a limit or the parser
          ▼
    lingering: the last answer is out, what still arrives is thrown away until the client closes
"""

import asyncio
from math import inf
from typing import Protocol, cast

import httptools
import structlog

from bongsu.http import wire
from bongsu.http.asgi import Application
from bongsu.http.exchange import Exchange
from bongsu.http.head import LastHead, has_body, scope_of
from bongsu.http.limits import LimitPassed, Limits
from bongsu.http.repeated import WAITED_SECONDS, Again, Repeated

log = structlog.get_logger(__name__)

HEAD_SLICE_BYTES = 4 * 1024
"""The parser is fed this much of a head at once, so that a pipeline cannot outrun its bound."""

BODY_SLICE_BYTES = 64 * 1024


class Server(Protocol):
    """What all connections of a server share."""

    app: Application
    limits: Limits
    loop: asyncio.AbstractEventLoop
    now: float
    date: bytes
    is_stopping: bool

    def opened(self, connection: "Connection") -> bool: ...
    def closed(self, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    __slots__ = (
        "_backlog", "_body_buffered", "_client", "_current", "_drained", "_expects_continue",
        "_fed", "_headers", "_in_head", "_in_message", "_is_lingering", "_is_reading_paused",
        "_last_head", "_parser", "_queue", "_reading", "_refusal", "_server", "_transport", "_url",
        "deadline", "is_full",
    )  # fmt: skip

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._client: tuple[str, int] | None = None
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._url = b""
        self._headers: list[wire.Header] = []
        self._expects_continue = False
        self._fed = 0  # bytes fed since the parser last got somewhere, to within a slice
        self._in_message = False  # the parser is somewhere within a request
        self._in_head = False  # a head has begun to arrive while nothing else went on
        self._reading: Exchange | None = None  # the one whose body arrives
        self._body_buffered = 0  # bytes in all exchanges
        self._current: Exchange | Repeated | None = None  # the one that runs
        self._queue: list[Exchange] = []  # those that wait behind it; a deque takes 760 bytes
        self._backlog: bytes = b""  # received, not yet parsed
        self._last_head: LastHead | None = None
        self._refusal: bytes | None = None  # the last answer, once the queue is empty
        self._is_reading_paused = False
        self._is_lingering = False
        self._drained: asyncio.Future[None] | None = None
        self.is_full = False  # of answers that the client does not take
        self.deadline = server.now + server.limits.header_seconds_max

    # --- from the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._client = (peer[0], peer[1]) if isinstance(peer, tuple) else None
        if not self._server.opened(self):
            self._linger(wire.OVERLOADED)

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone: the running application is cancelled, the waiting are dropped."""
        self._server.closed(self)
        self._is_lingering = True
        self._parser = None  # break the cycle: parser and connection hold each other
        self._queue.clear()
        self._backlog = b""
        if self._current is not None:
            self._current.cancel()
        self.resume_writing()

    def data_received(self, data: bytes) -> None:
        if self._is_lingering or self._refusal is not None:
            return
        if self._is_reading_paused:  # the last piece may have been on its way already
            self._backlog += data
        elif len(data) > HEAD_SLICE_BYTES:
            self._backlog = data
            self._feed_backlog()
        elif not self._begin_again(data):
            is_alone = self._current is None and not self._in_message
            self._feed(data)
            if is_alone:
                self._last_head = LastHead.of(data, self._current)
            if self._queue or self._body_buffered > HEAD_SLICE_BYTES:
                self._pause_or_resume()

    def pause_writing(self) -> None:
        self.is_full = True
        self.deadline = self._server.now + self._server.limits.write_idle_seconds_max

    def resume_writing(self) -> None:
        self.is_full = False
        self._set_deadline()
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    # --- from the parser

    def on_message_begin(self) -> None:
        self._in_message = True

    def on_url(self, url: bytes) -> None:
        self._url += url
        if len(self._url) > self._server.limits.request_line_bytes_max:
            self._stop_parsing(wire.URI_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._reading is not None:
            return  # trailers of a chunked body: nobody asks for them
        name = wire.HEADER_NAMES.get(name) or name.lower()
        if name == b"expect":
            self._expects_continue = value.lower() == b"100-continue"
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        parser, headers = self._parser, self._headers
        assert parser is not None
        if len(headers) > self._server.limits.header_count_max:
            self._stop_parsing(wire.HEADERS_TOO_LARGE)
        version = parser.get_http_version()
        if version not in ("1.1", "1.0"):
            self._stop_parsing(wire.BAD_REQUEST)
        is_upgrade = parser.should_upgrade()
        if is_upgrade and has_body(headers):
            self._stop_parsing(wire.UPGRADE_WITH_BODY)
        method = parser.get_method().decode("ascii")
        exchange = Exchange(
            self,
            scope_of(method, self._url, version, headers, self._client, self._offer_again),
            keep_alive=not is_upgrade and parser.should_keep_alive(),
            expects_continue=self._expects_continue,
        )
        self._url, self._headers, self._fed = b"", [], 0
        self._in_head = self._expects_continue = False
        self._reading = exchange
        if self._current is None:
            self._begin(exchange)
        else:
            self._queue.append(exchange)

    def on_body(self, body: bytes) -> None:
        self._fed = 0
        if self._reading is not None:
            self._body_buffered += len(body)
            self._reading.feed(body)
            if self._reading is self._current:
                self._extend_deadline(len(body))

    def on_message_complete(self) -> None:
        self._fed, self._in_message = 0, False
        if self._reading is not None:
            self._reading.end_body()
            self._reading = None
            self._set_deadline()

    # --- from the exchanges

    @property
    def date(self) -> bytes:
        return self._server.date

    @property
    def is_last(self) -> bool:
        """Whether the connection ends after the answer that is now made."""
        return self._server.is_stopping

    def write(self, data: bytes) -> None:
        if not (self._is_lingering or self._transport.is_closing()):
            self._transport.write(data)

    async def drain(self) -> None:
        """Wait until the client has taken most of what was written, or is gone."""
        while self.is_full and not self._transport.is_closing():
            self._drained = self._server.loop.create_future()
            await self._drained

    def body_taken(self, size: int) -> None:
        self._body_buffered -= size
        self._go_on_reading()

    def run(self, target: bytes, waited_seconds: float = 0.0) -> None:
        """Begin a request that repeats the last head, in the current one's place."""
        assert self._last_head is not None, "no head to repeat"
        headers = self._last_head.headers
        scope = scope_of("GET", target, "1.1", headers, self._client, self._offer_again)
        scope[WAITED_SECONDS] = waited_seconds
        exchange = Exchange(self, scope, keep_alive=True, expects_continue=False)
        exchange.end_body()
        self._begin(exchange)

    def finish(self, exchange: Exchange | Repeated) -> None:
        """The application is done with `exchange`: the next one, or wait for one, or close."""
        self._current = None
        self._body_buffered -= exchange.drop_body()
        if self._is_lingering:
            return
        if not exchange.keep_alive:
            self._close(is_all_read=exchange.body_complete)
        elif self._queue:
            self._begin(self._queue.pop(0))
            self._go_on_reading()
        elif self._refusal is not None:
            self._linger(self._refusal)
        else:
            self._set_deadline()
            self._go_on_reading()

    def abort(self) -> None:
        self._transport.abort()

    # --- from the server

    def expire(self) -> None:
        """The deadline has passed."""
        if self.is_full or self._is_lingering or self._transport.is_closing():
            self._transport.abort()
        elif self._current is not None:
            answer = b"" if self._current.started else wire.REQUEST_TIMEOUT
            self._current.cancel()
            self._linger(answer)
        elif self._in_head:
            self._linger(wire.REQUEST_TIMEOUT)
        else:
            self._transport.close()

    def close_when_idle(self) -> None:
        """Close now, or after the running answer (the server is stopping, so it is the last)."""
        if self._current is None and not self._is_lingering:
            self._transport.close()

    # --- within

    def _begin_again(self, data: bytes) -> bool:
        """Begin the request in `data` without parsing it, if it repeats the last head."""
        last = self._last_head
        if last is None or self._current is not None or self._in_message or self.is_full:
            return False
        target = last.target_of(data)
        if target is None or len(target) > self._server.limits.request_line_bytes_max:
            return False
        if last.again is not None:
            self._current = repeated = Repeated(self, last.again, target)
            self.deadline = inf
            if repeated.take():
                return True
        self.run(target)
        return True

    def _offer_again(self, headers: list[wire.Header], again: Again) -> None:
        """The application would take a request with these headers, if it repeats the last head."""
        if self._last_head is not None and self._last_head.headers is headers:
            self._last_head.again = again

    def _feed(self, data: bytes | memoryview) -> None:
        """Parse `data`; afterwards see to the limits and to what is waited for."""
        assert self._parser is not None
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return  # not offered: answered as plain HTTP, and the last on this connection
        except httptools.HttpParserError as error:
            if error.__context__ is not None and not isinstance(error.__context__, LimitPassed):
                log.error("the HTTP parser's callback failed", exc_info=error.__context__)
            self._refuse(self._refusal or wire.BAD_REQUEST)
            return
        if self._fed > self._server.limits.header_bytes_max:
            self._refuse(wire.HEADERS_TOO_LARGE)  # or trailers, or a chunk's extensions
        elif self._in_message and self._current is None and not self._in_head:
            self._in_head = True
            self.deadline = self._server.now + self._server.limits.header_seconds_max

    def _feed_backlog(self) -> None:
        """Parse in slices what was received, as far as the limits allow for now."""
        view, offset = memoryview(self._backlog), 0
        while offset < len(view) and self._may_read():
            size = HEAD_SLICE_BYTES if self._reading is None else BODY_SLICE_BYTES
            self._feed(view[offset : offset + size])
            offset += size
        self._backlog = bytes(view[offset:]) if self._is_open() else b""
        self._pause_or_resume()

    def _is_open(self) -> bool:
        """Whether further requests can be understood."""
        return not self._is_lingering and self._refusal is None

    def _may_read(self) -> bool:
        limits = self._server.limits
        return (
            len(self._queue) < limits.pipelined_requests_max
            and self._body_buffered < limits.body_buffered_bytes_max
            and self._is_open()
        )

    def _go_on_reading(self) -> None:
        if self._backlog:
            self._feed_backlog()
        elif self._is_reading_paused:
            self._pause_or_resume()

    def _pause_or_resume(self) -> None:
        """Stop reading while too much waits; what is only thrown away is read all the same."""
        paused = self._is_open() and (bool(self._backlog) or not self._may_read())
        if paused != self._is_reading_paused and not self._transport.is_closing():
            self._is_reading_paused = paused
            (self._transport.pause_reading if paused else self._transport.resume_reading)()
            self._set_deadline()

    def _stop_parsing(self, answer: bytes) -> None:
        self._refusal = answer
        raise LimitPassed

    def _refuse(self, answer: bytes) -> None:
        """Nothing more can be understood: `answer` in its turn, then the end."""
        self._refusal = answer
        cut, self._reading = self._reading, None
        if cut is not None and cut is self._current:
            cut.cancel()
            self._linger(b"" if cut.started else answer)
            return
        if cut is not None:
            self._queue.remove(cut)
        if self._current is None:
            self._linger(answer)

    def _linger(self, answer: bytes = b"") -> None:
        """Send a last answer and the end; then throw away what comes until the client closes.

        Closing at once, with bytes unread, would reset the connection and take the answer with it.
        """
        if answer:
            self.write(answer)
        self._is_lingering, self._backlog = True, b""
        self._queue.clear()
        self.deadline = self._server.now + self._server.limits.linger_seconds_max
        if not self._transport.is_closing():
            self._pause_or_resume()
            self._transport.write_eof()

    def _close(self, *, is_all_read: bool) -> None:
        if not is_all_read or self._queue or self._backlog:
            self._linger()
            return
        self._is_lingering = True
        self.deadline = self._server.now + self._server.limits.write_idle_seconds_max
        self._transport.close()

    def _begin(self, exchange: Exchange) -> None:
        self._current = exchange
        exchange.begin(self._server.app, self._server.loop)
        self._set_deadline()

    def _set_deadline(self) -> None:
        """What is waited for now: a body, the application (without a bound of ours), a request."""
        server = self._server
        if self._is_lingering or self._in_head or self.is_full:
            return
        if self._current is None:
            self.deadline = server.now + server.limits.keep_alive_seconds_max
        elif self._reading is self._current and not self._is_reading_paused:
            self.deadline = server.now + server.limits.body_idle_seconds_max
        else:
            self.deadline = inf

    def _extend_deadline(self, size: int) -> None:
        """A piece of the body came: a stretch more, but no more than its size has earned."""
        limits, now = self._server.limits, self._server.now
        earned = self.deadline + size / limits.body_bytes_per_second_min
        self.deadline = min(now + limits.body_idle_seconds_max, earned)
