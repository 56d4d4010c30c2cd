"""What the core knows of e-mail: a message, and somebody who sends it.

BongsuError
└── MailFailed       not sent, or nobody knows: it may be tried again
    └── MailRefused    the recipient, or the message, will never be taken
"""

from typing import Protocol

from msgspec import Struct

from bongsu.errors import BongsuError


class MailFailed(BongsuError):
    """One line for the log; not for users."""


class MailRefused(MailFailed):
    """Trying again is of no use."""


class Message(Struct, frozen=True):
    """One e-mail to one person. `html` is an alternative to `text`.

    `message_id` (its part before the @) lets a receiver know a message that is sent twice.
    """

    to: str
    subject: str
    text: str
    html: str | None = None
    message_id: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


class Mailer(Protocol):
    async def send(self, message: Message) -> None:
        """Return once a mail server has taken it. Raises `MailFailed` and `MailRefused`."""
        ...
