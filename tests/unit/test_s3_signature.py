"""Signature Version 4: what goes into it. Whether it is right a real store says (media tests)."""

import hashlib
from datetime import UTC, datetime, timedelta

from bongsu.s3.signature import Keys, signed_headers
from bongsu.s3.store import skew_of

KEYS = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


def test_the_headers_of_a_request() -> None:
    """The signature is deterministic: the time, the scope and the hash are all in it."""
    body = hashlib.sha256(b"hello").hexdigest()
    now = datetime(2026, 11, 22, 1, 2, 3, tzinfo=UTC)
    headers = signed_headers(KEYS, "PUT", "127.0.0.1:8333", "/media/ab/abc", body, now)
    assert headers["x-amz-date"] == "20261122T010203Z"
    assert headers["x-amz-content-sha256"] == body
    scheme, _, rest = headers["Authorization"].partition(" ")
    assert scheme == "AWS4-HMAC-SHA256"
    fields = dict(part.strip().split("=", 1) for part in rest.split(","))
    assert fields["Credential"] == f"{KEYS.access_key}/20261122/us-east-1/s3/aws4_request"
    assert fields["SignedHeaders"] == "host;x-amz-content-sha256;x-amz-date"
    assert len(fields["Signature"]) == 64
    other = signed_headers(KEYS, "GET", "127.0.0.1:8333", "/media/ab/abc", body, now)
    assert other["Authorization"] != headers["Authorization"]


def test_the_store_s_clock_is_believed() -> None:
    now = datetime(2026, 11, 22, 2, 0, 0, tzinfo=UTC)
    assert skew_of("Sun, 22 Nov 2026 01:00:00 GMT", now) == timedelta(hours=-1)
    for date in (None, "", "yesterday", "Sun, 22 Nov 2026 01:00:00 -0000"):
        assert skew_of(date, now) == timedelta(), "who names no time is not believed"
