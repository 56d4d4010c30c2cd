"""Deliveries: claimed in the database, told over their channel, finished or postponed.

Any number of desks do this at once. A claim is one desk's for `CLAIM_MS`; whoever dies meanwhile
leaves it to another, who tells it again under the same name (Message-ID, webhook-id, transaction
id), by which receivers know it. A channel that fails is tried again ever more rarely for a day.
"""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog

from bongsu.desk.notices.stores import DeliveryStore
from bongsu.desk.notices.subscribers import (
    Channel,
    Delivery,
    DeliveryFailed,
    DeliveryRefused,
    Notice,
    Subscriber,
)
from bongsu.errors import Unavailable
from bongsu.tasks import TaskOwner
from bongsu.users.tokens import Clock, now_ms

CLAIM_MS = 150_000  # longer than what is claimed may take: two rounds of `DELIVERY_SECONDS_MAX`
CLAIMED_MAX = 20  # by one desk at once
AT_ONCE_MAX = 10
LOOK_SECONDS = 2.0  # for what another desk published
BROKEN_SECONDS = 5.0
DELIVERY_SECONDS_MAX = 60.0
BACK_OFF_SECONDS = (15, 60, 300, 1800, 7200, 21600, 43200)
"""Before the second attempt, the third, …; after the last it is given up."""

log = structlog.get_logger()


class Deliverer(Protocol):
    """One channel. Both raise `DeliveryFailed` and `DeliveryRefused`."""

    async def tell(self, name: str, subscriber: Subscriber, notice: Notice) -> None: ...
    async def ask(self, name: str, subscriber: Subscriber) -> None:
        """Ask whether they want to subscribe."""
        ...


class Delivering:
    """`holder` names this desk's process."""

    def __init__(
        self,
        store: DeliveryStore,
        deliverers: Mapping[Channel, Deliverer],
        holder: str,
        clock: Clock = now_ms,
    ) -> None:
        self._store = store
        self._deliverers = deliverers
        self._holder = holder
        self._clock = clock
        self._tasks = TaskOwner("notice deliveries")
        self._wake = asyncio.Event()
        self.delivered = 0
        self.failed = 0

    def start(self) -> None:
        self._tasks.start(self._run())

    async def stop(self) -> None:
        await self._tasks.stop()

    def look(self) -> None:
        """Something was published here just now."""
        self._wake.set()

    async def run_once(self) -> int:
        """Claim and deliver what is due; how many those were."""
        now = self._clock()
        claimed = await self._store.claim(self._holder, now, now + CLAIM_MS, CLAIMED_MAX)
        places = asyncio.Semaphore(AT_ONCE_MAX)

        async def one(delivery: Delivery) -> None:
            async with places:
                await self._deliver(delivery)

        await asyncio.gather(*(one(delivery) for delivery in claimed))
        return len(claimed)

    async def _run(self) -> None:
        while True:
            seconds = LOOK_SECONDS
            try:
                if await self.run_once() == CLAIMED_MAX:
                    continue
            except Unavailable as error:
                log.info("deliveries wait", reason=error.message)
                seconds = BROKEN_SECONDS
            except Exception:
                log.exception("deliveries wait")
                seconds = BROKEN_SECONDS
            try:
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            except TimeoutError:
                continue
            self._wake.clear()

    async def _deliver(self, delivery: Delivery) -> None:
        outcome = await self._outcome(delivery)
        if outcome is None:
            wait = BACK_OFF_SECONDS[delivery.attempts] * 1000
            due = self._clock() + wait
            await self._store.postpone(delivery.delivery_id, self._holder, due)
            return
        await self._store.finish(delivery.delivery_id, self._holder, self._clock(), outcome)

    async def _outcome(self, delivery: Delivery) -> str | None:
        """delivered, refused or given_up; None to try again."""
        subscriber, name = delivery.subscriber, f"notice-{delivery.delivery_id}"
        deliverer = self._deliverers.get(subscriber.channel)
        try:
            if deliverer is None:
                raise DeliveryFailed(f"{subscriber.channel} is not set up here")
            async with asyncio.timeout(DELIVERY_SECONDS_MAX):
                if delivery.notice is None:
                    await deliverer.ask(name, subscriber)
                else:
                    await deliverer.tell(name, subscriber, delivery.notice)
        except DeliveryRefused as error:
            self._note(subscriber, error)
            return "refused"
        except (DeliveryFailed, TimeoutError) as error:
            self._note(subscriber, error)
            return "given_up" if delivery.attempts >= len(BACK_OFF_SECONDS) else None
        self.delivered += 1
        return "delivered"

    def _note(self, subscriber: Subscriber, error: Exception) -> None:
        self.failed += 1
        name = subscriber.subscriber_id[:6]
        log.info("not delivered", channel=subscriber.channel, who=name, reason=str(error)[:200])
