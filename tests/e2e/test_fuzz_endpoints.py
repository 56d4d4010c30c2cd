"""Every endpoint, fed with what nobody should send it.

Goal: no answer is a 500 or tells of our insides; every refusal is {errcode, error} with CORS
headers; and afterwards everything can still be read. Method: each parameter of the path, each of
the query and each field of the body takes each evil value in turn, then several at once, in an
order that a seed decides, for as long as there is time. The endpoints are those of our own router,
and the spec's (if it is there) tells what they take.

FUZZ_SECONDS (60) bounds the whole; FUZZ_SEED changes the order.
"""

import asyncio
import importlib
import os
import pkgutil
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from contract import evil, spec
from contract.fuzz import Case, Target, Values, cases, example
from contract.spec import Operation
from contract.steps import PNG
from harness.bongsu import Bongsu
from harness.http import Answer, HttpClient
from harness.matrix import User, register
from harness.watched import watched

import bongsu.http
from bongsu.http.routing import Route

SECONDS = float(os.environ.get("FUZZ_SECONDS", "60"))
SEED = os.environ.get("FUZZ_SEED", "1")
CONCURRENCY = 8
ANSWER_SECONDS_MAX = 15.0
TARGETS_PER_WORLD = 8
FAILURES_SHOWN_MAX = 10
ROOM_VERSIONS = ("12", "11", "10")
PUSH_RULE = "PUT v3/pushrules/global/{}/{}"
INSIDES = re.compile(rb'Traceback|File \\?"|\.py\b|asyncpg|msgspec|SELECT |<module>')
# Read after each target: what was accepted must not break its readers.
READERS = [
    "sync", "sync?full_state=true", "rooms/{room}/state", "rooms/{room}/members",
    "rooms/{room}/messages?dir=b&limit=100", "rooms/{room}/joined_members", "rooms/{room}/aliases",
    "rooms/{room}/context/{event}", "rooms/{room}/threads", "rooms/{room}/hierarchy",
    "room_summary/{room}", "joined_rooms", "publicRooms", "pushrules/", "profile/{user}", "devices",
    "pushers", "notifications", "capabilities", "user/{user}/rooms/{room}/tags",
]  # fmt: skip


def routes() -> Iterator[Route]:
    """Every route that a handler of ours is marked with."""
    for module in pkgutil.walk_packages(bongsu.http.__path__, "bongsu.http."):
        for kind in vars(importlib.import_module(module.name)).values():
            if isinstance(kind, type) and kind.__module__ == module.name:
                for method in vars(kind).values():
                    yield from getattr(method, "routes", ())


def targets() -> Iterator[Target]:
    """Every endpoint of ours and of the spec; those of events once for each type that matters."""
    operations = [] if spec.MISSING else spec.operations().values()
    described = {_key(o.verb, o.path): o for o in reversed(list(operations))}  # the first counts
    offered = {_key(route.verb, route.path): route for route in routes()}
    for key in described.keys() - offered.keys():
        yield Target(described[key].verb, described[key].path)
    for key, route in offered.items():
        operation = described.get(key)
        has_body = route.verb in ("POST", "PUT") and not route.streams_body
        body = evil.ANY_BODY if has_body and operation is None else None
        if operation is not None and operation.body is not None:
            body = example(operation.body)
        body = evil.EXAMPLES.get(key.replace("/_matrix/client/", ""), body)
        query = {} if operation is None else _query(operation)
        needed = {name: value for name, value in query.items() if value is not None}
        yield from _by_type(Target(route.verb, route.path, tuple(query), body=body, needed=needed))


def _query(operation: Operation) -> dict[str, str | None]:
    """The query parameters, with an example of those that must be there."""
    found: dict[str, str | None] = {}
    for place in operation.parameters:
        if place["in"].value == "query":
            needed = "required" in place and place["required"].value
            found[place["name"].value] = str(example(place["schema"])) if needed else None
    return found


def _by_type(target: Target) -> Iterator[Target]:
    """The endpoints that take a type and its content: one target for each type we know."""
    name = next(iter(re.findall(r"\{((?:event_?)?type)\}", target.path, re.I)), None)
    chapter = re.search(r"/(send|state|account_data)/\{", target.path)
    if name is None or chapter is None or target.verb != "PUT":
        yield target
        return
    contents = {"send": evil.EVENTS, "state": evil.STATE, "account_data": evil.ACCOUNT_DATA}
    for kind, content in contents[chapter[1]].items():
        yield replace(target, fixed={name: kind}, body=content)


def _key(verb: str, path: str) -> str:
    return f"{verb} {re.sub(r'{[^}]*}', '{}', path)}"


TARGETS = sorted(targets(), key=str)


class World:
    """Who attacks, whose things are near, and what is there to attack."""

    client: HttpClient
    alice: User
    bob: User

    def __init__(self) -> None:
        self.age = TARGETS_PER_WORLD
        self.names: dict[str, str] = {}  # of parameters
        self.fields: dict[str, str] = {}  # of bodies

    async def enter(self, client: HttpClient) -> None:
        """A fresh room; fresh people too, when these are worn out."""
        self.client, self.age = client, self.age + 1
        if self.age > TARGETS_PER_WORLD or not await self._lives():
            self.alice = await register(client, f"alice-{secrets.token_hex(4)}")
            self.bob = await register(client, f"bob-{secrets.token_hex(4)}")
            self.age = 0
        self.alice.client = self.bob.client = client
        alice, server = self.alice, self.alice.user_id.partition(":")[2]
        version = ROOM_VERSIONS[self.age % len(ROOM_VERSIONS)]
        room = await alice.create_room(preset="public_chat", topic="x", room_version=version)
        await self.bob.join(room)
        event = await alice.send_text(room, "x")
        await alice.call("PUT", "/pushrules/global/override/mine", evil.EXAMPLES[PUSH_RULE])
        kept = await alice.call("POST", f"/user/{alice.user_id}/filter", {})
        page = await alice.call("GET", f"/rooms/{room}/messages?dir=b&limit=1")
        self.names = {
            "room_id": room, "room_id_or_alias": room, "event_id": event, "type": "m.room.topic",
            "event_type": "m.room.topic", "state_key": "", "user_id": alice.user_id,
            "kind": "override", "rule_id": "mine", "device_id": alice.device_id,
            "receipt_type": "m.read", "rel_type": "m.thread", "tag": "u.x", "field": "displayname",
            "key_name": "displayname", "server_name": server, "media_id": await self._upload(),
            "room_alias": f"#{secrets.token_hex(4)}:{server}", "filter_id": kept["filter_id"],
            "since": (await alice.sync())["next_batch"], "from": page["end"], "to": page["start"],
        }  # fmt: skip
        self.fields = {
            "user_id": self.bob.user_id, "room_id": room, "event_id": event, "m.read": event,
            "m.fully_read": event, "redacts": event,
        }  # fmt: skip

    async def _upload(self) -> str:
        """The id of a new picture."""
        asked = await self.client.request(
            "POST", "/_matrix/media/v3/upload", PNG, token=self.alice.token
        )
        return str(orjson.loads(asked.body)["content_uri"]).rpartition("/")[2]

    async def read_everything(self) -> list[str]:
        """Complaints of reading, as both people, all that was perhaps changed."""
        found = []
        for user in (self.alice, self.bob):
            for path in READERS:
                filled = path.format(
                    room=self.names["room_id"], event=self.names["event_id"], user=user.user_id
                )
                version = "v1" if re.match(r"room_summary|.*/(threads|hierarchy)", path) else "v3"
                target = f"/_matrix/client/{version}/{filled}"
                found.append(await complaint(self.client, Case("GET", target, b"", user.token)))
        return [f"AFTERWARDS {one}" for one in found if one]

    async def _lives(self) -> bool:
        path = "/_matrix/client/v3/account/whoami"
        tokens = (self.alice.token, self.bob.token)
        asked = [await self.client.request("GET", path, token=token) for token in tokens]
        return all(answer.status == 200 for answer in asked)


@pytest.fixture(scope="module")
def server() -> Iterator[Bongsu]:
    with watched() as bongsu:
        yield bongsu


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.mark.parametrize("target", TARGETS, ids=str)
async def test_fuzz(target: Target, server: Bongsu, world: World) -> None:
    client = HttpClient(server.url)
    await world.enter(client)
    filled = replace(target, body=fill(target.body, world.fields))
    todo = iter(cases(filled, Values(world.names), [world.alice.token, world.bob.token], SEED))
    deadline = time.monotonic() + SECONDS / len(TARGETS)
    failures: list[str] = []

    async def attack() -> None:
        for case in todo:
            if time.monotonic() > deadline or len(failures) >= FAILURES_SHOWN_MAX:
                return
            if found := await complaint(client, case):
                failures.append(found)

    await asyncio.gather(*(attack() for _ in range(CONCURRENCY)))
    failures += await world.read_everything()
    await client.close()
    assert not failures, "\n".join(failures[:FAILURES_SHOWN_MAX])


async def complaint(client: HttpClient, case: Case) -> str | None:
    """Why the answer to `case` is not allowed, if it is not."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            answer = await client.request(case.verb, case.target, case.body, token=case.token)
    except Exception as error:
        return f"{type(error).__name__} {error}: {case}"
    wrong = wrong_in(answer)
    return f"{wrong}: {case}\n    {answer.status} {answer.body[:300]!r}" if wrong else None


def wrong_in(answer: Answer) -> str | None:
    if answer.headers.get(b"access-control-allow-origin") != b"*":
        return "no CORS headers"
    if answer.status >= 500 and b"M_NOT_YET_UPLOADED" not in answer.body:
        return "a fault"
    if answer.status < 400:
        return None
    if INSIDES.search(answer.body):
        return "our insides"
    if answer.headers.get(b"content-type", b"").startswith(b"text/html"):
        return None  # a page for people; of what it must not say is seen above
    try:
        told = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return "no JSON"
    if answer.status == 401 and "flows" in told:
        return None
    if not re.fullmatch(r"M_[A-Z0-9_]+", str(told.get("errcode"))) or not told.get("error"):
        return "no errcode and error"
    return None


def fill(value: Any, names: dict[str, str]) -> Any:
    """`value` with the world's own things in the fields called like them."""
    if isinstance(value, dict):
        return {
            key: names[key] if isinstance(member, str) and key in names else fill(member, names)
            for key, member in value.items()
        }
    return [fill(item, names) for item in value] if isinstance(value, list) else value
