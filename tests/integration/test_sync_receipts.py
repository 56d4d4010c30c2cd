"""Receipts of others: at once in small rooms, gathered in large ones, not at all in very large."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from fixtures.sync_house import ALICE, BOB, CAROL, SyncHouse, joined, open_house

from bongsu.postgres.database import Database
from bongsu.sync import hub, room_feed

WAIT_SECONDS = 60.0
GATHERED_SECONDS = 1.0  # in which a busy machine, too, commits two receipts


@pytest.fixture
async def house(database_dsn: str, database: Database) -> AsyncIterator[SyncHouse]:
    async with open_house(database_dsn, database) as house:
        yield house


def readers(answer: dict[str, object], room: str) -> set[str]:
    """Whose receipts an answer shows."""
    events = joined(answer, room)["ephemeral"]["events"]
    return {
        user
        for event in events
        for of_event in event["content"].values()
        for of_type in of_event.values()
        for user in of_type
    }


async def test_receipts_of_a_large_room_come_together_and_none_is_lost(
    house: SyncHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "RECEIPTS_AT_ONCE_WATCHERS_MAX", 1)
    monkeypatch.setattr(hub, "RECEIPTS_GATHERED_SECONDS", GATHERED_SECONDS)
    room = await house.room(ALICE, BOB, CAROL)
    other = await house.room(ALICE)
    said = await house.send(room, ALICE)
    tokens = {user: (await house.get(user))["next_batch"] for user in (ALICE, BOB, CAROL)}

    begun = time.monotonic()
    waiting = asyncio.create_task(house.get(ALICE, tokens[ALICE], wait=WAIT_SECONDS))
    await asyncio.sleep(0)
    await asyncio.gather(*(house.read(room, each, said.event_id) for each in (BOB, CAROL)))
    own = await house.get(BOB, tokens[BOB], wait=WAIT_SECONDS)
    assert BOB in readers(own, room), "one's own comes at once"
    answer = await waiting
    assert time.monotonic() - begun >= GATHERED_SECONDS * 0.9
    assert readers(answer, room) == {BOB, CAROL}

    # An answer for another reason shows what was gathered so far, and the next does not repeat it.
    said = await house.send(room, ALICE)
    since = (await house.get(ALICE, answer["next_batch"]))["next_batch"]
    await house.read(room, BOB, said.event_id)
    await house.send(other, ALICE)
    answer = await house.get(ALICE, since)
    assert readers(answer, room) == {BOB}
    await house.read(room, CAROL, said.event_id)
    answer = await house.get(ALICE, answer["next_batch"], wait=WAIT_SECONDS)
    assert CAROL in readers(answer, room)


async def test_in_a_very_large_room_one_sees_ones_own_receipts_alone(
    house: SyncHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_feed, "RECEIPT_WATCHERS_MAX", 2)
    house.strangers_agree = False  # where one alone watches, no room is large
    room = await house.room(ALICE, BOB, CAROL)
    said = await house.send(room, ALICE)
    tokens = {user: (await house.get(user))["next_batch"] for user in (ALICE, BOB, CAROL)}
    await house.read(room, BOB, said.event_id)
    assert readers(await house.get(BOB, tokens[BOB]), room) == {BOB}
    alice = await house.get(ALICE, tokens[ALICE], wait=0.2)
    assert alice["next_batch"] == tokens[ALICE], "nobody is woken by it"
    await house.send(room, CAROL)
    alice = await house.get(ALICE, tokens[ALICE], wait=WAIT_SECONDS)
    assert readers(alice, room) == set()
    assert readers(await house.get(ALICE), room) == set()
    bob = joined(await house.get(BOB), room)
    assert bob["unread_notifications"]["notification_count"] == 1


async def test_of_several_receipts_for_one_event_the_unthreaded_is_shown(house: SyncHouse) -> None:
    room = await house.room(ALICE, BOB)
    said = await house.send(room, ALICE)
    for threads in ((None, "main"), ("main", None)):
        since = (await house.get(ALICE))["next_batch"]
        for thread in threads:
            await house.read(room, BOB, said.event_id, thread=thread)
        (shown,) = joined(await house.get(ALICE, since), room)["ephemeral"]["events"]
        assert shown["content"] == {said.event_id: {"m.read": {BOB: {"ts": 1}}}}
        said = await house.send(room, ALICE)
