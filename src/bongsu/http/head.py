"""Heads of requests: the ASGI scope of one, and the last one of a connection, to know it again."""

import re
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote_to_bytes

import httptools

from bongsu.http import wire
from bongsu.http.asgi import ASGI, EXTENSIONS, Scope
from bongsu.http.exchange import Exchange
from bongsu.http.repeated import OFFER_AGAIN, Again, Repeated

_REQUEST_LINE = re.compile(rb"GET (/[!-~]*) HTTP/1\.1\Z")
_HEAD_END = b"\r\n\r\n"


class LastHead:
    """The head of a connection's last request, if it was a GET and came alone and whole.

    Clients send the same fields again and again: a request that differs in its target alone, which
    may hold nothing but visible ASCII, is understood without a parser.
    """

    __slots__ = ("_fields", "again", "headers")

    def __init__(self, fields: bytes, headers: list[wire.Header]) -> None:
        self._fields = fields  # all after the request line, as it came
        self.headers = headers
        self.again: Again | None = None  # the application's offer to take a request like it

    @staticmethod
    def of(data: bytes, exchange: Exchange | Repeated | None) -> "LastHead | None":
        """`data` has just been parsed, while nothing else went on, and has begun `exchange`."""
        if not (isinstance(exchange, Exchange) and exchange.repeats):
            return None
        line, _, fields = data.partition(b"\r\n")
        if _REQUEST_LINE.match(line) is None or data.find(_HEAD_END) != len(data) - len(_HEAD_END):
            return None
        return LastHead(fields, exchange.headers)

    def target_of(self, data: bytes) -> bytes | None:
        """The target of a request that repeats this head; None if it may be anything else."""
        line, _, fields = data.partition(b"\r\n")
        if fields != self._fields:
            return None
        found = _REQUEST_LINE.match(line)
        return None if found is None else found[1]


def scope_of(
    method: str,
    target: bytes,
    version: str,
    headers: list[wire.Header],
    client: tuple[str, int] | None,
    offer_again: Callable[[list[wire.Header], Again], None],
) -> Scope:
    """The ASGI scope of a request. `target` as it stands in the request line."""
    raw_path, _, query_string = target.partition(b"?")
    if not raw_path.startswith(b"/") and raw_path != b"*":
        raw_path = httptools.parse_url(raw_path).path or b"/"  # http://host/path
    path = unquote_to_bytes(raw_path) if b"%" in raw_path else raw_path
    return {
        "type": "http",
        "asgi": ASGI,
        "http_version": version,
        "method": method,
        "scheme": "http",
        "path": path.decode("utf-8", "replace"),
        "raw_path": raw_path,
        "query_string": query_string,
        "root_path": "",
        "headers": headers,
        "client": client,
        "server": None,
        "extensions": {**EXTENSIONS, OFFER_AGAIN: partial(offer_again, headers)},
    }


def has_body(headers: list[wire.Header]) -> bool:
    """Whether these headers announce one."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in headers
    )
