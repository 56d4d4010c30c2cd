"""Whose device lists changed and who left, against a reference that remembers everything.

Goal: `changed` names at least whom a client must ask for anew, `left` exactly those with whom it
shares no room any more, from any token of the past, at the process that gave it out and at one that
never heard of it, by /sync, by sliding sync and by /keys/changes.
Method: a random history of joins, leaves, kicks and device changes from a printed seed. After each
step somebody syncs; the reference is computed from the list of all steps.
"""

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any, NamedTuple

import pytest
from fixtures.keys_house import KeysHouse, open_keys_house
from fixtures.sliding_house import Process
from fixtures.sync_house import ALICE, BOB, CAROL

from bongsu.ids import UserId
from bongsu.postgres.database import Database
from bongsu.rooms.client_event import Device

DAVE = "@dave:test"
PEOPLE = (ALICE, BOB, CAROL, DAVE)
STEPS = 50
SYNC_ONE_IN = 3


@pytest.fixture
async def house(database_dsn: str, database: Database) -> AsyncIterator[KeysHouse]:
    async with open_keys_house(database_dsn, database) as house:
        yield house


class Moment(NamedTuple):
    """Who is joined where, and how often each one's devices have changed."""

    joined: frozenset[tuple[str, str]]
    changes: tuple[int, ...]

    def share(self, a: str, b: str) -> bool:
        rooms = {room for room, user in self.joined if user == a}
        return any((room, b) in self.joined for room in rooms)


def reference(reader: str, old: Moment, new: Moment) -> tuple[set[str], set[str]]:
    """Who must be in `changed`, and who is in `left`."""
    changed: set[str] = set()
    left: set[str] = set()
    for number, user in enumerate(PEOPLE):
        if user == reader:
            if old.changes[number] != new.changes[number]:
                changed.add(user)
        elif new.share(reader, user):
            if old.changes[number] != new.changes[number] or not old.share(reader, user):
                changed.add(user)
        elif old.share(reader, user):
            left.add(user)
    return changed, left


def check(lists: dict[str, Any], expected: tuple[set[str], set[str]], what: str) -> None:
    changed, left = set(lists.get("changed", ())), set(lists.get("left", ()))
    assert changed >= expected[0], what
    assert left == expected[1], what
    assert not changed & left, what


@pytest.mark.parametrize("seed", range(6))
async def test_against_the_reference(house: KeysHouse, seed: int) -> None:
    random = Random(seed)
    print("seed", seed)
    rooms = [await house.room(random.choice(PEOPLE)) for _ in range(3)]
    joined = set[tuple[str, str]]()
    for room in rooms:
        for user in PEOPLE:
            if room in await house.store.load_joined_rooms(user):
                joined.add((room, user))
    changes = dict.fromkeys(PEOPLE, 0)
    tokens: dict[str, list[tuple[str, Moment]]] = {user: [] for user in PEOPLE}
    for step in range(STEPS):
        await take_step(house, random, rooms, joined, changes)
        now = Moment(frozenset(joined), tuple(changes.values()))
        if random.randrange(SYNC_ONE_IN):
            continue
        reader = random.choice(PEOPLE)
        if not tokens[reader]:
            tokens[reader].append(((await house.get(reader))["next_batch"], now))
            continue
        since, old = random.choice([tokens[reader][-1], random.choice(tokens[reader])])
        expected = reference(reader, old, now)
        answer = await house.get(reader, since)
        what = f"step {step}, {reader} from {len(tokens[reader])} tokens"
        check(answer.get("device_lists", {}), expected, what)
        stranger = await house.get(reader, since, sync=house.new_sync())
        check(stranger.get("device_lists", {}), expected, what + ", another process")
        tokens[reader].append((answer["next_batch"], now))
        for begin, then in tokens[reader]:
            end, later = tokens[reader][-1]
            lists = await house.sync.device_lists(Device(reader, "D"), begin, end)
            check(lists._asdict(), reference(reader, then, later), what + ", /keys/changes")


@pytest.mark.parametrize("seed", range(4))
async def test_sliding_sync_against_the_reference(
    house: KeysHouse, database: Database, seed: int
) -> None:
    """By the extension of a connection that has no rooms, as Element X's has none."""
    random = Random(seed)
    print("seed", seed)
    rooms = [await house.room(random.choice(PEOPLE)) for _ in range(3)]
    joined = {(r, u) for r in rooms for u in PEOPLE if r in await house.store.load_joined_rooms(u)}
    changes = dict.fromkeys(PEOPLE, 0)
    processes = [Process(house, database) for _ in range(2)]
    positions: dict[str, list[tuple[str, Moment]]] = {user: [] for user in PEOPLE}
    for step in range(STEPS):
        await take_step(house, random, rooms, joined, changes)
        now = Moment(frozenset(joined), tuple(changes.values()))
        if random.randrange(SYNC_ONE_IN):
            continue
        reader = random.choice(PEOPLE)
        pos, old = random.choice(positions[reader]) if positions[reader] else (None, now)
        for process in processes:
            answer = await process.get(reader, pos, extensions={"e2ee": {"enabled": True}})
            lists = answer["extensions"]["e2ee"].get("device_lists", {})
            check(lists, reference(reader, old, now), f"step {step}, {reader}")
        positions[reader].append((answer["pos"], now))
    for process in processes:
        await process.stop()


async def take_step(
    house: KeysHouse,
    random: Random,
    rooms: list[str],
    joined: set[tuple[str, str]],
    changes: dict[str, int],
) -> None:
    room, user = random.choice(rooms), random.choice(PEOPLE)
    kind = random.choice(["device", "member", "member", "message", "rename"])
    if kind == "device":
        await house.announcer.device_list_changed(UserId(user))
        changes[user] += 1
    elif kind == "member" and (room, user) in joined:
        await house.member(room, user, "leave")
        joined.discard((room, user))
    elif kind == "member":
        try:
            await house.member(room, user, "join")
        except Exception:
            return  # nobody is left to let them in
        joined.add((room, user))
    elif kind == "message" and (room, user) in joined:
        await house.send(room, user)
    elif kind == "rename" and (room, user) in joined:
        await house.member(room, user, "join", displayname=str(random.random()))


async def test_a_device_change_wakes_who_shares_a_room_and_nobody_else(house: KeysHouse) -> None:
    await house.room(ALICE, BOB)
    await house.room(CAROL)
    tokens = {user: (await house.get(user))["next_batch"] for user in (ALICE, CAROL)}
    waiting = asyncio.ensure_future(house.get(ALICE, tokens[ALICE], wait=30))
    other = asyncio.ensure_future(house.get(CAROL, tokens[CAROL], wait=0.5))
    await asyncio.sleep(0.05)
    await house.announcer.device_list_changed(UserId(BOB))  # who is not connected
    answer = await waiting
    assert answer["device_lists"] == {"changed": [BOB], "left": []}
    assert "device_lists" not in await other
    again = await house.get(ALICE, answer["next_batch"])
    assert "device_lists" not in again


async def test_a_foreign_token_means_everybody(house: KeysHouse) -> None:
    await house.room(ALICE, BOB)
    await house.announcer.device_list_changed(UserId(BOB))
    now = (await house.get(ALICE))["next_batch"]
    codec = type(house.sync.tokens)("another incarnation")
    foreign = codec.encode(house.sync.tokens.decode(now).__class__(codec.incarnation, (9,) * 64))
    lists = await house.sync.device_lists(Device(ALICE, "D"), foreign, now)
    assert BOB in lists.changed
    assert "device_lists" not in await house.get(ALICE, foreign)
