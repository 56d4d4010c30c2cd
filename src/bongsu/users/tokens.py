"""Tokens: how they are made, recognised and hashed, and the clock that ends them.

A token is a prefix that says what it is (so that scanners of leaked secrets can know it) and 192
random bits. Only its SHA-256 is stored: the token has the entropy of a key, so a slow hash would
add nothing.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Callable

ACCESS = "bgs_"
REFRESH = "bgr_"
LOGIN = "bgl_"
OPENID = "bgo_"

TOKEN_BYTES = 24
TOKEN_CHARS_MAX = 256

Clock = Callable[[], int]

_ACCESS_TOKEN = re.compile(rf"{ACCESS}[A-Za-z0-9_\-]{{32}}\Z")


def now_ms() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


def new_token(prefix: str) -> str:
    return prefix + secrets.token_urlsafe(TOKEN_BYTES)


def is_access_token(text: str) -> bool:
    """Whether `text` could be an access token of ours: what could not needs no look-up."""
    return _ACCESS_TOKEN.match(text) is not None


def hash_token(token: str) -> bytes:
    """SHA-256, 32 bytes. A token from outside may hold anything, lone surrogates too."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
