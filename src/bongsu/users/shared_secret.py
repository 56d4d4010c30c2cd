"""Registration with a secret that the server and its operator's tools share.

A tool asks for a nonce and proves with it that it knows the secret. A nonce is signed, not stored:
asking for them costs no memory. It needs no mark of having been used either, since what it
authorises, making one account of one name, can happen only once.
"""

import hashlib
import hmac
import secrets

from bongsu.users.tokens import Clock, now_ms

NONCE_MS = 60 * 1000
NONCE_RANDOM_BYTES = 16
_EXPIRY_DIGITS = 12  # of hexadecimal milliseconds
_NONCE_CHARS = _EXPIRY_DIGITS + 2 * NONCE_RANDOM_BYTES + 64


class SharedSecret:
    def __init__(self, secret: str, *, clock: Clock = now_ms) -> None:
        self._secret = secret.encode()
        self._clock = clock

    def new_nonce(self) -> str:
        """A nonce that is good for `NONCE_MS`, at any process of this server."""
        expires_at = self._clock() + NONCE_MS
        head = f"{expires_at:0{_EXPIRY_DIGITS}x}{secrets.token_hex(NONCE_RANDOM_BYTES)}"
        return head + self._seal(head)

    def is_nonce(self, nonce: str) -> bool:
        """Whether this server gave `nonce` out, and not too long ago."""
        if len(nonce) != _NONCE_CHARS or not nonce.isascii():
            return False
        head = nonce[:-64]
        if not hmac.compare_digest(self._seal(head), nonce[-64:]):
            return False
        return int(head[:_EXPIRY_DIGITS], 16) > self._clock()

    def is_mac(
        self,
        mac: str,
        nonce: str,
        username: str,
        password: str,
        *,
        is_admin: bool,
        user_type: str | None,
    ) -> bool:
        """Whether `mac` is the hex HMAC-SHA1 of these, as Synapse's tools compute it."""
        parts = [nonce, username, password, "admin" if is_admin else "notadmin"]
        if user_type:
            parts.append(user_type)
        signed = b"\x00".join(part.encode("utf-8", "surrogatepass") for part in parts)
        wanted = hmac.new(self._secret, signed, hashlib.sha1).hexdigest()
        return hmac.compare_digest(wanted.encode(), mac.encode("utf-8", "surrogatepass"))

    def _seal(self, head: str) -> str:
        return hmac.new(self._secret, b"nonce:" + head.encode(), hashlib.sha256).hexdigest()
