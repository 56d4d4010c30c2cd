"""Headers, ranges and conditions of served content."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.http.client.media_serving import (
    Served,
    content_type_of,
    disposition_of,
    range_of,
    serve,
)
from bongsu.http.message import Response

BODY = bytes(range(100))
ETAG = b'"id-whole"'


async def _read(start: int, stop: int) -> AsyncIterator[bytes]:
    yield BODY[start:stop]


async def _body(response: Response) -> bytes:
    return b"".join([chunk async for chunk in response.stream]) if response.stream else b""


def _serve(method: str = "GET", **headers: str) -> Response:
    served = Served(ETAG, len(BODY), "video/mp4", "inline", _read)
    sent = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return serve(served, method, sent)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        (b"bytes=0-0", range(1)),
        (b"bytes=0-", range(100)),
        (b"bytes=90-", range(90, 100)),
        (b"bytes=90-1000", range(90, 100)),
        (b"bytes=-10", range(90, 100)),
        (b"bytes=-1000", range(100)),
        (b"BYTES = 1 - 2", range(1, 3)),
        (b"bytes=100-", range(0)),
        (b"bytes=-0", range(0)),
        (b"bytes=5-4", None),
        (b"bytes=0-1,3-4", None),
        (b"bytes=-", None),
        (b"bytes=", None),
        (b"items=0-1", None),
        (b"bytes=" + b"9" * 5000 + b"-", None),
    ],
)
def test_range(header: bytes | None, expected: range | None) -> None:
    assert range_of(header, 100) == expected


@given(st.binary(max_size=30), st.integers(0, 1000))
def test_no_range_header_reaches_out_of_the_content(header: bytes, size: int) -> None:
    part = range_of(b"bytes=" + header, size)
    assert part is None or not part or 0 <= part.start < part.stop <= size


async def test_whole() -> None:
    response = _serve()
    headers = dict(response.headers)
    assert (response.status, await _body(response)) == (200, BODY)
    assert headers[b"content-length"] == b"100"
    assert headers[b"etag"] == ETAG
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"cross-origin-resource-policy"] == b"cross-origin"
    assert headers[b"content-security-policy"].startswith(b"sandbox; default-src 'none'; ")
    assert b"private" in headers[b"cache-control"]


async def test_part() -> None:
    response = _serve(range="bytes=10-19")
    assert (response.status, await _body(response)) == (206, BODY[10:20])
    assert dict(response.headers)[b"content-range"] == b"bytes 10-19/100"
    assert dict(response.headers)[b"content-length"] == b"10"


async def test_part_of_what_the_client_has_already() -> None:
    same = _serve(range="bytes=10-19", if_range=ETAG.decode())
    other = _serve(range="bytes=10-19", if_range='"other"')
    assert (same.status, other.status) == (206, 200)
    assert await _body(other) == BODY
    assert await _body(same) == BODY[10:20]


def test_no_such_part() -> None:
    response = _serve(range="bytes=100-")
    assert response.status == 416
    assert dict(response.headers)[b"content-range"] == b"bytes */100"


@pytest.mark.parametrize("tags", ['"id-whole"', 'W/"id-whole"', '"a", "id-whole"', "*"])
def test_not_modified(tags: str) -> None:
    response = _serve(if_none_match=tags)
    assert (response.status, response.body, response.stream) == (304, b"", None)
    assert dict(response.headers)[b"etag"] == ETAG


def test_head_reads_nothing() -> None:
    response = _serve("HEAD")
    assert response.stream is None
    assert dict(response.headers)[b"content-length"] == b"100"


@pytest.mark.parametrize(
    ("content_type", "name", "disposition"),
    [
        ("image/png", None, "inline"),
        ("image/png", "a.png", 'inline; filename="a.png"'),
        ("text/plain; charset=utf-8", "War and Peace.txt", 'inline; filename="War and Peace.txt"'),
        ("text/html", "a.png", 'attachment; filename="a.png"'),
        ("image/svg+xml", None, "attachment"),
        ("application/pdf", 'a"b', "attachment; filename*=utf-8''a%22b"),
        ("image/png", "산.png", "inline; filename*=utf-8''%EC%82%B0.png"),
        ("image/png", "a\r\nb: c", "inline; filename*=utf-8''a%0D%0Ab%3A%20c"),
        ("image/png", "../../etc", "inline; filename*=utf-8''..%2F..%2Fetc"),
    ],
)
def test_disposition(content_type: str, name: str | None, disposition: str) -> None:
    assert disposition_of(content_type, name) == disposition


def test_text_is_utf_8_where_nothing_is_said() -> None:
    assert content_type_of("text/plain") == "text/plain; charset=utf-8"
    assert content_type_of("text/plain; charset=EUC-KR") == "text/plain; charset=EUC-KR"
    assert content_type_of("image/png") == "image/png"
