"""Letters with links: a mail server that keeps what it is given, and what people do with it."""

import asyncio
import email.policy
import mailbox
import re
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from harness.bongsu import Bongsu, running
from harness.http import HttpClient
from harness.matrix import V3, User, call
from harness.postgres import is_listening
from harness.process import Process, free_port, open_folder

PATIENCE_SECONDS = 60.0
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
        self.process.wait_until(
            lambda: is_listening(self.port), seconds_max=PATIENCE_SECONDS, what="the mail server"
        )

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


@contextmanager
def mailing_server(**more: str) -> Iterator[tuple[Bongsu, Post]]:
    """A server that sends mail, with these further settings, and where it goes."""
    with open_folder() as folder:
        post = Post(folder)
        settings = {
            "BONGSU_SMTP_URL": f"smtp://127.0.0.1:{post.port}",
            "BONGSU_SMTP_FROM": "Bongsu <bongsu@example.org>",
            **more,
        }
        try:
            with running(folder, settings=settings) as bongsu:
                yield bongsu, post
        finally:
            post.process.kill()


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
