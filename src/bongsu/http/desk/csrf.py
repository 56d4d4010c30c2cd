"""A POST must carry the token of a form that this desk gave to this visitor.

The visitor's cookie is random and signed; the token is bound to it and to the operator's session.
Another site can send the cookies along, but neither read nor guess the token.
"""

import hashlib
import hmac
import secrets

VISITOR_COOKIE = "desk_visitor"
FIELD = "csrf"
VISITOR_BYTES = 18
VISITOR_SECONDS = 365 * 24 * 3600
_CHARS_MAX = 200


class Csrf:
    """`key` is the same at every site, so a form loaded here may be sent there."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def new_visitor(self) -> str:
        """The value of a new visitor's cookie."""
        name = secrets.token_urlsafe(VISITOR_BYTES)
        return f"{name}.{self._mac('visitor', name)}"

    def is_visitor(self, cookie: str | None) -> bool:
        """Whether we gave out this cookie."""
        if not cookie or len(cookie) > _CHARS_MAX:
            return False
        name, _, mac = cookie.partition(".")
        return _equal(self._mac("visitor", name), mac)

    def token(self, visitor: str, session: str | None) -> str:
        return self._mac("form", visitor, session or "")

    def is_token(self, token: object, visitor: str, session: str | None) -> bool:
        return isinstance(token, str) and _equal(self.token(visitor, session), token[:_CHARS_MAX])

    def _mac(self, *parts: str) -> str:
        text = "\x1f".join(parts).encode("utf-8", "replace")
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


def _equal(a: str, b: str) -> bool:
    return hmac.compare_digest(a.encode(), b.encode("utf-8", "replace"))
