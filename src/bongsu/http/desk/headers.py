"""Headers that every answer of the desk carries, unless its handler set the same one itself."""

from bongsu.http.asgi import Message, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "font-src 'self'; form-action 'self'; connect-src 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_ALWAYS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cache-control", b"no-store"),
)
_SECURE = (b"strict-transport-security", b"max-age=31536000")


def common(*, is_secure: bool) -> list[tuple[bytes, bytes]]:
    """The headers, for whoever sends an answer without `Sender`."""
    return [*_ALWAYS, _SECURE] if is_secure else list(_ALWAYS)


class Sender:
    """Stands between the application and the server's `send`."""

    def __init__(self, send: Send, *, is_secure: bool) -> None:
        self._send = send
        self._common = common(is_secure=is_secure)

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            own = list(message.get("headers", ()))
            names = {name for name, _ in own}
            added = [header for header in self._common if header[0] not in names]
            message = {**message, "headers": [*own, *added]}
        await self._send(message)
