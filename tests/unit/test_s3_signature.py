"""Signature Version 4: what goes into it. Whether it is right a real store says (media tests)."""

import hashlib
from datetime import UTC, datetime

from bongsu.s3.signature import Keys, signed_headers

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
