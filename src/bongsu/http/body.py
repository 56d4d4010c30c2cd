"""The body of a request, read from ASGI within its limit: whole, or piece by piece."""

from collections.abc import AsyncIterator, Mapping
from typing import TypeVar

from bongsu.errors import TooLarge
from bongsu.http.asgi import Receive

Body = TypeVar("Body", bytes, bytearray)

BODY_BYTES_MAX = 16 * 64 * 1024
"""For routes that name none: an event is 64 KiB at most, but key backups come in heaps."""

STREAMED_BODY_BYTES_MAX = 4 * 1024**3
"""For streamed bodies; the service behind has its own, smaller limit."""


class ClientGone(Exception):
    """The client left before its request was whole."""


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], bytes_max: int) -> bytes:
    """All of the body. `TooLarge` beyond `bytes_max`, before it is read if it is announced."""
    _check_announced(headers, bytes_max)
    message = await receive()
    if message["type"] != "http.request":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return _checked(body, bytes_max)
    pieces = bytearray(body)
    while message.get("more_body", False):
        _checked(pieces, bytes_max)
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        pieces += message.get("body", b"")
    return bytes(_checked(pieces, bytes_max))


def stream_body(
    receive: Receive, headers: Mapping[bytes, bytes], bytes_max: int
) -> AsyncIterator[bytes]:
    """The body in pieces as they come; `TooLarge` as soon as there are more than `bytes_max`."""
    _check_announced(headers, bytes_max)
    return _pieces(receive, bytes_max)


async def _pieces(receive: Receive, bytes_max: int) -> AsyncIterator[bytes]:
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        piece: bytes = message.get("body", b"")
        more = message.get("more_body", False)
        size += len(piece)
        if size > bytes_max:
            raise _too_large(bytes_max)
        if piece:
            yield piece


def _check_announced(headers: Mapping[bytes, bytes], bytes_max: int) -> None:
    announced = headers.get(b"content-length")
    if announced is not None and int(announced) > bytes_max:
        raise _too_large(bytes_max)


def _checked(body: Body, bytes_max: int) -> Body:
    if len(body) > bytes_max:
        raise _too_large(bytes_max)
    return body


def _too_large(bytes_max: int) -> TooLarge:
    return TooLarge(f"The body is longer than {bytes_max} bytes")
