"""E-mail through a real SMTP server that keeps what it is given, or refuses it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from bongsu.errors import OperatorError
from bongsu.mail import sender as sender_module
from bongsu.mail.sender import SmtpMailer, compose
from bongsu.mail.server import MailServer, parse_smtp_url
from bongsu.mailing import MailFailed, MailRefused, Message

FROM = "Bongsu <chat@example.org>"
NOW = datetime(2026, 11, 22, tzinfo=UTC)


class Inbox:
    """An aiosmtpd handler."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.recipient_answer = "250 OK"
        self.data_answer = "250 OK"

    async def handle_RCPT(  # the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.recipient_answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.envelopes.append(envelope)
        return self.data_answer


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
    assert isinstance(data, LoginPassword)
    return AuthResult(success=(data.login, data.password) == (b"me", b"p:w@"))


@pytest.fixture
async def port(inbox: Inbox) -> AsyncIterator[int]:
    def session() -> SMTP:
        return SMTP(
            inbox, authenticator=_authenticate, auth_require_tls=False, enable_SMTPUTF8=True
        )

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def _mailer(port: int, user: str = "") -> SmtpMailer:
    return SmtpMailer(parse_smtp_url(f"smtp://{user}127.0.0.1:{port}"), FROM)


async def test_a_message_arrives(inbox: Inbox, port: int) -> None:
    message = Message("kim@example.org", "봉수: 새 소식", "안녕하세요\n.\nbye", "<p>안녕</p>")
    await _mailer(port, "me:p%3Aw%40@").send(message)
    [envelope] = inbox.envelopes
    assert envelope.mail_from == "chat@example.org"
    assert envelope.rcpt_tos == ["kim@example.org"]
    assert isinstance(envelope.content, bytes)
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert (mail["From"], mail["Subject"]) == (FROM, "봉수: 새 소식")
    body = mail.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == ["안녕하세요", ".", "bye"]
    assert mail["Message-ID"].endswith("@example.org>")


async def test_a_wrong_password_is_for_the_operator_to_mend(port: int) -> None:
    with pytest.raises(MailFailed) as failed:
        await _mailer(port, "me:wrong@").send(Message("kim@example.org", "a", "b"))
    assert not isinstance(failed.value, MailRefused)
    assert "wrong" not in str(failed.value)


@pytest.mark.parametrize(("answer", "is_final"), [("550 no such user", True), ("451 later", False)])
@pytest.mark.parametrize("what", ["recipient_answer", "data_answer"])
async def test_refused_now_or_for_ever(
    inbox: Inbox, port: int, what: str, answer: str, is_final: bool
) -> None:
    setattr(inbox, what, answer)
    with pytest.raises(MailFailed) as failed:
        await _mailer(port).send(Message("kim@example.org", "a", "b"))
    assert isinstance(failed.value, MailRefused) is is_final


async def test_a_server_that_is_not_there_or_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "SECONDS_MAX", 0.3)

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    for _ in range(2):
        with pytest.raises(MailFailed):
            await _mailer(port).send(Message("kim@example.org", "a", "b"))
        silent.close()


@pytest.mark.parametrize(
    "to",
    [
        "", "kim", "@", "kim@", "a@b\nBcc: c@d", "a@b\r\nX: y", "a@b, c@d", "<a@b>", "a b@c",
        "kim@example.org\x00", "a" * 300 + "@b", "a@b>c", "\ud800@b",
    ],
)  # fmt: skip
def test_no_address(to: str) -> None:
    with pytest.raises(MailRefused):
        compose(Message(to, "a", "b"), FROM, NOW).as_bytes()


def test_no_header_is_smuggled_in() -> None:
    with pytest.raises(MailRefused):
        compose(Message("a@b.org", "hello\r\nBcc: c@d", "b"), FROM, NOW)


def test_the_operators_url(tmp_path: Path) -> None:
    assert parse_smtp_url("smtps://u%40x:p@mail.example.org") == MailServer(
        "mail.example.org", 465, True, "u@x", "p"
    )
    password = tmp_path / "password"
    password.write_text("s:e c@\n")
    server = parse_smtp_url("smtp://me@mail.example.org:25", password)
    assert (server.port, server.password, server.starts_tls) == (25, "s:e c@", True)
    assert "s:e" not in repr(server)
    assert parse_smtp_url("smtp://relay").starts_tls is None
    for url in ("http://a", "smtp://", "smtp://a/b", "smtp://a:b", "smtp://a:99999", "x"):
        with pytest.raises(OperatorError):
            parse_smtp_url(url)
    with pytest.raises(OperatorError):
        parse_smtp_url("smtp://me@a", tmp_path / "gone")
