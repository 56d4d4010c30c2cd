"""A client that prefers its own site and goes to another one when that fails, as people's do.

A request is repeated as it is, so that its transaction id makes it one message however often it
arrives. A failed try is written down; a client-visible error is just that. Coming home waits until
the site says that it is ready, as a balancer would.
"""

import asyncio
import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from bongsu.drill.http_client import Answer, ConnectionLost, HttpClient
from bongsu.drill.notes import Notes, Trouble

ATTEMPT_SECONDS_MAX = 10.0  # a late answer is no error; one later than this is
RETRY_PAUSE_SECONDS = 0.1
RETRY_AFTER_SECONDS_MAX = 10.0
READY_POLL_SECONDS = 0.25
READY_SECONDS_MAX = 1.0
DETAIL_CHARS = 160


class GaveUp(Exception):
    """As many tries as were allowed brought no answer 200."""


class Sites:
    """The ways into each site: one client a node, and when its nodes last said they were ready."""

    def __init__(self, urls: Mapping[str, Sequence[str]], notes: Notes) -> None:
        self.notes = notes
        self.names = list(urls)
        self.ready_at = dict.fromkeys(self.names, 0.0)
        self._clients = {site: [HttpClient(url) for url in ways] for site, ways in urls.items()}
        self._said: dict[str, str] = {}

    def client(self, site: str) -> HttpClient:
        return random.choice(self._clients[site])

    def after(self, site: str) -> str:
        """The next site in a ring."""
        return self.names[(self.names.index(site) + 1) % len(self.names)]

    async def watch(self) -> None:
        """Ask every node for /ready until cancelled; changes go on the timeline."""
        async with asyncio.TaskGroup() as group:
            for site, clients in self._clients.items():
                for client in clients:
                    group.create_task(self._watch(site, client))

    async def close(self) -> None:
        for client in [client for clients in self._clients.values() for client in clients]:
            await client.close()

    async def _watch(self, site: str, client: HttpClient) -> None:
        while True:
            said = await _readiness(client)
            if said == "ready":
                self.ready_at[site] = self.notes.now()
            if said != self._said.get(client.url, "ready"):
                self.notes.event(site, "node", f"{client.url}: {said}", is_turn=True)
            self._said[client.url] = said
            await asyncio.sleep(READY_POLL_SECONDS)


@dataclass(frozen=True)
class Delivery:
    """An answer 200, and how long after it was asked for, there and at the first try."""

    answer: Answer
    site: str
    seconds: float
    waited: float

    @property
    def json(self) -> Any:
        return orjson.loads(self.answer.body)


class Traveller:
    """One device. `is_loyal`: it presses its own site whatever happens, until `released`."""

    def __init__(self, sites: Sites, home: str, *, is_loyal: bool = False) -> None:
        self.user_id = ""
        self.token: str | None = None
        self.home = self.here = home
        self.is_loyal = is_loyal
        self._sites = sites
        self._notes = sites.notes
        self._left_at = 0.0

    async def ask(
        self, what: str, method: str, path: str, body: bytes = b"", content_type: str = "",
        tries: int | None = None,
    ) -> Delivery:  # fmt: skip
        """Ask until there is an answer 200, here or elsewhere. `what` names it in the notes.

        `tries`: then `GaveUp`; without it never.
        """
        begun = self._notes.now()
        for _ in itertools.count() if tries is None else range(tries):
            self._come_home()
            site, tried = self.here, self._notes.now()
            try:
                answer = await self._try(method, path, body, content_type)
                if answer.status == 200:
                    now = self._notes.now()
                    return Delivery(answer, site, now - tried, now - begun)
                status, detail = answer.status, _detail(answer)
            except (ConnectionLost, TimeoutError) as error:
                answer, status, detail = None, 0, str(error) or "no answer in time"
            if answer is not None and status == 429:
                await asyncio.sleep(_retry_after(answer))
                continue
            now = self._notes.now()
            self._notes.troubles.append(Trouble(now, site, what, status, now - tried, detail))
            self._move_on()
            await asyncio.sleep(RETRY_PAUSE_SECONDS)
        raise GaveUp(f"{what}: {tries} tries")

    async def once(self, method: str, path: str, body: bytes = b"") -> Answer:
        """One try at the present site; `ConnectionLost` or `TimeoutError` without an answer."""
        return await self._try(method, path, body, "")

    async def _try(self, method: str, path: str, body: bytes, content_type: str) -> Answer:
        async with asyncio.timeout(ATTEMPT_SECONDS_MAX):
            return await self._sites.client(self.here).request(
                method, path, body, token=self.token,
                content_type=content_type or "application/json",
            )  # fmt: skip

    def _move_on(self) -> None:
        if self.is_loyal:
            return
        if self.here == self.home:
            self._left_at = self._notes.now()
        self.here = self._sites.after(self.here)

    def _come_home(self) -> None:
        if self.here != self.home and self._sites.ready_at[self.home] > self._left_at:
            self.here = self.home


async def _readiness(client: HttpClient) -> str:
    try:
        async with asyncio.timeout(READY_SECONDS_MAX):
            answer = await client.request("GET", "/ready")
    except (ConnectionLost, TimeoutError):
        return "no answer"
    if answer.status == 200:
        return "ready"
    try:
        reasons: list[Any] = orjson.loads(answer.body)["reasons"]
        return f"not ready: {', '.join(map(str, reasons))}"
    except (orjson.JSONDecodeError, KeyError, TypeError):  # a proxy's answer, not ours
        return f"not ready: status {answer.status}"


def _detail(answer: Answer) -> str:
    return answer.body[:DETAIL_CHARS].decode(errors="replace")


def _retry_after(answer: Answer) -> float:
    try:
        seconds = orjson.loads(answer.body)["retry_after_ms"] / 1000
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return 1.0
    return min(max(seconds, RETRY_PAUSE_SECONDS), RETRY_AFTER_SECONDS_MAX)
