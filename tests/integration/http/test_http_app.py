"""The application behind our server, and behind another one: auth, limits, errors, CORS."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from bongsu.errors import Forbidden, Unavailable, UnknownToken
from bongsu.http import app
from bongsu.http.app import App
from bongsu.http.disconnect import run_while_connected
from bongsu.http.message import Request, Response
from bongsu.http.metrics import Monitoring, RouteCollector
from bongsu.http.rate_limit import Rate, RateLimiter
from bongsu.http.router import Router
from bongsu.http.routing import Auth, get, post, put
from bongsu.http.server import Server
from bongsu.ids import DeviceId, UserId
from bongsu.users.requester import Requester

V3 = "/_matrix/client/v3"


def person(name: str, **condition: bool) -> Requester:
    return Requester(UserId(f"@{name}:x"), DeviceId("D"), b"h" * 32, **condition)


PEOPLE = {
    "alice": person("alice"),
    "guest": person("guest", is_guest=True),
    "locked": person("locked", is_locked=True),
    "suspended": person("suspended", is_suspended=True),
}


class Authenticator:
    """Tokens are names. Alice is in the cache, the others have to be looked up."""

    def cached(self, token: str) -> Requester | None:
        return PEOPLE[token] if token == "alice" else None

    async def requester(self, token: str) -> Requester:
        if token == "down":
            raise Unavailable("Cannot check the access token", retry_after_ms=1500)
        if token not in PEOPLE:
            raise UnknownToken
        return PEOPLE[token]


class Endpoints:
    def __init__(self) -> None:
        self.held = asyncio.Event()
        self.cancelled = asyncio.Event()

    @get(f"{V3}/whoami")
    async def whoami(self, request: Request) -> dict[str, Any]:
        return {"user_id": request.requester.user_id}

    @get(f"{V3}/rooms/{{room_id}}", auth=Auth.GUEST)
    async def room(self, request: Request) -> dict[str, Any]:
        return {"room_id": request.path["room_id"]}

    @get(f"{V3}/perhaps", auth=Auth.OPTIONAL)
    async def perhaps(self, request: Request) -> dict[str, Any]:
        who = request.requester_or_none
        return {"user_id": who and who.user_id}

    @post(f"{V3}/join/{{room}}")
    @post(f"{V3}/logout")
    async def write(self, request: Request) -> dict[str, Any]:
        return {}

    @put(f"{V3}/body", auth=Auth.NONE, body_bytes_max=100)
    async def body(self, request: Request) -> dict[str, Any]:
        return request.json(dict[str, Any])

    @post(f"{V3}/upload", streams_body=True, body_bytes_max=10_000_000)
    async def upload(self, request: Request) -> dict[str, Any]:
        assert request.body_stream is not None
        return {"size": sum([len(piece) async for piece in request.body_stream])}

    @get(f"{V3}/login", auth=Auth.NONE, limit="login")
    async def login(self, request: Request) -> dict[str, Any]:
        return {}

    @get(f"{V3}/raise/{{what}}", auth=Auth.NONE)
    async def raises(self, request: Request) -> dict[str, Any]:
        errors = {"refused": Forbidden("no"), "bug": RuntimeError("secret"), "down": Unavailable()}
        raise errors[request.path["what"]]

    @get(f"{V3}/unencodable", auth=Auth.NONE)
    async def unencodable(self, request: Request) -> dict[str, Any]:
        return {"a": object()}

    @get(f"{V3}/stream", auth=Auth.NONE)
    async def stream(self, request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(100):
                yield b"x" * 10_000

        return Response(content_type=b"image/png", stream=pieces())

    @get(f"{V3}/hold", auth=Auth.NONE)
    async def hold(self, request: Request) -> dict[str, Any]:
        self.held.set()
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return {}


class House:
    """The application with its endpoints, served on `url`."""

    def __init__(self, **options: Any) -> None:
        self.endpoints = Endpoints()
        self.not_ready: list[str] = []
        registry = CollectorRegistry()
        router = Router()
        router.add(self.endpoints)
        router.add(Monitoring(registry, lambda: self.not_ready))
        limiter = RateLimiter({"login": Rate(0.01, 3)})
        self.app = App(router, Authenticator(), rate_limiter=limiter, **options)
        registry.register(RouteCollector(self.app.stats))
        self.url = ""


@asynccontextmanager
async def ours(house: House) -> AsyncIterator[str]:
    server = Server(house.app, port=0)
    await server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.stop(5)


@asynccontextmanager
async def uvicorns(house: House) -> AsyncIterator[str]:
    uvicorn = pytest.importorskip("uvicorn", reason="uvicorn, the other server, is not installed")
    config = uvicorn.Config(house.app, port=0, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await running


@pytest.fixture(params=[ours, uvicorns], ids=["ours", "uvicorn"])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    made = House()
    async with request.param(made) as made.url:
        yield made


class Answer:
    def __init__(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)


async def ask(
    house: House, verb: str, path: str, token: str | None = None, **options: Any
) -> Answer:
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    headers |= options.pop("headers", {})
    url = house.url + (path if path.startswith("/") else f"{V3}/{path}")
    async with (
        aiohttp.ClientSession() as session,
        session.request(verb, url, headers=headers, **options) as response,
    ):
        return Answer(response, await response.read())


def assert_cors(answer: Answer) -> None:
    allowed = answer.headers["Access-Control-Allow-Methods"]
    assert allowed == "GET, POST, PUT, DELETE, OPTIONS"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    wanted = "X-Requested-With, Content-Type, Authorization"
    assert answer.headers["Access-Control-Allow-Headers"] == wanted


@pytest.mark.parametrize(
    ("verb", "path", "token", "status", "errcode"),
    [
        ("GET", "whoami", None, 401, "M_MISSING_TOKEN"),
        ("GET", "whoami", "nobody", 401, "M_UNKNOWN_TOKEN"),
        ("GET", "perhaps", "nobody", 401, "M_UNKNOWN_TOKEN"),
        ("GET", "whoami", "\xff", 401, "M_UNKNOWN_TOKEN"),
        ("GET", "whoami", "down", 503, "M_UNKNOWN"),
        ("GET", "whoami", "guest", 403, "M_GUEST_ACCESS_FORBIDDEN"),
        ("GET", "whoami", "locked", 401, "M_USER_LOCKED"),
        ("POST", "join/x", "suspended", 403, "M_USER_SUSPENDED"),
        ("GET", "nothing", None, 404, "M_UNRECOGNIZED"),
        ("DELETE", "whoami", None, 405, "M_UNRECOGNIZED"),
        ("GET", "raise/refused", None, 403, "M_FORBIDDEN"),
        ("GET", "raise/bug", None, 500, "M_UNKNOWN"),
        ("GET", "raise/down", None, 503, "M_UNKNOWN"),
        ("GET", "unencodable", None, 500, "M_UNKNOWN"),
    ],
)
async def test_refusals(
    house: House, verb: str, path: str, token: str | None, status: int, errcode: str
) -> None:
    answer = await ask(house, verb, path, token)
    assert (answer.status, answer.json["errcode"]) == (status, errcode)
    assert_cors(answer)
    assert b"secret" not in answer.body
    assert answer.headers["X-Request-Id"]
    if status == 503:
        assert answer.headers["Retry-After"]
        assert answer.json["retry_after_ms"] >= 1000
    if errcode == "M_USER_LOCKED":
        assert answer.json["soft_logout"] is True


@pytest.mark.parametrize(
    ("verb", "path", "token", "expected"),
    [
        ("GET", "whoami", "alice", {"user_id": "@alice:x"}),
        ("GET", "whoami", "suspended", {"user_id": "@suspended:x"}),
        ("GET", "rooms/x", "guest", {"room_id": "x"}),
        ("GET", "perhaps", None, {"user_id": None}),
        ("GET", "perhaps", "guest", {"user_id": "@guest:x"}),
        ("GET", "whoami?access_token=alice", None, {"user_id": "@alice:x"}),
        ("POST", "logout", "locked", {}),
    ],
)
async def test_answers(
    house: House, verb: str, path: str, token: str | None, expected: dict[str, Any]
) -> None:
    answer = await ask(house, verb, path, token)
    assert (answer.status, answer.json) == (200, expected)
    assert_cors(answer)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("path", ["whoami", "nothing", "/anything"])
async def test_options_need_no_token_and_do_nothing(house: House, path: str) -> None:
    answer = await ask(house, "OPTIONS", path)
    assert answer.status == 200
    assert_cors(answer)


async def test_a_slash_in_a_segment(house: House) -> None:
    import yarl  # aiohttp's: keeps %2F as it is written

    url = yarl.URL(f"{house.url}{V3}/rooms/%21a%2Fb%3Ac", encoded=True)
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers={"Authorization": "Bearer alice"}) as response,
    ):
        assert await response.json() == {"room_id": "!a/b:c"}


@pytest.mark.parametrize("chunked", [True, False])
async def test_a_body_over_its_limit(house: House, chunked: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b'"123456789",'

    data: Any = pieces() if chunked else b"x" * 101
    answer = await ask(house, "PUT", "body", data=data)
    assert (answer.status, answer.json["errcode"]) == (413, "M_TOO_LARGE")
    assert_cors(answer)


@pytest.mark.parametrize(
    ("data", "errcode"), [(b"{", "M_NOT_JSON"), (b"\xff", "M_NOT_JSON"), (b"[]", "M_BAD_JSON")]
)
async def test_a_body_that_is_not_the_json_asked_for(
    house: House, data: bytes, errcode: str
) -> None:
    answer = await ask(house, "PUT", "body", data=data)
    assert (answer.status, answer.json["errcode"]) == (400, errcode)


async def test_a_streamed_upload_and_its_limit(house: House) -> None:
    answer = await ask(house, "POST", "upload", "alice", data=BytesIO(b"x" * 9_000_000))
    assert answer.json == {"size": 9_000_000}
    answer = await ask(house, "POST", "upload", "alice", data=BytesIO(b"x" * 10_000_001))
    assert answer.status == 413


async def test_a_streamed_answer(house: House) -> None:
    answer = await ask(house, "GET", "stream")
    assert len(answer.body) == 1_000_000
    assert answer.headers["Content-Type"] == "image/png"
    assert (await ask(house, "HEAD", "stream")).body == b""


async def test_too_often(house: House) -> None:
    for _ in range(3):
        assert (await ask(house, "GET", "login")).status == 200
    answer = await ask(house, "GET", "login")
    assert (answer.status, answer.json["errcode"]) == (429, "M_LIMIT_EXCEEDED")
    assert answer.json["retry_after_ms"] > 0
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Access-Control-Expose-Headers"] == "Retry-After"


async def test_the_handler_ends_with_its_client(house: House) -> None:
    asking = asyncio.create_task(ask(house, "GET", "hold"))
    await house.endpoints.held.wait()
    asking.cancel()
    await asyncio.wait_for(house.endpoints.cancelled.wait(), 20)


async def test_a_request_id_is_taken_if_it_is_sane(house: House) -> None:
    answer = await ask(house, "GET", "nothing", headers={"X-Request-Id": "from-proxy.1"})
    assert answer.headers["X-Request-Id"] == "from-proxy.1"
    answer = await ask(house, "GET", "nothing", headers={"X-Request-Id": "<script>"})
    assert "script" not in answer.headers["X-Request-Id"]


async def test_health_readiness_and_metrics(house: House) -> None:
    assert (await ask(house, "GET", "/health")).status == 200
    assert (await ask(house, "GET", "/ready")).json == {
        "ready": True,
        "reasons": [],
        "missing": [],
    }
    house.not_ready.append("no database")
    answer = await ask(house, "GET", "/ready")
    assert (answer.status, answer.json["reasons"]) == (503, ["no database"])
    text = (await ask(house, "GET", "/metrics")).body.decode()
    assert 'bongsu_http_requests_total{route="/ready",status="503",verb="GET"} 1.0' in text


async def test_bodies_under_way_are_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is answered counts no more."""
    monkeypatch.setattr(app, "BODIES_BYTES_MAX", 5)
    for _ in range(3):
        assert (await ask(house, "PUT", "body", data=b"{}")).status == 200
        refused = await ask(house, "PUT", "body", data=b'{"a": 1}')
        assert (refused.status, refused.json["retry_after_ms"]) == (503, app.BODIES_RETRY_AFTER_MS)


async def test_tokens_in_the_query_can_be_refused() -> None:
    house = House(access_token_in_query=False)
    async with ours(house) as house.url:
        assert (await ask(house, "GET", "whoami?access_token=alice")).status == 401


async def test_who_was_seen() -> None:
    seen: list[tuple[Requester, str, bytes | None]] = []
    house = House(saw=lambda *sight: seen.append(sight))
    async with ours(house) as house.url:
        await ask(house, "GET", "whoami", "alice", headers={"User-Agent": "test"})
        await ask(house, "GET", "perhaps")
    assert seen == [(person("alice"), "127.0.0.1", b"test")]


async def test_access_lines_hold_no_secrets(capfd: pytest.CaptureFixture[str]) -> None:
    house = House(access_log=True)
    async with ours(house) as house.url:
        await ask(house, "GET", "whoami?access_token=alice&other=private")
        await ask(house, "GET", "rooms/private", "alice")
    shown = "".join(capfd.readouterr())
    assert "rooms/{room_id}" in shown
    assert "alice" not in shown
    assert "private" not in shown


async def test_the_watch_over_a_client_of_a_server_that_does_not_cancel() -> None:
    """What `uvicorn` stands for, where it is not installed: http.disconnect ends the handler."""
    house = House()
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        raise AssertionError("nobody is there to be answered")

    scope = {
        "type": "http", "method": "GET", "raw_path": f"{V3}/hold".encode(), "query_string": b"",
        "headers": [], "client": ("127.0.0.1", 1),
    }  # fmt: skip
    running = asyncio.create_task(run_while_connected(house.app, scope, receive, send))
    await house.endpoints.held.wait()
    gone.set()
    await running
    assert house.endpoints.cancelled.is_set()
