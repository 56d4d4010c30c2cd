"""All services that are told anything, each by a task of its own."""

from collections.abc import Sequence

from bongsu.appservices.delivery import Delivery
from bongsu.appservices.pinging import SUBJECT
from bongsu.log.bus import Bus
from bongsu.log.entry import Entry
from bongsu.presence.typing import LogFollower
from bongsu.tasks import TaskOwner


class Deliveries:
    """The log only wakes them: what they tell they read by themselves."""

    def __init__(self, deliveries: Sequence[Delivery], follower: LogFollower, bus: Bus) -> None:
        self.all = deliveries
        self._bus = bus
        self._tasks = TaskOwner("application services")
        if deliveries:
            follower.listen(self._on_entries)

    async def start(self) -> None:
        if not self.all:
            return
        await self._bus.subscribe(SUBJECT, self._on_ping)
        for delivery in self.all:
            await delivery.begin()
            self._tasks.start(delivery.run())

    async def stop(self) -> None:
        """Cancelled anywhere: the row says what is to be sent again, and under which id."""
        await self._tasks.stop()

    def _on_entries(self, entries: Sequence[Entry]) -> None:
        for delivery in self.all:
            delivery.news()

    def _on_ping(self, payload: bytes) -> None:
        service_id = payload.decode("utf-8", "replace")
        for delivery in self.all:
            if delivery.service.id == service_id:
                delivery.answers()
