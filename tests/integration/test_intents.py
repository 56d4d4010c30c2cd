"""Intents on a real PostgreSQL and two nodes: done to the end, once, whoever begins and fails."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fixtures.around_house import ALICE, BOB, Node, two_nodes

from bongsu.errors import BadJson, Forbidden, Unavailable
from bongsu.ids import RoomId
from bongsu.log.entry import Kind
from bongsu.log.intents import Intent, Intents, new_intent
from bongsu.postgres.database import Database
from bongsu.rooms.proposals import SendEvent

WAIT_SECONDS_MAX = 60.0
LEASE_SECONDS = 0.3
RENEWED_SECONDS = 2.0  # a lease that a busy machine renews in time, too


@pytest.fixture
async def nodes(database_dsn: str, database: Database) -> AsyncIterator[tuple[Node, Node]]:
    async with two_nodes(database_dsn, database) as nodes:
        yield nodes


def intents_of(node: Node, lease_seconds: float = LEASE_SECONDS) -> Intents:
    return Intents(node.intent_store, lease_seconds=lease_seconds, look_seconds=0.05)


async def say(node: Node, intent: Intent, step: str) -> str:
    """One step: a message into the room that is the intent's key."""
    accepted = await node.log.propose(
        SendEvent(
            key=intent.key, request_id=intent.request_id(step), sender=ALICE,
            type="m.room.message", content={"msgtype": "m.text", "body": step},
        )
    )  # fmt: skip
    return accepted.event_id


async def until_struck(database: Database) -> None:
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while await database.fetch("SELECT 1 FROM intent"):
            await asyncio.sleep(0.02)


async def test_what_one_node_began_another_completes_and_no_step_is_done_twice(
    nodes: tuple[Node, Node], database: Database
) -> None:
    """Both carry it out at once, too: the first never comes back to renew its lease."""
    one, two = nodes
    room = await one.make_room()
    said: list[str] = []
    stuck, resumed = asyncio.Event(), asyncio.Event()

    async def begin(intent: Intent) -> None:
        said.append(await say(one, intent, "first"))
        stuck.set()
        await resumed.wait()
        said.append(await say(one, intent, "second"))

    async def resume(intent: Intent) -> None:
        said.append(await say(two, intent, "first"))
        resumed.set()
        said.append(await say(two, intent, "second"))

    first, second = intents_of(one), intents_of(two)
    first.register("essay", begin)
    second.register("essay", resume)
    begun = asyncio.create_task(first.carry_out("essay", room, None))
    await stuck.wait()
    await second.start()
    await begun
    await until_struck(database)
    await second.stop()
    assert len(said) == 4
    assert len(set(said)) == 2
    events = [e for e in one.entries if e.kind == Kind.EVENT and e.key == room]
    assert len(events) == 4 + 2


async def test_a_lease_that_is_renewed_is_not_taken(nodes: tuple[Node, Node]) -> None:
    one, two = nodes
    begun: list[str] = []
    done = asyncio.Event()

    async def slow(intent: Intent) -> None:
        begun.append(intent.key)
        await done.wait()

    first, second = [intents_of(node, RENEWED_SECONDS) for node in (one, two)]
    for intents in (first, second):
        intents.register("slow", slow)
        await intents.start()
    work = asyncio.create_task(first.carry_out("slow", ALICE, None))
    await asyncio.sleep(RENEWED_SECONDS * 1.5)
    done.set()
    await work
    for intents in (first, second):
        await intents.stop()
    assert begun == [ALICE]


async def test_a_renewal_that_comes_late_shortens_no_lease(nodes: tuple[Node, Node]) -> None:
    store = nodes[0].intent_store
    intent = new_intent("broken", ALICE)
    await store.record(intent, 0)
    await store.lease([intent.intent_id], 3600)
    await store.lease([intent.intent_id], -1)
    assert not await store.claim(["broken"], 1, 1)
    await store.release([intent.intent_id])
    assert await store.claim(["broken"], 1, 1) == [intent]


async def test_a_refusal_ends_an_intent_and_any_other_error_does_not(
    nodes: tuple[Node, Node], database: Database
) -> None:
    tries: list[str] = []

    async def refused(_intent: Intent) -> None:
        raise Forbidden("no")

    async def unlucky(intent: Intent) -> None:
        tries.append(intent.key)
        if len(tries) == 1:
            raise Unavailable("not now")

    async def broken(_intent: Intent) -> None:
        raise ZeroDivisionError

    intents = intents_of(nodes[0])
    for kind, work in (("refused", refused), ("unlucky", unlucky), ("broken", broken)):
        intents.register(kind, work)
    with pytest.raises(Forbidden):
        await intents.carry_out("refused", ALICE, None)
    assert not await database.fetch("SELECT 1 FROM intent")
    with pytest.raises(Unavailable):
        await intents.carry_out("unlucky", ALICE, None)
    await intents.start()
    await until_struck(database)
    assert tries == [ALICE, ALICE]
    with pytest.raises(Unavailable):
        await intents.carry_out("broken", BOB, None)
    [row] = await database.fetch(
        "SELECT due > extract(epoch FROM now()) * 1000 + 60000 AS later FROM intent"
    )
    assert row["later"], "an error that nobody foresaw is not repeated at once"
    await intents.stop()


async def test_the_client_who_leaves_stops_nothing_and_a_stop_leaves_it_to_others(
    nodes: tuple[Node, Node], database: Database
) -> None:
    one, two = nodes
    begun, carried = asyncio.Event(), asyncio.Event()

    async def endless(_intent: Intent) -> None:
        begun.set()
        await asyncio.sleep(3600)

    async def quick(_intent: Intent) -> None:
        carried.set()

    first, second = Intents(one.intent_store), Intents(two.intent_store, look_seconds=0.05)
    first.register("work", endless)
    second.register("work", quick)
    client = asyncio.create_task(first.carry_out("work", ALICE, None))
    await begun.wait()
    client.cancel()
    await asyncio.gather(client, return_exceptions=True)
    await second.start()
    await asyncio.sleep(0.3)
    assert not carried.is_set()
    await first.stop()  # an ordered stop ends the lease
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        await carried.wait()
    await until_struck(database)
    await second.stop()


async def test_a_kind_of_a_later_release_is_left_alone(
    nodes: tuple[Node, Node], database: Database
) -> None:
    store = nodes[0].intent_store
    await store.record(new_intent("unheard_of", ALICE), 0)
    intents = intents_of(nodes[0])
    intents.register("known", lambda _intent: asyncio.sleep(0))
    await intents.start()
    await asyncio.sleep(0.2)
    await intents.stop()
    assert len(await database.fetch("SELECT 1 FROM intent")) == 1


async def test_what_no_row_can_hold_is_refused_at_the_door() -> None:
    with pytest.raises(BadJson):
        new_intent("x", ALICE, {"a": "\ud800"})


async def test_every_profile_change_reaches_every_room_and_the_last_one_stays(
    nodes: tuple[Node, Node], database: Database
) -> None:
    """Two nodes tell the rooms of many changes at once."""
    one, two = nodes
    await one.register(ALICE)
    rooms = [await one.make_room() for _ in range(3)]
    for number in range(10):
        body = {"displayname": f"Alice {number}"}
        node = nodes[number % 2]
        await node.call(ALICE, "PUT", f"/profile/{ALICE}/displayname", body)
    await until_struck(database)
    for room in rooms:
        event = await two.rooms.state_event(RoomId(room), "m.room.member", ALICE)
        assert event is not None
        assert event.content["displayname"] == "Alice 9"
