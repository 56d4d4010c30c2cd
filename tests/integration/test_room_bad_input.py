"""Whatever is asked of the endpoints that read rooms, the answer is one of the spec's."""

import contextlib
import itertools
from typing import Any
from urllib.parse import quote

import msgspec
from fixtures.room_house import ALICE, RoomHouse

from bongsu.errors import Refused
from bongsu.postgres.database import Database

EVIL_TEXTS = [
    "", "x", "%", "\\", "\x7f", "$" + "x" * 254, "$" + "ü" * 200, "!" + "x" * 43, "#x:test", "@",
    "-1", "0", "9" * 30, "t0", "t" + "9" * 18, "W10", "bAAAA", "null", "[]", "true", "b", "f",
    "🔥", "\u202e", "x" * 900, "' OR 1=1 --",
]  # fmt: skip
EVIL_FILTERS = [
    {"types": ["*" * 500]}, {"types": []}, {"senders": ["\x00"]}, {"limit": 10**18},
    {"limit": -1}, {"rooms": [5]}, {"contains_url": "x"}, {"related_by_rel_types": ["ü" * 5000]},
    {"related_by_senders": []}, {"not_types": ["\x00"]}, {"lazy_load_members": None},
]  # fmt: skip
QUERIES = ("from", "to", "at", "dir", "limit", "filter", "membership", "format", "since", "ts",
           "include", "recurse", "max_depth", "suggested_only", "server")  # fmt: skip
BODIES: list[Any] = [
    None, [], 5, {"room_id": 5}, {"room_id": "!\x00"}, {"visibility": []}, {"limit": "x"},
    {"limit": -(2**60)}, {"limit": 2**62}, {"since": "\x00"}, {"since": "WzEsMiwzXQ"},
    {"filter": {"generic_search_term": ["x"]}}, {"filter": {"room_types": [5]}},
    {"filter": {"generic_search_term": "\\" * 255}}, {"filter": {"room_types": ["\x00"] * 50}},
]  # fmt: skip


async def test_nothing_breaks(database_dsn: str, database: Database) -> None:
    house = RoomHouse(database_dsn, database)
    await house.heart.start()
    try:
        room = await house.room()
        event_id = await house.say(room, "hello")
        good = {"room_id": room, "event_id": event_id, "room_alias": "#x:test",
                "room_id_or_alias": room, "type": "m.room.name", "state_key": "",
                "rel_type": "m.thread"}  # fmt: skip
        for endpoint in house.router.endpoints:
            verb, path = endpoint.route.verb, endpoint.route.path
            for parts in _evil_parts(endpoint.names, good):
                await _ask(house, verb, _fill(path, parts))
            for name, text in itertools.product(QUERIES, EVIL_TEXTS):
                needed = "" if name in ("dir", "ts") else "dir=b&ts=5&"
                await _ask(house, verb, _fill(path, good), f"{needed}{name}={quote(text)}")
            for definition in EVIL_FILTERS:
                encoded = quote(msgspec.json.encode(definition).decode())
                await _ask(house, verb, _fill(path, good), f"dir=b&filter={encoded}")
            for body in BODIES if verb != "GET" else ():
                await _ask(house, verb, _fill(path, good), body=body)
    finally:
        await house.heart.stop()


def _evil_parts(names: tuple[str, ...], good: dict[str, str]) -> list[dict[str, str]]:
    return [{**good, name: text} for name in names for text in EVIL_TEXTS]


def _fill(path: str, parts: dict[str, str]) -> str:
    quoted = {name: quote(text, safe="") for name, text in parts.items()}
    return path.removeprefix("/_matrix/client/").format(**quoted)


async def _ask(house: RoomHouse, verb: str, path: str, query: str = "", body: Any = None) -> None:
    with contextlib.suppress(Refused):
        await house.call(verb, ALICE, path, query, body)
