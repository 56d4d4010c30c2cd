"""Sends e-mail through the operator's mail server, as `mailing.Mailer` wants it."""

import asyncio
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr

import aiosmtplib

from bongsu.mail.server import MailServer
from bongsu.mailing import MailFailed, MailRefused, Message

SECONDS_MAX = 30.0  # for one message, from the connection on
CONNECTIONS_MAX = 4
WAITING_MAX = 1000
ADDRESS_CHARS_MAX = 254
SUBJECT_CHARS_MAX = 500
BODY_CHARS_MAX = 1024 * 1024


class SmtpMailer:
    """`sender` is who the mail is from: `name <user@host>` or an address alone."""

    def __init__(self, server: MailServer, sender: str) -> None:
        self._server = server
        self._sender = sender
        self._free = asyncio.Semaphore(CONNECTIONS_MAX)
        self._waiting = 0

    async def send(self, message: Message) -> None:
        """A connection a message: mail is rare, and an idle one would be closed on us anyway."""
        mail = compose(message, self._sender, datetime.now(UTC))
        if self._waiting >= WAITING_MAX:
            raise MailFailed("too many messages wait to be sent")
        self._waiting += 1
        try:
            async with self._free:
                await self._hand_over(mail, message.to)
        finally:
            self._waiting -= 1

    async def _hand_over(self, mail: EmailMessage, to: str) -> None:
        server = self._server
        try:
            async with asyncio.timeout(SECONDS_MAX):
                await aiosmtplib.send(
                    mail,
                    sender=parseaddr(self._sender)[1],
                    recipients=[to],
                    hostname=server.host,
                    port=server.port,
                    username=server.username,
                    password=server.password if server.username else None,
                    use_tls=server.tls,
                    start_tls=server.starts_tls,
                    timeout=SECONDS_MAX,
                )
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            text = f"{type(error).__name__}: {str(error)[:200]}"
            raise (MailRefused if _is_final(error) else MailFailed)(text) from None


def compose(message: Message, sender: str, now: datetime) -> EmailMessage:
    """The message as it travels. `MailRefused` for what can be no address or no header."""
    if len(message.to) > ADDRESS_CHARS_MAX or len(message.text) > BODY_CHARS_MAX:
        raise MailRefused("the address or the text is too long")
    mail = EmailMessage()
    try:
        mail["From"] = sender
        mail["To"] = Address(addr_spec=message.to)
        mail["Subject"] = message.subject[:SUBJECT_CHARS_MAX]
        mail["Date"] = format_datetime(now)
        domain = parseaddr(sender)[1].rpartition("@")[2]
        mail["Message-ID"] = (
            f"<{message.message_id}@{domain}>" if message.message_id else make_msgid(domain=domain)
        )
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notes in answer
        for name, value in message.headers:
            mail[name] = value
        mail.set_content(message.text)
        if message.html is not None:
            mail.add_alternative(message.html, subtype="html")
    except (ValueError, IndexError, MessageError) as error:
        raise MailRefused(f"no valid message: {error!r}"[:200]) from None
    return mail


def _is_final(error: Exception) -> bool:
    """Whether the server said that it will never take this message for this recipient. Being
    refused itself (password, sender) is for the operator to mend."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(refused.code >= 500 for refused in error.recipients)
    if isinstance(error, aiosmtplib.SMTPDataError):
        return error.code >= 500
    return isinstance(error, aiosmtplib.SMTPNotSupported)
