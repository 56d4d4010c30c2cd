"""A request and a response, as the endpoints see them."""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from bongsu.errors import BadJson, InvalidParam, MissingParam, Refused
from bongsu.http.repeated import Reply, Taken
from bongsu.users.requester import Requester

T = TypeVar("T")
TakeAgain = Callable[[bytes, Reply], Taken | None]  # see `http.repeated.Again.take`

QUERY_FIELDS_MAX = 100


class Request:
    """One HTTP request. `path` holds the decoded `{name}` parts; `body` all, unless streamed."""

    __slots__ = (
        "_query", "_requester", "body", "body_stream", "headers", "id", "method", "path", "peer",
        "query_string", "raw_path", "waited_seconds",
    )  # fmt: skip

    def __init__(
        self,
        method: str,
        raw_path: bytes,
        query_string: bytes,
        headers: Mapping[bytes, bytes],
        peer: str,
        request_id: str,
        waited_seconds: float = 0.0,
    ) -> None:
        self.method = method
        self.raw_path = raw_path
        self.query_string = query_string
        self.headers = headers  # names in lower case
        self.peer = peer  # address of the client, for rate limits
        self.id = request_id
        self.waited_seconds = waited_seconds  # before it came here: see `http.repeated`
        self.path: dict[str, str] = {}
        self.body = b""
        self.body_stream: AsyncIterator[bytes] | None = None
        self._query: dict[str, list[str]] | None = None
        self._requester: Requester | None = None

    @property
    def requester(self) -> Requester:
        """Who asks; only on routes that demand it."""
        assert self._requester is not None, "route without auth asked for its requester"
        return self._requester

    @requester.setter
    def requester(self, value: Requester) -> None:
        self._requester = value

    @property
    def requester_or_none(self) -> Requester | None:
        """Who asks, on routes where a token is optional."""
        return self._requester

    def json(self, shape: type[T]) -> T:
        """The body decoded as `shape` (a msgspec Struct or builtin type).

        Raises `Refused` M_NOT_JSON if it is no JSON, `BadJson` if it has another shape.
        An empty body is taken as `{}`, which many clients send for POSTs without parameters.
        """
        try:
            return msgspec.json.decode(self.body or b"{}", type=shape)
        except msgspec.ValidationError as error:
            raise BadJson(str(error)) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Refused("Content not JSON", code="M_NOT_JSON") from None

    @property
    def query(self) -> dict[str, list[str]]:
        """Query parameters, each with all its values in order."""
        if self._query is None:
            self._query = _parse_query(self.query_string)
        return self._query

    def query_text(self, name: str, default: str | None = None) -> str | None:
        """The first value of a query parameter, or `default`. NUL is refused."""
        values = (self._query or self.query).get(name)
        if not values:
            return default
        if "\x00" in values[0]:
            raise InvalidParam(f"Query parameter {name} holds a NUL")
        return values[0]

    def query_required(self, name: str) -> str:
        """The first value of a query parameter; `MissingParam` without one."""
        value = self.query_text(name)
        if value is None:
            raise MissingParam(f"Missing query parameter {name}")
        return value

    def query_int(self, name: str, default: int, *, minimum: int = 0, maximum: int) -> int:
        """A whole number, cut down to `maximum`; `InvalidParam` below `minimum` or if no number."""
        text = self.query_text(name)
        if text is None:
            return default
        if not (text.isascii() and text.lstrip("-").isdigit() and len(text) <= 20):
            raise InvalidParam(f"Query parameter {name} is not a whole number")
        if int(text) < minimum:
            raise InvalidParam(f"Query parameter {name} is below {minimum}")
        return min(int(text), maximum)

    def query_bool(self, name: str, default: bool = False) -> bool:
        text = self.query_text(name)
        if text is None:
            return default
        if text not in ("true", "false"):
            raise InvalidParam(f"Query parameter {name} is neither true nor false")
        return text == "true"


class Response:
    """Status, body and headers. `stream` instead of `body` for answers of unbounded size.

    `take_again` takes the client's next request by a plain call, if it is like this one.
    """

    __slots__ = ("body", "headers", "status", "stream", "take_again")

    def __init__(
        self,
        body: bytes = b"{}",
        *,
        status: int = 200,
        content_type: bytes = b"application/json",
        headers: tuple[tuple[bytes, bytes], ...] = (),
        stream: AsyncIterator[bytes] | None = None,
        take_again: TakeAgain | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.headers = ((b"content-type", content_type), *headers)
        self.stream = stream
        self.take_again = take_again


def json_response(value: Any, *, status: int = 200) -> Response:
    """`value` as JSON."""
    return Response(msgspec.json.encode(value), status=status)


def _parse_query(query_string: bytes) -> dict[str, list[str]]:
    """All values of each parameter in order. `InvalidParam` if they are not to be understood."""
    query: dict[str, list[str]] = {}
    try:
        text = query_string.decode("ascii")
        if "%" in text or "+" in text:
            pairs = parse_qsl(
                text, keep_blank_values=True, errors="strict", max_num_fields=QUERY_FIELDS_MAX
            )
        else:  # nothing is encoded, as in nearly every poll
            fields = text.split("&", QUERY_FIELDS_MAX)
            if len(fields) > QUERY_FIELDS_MAX:
                raise ValueError
            pairs = [(name, value) for name, _, value in (f.partition("=") for f in fields if f)]
    except (ValueError, UnicodeDecodeError):
        raise InvalidParam("Malformed query string") from None
    for name, value in pairs:
        query.setdefault(name, []).append(value)
    return query
