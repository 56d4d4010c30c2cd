"""E-mail addresses of people, with a real SMTP server (aiosmtpd) in a process of its own."""

import asyncio
import email.policy
import mailbox
import re
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from harness.bongsu import Bongsu, running
from harness.http import HttpClient
from harness.matrix import V3, MatrixError, User, call, login, register
from harness.process import Process, free_port, open_folder

PATIENCE_SECONDS = 20.0
ACCOUNT = f"{V3}/account"


class Post:
    """A mail server that keeps what it takes in a Maildir."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._maildir = folder / "mail"
        command = [
            sys.executable, "-m", "aiosmtpd", "-n", "-l", f"127.0.0.1:{self.port}",
            "-c", "aiosmtpd.handlers.Mailbox", str(self._maildir),
        ]  # fmt: skip
        self.process = Process(command, log=folder / "smtp.log")

    async def letter_to(self, address: str) -> EmailMessage:
        """The letter to that address, once it is there; it is taken out."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for key, letter in self._letters():
                    if letter["To"] == address:
                        mailbox.Maildir(self._maildir).remove(key)
                        return letter
                await asyncio.sleep(0.05)

    def count(self) -> int:
        return len(list(self._letters()))

    def _letters(self) -> Iterator[tuple[str, EmailMessage]]:
        if not self._maildir.exists():
            return
        box = mailbox.Maildir(self._maildir, create=False)
        for key in box.keys():  # noqa: SIM118  # a Maildir iterates over messages
            letter = message_from_bytes(box.get_bytes(key), policy=email.policy.default)
            assert isinstance(letter, EmailMessage)
            yield key, letter


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture(scope="module")
def post(folder: Path) -> Iterator[Post]:
    post = Post(folder)
    yield post
    post.process.kill()


@pytest.fixture(scope="module")
def server(folder: Path, post: Post) -> Iterator[Bongsu]:
    settings = {
        "BONGSU_SMTP_URL": f"smtp://127.0.0.1:{post.port}",
        "BONGSU_SMTP_FROM": "Bongsu <bongsu@example.org>",
    }
    with running(folder, settings=settings) as bongsu:
        yield bongsu


@pytest.fixture
async def client(server: Bongsu) -> AsyncIterator[HttpClient]:
    client = HttpClient(server.url)
    yield client
    await client.close()


@pytest.fixture
async def alice(client: HttpClient) -> User:
    return await register(client, f"alice-{secrets.token_hex(4)}")


def new_address() -> str:
    return f"{secrets.token_hex(6)}@example.org"


async def ask(client: HttpClient, path: str, address: str, **extra: Any) -> dict[str, str]:
    """Ask for a link; what proves it once it has been opened."""
    secret = secrets.token_hex(8)
    body = {"client_secret": secret, "email": address, "send_attempt": 1, **extra}
    answer = await call(client, "POST", f"{V3}/{path}/email/requestToken", body)
    return {"sid": answer["sid"], "client_secret": body["client_secret"]}


async def follow(client: HttpClient, post: Post, address: str) -> int:
    """Open the link in the letter and press the button; the status of the last answer."""
    link = urlsplit(link_in(await post.letter_to(address)))
    page = await client.request("GET", f"{link.path}?{link.query}")
    assert (page.status, b"<button>" in page.body) == (200, True)
    fields = {name: values[0] for name, values in parse_qs(link.query).items()}
    return await press(client, fields)


async def press(client: HttpClient, fields: dict[str, str]) -> int:
    answer = await client.request(
        "POST", "/_bongsu/email/confirm", urlencode(fields).encode(),
        content_type="application/x-www-form-urlencoded",
    )  # fmt: skip
    return answer.status


def link_in(letter: EmailMessage) -> str:
    text = letter.get_content()
    assert "링크" in text
    found = re.search(r"https?://\S+/_bongsu/email/confirm\?\S+", text)
    assert found is not None, text
    return found[0]


async def refused(
    client: HttpClient, path: str, body: object, who: User | None = None
) -> tuple[int, str | None]:
    with pytest.raises(MatrixError) as caught:
        await call(client, "POST", path, body, token=who.token if who else None)
    return caught.value.status, caught.value.errcode


def by_password(user: User) -> dict[str, Any]:
    identifier = {"type": "m.id.user", "user": user.user_id}
    return {"type": "m.login.password", "identifier": identifier, "password": "wonderland"}


async def give_address(client: HttpClient, post: Post, user: User) -> str:
    address = new_address()
    proof = await ask(client, "account/3pid", address.upper())
    assert await follow(client, post, address) == 200
    body = {**proof, "auth": by_password(user)}
    await call(client, "POST", f"{ACCOUNT}/3pid/add", body, token=user.token)
    return address


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
