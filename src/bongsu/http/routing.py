"""How an endpoint is written: a method of a class, marked with its verb and path.

    class Typing:
        def __init__(self, typing: TypingService) -> None: ...

        @put("/_matrix/client/v3/rooms/{room_id}/typing/{user_id}")
        async def set_typing(self, request: Request) -> Answer: ...

`Router.add(Typing(service))` finds the marked methods. Paths are matched on the undecoded
`raw_path`, segment by segment, and each `{name}` is percent-decoded afterwards, so `%2F` inside a
segment stays inside it. A path under `/_matrix/client/v3/` also answers under `r0`, `v1`,
`api/v1` and `unstable`, which older clients still use.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

import msgspec

from bongsu.http.message import Request, Response

# A handler answers with a ready Response, or with a value that becomes 200 and its JSON.
Answer = Response | msgspec.Struct | dict[str, Any]
Handler = Callable[[Request], Awaitable[Answer]]
Method = TypeVar("Method", bound=Callable[..., Awaitable[Answer]])


class Auth(Enum):
    """Who may call. `USER` sets `request.requester`; `GUEST` also lets guests in; `ADMIN` only
    administrators of this server. `SERVICE` is open to all, like `NONE`, but lets an application
    service say who it is."""

    NONE = "none"
    SERVICE = "service"
    OPTIONAL = "optional"
    USER = "user"
    GUEST = "guest"
    ADMIN = "admin"


@dataclass(frozen=True)
class Route:
    """One verb on one path. `limit` names the rate limit that a call spends from, if any."""

    verb: str
    path: str
    auth: Auth
    limit: str | None
    body_bytes_max: int | None
    streams_body: bool


def route(
    verb: str,
    path: str,
    *,
    auth: Auth = Auth.USER,
    limit: str | None = None,
    body_bytes_max: int | None = None,
    streams_body: bool = False,
) -> Callable[[Method], Method]:
    """Mark a method as the endpoint for `verb` and `path`; may be stacked."""

    def mark(method: Method) -> Method:
        routes: list[Route] = list(getattr(method, "routes", ()))
        routes.append(Route(verb, path, auth, limit, body_bytes_max, streams_body))
        method.routes = routes  # type: ignore[attr-defined]  # a mark on the function
        return method

    return mark


def get(path: str, **options: Any) -> Callable[[Method], Method]:
    return route("GET", path, **options)


def put(path: str, **options: Any) -> Callable[[Method], Method]:
    return route("PUT", path, **options)


def post(path: str, **options: Any) -> Callable[[Method], Method]:
    return route("POST", path, **options)


def delete(path: str, **options: Any) -> Callable[[Method], Method]:
    return route("DELETE", path, **options)
