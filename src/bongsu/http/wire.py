"""The bytes of an answer: status lines, header blocks and the few answers the server makes itself.

Pure functions and constants. Whatever can be encoded once, is.
"""

import time
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus

import msgspec

Header = tuple[bytes, bytes]
Headers = Iterable[Header]

# "Web Browser Clients" in the client-server API: on every answer, errors too.
CORS_HEADERS: tuple[Header, ...] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, POST, PUT, DELETE, OPTIONS"),
    (b"access-control-allow-headers", b"X-Requested-With, Content-Type, Authorization"),
)
JSON_TYPE: Header = (b"content-type", b"application/json")

# As clients write them ▶ in lower case: one object for all the connections that hold it.
HEADER_NAMES = {
    spelling: name
    for name in (
        b"accept", b"accept-encoding", b"accept-language", b"authorization", b"cache-control",
        b"connection", b"content-length", b"content-type", b"host", b"origin", b"pragma",
        b"referer", b"sec-fetch-dest", b"sec-fetch-mode", b"sec-fetch-site", b"user-agent",
        b"x-forwarded-for", b"x-forwarded-proto", b"x-real-ip", b"x-request-id",
    )
    for spelling in (name, name.title())
}  # fmt: skip

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
CLOSE = b"connection: close\r\n"
KEEP_ALIVE = b"connection: keep-alive\r\n"  # said to HTTP/1.0 only: in 1.1 it is the rule
CHUNKED = b"transfer-encoding: chunked\r\n"

_STATUS_LINES = {
    int(status): f"HTTP/1.1 {int(status)} {status.phrase}\r\n".encode() for status in HTTPStatus
}
STATUSES_WITHOUT_BODY = frozenset({204, 304})


class EncodedHeaders(list[Header]):
    """A list of headers that also knows its own bytes, for answers made of constants.

    Any ASGI server sees a list; ours writes `wire` as it is. Neither holds content-length, which
    the server adds, nor changes once made.
    """

    __slots__ = ("wire",)

    def __init__(self, headers: Headers) -> None:
        super().__init__(headers)
        self.wire = header_block(self)


def header_block(headers: Headers) -> bytes:
    """Header lines, each ended by CRLF. A line break inside one is refused (`ValueError`)."""
    lines = [b"%b: %b\r\n" % header for header in headers]
    block = b"".join(lines)
    if not block.count(b"\n") == block.count(b"\r") == len(lines):
        raise ValueError("line break in a response header")
    return block


def content_length(headers: Headers) -> int | None:
    """What the headers declare, names being in lower case."""
    for name, value in headers:
        if name == b"content-length":
            return int(value)
    return None


def status_line(status: int) -> bytes:
    return _STATUS_LINES.get(status) or b"HTTP/1.1 %d Unknown\r\n" % status


def date_header(now: float | None = None) -> bytes:
    """`date: ...`, good for one second."""
    return f"date: {formatdate(now if now is not None else time.time(), usegmt=True)}\r\n".encode()


def chunk(data: bytes) -> bytes:
    """`data` (not empty) as one chunk of a chunked body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def final_answer(status: int, errcode: str, error: str) -> bytes:
    """A whole error answer, after which the connection is closed."""
    body = msgspec.json.encode({"errcode": errcode, "error": error})
    head = header_block((*CORS_HEADERS, JSON_TYPE, (b"content-length", b"%d" % len(body))))
    return status_line(status) + head + CLOSE + b"\r\n" + body


BAD_REQUEST = final_answer(400, "M_UNKNOWN", "Malformed HTTP request")
UPGRADE_WITH_BODY = final_answer(400, "M_UNKNOWN", "No protocol upgrade is offered here")
REQUEST_TIMEOUT = final_answer(408, "M_UNKNOWN", "The request did not arrive in time")
URI_TOO_LONG = final_answer(414, "M_TOO_LARGE", "The request line is too long")
HEADERS_TOO_LARGE = final_answer(431, "M_TOO_LARGE", "The request headers are too large")
SERVER_ERROR = final_answer(500, "M_UNKNOWN", "Internal server error")
OVERLOADED = final_answer(503, "M_UNKNOWN", "Too many connections")
