"""How subscribers are told: by e-mail, by webhook, and in a room of the messenger."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import msgspec

from bongsu.desk.notices.subscribers import (
    DeliveryFailed,
    DeliveryRefused,
    Links,
    Notice,
    Subscriber,
    webhook_signature,
)
from bongsu.fetching import Fetched, Fetcher, FetchFailed, FetchRefused
from bongsu.mailing import Mailer, MailFailed, MailRefused, Message
from bongsu.users.tokens import Clock, now_ms

SECONDS_MAX = 15.0
ANSWER_BYTES_MAX = 64 * 1024
GONE = 410


class Told(NamedTuple):
    """A notice in words. `text` is plain."""

    subject: str
    text: str


class Wording(Protocol):
    """Says a notice to people, in the subscriber's language."""

    def notice(self, notice: Notice, language: str, url: str, end_url: str | None) -> Told: ...
    def question(self, language: str, confirm_url: str) -> Told: ...


class MailChannel:
    """E-mail with one-click unsubscription (RFC 8058)."""

    def __init__(self, mailer: Mailer, wording: Wording, links: Links) -> None:
        self._mailer = mailer
        self._wording = wording
        self._links = links

    async def tell(self, name: str, subscriber: Subscriber, notice: Notice) -> None:
        end = self._links.end(subscriber.subscriber_id)
        url = self._links.incident(notice.incident_id, subscriber.language)
        told = self._wording.notice(notice, subscriber.language, url, end)
        headers = (
            ("List-Unsubscribe", f"<{end}>"),
            ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        )
        await self._send(name, subscriber, told, headers)

    async def ask(self, name: str, subscriber: Subscriber) -> None:
        confirm = self._links.confirm(subscriber.subscriber_id)
        await self._send(name, subscriber, self._wording.question(subscriber.language, confirm), ())

    async def _send(
        self, name: str, subscriber: Subscriber, told: Told, headers: tuple[tuple[str, str], ...]
    ) -> None:
        subject = " ".join(told.subject.split())  # a header has one line
        try:
            await self._mailer.send(
                Message(subscriber.target, subject, told.text, message_id=name, headers=headers)
            )
        except MailRefused as error:
            raise DeliveryRefused(str(error)) from None
        except MailFailed as error:
            raise DeliveryFailed(str(error)) from None


class WebhookChannel:
    """POST of JSON, signed as standardwebhooks.com has it. `fetcher` guards where it may go."""

    def __init__(
        self, fetcher: Fetcher, wording: Wording, links: Links, clock: Clock = now_ms
    ) -> None:
        self._fetcher = fetcher
        self._wording = wording
        self._links = links
        self._clock = clock

    async def tell(self, name: str, subscriber: Subscriber, notice: Notice) -> None:
        url = self._links.incident(notice.incident_id, subscriber.language)
        told = self._wording.notice(notice, subscriber.language, url, None)
        document = {
            "type": "notice.update",
            "incident": {
                "id": notice.incident_id,
                "kind": notice.kind,
                "impact": notice.impact,
                "titles": notice.titles,
                "services": notice.services,
                "started_ts": notice.started_ts,
                "ends_ts": notice.ends_ts,
                "url": url,
            },
            "update": notice.update,
            "text": told.text,
            "unsubscribe_url": self._links.end(subscriber.subscriber_id),
        }
        await self._post(name, subscriber, document)

    async def ask(self, name: str, subscriber: Subscriber) -> None:
        """The secret is told here, once; it is worth nothing to who cannot confirm."""
        document = {
            "type": "subscription.confirm",
            "confirm_url": self._links.confirm(subscriber.subscriber_id),
            "secret": subscriber.secret,
        }
        await self._post(name, subscriber, document)

    async def _post(self, name: str, subscriber: Subscriber, document: Mapping[str, Any]) -> None:
        seconds = self._clock() // 1000
        body = msgspec.json.encode(document)  # as the fetcher encodes it
        headers = {
            "webhook-id": name,
            "webhook-timestamp": str(seconds),
            "webhook-signature": webhook_signature(subscriber.secret, name, seconds, body),
        }
        answer = await fetched(self._fetcher, "POST", subscriber.target, document, headers)
        if answer.status == GONE:
            raise DeliveryRefused("the receiver says that it is gone")
        if not 200 <= answer.status < 300:
            raise DeliveryFailed(f"answered {answer.status}")


class RoomChannel:
    """A room of the messenger, written to as the user of `token` over the client-server API."""

    def __init__(
        self, fetcher: Fetcher, wording: Wording, links: Links, homeserver: str, token: str
    ) -> None:
        self._fetcher = fetcher
        self._wording = wording
        self._links = links
        self._homeserver = homeserver
        self._headers = {"Authorization": f"Bearer {token}"}

    async def tell(self, name: str, subscriber: Subscriber, notice: Notice) -> None:
        """`name` is the transaction id: told again, it is the same event."""
        link = self._links.incident(notice.incident_id, subscriber.language)
        told = self._wording.notice(notice, subscriber.language, link, None)
        content = {"msgtype": "m.notice", "body": told.text}
        room = quote(subscriber.target, safe="")
        url = f"{self._homeserver}/_matrix/client/v3/rooms/{room}/send/m.room.message/{name}"
        answer = await fetched(self._fetcher, "PUT", url, content, self._headers)
        if answer.status != 200:
            raise DeliveryFailed(f"the messenger answered {answer.status}")

    async def ask(self, name: str, subscriber: Subscriber) -> None:
        raise DeliveryRefused("a room is not asked")


async def fetched(
    fetcher: Fetcher, method: str, url: str, document: Any, headers: Mapping[str, str]
) -> Fetched:
    try:
        return await fetcher.send_json(
            method, url, document, headers=headers, body_bytes_max=ANSWER_BYTES_MAX,
            seconds_max=SECONDS_MAX,
        )  # fmt: skip
    except FetchRefused as error:
        raise DeliveryRefused(str(error)) from None
    except FetchFailed as error:
        raise DeliveryFailed(str(error)) from None
