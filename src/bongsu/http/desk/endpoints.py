"""What an area offers: endpoints, each with who may use it, how often, and how much it may send."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from starlette.responses import Response

from bongsu.desk.roles import Role
from bongsu.http.desk.visit import Visit

REPORTER_API = "/api/reporter"
"""Below it is what the messenger's browser clients may ask across origins."""
FORM_BYTES_MAX = 256 * 1024
FILES_MAX = 0
FIELDS_MAX = 200

Handler = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True)
class Endpoint:
    """`roles`: who may, any of them; None: everybody. `limit`: a name of `limits.RATES`.

    A form's token is checked and its fields are read before the handler runs, unless the handler
    `takes_body` itself: then it must authenticate by other means than a cookie.
    """

    method: str
    path: str
    handler: Handler
    roles: frozenset[Role] | None = None
    limit: str = "page"
    body_bytes_max: int = FORM_BYTES_MAX
    files_max: int = FILES_MAX
    fields_max: int = FIELDS_MAX
    takes_body: bool = False
    asks_work: bool = False


class Area(Protocol):
    def endpoints(self) -> Iterator[Endpoint]: ...


def get(path: str, handler: Handler, *, roles: frozenset[Role] | None = None) -> Endpoint:
    return Endpoint("GET", path, handler, roles)


def post(
    path: str,
    handler: Handler,
    *,
    roles: frozenset[Role] | None = None,
    limit: str = "form",
    body_bytes_max: int = FORM_BYTES_MAX,
    files_max: int = FILES_MAX,
    fields_max: int = FIELDS_MAX,
    asks_work: bool = False,
) -> Endpoint:
    return Endpoint(
        "POST", path, handler, roles, limit, body_bytes_max, files_max, fields_max,
        asks_work=asks_work,
    )  # fmt: skip


def api(
    method: str,
    path: str,
    handler: Handler,
    *,
    roles: frozenset[Role] | None = None,
    limit: str = "api",
    body_bytes_max: int = FORM_BYTES_MAX,
) -> Endpoint:
    """For machines: the handler reads `visit.body()`; refusals are JSON (paths under /api/).

    With `roles`, the operator's token comes as a bearer token, never as a cookie.
    """
    return Endpoint(method, path, handler, roles, limit, body_bytes_max, takes_body=True)
