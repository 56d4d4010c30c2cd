"""The drill's accounts and rooms: made before it, ended after it."""

import asyncio
import secrets
from collections.abc import Coroutine, Sequence
from typing import Any
from urllib.parse import quote

import orjson

from bongsu.drill.http_client import Answer, ConnectionLost
from bongsu.drill.travel import Sites, Traveller
from bongsu.errors import OperatorError

V3 = "/_matrix/client/v3"
BOARDING_AT_ONCE = 8
BOARDING_SECONDS_MAX = 180.0
LEAVING_SECONDS_MAX = 30.0


class People:
    """Accounts of one drill. `registration_token` is for servers that demand one."""

    def __init__(self, sites: Sites, registration_token: str | None = None) -> None:
        self._sites = sites
        self._run = secrets.token_hex(4)
        self._password = secrets.token_urlsafe(18)
        self._registration_token = registration_token
        self._gate = asyncio.Semaphore(BOARDING_AT_ONCE)
        self._all: list[Traveller] = []

    async def register(self, home: str, kind: str, *, is_loyal: bool = False) -> Traveller:
        """A new account whose client lives in `home`."""
        person = Traveller(self._sites, home, is_loyal=is_loyal)
        name = f"drill-{self._run}-{kind}-{home}-{len(self._all)}".lower()
        self._all.append(person)
        content: dict[str, Any] = {"username": name, "password": self._password}
        try:
            async with self._gate:
                answer = await person.once("POST", f"{V3}/register", orjson.dumps(content))
                if answer.status == 401:
                    content["auth"] = self._auth(answer)
                    answer = await person.once("POST", f"{V3}/register", orjson.dumps(content))
        except (ConnectionLost, TimeoutError) as error:
            raise OperatorError(f"site {home} does not answer: {error or 'timeout'}") from None
        if answer.status != 200:
            raise OperatorError(f"site {home} registers nobody: {_words(answer)}")
        said = orjson.loads(answer.body)
        person.user_id, person.token = said["user_id"], said["access_token"]
        return person

    async def make_rooms(self, count: int, hosts: Sequence[Traveller]) -> list[str]:
        """Public rooms with everybody in every room."""
        making = [self._room(hosts[number % len(hosts)]) for number in range(count)]
        return await self._all_of(making)

    async def leave(self) -> None:
        """End the accounts, as far as the server lets them go."""

        async def one(person: Traveller) -> None:
            auth = {
                "type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": person.user_id},
                "password": self._password,
            }
            async with self._gate:
                await person.once("POST", f"{V3}/account/deactivate", orjson.dumps({"auth": auth}))

        async with asyncio.timeout(LEAVING_SECONDS_MAX):
            await asyncio.gather(*map(one, self._all), return_exceptions=True)

    async def _room(self, host: Traveller) -> str:
        async with self._gate:
            body = orjson.dumps({"preset": "public_chat"})
            room_id: str = (await host.ask("create", "POST", f"{V3}/createRoom", body)).json[
                "room_id"
            ]
        path = f"{V3}/rooms/{quote(room_id)}/join"
        await self._all_of([self._join(person, path) for person in self._all if person is not host])
        return room_id

    async def _join(self, person: Traveller, path: str) -> None:
        async with self._gate:
            await person.ask("join", "POST", path, b"{}")

    async def _all_of(self, work: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
        try:
            async with asyncio.timeout(BOARDING_SECONDS_MAX):
                return await asyncio.gather(*work)
        except TimeoutError:
            raise OperatorError(f"no rooms after {BOARDING_SECONDS_MAX:.0f} s") from None

    def _auth(self, answer: Answer) -> dict[str, str]:
        said = orjson.loads(answer.body)
        if self._registration_token is None:
            return {"type": "m.login.dummy", "session": said.get("session", "")}
        return {
            "type": "m.login.registration_token",
            "token": self._registration_token,
            "session": said.get("session", ""),
        }


def _words(answer: Answer) -> str:
    return f"{answer.status} {answer.body[:200].decode(errors='replace')}"
