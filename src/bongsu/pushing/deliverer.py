"""Tells one pusher of one event, or of a count, as of now: who logged out or left hears nothing."""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Sequence
from typing import Protocol
from urllib.parse import urlsplit

from bongsu.log.entry import LoggedEvent
from bongsu.pushing.badges import Badges, Person
from bongsu.pushing.evaluator import is_old
from bongsu.pushing.gateway import Gateways
from bongsu.pushing.notice import (
    EVENT_ID_ONLY,
    Due,
    Names,
    PusherName,
    Target,
    Undelivered,
    badge_notification,
    event_notification,
)
from bongsu.pushing.sources import PushStore

RUNNING_MAX = 200  # requests at once
PER_HOST_MAX = 16
EVENTS_CACHED_MAX = 1_000
SAID_MAX = 20_000

EventPlace = tuple[int, int]  # partition, position


class EmailSender(Protocol):
    async def notify(
        self, target: Target, events: Sequence[tuple[LoggedEvent, Names]], unread: int
    ) -> bool:
        """Whether the address is still good. Raises `Undelivered`."""
        ...


class Deliverer:
    def __init__(
        self, store: PushStore, badges: Badges, gateways: Gateways, emails: EmailSender | None
    ) -> None:
        self._store = store
        self._badges = badges
        self._gateways = gateways
        self._emails = emails
        self._events: OrderedDict[EventPlace, LoggedEvent] = OrderedDict()
        self._said: OrderedDict[str, int] = OrderedDict()  # the count that a user's pushers know
        self._free = asyncio.Semaphore(RUNNING_MAX)
        self._hosts: dict[str, asyncio.Semaphore] = {}
        self._users_of_host: defaultdict[str, int] = defaultdict(int)

    def keep_at_hand(self, partition: int, event: LoggedEvent) -> None:
        self._events[partition, event.position] = event
        if len(self._events) > EVENTS_CACHED_MAX:
            self._events.popitem(last=False)

    async def tell(self, dues: Sequence[Due], *, late: bool) -> bool:
        """Tell the pusher of one event, or by e-mail of all; False if there is nothing to tell.

        `late`: not told at once, so what was read meanwhile is left out. Raises `Undelivered`,
        and `Unavailable` when the database cannot be asked.
        """
        target = await self._store.load_target(dues[0].name)
        if target is None:
            return False
        person = await self._badges.person(target.name.user_id)
        news: list[tuple[Due, LoggedEvent]] = []
        for due in dues:
            event = None if is_old(due.ts) else await self._event(due)
            if event is not None and _concerns(person, event, late=late):
                news.append((due, event))
        if not news:
            return False
        if target.kind == "email":
            events = [(event, await self._names(event)) for _, event in news]
            is_good = await self._by_email(target, events, person.rooms_unread)
        else:
            is_good = await self._by_gateway(target, *news[0], person)
        if not is_good:
            await self._store.reject(target)
        return True

    async def tell_count(self, name: PusherName) -> None:
        """Tell a gateway how many rooms are unread now. Raises like `tell`."""
        target = await self._store.load_target(name)
        if target is None or target.kind != "http":
            return
        unread = (await self._badges.person(name.user_id)).rooms_unread
        if not await self._notify(target, badge_notification(target, unread)):
            await self._store.reject(target)

    async def is_count_news(self, user_id: str) -> bool:
        """Whether a user's pushers were not told the count of now: this asks but once."""
        unread = (await self._badges.person(user_id)).rooms_unread
        is_news = self._said.get(user_id) != unread
        self._say(user_id, unread)
        return is_news

    async def _by_gateway(
        self, target: Target, due: Due, event: LoggedEvent, person: Person
    ) -> bool:
        is_brief = target.data.get("format") == EVENT_ID_ONLY
        names = Names() if is_brief else await self._names(event)
        unread = person.rooms_unread
        document = event_notification(target, event, due.actions, names, unread)
        is_good = await self._notify(target, document)
        self._say(target.name.user_id, unread)
        return is_good

    async def _by_email(
        self, target: Target, events: Sequence[tuple[LoggedEvent, Names]], unread: int
    ) -> bool:
        if self._emails is None:
            raise Undelivered("no mail server is named in the settings")
        async with self._free:
            return await self._emails.notify(target, events, unread)

    async def _notify(self, target: Target, document: dict[str, object]) -> bool:
        """A host that hangs keeps few of the requests that may run at once."""
        host = urlsplit(str(target.data["url"])).netloc
        self._users_of_host[host] += 1
        try:
            async with self._hosts.setdefault(host, asyncio.Semaphore(PER_HOST_MAX)), self._free:
                return await self._gateways.notify(target, document)
        finally:
            self._users_of_host[host] -= 1
            if not self._users_of_host[host]:
                del self._users_of_host[host]
                self._hosts.pop(host, None)

    async def _event(self, due: Due) -> LoggedEvent | None:
        """None for an event that is gone or was redacted."""
        event = self._events.get((due.partition, due.position))
        if event is None:
            event = await self._store.load_event(due.partition, due.position)
        return None if event is None or event.facts.redacted_by else event

    async def _names(self, event: LoggedEvent) -> Names:
        return await self._store.load_names(event.room_id, event.facts.sender, event.position)

    def _say(self, user_id: str, unread: int) -> None:
        self._said[user_id] = unread
        self._said.move_to_end(user_id)
        if len(self._said) > SAID_MAX:
            self._said.popitem(last=False)


def _concerns(person: Person, event: LoggedEvent, *, late: bool) -> bool:
    """Whether somebody was there to be told, or is the one invited."""
    history = person.user.histories.get(event.room_id)
    if history is None:
        return False
    if event.facts.membership == "invite" and event.facts.state_key == person.user.user_id:
        return history.latest == "invite"
    if history.at(event.position) != "join" or history.latest != "join":
        return False
    return not late or person.is_unread(event.room_id)
