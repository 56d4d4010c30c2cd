"""What can go wrong, as one small tree. Only `http` turns a code into a status.

    BongsuError
    ├── Refused             an expected refusal, told to the client as a Matrix errcode
    │   ├── Forbidden         M_FORBIDDEN           403
    │   ├── NotFound          M_NOT_FOUND           404
    │   ├── InvalidParam      M_INVALID_PARAM       400
    │   ├── BadJson           M_BAD_JSON            400
    │   ├── MissingParam      M_MISSING_PARAM       400
    │   ├── TooLarge          M_TOO_LARGE           413
    │   ├── LimitExceeded     M_LIMIT_EXCEEDED      429, with retry_after_ms
    │   ├── UnknownToken      M_UNKNOWN_TOKEN       401
    │   └── MissingToken      M_MISSING_TOKEN       401
    ├── Unavailable         nothing is known of the outcome: retry with the same id   503
    └── OperatorError       only the operator can mend it; one line says how; never over HTTP

Any other code of the spec is a `Refused` with that code and its status, raised where it belongs.
"""

import errno
import os
from typing import Any


class BongsuError(Exception):
    """Base of every error this project raises on purpose."""


class Refused(BongsuError):
    """An expected refusal. `code` is a Matrix errcode, `extra` further keys of the answer."""

    status = 400
    code = "M_UNKNOWN"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.status = status or self.status
        self.extra = extra or {}


class Forbidden(Refused):
    status, code = 403, "M_FORBIDDEN"


class NotFound(Refused):
    status, code = 404, "M_NOT_FOUND"


class InvalidParam(Refused):
    code = "M_INVALID_PARAM"


class BadJson(Refused):
    code = "M_BAD_JSON"


class MissingParam(Refused):
    code = "M_MISSING_PARAM"


class TooLarge(Refused):
    status, code = 413, "M_TOO_LARGE"


class UnknownToken(Refused):
    status, code = 401, "M_UNKNOWN_TOKEN"

    def __init__(self, message: str = "Unknown access token", *, soft_logout: bool = False) -> None:
        super().__init__(message, extra={"soft_logout": soft_logout})


class MissingToken(Refused):
    status, code = 401, "M_MISSING_TOKEN"

    def __init__(self) -> None:
        super().__init__("Missing access token")


class LimitExceeded(Refused):
    status, code = 429, "M_LIMIT_EXCEEDED"

    def __init__(self, message: str = "Too many requests", *, retry_after_ms: int) -> None:
        super().__init__(message, extra={"retry_after_ms": retry_after_ms})


class Unavailable(BongsuError):
    """The outcome is unknown: the client may retry with the same id and will not be doubled."""

    def __init__(self, message: str = "Try again", *, retry_after_ms: int = 1000) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_ms = retry_after_ms


class OperatorError(BongsuError):
    """Something that the operator must mend. The message is one line and says what to do."""


def cannot_listen(setting: str, address: str | None, error: OSError) -> OperatorError:
    """The remedy for a port. An event loop's own words for what is wrong repeat the address."""
    code = error.errno or 0
    taken = "something listens there already: stop it, or " if code == errno.EADDRINUSE else ""
    remedy = f"{taken}choose another with BONGSU_{setting.upper()}"
    return OperatorError(f"{setting}: cannot listen on {address} ({os.strerror(code)}); {remedy}")
