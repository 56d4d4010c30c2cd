"""Small signed texts that we give out and get back: who came in, which file may be seen."""

import hashlib
import hmac
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

TICKET_CHARS_MAX = 1000


class Tickets:
    """`key` is the same at every site. A ticket of one purpose is worth nothing for another."""

    def __init__(
        self, key: bytes, purpose: str, seconds: int, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._key = hmac.new(key, purpose.encode(), hashlib.sha256).digest()
        self._clock = clock
        self.seconds = seconds

    def make(self, text: str) -> str:
        body = f"{int(self._clock()) + self.seconds}.{urlsafe_b64encode(text.encode()).decode()}"
        return f"{body}.{self._mac(body)}"

    def open(self, ticket: str | None) -> str | None:
        """The text in it; None if it is not ours or its time is over."""
        if not ticket or len(ticket) > TICKET_CHARS_MAX or not ticket.isascii():
            return None
        body, _, mac = ticket.rpartition(".")
        if not hmac.compare_digest(self._mac(body), mac):
            return None
        expiry, _, text = body.partition(".")
        if int(expiry) < self._clock():
            return None
        return urlsafe_b64decode(text).decode()

    def _mac(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()
