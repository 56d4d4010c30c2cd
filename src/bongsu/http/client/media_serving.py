"""The HTTP of serving content: safe headers, file names, conditional and range requests. Pure.

RFC 9110 (ranges, conditions), RFC 6266 (Content-Disposition); Matrix spec: client-server API,
"Content repository", "Serving inline content".
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from bongsu.http.message import Response
from bongsu.media.content import INLINE_TYPES, essence

CACHE_SECONDS = 86_400  # as long as a withdrawn content may live on in a browser

SAFE_HEADERS = (
    (
        b"content-security-policy",
        b"sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; "
        b"style-src 'unsafe-inline'; media-src 'self'; object-src 'self';",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-resource-policy", b"cross-origin"),
    (b"referrer-policy", b"no-referrer"),
)

_RANGE = re.compile(rb"\s*bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*\Z", re.IGNORECASE)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9 !#$&'()+,\-.;=@^_`{}~\[\]]+\Z")


@dataclass(frozen=True)
class Served:
    """Something to serve. `read(start, stop)` streams a part; `etag` names these bytes for ever."""

    etag: bytes
    size: int
    content_type: str
    disposition: str
    read: Callable[[int, int], AsyncIterator[bytes]]


def disposition_of(content_type: str, name: str | None) -> str:
    """The Content-Disposition: `inline` only for types in which no script can run."""
    kind = "inline" if essence(content_type) in INLINE_TYPES else "attachment"
    if not name:
        return kind
    if _PLAIN_NAME.match(name):
        return f'{kind}; filename="{name}"'
    return f"{kind}; filename*=utf-8''{quote(name, safe='')}"


def content_type_of(content_type: str) -> str:
    """The Content-Type to send: text is said to be UTF-8 where the uploader said nothing."""
    if essence(content_type).startswith("text/") and "charset=" not in content_type.lower():
        return f"{content_type}; charset=utf-8"
    return content_type


def serve(served: Served, method: str, headers: Mapping[bytes, bytes]) -> Response:
    """200, 206, 304 or 416, as the conditions and the range in the request's headers ask."""
    common = (
        *SAFE_HEADERS,
        (b"etag", served.etag),
        (b"cache-control", b"private, max-age=%d, immutable" % CACHE_SECONDS),
        (b"accept-ranges", b"bytes"),
        (b"content-disposition", served.disposition.encode()),
    )
    content_type = content_type_of(served.content_type).encode()
    if _has_etag(headers.get(b"if-none-match"), served.etag):
        return Response(b"", status=304, content_type=content_type, headers=common)
    part = None
    if headers.get(b"if-range", served.etag) == served.etag:
        part = range_of(headers.get(b"range"), served.size)
    if part is not None and not part:
        return _unsatisfiable(served.size)
    start, stop = (part.start, part.stop) if part is not None else (0, served.size)
    if part is not None:
        extent = b"bytes %d-%d/%d" % (start, stop - 1, served.size)
        common = (*common, (b"content-range", extent))
    return Response(
        b"",
        status=200 if part is None else 206,
        content_type=content_type,
        headers=(*common, (b"content-length", b"%d" % (stop - start))),
        stream=served.read(start, stop) if method != "HEAD" and stop > start else None,
    )


def range_of(header: bytes | None, size: int) -> range | None:
    """The bytes that a Range header asks for: empty if unsatisfiable, None if it is to be ignored.

    Malformed headers and several ranges at once are ignored, as RFC 9110 section 14.2 lets us.
    """
    match = _RANGE.match(header) if header is not None else None
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return range(max(0, size - int(match[2])), size)
    first, last = int(match[1]), int(match[2] or size)
    if last < first and match[2]:
        return None
    return range(first, min(last + 1, size))


def _has_etag(header: bytes | None, etag: bytes) -> bool:
    if header is None:
        return False
    tags = [tag.strip().removeprefix(b"W/") for tag in header.split(b",")]
    return b"*" in tags or etag in tags


def _unsatisfiable(size: int) -> Response:
    return Response(
        b'{"errcode":"M_UNKNOWN","error":"No such range"}',
        status=416,
        headers=((b"content-range", b"bytes */%d" % size),),
    )
