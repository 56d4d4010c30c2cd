"""Bodies of requests, bounded before anything reads them."""

from starlette.requests import Request

from bongsu.errors import TooLarge
from bongsu.http.asgi import Message


def bounded(request: Request, bytes_max: int) -> Request:
    """`request` whose body raises `TooLarge` as soon as it is longer than `bytes_max`."""
    declared = request.headers.get("content-length", "0")
    if not (declared.isascii() and declared.isdigit()) or int(declared[:20]) > bytes_max:
        raise _too_large(bytes_max)
    received, receive = 0, request.receive

    async def counted() -> Message:
        nonlocal received
        message = dict(await receive())
        received += len(message.get("body", b""))
        if received > bytes_max:
            raise _too_large(bytes_max)
        return message

    return Request(request.scope, counted)


def _too_large(bytes_max: int) -> TooLarge:
    return TooLarge(f"More than {bytes_max} bytes were sent")
