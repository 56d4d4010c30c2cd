"""Which endpoint answers a verb on a path: a tree of segments, matched on the undecoded path.

Decoding comes after matching, so `%2F` stays inside its segment: state keys and event ids may hold
one. A literal segment goes before a `{name}`, but one that leads nowhere is gone back on.
"""

from collections.abc import Container
from functools import lru_cache
from typing import cast
from urllib.parse import unquote_to_bytes

from bongsu.errors import InvalidParam, Refused
from bongsu.http.body import BODY_BYTES_MAX, STREAMED_BODY_BYTES_MAX
from bongsu.http.metrics import RouteStats
from bongsu.http.moderation import locked_may, suspended_may
from bongsu.http.routing import Auth, Handler, Route

SEGMENT_BYTES_MAX = 1024
SEGMENTS_MAX = 32
DECODED_CACHE_SIZE = 8192

# The only part of a path that may be empty: "the trailing slash is optional" (room state).
MAY_BE_EMPTY = frozenset({"state_key"})

# Older names of /_matrix/client/v3/, tried when nothing is registered under them exactly.
CURRENT = [b"", b"_matrix", b"client", b"v3"]
ALIASES = (
    [b"", b"_matrix", b"client", b"r0"],
    [b"", b"_matrix", b"client", b"v1"],
    [b"", b"_matrix", b"client", b"unstable"],
    [b"", b"_matrix", b"client", b"api", b"v1"],
)


class Endpoint:
    """A route and its handler, with what each call of it needs worked out beforehand."""

    __slots__ = (
        "admins_only", "body_bytes_max", "guests_may", "handler", "locked_may", "names",
        "needs_token", "reads_body", "route", "stats", "suspended_may", "takes_token",
    )  # fmt: skip

    def __init__(self, route: Route, handler: Handler) -> None:
        self.route = route
        self.handler = handler
        self.names = tuple(part[1:-1] for part in route.path.split("/") if part.startswith("{"))
        self.takes_token = route.auth not in (Auth.NONE, Auth.SERVICE)
        self.needs_token = route.auth in (Auth.USER, Auth.GUEST, Auth.ADMIN)
        self.guests_may = route.auth not in (Auth.USER, Auth.ADMIN)
        self.admins_only = route.auth is Auth.ADMIN
        self.locked_may = locked_may(route)
        self.suspended_may = suspended_may(route)
        self.reads_body = route.verb != "GET" and not route.streams_body
        usual = STREAMED_BODY_BYTES_MAX if route.streams_body else BODY_BYTES_MAX
        self.body_bytes_max = usual if route.body_bytes_max is None else route.body_bytes_max
        self.stats = RouteStats()


class Node:
    """One segment of the tree: what may follow it, and what answers if nothing does."""

    __slots__ = ("endpoints", "literals", "parameter")

    def __init__(self) -> None:
        self.literals: dict[bytes, Node] = {}
        self.parameter: Node | None = None
        self.endpoints: dict[str, Endpoint] = {}


class Router:
    def __init__(self) -> None:
        self._root = Node()
        self.endpoints: list[Endpoint] = []

    def add(self, endpoint: object) -> None:
        """Register every marked method of `endpoint`. `ValueError` if a route is taken."""
        for name in dir(type(endpoint)):
            routes = cast(list[Route], getattr(getattr(type(endpoint), name), "routes", ()))
            for route in routes:
                self.add_route(route, cast(Handler, getattr(endpoint, name)))

    def add_route(self, route: Route, handler: Handler) -> None:
        added = Endpoint(route, handler)
        node = self._root
        for part in route.path.split("/"):
            if part.startswith("{"):
                if node.parameter is None:
                    node.parameter = Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(part.encode(), Node())
        if route.verb in node.endpoints:
            raise ValueError(f"{route.verb} {route.path} is registered twice")
        node.endpoints[route.verb] = added
        self.endpoints.append(added)

    def check_limits(self, names: Container[str]) -> None:
        """`ValueError` if a route spends from a rate limit that nobody has set."""
        for endpoint in self.endpoints:
            if endpoint.route.limit is not None and endpoint.route.limit not in names:
                raise ValueError(f"{endpoint.route.path}: no rate limit {endpoint.route.limit!r}")

    def match(self, verb: str, raw_path: bytes) -> tuple[Endpoint, dict[str, str]]:
        """The endpoint and its decoded path parameters. HEAD is answered where GET is.

        Raises `Refused` M_UNRECOGNIZED 404 (no such path) or 405 (not with this verb), and
        `InvalidParam` for a segment that is too long, is no UTF-8 or holds a NUL.
        """
        if verb == "HEAD":
            verb = "GET"
        segments = raw_path.split(b"/", SEGMENTS_MAX)
        values: list[bytes] = []
        endpoint = _find(self._root, segments, verb, values)
        if endpoint is None:
            endpoint = self._find_elsewhere(segments, verb, values)
        if not values:
            return endpoint, {}
        return endpoint, dict(zip(endpoint.names, map(decoded, values), strict=True))

    def verbs(self, raw_path: bytes) -> set[str]:
        """The verbs that `raw_path` answers to; empty if nothing is there."""
        segments = raw_path.split(b"/", SEGMENTS_MAX)
        return {
            verb
            for path in (segments, _current(segments))
            if path is not None
            for verb in ("GET", "PUT", "POST", "DELETE")
            if _find(self._root, path, verb, []) is not None
        }

    def _find_elsewhere(self, segments: list[bytes], verb: str, values: list[bytes]) -> Endpoint:
        """The endpoint under the current name of an old path, or the refusal."""
        current = _current(segments)
        endpoint = _find(self._root, current, verb, values) if current is not None else None
        if endpoint is not None:
            return endpoint
        if self.verbs(b"/".join(segments)):
            raise Refused("Method not allowed", code="M_UNRECOGNIZED", status=405)
        raise Refused("Unrecognized request", code="M_UNRECOGNIZED", status=404)


def _find(node: Node, segments: list[bytes], verb: str, values: list[bytes]) -> Endpoint | None:
    """The endpoint at the end of `segments` below `node`; `values` gets the parameters."""
    for depth, segment in enumerate(segments):
        literal, parameter = node.literals.get(segment), node.parameter
        if literal is not None:
            if parameter is None:
                node = literal
                continue
            known = len(values)
            endpoint = _find(literal, segments[depth + 1 :], verb, values)
            if endpoint is not None:
                return endpoint
            del values[known:]
        if parameter is None:
            return None
        values.append(segment)
        node = parameter
    endpoint = node.endpoints.get(verb)
    if endpoint is None or (b"" in values and not _may_be_empty(endpoint, values)):
        return None
    return endpoint


def _may_be_empty(endpoint: Endpoint, values: list[bytes]) -> bool:
    named = zip(endpoint.names, values, strict=True)
    return all(value or name in MAY_BE_EMPTY for name, value in named)


def _current(segments: list[bytes]) -> list[bytes] | None:
    """The same path under /_matrix/client/v3/, if it stands under an older name of that."""
    for alias in ALIASES:
        if segments[: len(alias)] == alias:
            return CURRENT + segments[len(alias) :]
    return None


def decoded(segment: bytes) -> str:
    """A captured segment, percent-decoded; `InvalidParam` if it cannot be a parameter."""
    if len(segment) > SEGMENT_BYTES_MAX:
        raise InvalidParam("A part of the path is too long")
    return _decoded(segment)


@lru_cache(DECODED_CACHE_SIZE)
def _decoded(segment: bytes) -> str:
    try:
        text = unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidParam("A part of the path is not UTF-8") from None
    if "\x00" in text:
        raise InvalidParam("A part of the path holds a NUL")
    return text
