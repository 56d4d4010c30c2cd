"""Paths to endpoints: undecoded matching, decoding afterwards, aliases, 404 and 405."""

from typing import Any

import pytest

from bongsu.errors import InvalidParam, Refused
from bongsu.http.message import Request
from bongsu.http.router import SEGMENT_BYTES_MAX, Router
from bongsu.http.routing import Auth, Route, delete, get, put

ROOMS = "/_matrix/client/v3/rooms"


class Rooms:
    @get(f"{ROOMS}/{{room_id}}/state/{{event_type}}")
    @get(f"{ROOMS}/{{room_id}}/state/{{event_type}}/{{state_key}}")
    async def state(self, request: Request) -> dict[str, Any]:
        return {}

    @put(f"{ROOMS}/{{room_id}}/send/{{event_type}}/{{txn_id}}")
    async def send(self, request: Request) -> dict[str, Any]:
        return {}

    @get("/_matrix/client/v3/profile/{user_id}/displayname")
    async def display_name(self, request: Request) -> dict[str, Any]:
        return {}

    @get("/_matrix/client/v3/profile/{user_id}/{key}")
    @delete("/_matrix/client/v3/profile/{user_id}/{key}")
    async def field(self, request: Request) -> dict[str, Any]:
        return {}

    @get("/_matrix/client/v3/things")
    async def things(self, request: Request) -> dict[str, Any]:
        return {}

    @get("/_matrix/client/v1/things")
    async def newer_things(self, request: Request) -> dict[str, Any]:
        return {}

    @get("/_matrix/client/v3/pushrules/")
    async def push_rules(self, request: Request) -> dict[str, Any]:
        return {}


@pytest.fixture
def router() -> Router:
    made = Router()
    made.add(Rooms())
    return made


def handler_name(router: Router, verb: str, path: str) -> str:
    return router.match(verb, path.encode())[0].handler.__name__


def refused(router: Router, verb: str, path: str | bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        router.match(verb, path.encode() if isinstance(path, str) else path)
    return caught.value


def test_a_slash_may_stand_encoded_inside_a_segment(router: Router) -> None:
    path = f"{ROOMS}/%21a%2Fb%3Ac/state/m.room.member/%2F%40x%25".encode()
    assert router.match("GET", path)[1] == {
        "room_id": "!a/b:c",
        "event_type": "m.room.member",
        "state_key": "/@x%",
    }


@pytest.mark.parametrize(
    ("path", "state_key"), [("m.room.name", None), ("m.room.name/", ""), ("m.room.name/x", "x")]
)
def test_only_a_state_key_may_be_empty(router: Router, path: str, state_key: str | None) -> None:
    found = router.match("GET", f"{ROOMS}/!r/state/{path}".encode())[1]
    assert found.get("state_key") == state_key


@pytest.mark.parametrize(
    "path",
    [
        f"{ROOMS}//state/m.room.name/x",
        f"{ROOMS}/!r/send/m.room.message/",
        f"{ROOMS}/!r/send",
        f"{ROOMS}/!r/send/a/b/c",
        "/_matrix/client/v3/things/",
        "/_matrix/client/v3/pushrules",
        "/_matrix/client/v4/things",
        "/",
        "",
        "*",
        "/" * 10_000,
    ],
)
def test_an_unknown_path_is_404(router: Router, path: str) -> None:
    for verb in ("GET", "PUT"):
        error = refused(router, verb, path)
        assert (error.status, error.code) == (404, "M_UNRECOGNIZED")


@pytest.mark.parametrize("version", ["v3", "r0", "v1", "unstable", "api/v1"])
def test_another_verb_is_405_under_every_alias(router: Router, version: str) -> None:
    error = refused(router, "PATCH", f"/_matrix/client/{version}/rooms/!r/state/x")
    assert (error.status, error.code) == (405, "M_UNRECOGNIZED")


@pytest.mark.parametrize("version", ["r0", "v1", "unstable", "api/v1"])
def test_older_names_of_v3(router: Router, version: str) -> None:
    path = f"/_matrix/client/{version}/rooms/!r/send/m/t"
    assert handler_name(router, "PUT", path) == "send"


def test_an_exact_route_goes_before_an_alias(router: Router) -> None:
    assert handler_name(router, "GET", "/_matrix/client/v1/things") == "newer_things"
    assert handler_name(router, "GET", "/_matrix/client/r0/things") == "things"


def test_a_literal_goes_first_and_is_gone_back_on(router: Router) -> None:
    path = "/_matrix/client/v3/profile/@a/displayname"
    assert handler_name(router, "GET", path) == "display_name"
    assert router.match("DELETE", path.encode())[1] == {"user_id": "@a", "key": "displayname"}


def test_head_is_answered_by_get(router: Router) -> None:
    assert handler_name(router, "HEAD", "/_matrix/client/v3/things") == "things"
    assert refused(router, "HEAD", f"{ROOMS}/!r/send/m/t").status == 405


@pytest.mark.parametrize(
    "segment", ["%00", "a%00b", "%FF", "%C3", "%ED%A0%80", "a" * (SEGMENT_BYTES_MAX + 1)]
)
def test_a_part_that_cannot_be_text_is_refused(router: Router, segment: str) -> None:
    error = refused(router, "PUT", f"{ROOMS}/!r/send/m/{segment}")
    assert isinstance(error, InvalidParam)
    assert (error.status, error.code) == (400, "M_INVALID_PARAM")


def test_raw_bytes_outside_ascii(router: Router) -> None:
    assert router.match("PUT", f"{ROOMS}/!봉수/send/m/t".encode())[1]["room_id"] == "!봉수"
    assert refused(router, "PUT", f"{ROOMS}/".encode() + b"\xff/send/m/t").status == 400


def test_a_route_cannot_be_taken_twice(router: Router) -> None:
    with pytest.raises(ValueError, match="registered twice"):
        router.add(Rooms())


def test_a_limit_without_a_rate_is_found_at_start(router: Router) -> None:
    route = Route("GET", "/x", Auth.NONE, "mesage", None, False)
    router.add_route(route, Rooms().things)
    with pytest.raises(ValueError, match="no rate limit 'mesage'"):
        router.check_limits({"message"})
