"""E-mail addresses of people, with a real SMTP server (aiosmtpd) in a process of its own."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest
from harness.bongsu import Bongsu
from harness.http import HttpClient
from harness.matrix import V3, MatrixError, User, call, login, register
from letters import (
    ACCOUNT,
    Post,
    ask,
    by_password,
    follow,
    give_address,
    link_in,
    new_address,
    press,
)


@pytest.fixture
async def client(mailing: tuple[Bongsu, Post]) -> AsyncIterator[HttpClient]:
    client = HttpClient(mailing[0].url)
    yield client
    await client.close()


@pytest.fixture
async def alice(client: HttpClient) -> User:
    return await register(client, f"alice-{secrets.token_hex(4)}")


async def refused(
    client: HttpClient, path: str, body: object, who: User | None = None
) -> tuple[int, str | None]:
    with pytest.raises(MatrixError) as caught:
        await call(client, "POST", path, body, token=who.token if who else None)
    return caught.value.status, caught.value.errcode


async def test_an_address_is_proved_and_added(client: HttpClient, post: Post, alice: User) -> None:
    address = new_address()
    proof = await ask(client, "account/3pid", address)
    body = {**proof, "auth": by_password(alice)}
    add = f"{ACCOUNT}/3pid/add"
    assert await refused(client, add, body, alice) == (400, "M_THREEPID_AUTH_FAILED")
    assert await follow(client, post, address) == 200
    wrong = {**body, "client_secret": "another"}
    assert await refused(client, add, wrong, alice) == (400, "M_THREEPID_AUTH_FAILED")
    await call(client, "POST", add, body, token=alice.token)
    found = (await alice.call("GET", "/account/3pid"))["threepids"]
    assert [(each["medium"], each["address"]) for each in found] == [("email", address)]
    assert await refused(client, add, body, alice) == (400, "M_THREEPID_AUTH_FAILED"), "spent"

    identifier = {"type": "m.id.thirdparty", "medium": "email", "address": address.upper()}
    login_body = {"type": "m.login.password", "identifier": identifier, "password": "wonderland"}
    answer = await call(client, "POST", f"{V3}/login", login_body)
    assert answer["user_id"] == alice.user_id

    await alice.call("POST", "/account/3pid/delete", {"medium": "email", "address": address})
    assert (await alice.call("GET", "/account/3pid"))["threepids"] == []
    assert (await refused(client, f"{V3}/login", login_body))[0] == 403


async def test_a_forgotten_password_is_reset(client: HttpClient, post: Post, alice: User) -> None:
    address = await give_address(client, post, alice)
    proof = await ask(client, "account/password", address)
    path, body = f"{ACCOUNT}/password", {"new_password": "remembered"}
    with pytest.raises(MatrixError) as challenge:
        await call(client, "POST", path, body)
    assert challenge.value.fields["flows"] == [{"stages": ["m.login.email.identity"]}]
    auth = {"type": "m.login.email.identity", "threepid_creds": proof}
    assert (await refused(client, path, {**body, "auth": auth}))[0] == 401
    assert await follow(client, post, address) == 200
    await call(client, "POST", path, {**body, "auth": auth})
    assert await refused(client, f"{V3}/account/3pid", {}, alice) == (401, "M_UNKNOWN_TOKEN")
    assert (await login(client, alice.user_id, "remembered")).user_id == alice.user_id
    assert (await refused(client, path, {"new_password": "again", "auth": auth}))[0] == 401, "spent"


async def test_a_link_to_add_resets_nothing(client: HttpClient, post: Post, alice: User) -> None:
    address = await give_address(client, post, alice)
    body = {"client_secret": "s", "email": address, "send_attempt": 1}
    path = f"{V3}/account/3pid/email/requestToken"
    sid = (await call(client, "POST", path, body))["sid"]
    auth = {"type": "m.login.email.identity", "threepid_creds": {"sid": sid, "client_secret": "s"}}
    body = {"new_password": "stolen", "auth": auth}
    assert (await refused(client, f"{ACCOUNT}/password", body))[0] == 401


async def test_nobody_is_told_who_has_an_account(
    client: HttpClient, post: Post, alice: User
) -> None:
    """The answers are alike; letters go only where they belong."""
    address = await give_address(client, post, alice)
    before = post.count()
    for path, whose in (("account/password", new_address()), ("account/3pid", address),
                        ("register", address)):  # fmt: skip
        assert set(await ask(client, path, whose)) == {"sid", "client_secret"}
    await asyncio.sleep(1)
    assert post.count() == before


async def test_an_account_is_made_with_an_address(client: HttpClient, post: Post) -> None:
    address, name = new_address(), f"mail-{secrets.token_hex(4)}"
    proof = await ask(client, "register", address)
    assert await follow(client, post, address) == 200
    auth = {"type": "m.login.email.identity", "threepid_creds": proof}
    body = {"username": name, "password": "wonderland", "auth": auth}
    made = await call(client, "POST", f"{V3}/register", body)
    found = await call(client, "GET", f"{ACCOUNT}/3pid", token=made["access_token"])
    assert [each["address"] for each in found["threepids"]] == [address]


async def test_tokens_are_guessed_at_a_few_times_only(
    client: HttpClient, post: Post, alice: User
) -> None:
    address = new_address()
    proof = await ask(client, "account/3pid", address)
    letter = await post.letter_to(address)
    fields = {n: v[0] for n, v in parse_qs(urlsplit(link_in(letter)).query).items()}
    for guess in ("", "x", "x" * 3000, "\x00", "가"):
        assert await press(client, {"sid": proof["sid"], "token": guess}) == 400
    assert await press(client, fields) == 400, "too late for the right one too"


async def test_the_same_attempt_sends_nothing(client: HttpClient, post: Post) -> None:
    address = new_address()
    first = await ask(client, "account/3pid", address, client_secret="same")
    await post.letter_to(address)
    again = await ask(client, "account/3pid", address, client_secret="same")
    assert again["sid"] == first["sid"]
    later = await ask(client, "account/3pid", address, client_secret="same", send_attempt=2)
    assert later["sid"] != first["sid"]
    await post.letter_to(address)


@pytest.mark.parametrize(
    "address",
    ["", "x", "@", "a@b@c", "a b@example.org", "a\r\nBcc: x@y.z", "x" * 300 + "@example.org",
     "a\x00@example.org", "a@example.org\nx", "<a@example.org>", "a@example.org,b@example.org"],
)  # fmt: skip
async def test_what_is_no_address(client: HttpClient, post: Post, address: str) -> None:
    body = {"client_secret": "s", "email": address, "send_attempt": 1}
    path = f"{V3}/account/3pid/email/requestToken"
    assert await refused(client, path, body) == (400, "M_INVALID_PARAM")
