"""A reader at every site: follows /sync from token to token and misses nothing."""

import asyncio
from collections.abc import Sequence
from typing import Any

from bongsu.drill.ledger import Found
from bongsu.drill.load import marked
from bongsu.drill.notes import Arrival, Notes
from bongsu.drill.people import V3, People
from bongsu.drill.stream import Stream
from bongsu.drill.travel import Delivery, Traveller

POLL_SECONDS = 5
CATCH_UP_POLL_SECONDS = 0.05


class Readers:
    """One reader a site."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self.readers: list[Reader] = []

    async def board(self, people: People, sites: Sequence[str]) -> None:
        made = await asyncio.gather(*[people.register(site, "reader") for site in sites])
        self.readers = [Reader(person, self._notes) for person in made]

    async def begin(self) -> None:
        """The first syncs, when everybody is in the rooms: from here on nothing may be missed."""
        await asyncio.gather(*[reader.begin() for reader in self.readers])

    async def run(self) -> None:
        """Read until cancelled."""
        async with asyncio.TaskGroup() as group:
            for reader in self.readers:
                group.create_task(reader.run())

    async def caught_up(self, wanted: int) -> None:
        """Return when each reader has `wanted` messages."""
        while any(reader.count < wanted for reader in self.readers):
            await asyncio.sleep(CATCH_UP_POLL_SECONDS)


class Reader:
    """Keeps every marked message of one account's stream as it came."""

    def __init__(self, person: Traveller, notes: Notes) -> None:
        self.person = person
        self._notes = notes
        self._stream = Stream(self._page, marked)

    @property
    def streamed(self) -> dict[str, list[Found]]:
        return self._stream.streamed

    @property
    def count(self) -> int:
        return self._stream.count

    async def begin(self) -> None:
        self._stream.begin((await self._sync(0)).json)

    async def run(self) -> None:
        while True:
            delivery = await self._sync(POLL_SECONDS)
            count = await self._stream.take(delivery.json)
            if count:
                arrival = Arrival(self._notes.now(), self.person.home, delivery.site, count)
                self._notes.arrivals.append(arrival)

    async def _sync(self, timeout_seconds: float) -> Delivery:
        return await self.person.ask("sync", "GET", V3 + self._stream.path(timeout_seconds))

    async def _page(self, path: str) -> Any:
        return (await self.person.ask("history", "GET", V3 + path)).json
