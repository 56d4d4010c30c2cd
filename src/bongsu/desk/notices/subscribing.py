"""Subscribing and ending it. Nobody is told who is subscribed, and nobody subscribes another."""

import base64
import secrets
from collections.abc import Sequence

from bongsu.desk.notices.stores import SubscriberStore
from bongsu.desk.notices.subscribers import (
    Channel,
    Links,
    Subscriber,
    checked_email,
    checked_webhook,
)
from bongsu.errors import InvalidParam
from bongsu.users.tokens import Clock, now_ms

CONFIRM_MS = 48 * 3600 * 1000
ASK_AGAIN_MS = 10 * 60 * 1000
KEEP_DONE_MS = 30 * 24 * 3600 * 1000
SERVICES_MAX = 100
ID_BYTES = 18
SECRET_BYTES = 32


class Subscribing:
    def __init__(self, store: SubscriberStore, links: Links, clock: Clock = now_ms) -> None:
        self._store = store
        self._links = links
        self._clock = clock

    async def ask(self, channel: str, target: str, language: str, services: Sequence[str]) -> None:
        """Ask whoever is at `target` whether they want it; they have 48 hours.

        Says nothing of whether they are subscribed already: then nothing is sent.
        """
        if channel == Channel.EMAIL:
            target, secret = checked_email(target.strip()), ""
        elif channel == Channel.WEBHOOK:
            target, secret = checked_webhook(target.strip()), _new_secret()
        else:
            raise InvalidParam("Subscribe by e-mail or by webhook")
        if len(services) > SERVICES_MAX:
            raise InvalidParam("Too many services")
        subscriber = Subscriber(
            secrets.token_urlsafe(ID_BYTES), Channel(channel), target, language,
            tuple(dict.fromkeys(services)), secret,
        )  # fmt: skip
        now = self._clock()
        await self._store.ask(subscriber, now, now - ASK_AGAIN_MS)

    async def confirm(self, signed: str) -> Subscriber | None:
        """The subscriber of a confirming link; None if it is too old, or none of ours."""
        subscriber_id = self._links.read("confirm", signed)
        if subscriber_id is None:
            return None
        return await self._store.confirm(subscriber_id, self._clock() - CONFIRM_MS)

    async def end(self, signed: str) -> bool:
        """End it, now and without questions; False for a link that is none of ours."""
        subscriber_id = self._links.read("end", signed)
        if subscriber_id is None:
            return False
        await self._store.end(subscriber_id)
        return True

    async def sweep(self) -> None:
        now = self._clock()
        await self._store.sweep(now - CONFIRM_MS, now - KEEP_DONE_MS)


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
