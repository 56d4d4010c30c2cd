"""Subscribers and what is delivered to them: their words, their links, webhooks' signatures."""

import base64
import hashlib
import hmac
import re
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit

from msgspec import Struct

from bongsu.desk.notices.board import Update
from bongsu.desk.notices.words import Health, Kind, Texts
from bongsu.errors import BongsuError, InvalidParam

QUESTION = 0
"""The update_id of the question whether somebody wants to subscribe."""

EMAIL_CHARS_MAX = 254
URL_CHARS_MAX = 1000
_EMAIL = re.compile(r"[^\s@<>()\",;:\\\x00-\x1f]{1,64}@[^\s@<>()\",;:\\\x00-\x1f]{1,189}\Z")
_LINK = re.compile(r"([A-Za-z0-9_-]{16,64})\.([0-9a-f]{64})\Z")


class Channel(StrEnum):
    EMAIL = "email"
    WEBHOOK = "webhook"
    ROOM = "room"


class Subscriber(Struct, frozen=True):
    """`target`: an address, a URL or a room id; `secret`: of a webhook."""

    subscriber_id: str
    channel: Channel
    target: str
    language: str
    services: tuple[str, ...]
    secret: str = ""


class Notice(Struct, frozen=True):
    """An update as a subscriber hears of it."""

    incident_id: str
    kind: Kind
    impact: Health
    titles: Texts
    services: tuple[str, ...]
    started_ts: int
    ends_ts: int | None
    update: Update


class Delivery(NamedTuple):
    """One thing to tell one subscriber; without a `notice` it is the question."""

    delivery_id: int
    subscriber: Subscriber
    notice: Notice | None
    attempts: int


class DeliveryFailed(BongsuError):
    """Not delivered, or nobody knows: it may be tried again. One line for the log."""


class DeliveryRefused(DeliveryFailed):
    """Trying again is of no use."""


class Links:
    """Links that only we can make, so that a subscription needs no account to confirm or end."""

    def __init__(self, key: bytes, public_url: str) -> None:
        self._key = key
        self._public_url = public_url

    def confirm(self, subscriber_id: str) -> str:
        return f"{self._public_url}/subscribe/confirm/{self._sign('confirm', subscriber_id)}"

    def end(self, subscriber_id: str) -> str:
        return f"{self._public_url}/unsubscribe/{self._sign('end', subscriber_id)}"

    def incident(self, incident_id: str, language: str) -> str:
        return f"{self._public_url}/incidents/{incident_id}?lang={language}"

    def read(self, purpose: str, signed: str) -> str | None:
        """The subscriber's id in the last part of a link; None for what is none of ours."""
        match = _LINK.match(signed)
        if match is None:
            return None
        is_ours = hmac.compare_digest(self._sign(purpose, match[1]), signed)
        return match[1] if is_ours else None

    def _sign(self, purpose: str, subscriber_id: str) -> str:
        body = f"{purpose}\x1f{subscriber_id}".encode()
        return f"{subscriber_id}.{hmac.new(self._key, body, hashlib.sha256).hexdigest()}"


def checked_email(text: str) -> str:
    """An address as it may stand in a header; its domain in lower case."""
    if len(text) > EMAIL_CHARS_MAX or not _EMAIL.match(text):
        raise InvalidParam("Not an e-mail address")
    name, _, domain = text.rpartition("@")
    return f"{name}@{domain.lower()}"


def checked_webhook(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.username
        _ = parts.port
    except ValueError:
        is_good = False
    if not is_good or len(text) > URL_CHARS_MAX or any(c.isspace() for c in text):
        raise InvalidParam("Not a http or https URL")
    return text


def webhook_signature(secret: str, delivery: str, timestamp: int, body: bytes) -> str:
    """As standardwebhooks.com has it: v1,base64(HMAC-SHA256(secret, id.timestamp.body))."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{delivery}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
