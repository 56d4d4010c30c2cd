"""What the core knows of requests to addresses that users gave: asked by `Fetcher`, bounded.

    BongsuError
    └── FetchFailed       no answer, or not a whole one: it may be tried again
        └── FetchRefused    asked for what is never asked: a private address, another scheme

Neither is shown to users as it is: it would tell them about the network of this server.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct

from bongsu.errors import BongsuError

BODY_BYTES_MAX = 1024 * 1024
SECONDS_MAX = 10.0


class FetchFailed(BongsuError):
    """No answer within the limits. One line for the log."""


class FetchRefused(FetchFailed):
    """The address may not be asked; trying again is of no use before somebody changes it."""


class Fetched(Struct, frozen=True):
    """A whole answer, whatever its status. Names of `headers` are in lower case."""

    status: int
    url: str  # where it came from, after redirects
    headers: Mapping[str, str]
    body: bytes


class Fetcher(Protocol):
    """Requests with one deadline for everything; all raise `FetchFailed` and `FetchRefused`."""

    async def get(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body_bytes_max: int = BODY_BYTES_MAX,
        seconds_max: float = SECONDS_MAX,
        redirects_max: int = 0,
    ) -> Fetched:
        """GET, following at most `redirects_max` redirects; one more is an answer like others."""
        ...

    async def send_json(
        self,
        method: str,
        url: str,
        document: Any,
        *,
        headers: Mapping[str, str] | None = None,
        body_bytes_max: int = BODY_BYTES_MAX,
        seconds_max: float = SECONDS_MAX,
        https_only: bool = False,
    ) -> Fetched:
        """POST or PUT `document` as JSON. A redirect is an answer like others, not followed.

        With `https_only`, plain http goes only to networks that the operator allowed.
        """
        ...
