"""From what an endpoint answers, or raises, to a `Response` with the headers each answer has."""

from math import ceil
from typing import Any

import msgspec

from bongsu.errors import Refused, Unavailable
from bongsu.http.message import Response
from bongsu.http.routing import Answer
from bongsu.http.wire import CORS_HEADERS, JSON_TYPE, EncodedHeaders, Header

# What an answer gets unless it says otherwise: nothing of the API is to be sniffed, framed, kept.
SECURITY_HEADERS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
_PREFLIGHT: tuple[Header, ...] = ((b"access-control-max-age", b"86400"),)

_JSON_ONLY = (JSON_TYPE,)
JSON_HEADERS = EncodedHeaders((*CORS_HEADERS, *SECURITY_HEADERS, JSON_TYPE))

_encode = msgspec.json.Encoder().encode


def response_of(answer: Answer) -> Response:
    """A ready Response as it is; anything else as 200 and JSON."""
    if isinstance(answer, Response):
        return answer
    return Response(_encode(answer))


def headers_of(response: Response) -> list[Header]:
    """The response's own headers, with CORS and the security headers it does not set itself."""
    if response.headers == _JSON_ONLY:
        return JSON_HEADERS
    own = {name.lower() for name, _ in response.headers}
    added = [header for header in (*CORS_HEADERS, *SECURITY_HEADERS) if header[0] not in own]
    return [*added, *((name.lower(), value) for name, value in response.headers)]


def preflight() -> Response:
    """The answer to OPTIONS, on any path and to anybody."""
    return Response(headers=_PREFLIGHT)


def refusal(error: Refused, request_id: str) -> Response:
    """A standard error response, with Retry-After if there is one to give."""
    return _error(error.status, error.code, error.message, error.extra, request_id)


def unavailable(error: Unavailable, request_id: str) -> Response:
    extra = {"retry_after_ms": error.retry_after_ms}
    return _error(503, "M_UNKNOWN", error.message, extra, request_id)


def internal_error(request_id: str) -> Response:
    """Nothing about the cause: that stands in the log, under the request's id."""
    return _error(500, "M_UNKNOWN", "Internal server error", {}, request_id)


def _error(
    status: int, errcode: str, message: str, extra: dict[str, Any], request_id: str
) -> Response:
    headers: list[Header] = [(b"x-request-id", request_id.encode())]
    retry_after_ms = extra.get("retry_after_ms")
    if isinstance(retry_after_ms, int):
        headers.append((b"retry-after", b"%d" % ceil(retry_after_ms / 1000)))
        headers.append((b"access-control-expose-headers", b"Retry-After"))
    body = {"errcode": errcode, "error": _printable(message), **extra}
    return Response(_encode(body), status=status, headers=tuple(headers))


def _printable(message: str) -> str:
    """Without lone surrogates, which a message that quotes its input may hold."""
    return message.encode("utf-8", "replace").decode("utf-8")
