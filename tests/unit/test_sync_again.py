"""Where the token stands in the query of a poll: the next poll is like it but for that place."""

import pytest

from bongsu.http.client.sync import around_since


@pytest.mark.parametrize(
    ("query", "before", "after"),
    [
        (b"since=b1", b"since=", b""),
        (b"since=b1&timeout=0", b"since=", b"&timeout=0"),
        (b"timeout=0&since=b1", b"timeout=0&since=", b""),
        (b"a=1&since=b1&access_token=x", b"a=1&since=", b"&access_token=x"),
        (b"?since=b1&since=b1", b"?since=b1&since=", b""),
        (b"xsince=b1&since=b1", b"xsince=b1&since=", b""),
    ],
)
def test_a_token_is_found(query: bytes, before: bytes, after: bytes) -> None:
    assert around_since(query, "b1") == (before, after)


@pytest.mark.parametrize(
    "query", [b"", b"since=b2", b"since=b12", b"?since=b1", b"xsince=b1", b"s%69nce=b1&since=b2"]
)
def test_what_is_written_otherwise_is_no_token(query: bytes) -> None:
    assert around_since(query, "b1") is None
