"""AWS Signature Version 4 of one request, its headers alone: the body's hash is among them."""

import hashlib
import hmac
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote

REGION = "us-east-1"  # what stores without regions expect
_ALGORITHM = "AWS4-HMAC-SHA256"
_SIGNED = "host;x-amz-content-sha256;x-amz-date"


class Keys(NamedTuple):
    access_key: str
    secret_key: str


def signed_headers(
    keys: Keys, method: str, host: str, path: str, body_sha256: str, now: datetime
) -> dict[str, str]:
    """The headers to send. `host` as the Host header has it; `path` unquoted, without a query."""
    time = now.strftime("%Y%m%dT%H%M%SZ")
    scope = f"{time[:8]}/{REGION}/s3/aws4_request"
    lines = (f"host:{host}", f"x-amz-content-sha256:{body_sha256}", f"x-amz-date:{time}", "")
    request = "\n".join((method, quote(path), "", *lines, _SIGNED, body_sha256))
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{keys.secret_key}".encode()
    for part in scope.split("/"):
        key = _mac(key, part)
    signature = _mac(key, "\n".join((_ALGORITHM, time, scope, digest))).hex()
    credential = f"{keys.access_key}/{scope}"
    return {
        "x-amz-date": time,
        "x-amz-content-sha256": body_sha256,
        "Authorization": (
            f"{_ALGORITHM} Credential={credential}, SignedHeaders={_SIGNED}, Signature={signature}"
        ),
    }


def _mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
