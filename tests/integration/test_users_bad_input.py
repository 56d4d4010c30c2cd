"""Every endpoint of people and sessions, behind the real application, fed with what nobody expects.

Goal: any field may be of any JSON type and hold anything; the answer is an errcode, never a 500.
Method: each field of each body takes each evil value in turn, with the other fields as they should
be; then path segments and query parameters do.
"""

import itertools
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from fixtures.users_house import ALICE, House

from bongsu.http.app import App
from bongsu.http.client.register import RegistrationPolicy
from bongsu.http.client.server_info import ServerFacts, ServerInfo
from bongsu.http.rate_limit import RateLimiter
from bongsu.http.router import Router
from bongsu.postgres.database import Database

EVIL: list[bytes] = [
    b"null", b"true", b"-1", b"1e308", b"9" * 40, b'""', b'"\\u0000"', b'"a\\u0000b"',
    b'"\\ud83d\\ude00"', b'"' + b"x" * 70_000 + b'"', b"[]", b"{}", b'{"type": 3}', b"[[[[]]]]",
    b'{"type": "m.login.password", "session": "\\u0000", "password": ""}',
    b'{"type": "m.id.user", "user": "\\u0000"}', b'["\\u0000"]', b"[1]",
]  # fmt: skip
RAW: list[bytes] = [b"", b"{", b"[]", b"null", b"3", b"\xff", b'{"a": "\\ud800"}', b"[" * 5000]
AUTH = b'{"type": "m.login.password", "user": "alice", "password": "wrong"}'
# For each endpoint: verb, path, and a body with the fields that it reads.
BODIES: list[tuple[str, str, dict[str, bytes]]] = [
    ("POST", "/_matrix/client/v3/register", {
        "auth": b'{"type": "m.login.dummy"}', "username": b'"alice"', "password": b'"x"',
        "device_id": b'"D"', "initial_device_display_name": b'"n"', "inhibit_login": b"false",
        "refresh_token": b"true",
    }),
    ("POST", "/_matrix/client/v3/login", {
        "type": b'"m.login.password"', "identifier": b'{"type": "m.id.user", "user": "alice"}',
        "password": b'"wrong"', "user": b'"alice"', "device_id": b'"D"', "token": b'"t"',
        "initial_device_display_name": b'"n"', "refresh_token": b"true",
    }),
    ("POST", "/_matrix/client/v3/login", {"type": b'"m.login.token"', "token": b'"t"'}),
    ("POST", "/_matrix/client/v3/refresh", {"refresh_token": b'"t"'}),
    ("POST", "/_matrix/client/v1/login/get_token", {"auth": AUTH}),
    ("POST", "/_matrix/client/v3/account/password", {
        "auth": AUTH, "new_password": b'"x"', "logout_devices": b"true",
    }),
    ("POST", "/_matrix/client/v3/account/deactivate", {"auth": AUTH, "erase": b"true"}),
    ("PUT", "/_matrix/client/v3/devices/PHONE", {"display_name": b'"n"'}),
    ("DELETE", "/_matrix/client/v3/devices/PHONE", {"auth": AUTH}),
    ("POST", "/_matrix/client/v3/delete_devices", {"auth": AUTH, "devices": b'["D"]'}),
    ("PUT", "/_matrix/client/v1/admin/lock/@bob:example.org", {"locked": b"true"}),
    ("PUT", "/_matrix/client/v1/admin/suspend/@bob:example.org", {"suspended": b"true"}),
    ("POST", f"/_matrix/client/v3/user/{ALICE}/openid/request_token", {}),
]  # fmt: skip
SEGMENTS = ["%00", "%FF", "%2F", "%ED%A0%80", "x" * 900, quote("가" * 100), "@:", "%20", "."]
PATHS = [
    ("GET", "/_matrix/client/v3/devices/{}"),
    ("PUT", "/_matrix/client/v3/devices/{}"),
    ("DELETE", "/_matrix/client/v3/devices/{}"),
    ("GET", "/_matrix/client/v3/admin/whois/{}"),
    ("GET", "/_matrix/client/v1/admin/lock/{}"),
    ("POST", "/_matrix/client/v3/user/{}/openid/request_token"),
    ("GET", "/_matrix/client/v3/register/available?username={}"),
    ("GET", "/_matrix/client/v1/register/m.login.registration_token/validity?token={}"),
    ("GET", "/_matrix/federation/v1/openid/userinfo?access_token={}"),
    ("POST", "/_matrix/client/v3/register?kind={}"),
    ("GET", "/_matrix/client/v3/account/whoami?access_token={}"),
]


class Client:
    """Calls the application at ASGI, as the server does."""

    def __init__(self, app: App, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(
        self, verb: str, target: str, body: bytes = b"", *, token: str | None = None
    ) -> tuple[int, Any]:
        path, _, query = target.partition("?")
        scope = {
            "type": "http", "method": verb, "raw_path": path.encode(), "client": ("::1", 1),
            "query_string": query.encode(), "extensions": {"bongsu.cancels_on_disconnect": {}},
            "headers": [(b"authorization", b"Bearer " + (token or self._token).encode())],
        }  # fmt: skip
        if "access_token=" in query:
            scope["headers"] = []
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        return sent[0]["status"], msgspec.json.decode(sent[1]["body"])


@pytest.fixture
async def client(database: Database) -> Client:
    """The application with every endpoint of this chapter; Alice calls, who administrates."""
    house = House(database, RegistrationPolicy("open", guests=True))
    answer = await house.register(device_id="PHONE")
    await house.register("bob")
    await house.accounts.set_admin(ALICE, True)
    router = Router()
    for endpoints in (
        house.register_, house.login_, house.account, house.device, house.admin, house.openid,
        ServerInfo(ServerFacts(base_url="http://localhost")),
    ):  # fmt: skip
        router.add(endpoints)
    house.login_._rate_limiter = RateLimiter(enabled=False)  # type: ignore
    app = App(router, house.authenticator, rate_limiter=RateLimiter(enabled=False))
    return Client(app, answer["access_token"])


def bodies(fields: dict[str, bytes]) -> Iterator[bytes]:
    yield from RAW
    for name, evil in itertools.product(fields, EVIL):
        pairs = {**fields, name: evil}.items()
        yield b"{" + b",".join(b'"%b": %b' % (key.encode(), value) for key, value in pairs) + b"}"


def check(status: int, answer: Any, asked: object) -> None:
    assert status < 500, (asked, answer)
    if status >= 400 and "flows" not in answer:
        assert answer["errcode"].startswith("M_"), asked


@pytest.mark.parametrize(("verb", "path", "fields"), BODIES)
async def test_any_field_may_hold_anything(
    client: Client, verb: str, path: str, fields: dict[str, bytes]
) -> None:
    for body in bodies(fields):
        status, answer = await client(verb, path, body)
        check(status, answer, (path, body[:300]))


@pytest.mark.parametrize(("verb", "path"), PATHS)
async def test_any_path_and_query_may_hold_anything(client: Client, verb: str, path: str) -> None:
    for segment in SEGMENTS:
        status, answer = await client(verb, path.format(segment), b"{}")
        check(status, answer, path.format(segment)[:300])


async def test_what_the_server_says_of_itself(client: Client) -> None:
    status, answer = await client("GET", "/_matrix/client/versions")
    assert status == 200
    assert answer["versions"][0] == "v1.1"
    assert answer["versions"][-1] == "v1.19"
    status, answer = await client("GET", "/_matrix/client/v3/capabilities")
    assert answer["capabilities"]["m.room_versions"]["default"] == "12"
    assert answer["capabilities"]["m.account_moderation"] == {"suspend": True, "lock": True}
    status, answer = await client("GET", "/.well-known/matrix/client")
    assert answer == {"m.homeserver": {"base_url": "http://localhost"}}
    status, answer = await client("GET", "/_matrix/client/v1/auth_metadata")
    assert (status, answer["errcode"]) == (404, "M_UNRECOGNIZED")
    assert await client("GET", "/_matrix/client/v3/voip/turnServer") == (200, {})


async def test_a_locked_account_may_only_log_out(client: Client) -> None:
    login = b'{"type": "m.login.password", "user": "bob", "password": "secret"}'
    _, bob = await client("POST", "/_matrix/client/v3/login", login)
    token = bob["access_token"]
    await client("PUT", "/_matrix/client/v1/admin/lock/@bob:example.org", b'{"locked": true}')
    status, answer = await client("GET", "/_matrix/client/v3/account/whoami", token=token)
    assert (status, answer["errcode"]) == (401, "M_USER_LOCKED")
    assert answer["soft_logout"]
    assert (await client("POST", "/_matrix/client/v3/logout", b"{}", token=token))[0] == 200
