"""The log of one node on a real PostgreSQL: order, exactly-once, takeover, loss of the pen."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from bongsu.errors import Forbidden, NotFound, Refused
from bongsu.ids import RoomId, UserId
from bongsu.log.entry import Entry, Kind
from bongsu.log.proposal import fresh_request_id
from bongsu.memory.bus import MemoryBus
from bongsu.node.heart import Heart
from bongsu.postgres.database import Database
from bongsu.rooms.event import EventDraft, build_event
from bongsu.rooms.proposals import CreateRoom, InitialEvent, MarkRead, SendEvent
from bongsu.rooms.room_version import ROOM_VERSIONS

ALICE, BOB = "@alice:test", "@bob:test"
CREATED_AT = 1_700_000_000_000


class Node:
    def __init__(
        self, name: str, dsn: str, database: Database, bus: MemoryBus, alone: bool
    ) -> None:
        self.heart = Heart(name, dsn, database, bus, "test", alone=alone)
        self.applied: list[Entry] = []
        self.heart.follower.listen(self.applied.extend)


@pytest.fixture
async def node(database_dsn: str, database: Database) -> AsyncIterator[Node]:
    node = Node("one", database_dsn, database, MemoryBus(), alone=True)
    await node.heart.start()
    yield node
    await node.heart.stop()


def new_room(created_at: int = CREATED_AT, join_rule: str = "public") -> CreateRoom:
    create = {"room_version": "12"}
    version = ROOM_VERSIONS["12"]
    draft = EventDraft("m.room.create", UserId(ALICE), create, "")
    event = build_event(
        version, draft, room_id=None, origin_server_ts=created_at, depth=1, prev_events=(),
        auth_events=(),
    )  # fmt: skip
    return CreateRoom(
        key=event.room_id,
        request_id=fresh_request_id(),
        version="12",
        creator=ALICE,
        created_at=created_at,
        events=[
            InitialEvent("m.room.create", "", create),
            InitialEvent("m.room.member", ALICE, {"membership": "join"}),
            InitialEvent("m.room.power_levels", "", {}),
            InitialEvent("m.room.join_rules", "", {"join_rule": join_rule}),
        ],
    )


def message(room: str, body: str, sender: str = ALICE, **more: object) -> SendEvent:
    fields = {"request_id": fresh_request_id(), **more}
    return SendEvent(
        key=RoomId(room), sender=sender, type="m.room.message",
        content={"msgtype": "m.text", "body": body}, **fields,
    )  # fmt: skip


async def test_a_room_and_its_messages_are_entries_in_order(node: Node) -> None:
    create = new_room()
    made = await node.heart.log.propose(create)
    assert made.key == create.key
    sent = [await node.heart.log.propose(message(create.key, str(n))) for n in range(5)]
    positions = [entry.position for entry in node.applied]
    assert positions == list(range(1, 10))
    assert [s.position for s in sent] == [5, 6, 7, 8, 9]
    assert {entry.kind for entry in node.applied} == {Kind.EVENT}


async def test_a_retry_gets_the_first_answer_even_from_another_owner(
    node: Node, database_dsn: str, database: Database
) -> None:
    create = new_room()
    await node.heart.log.propose(create)
    hello = message(create.key, "hello")
    first = await node.heart.log.propose(hello)
    assert await node.heart.log.propose(hello) == first
    await node.heart.stop()
    second = Node("two", database_dsn, database, MemoryBus(), alone=True)
    await second.heart.start()
    try:
        assert await second.heart.log.propose(hello) == first
        assert await second.heart.log.propose(create) == await second.heart.log.propose(create)
        after = await second.heart.log.propose(message(create.key, "after"))
        assert after.position == first.position + 1
    finally:
        await second.heart.stop()


async def test_a_lone_repeat_costs_neither_the_ownership_nor_the_room_its_order(
    node: Node, database: Database
) -> None:
    create = new_room()
    log = node.heart.log
    await log.propose(create)
    epochs = await database.fetch("SELECT partition, epoch FROM partition ORDER BY partition")
    said = [message(create.key, str(n)) for n in range(3)]
    first = [await log.propose(proposal) for proposal in said]
    for proposal, accepted in zip(said * 2, first * 2, strict=True):
        assert await log.propose(proposal) == accepted
        after = await log.propose(message(create.key, "in between"))
        stored = await database.fetch(
            "SELECT event_id, body FROM entry WHERE key = $1 ORDER BY position", create.key
        )
        assert stored[-1]["event_id"] == after.event_id
        assert stored[-2]["event_id"] in stored[-1]["body"].decode()  # in prev_events: a chain
    assert epochs == await database.fetch(
        "SELECT partition, epoch FROM partition ORDER BY partition"
    )


async def test_concurrent_repeats_of_one_request_are_one_entry(node: Node) -> None:
    create = new_room()
    await node.heart.log.propose(create)
    hello = message(create.key, "hello")
    answers = await asyncio.gather(*(node.heart.log.propose(hello) for _ in range(20)))
    assert len(set(map(repr, answers))) == 1


async def test_refusals_come_from_the_rules(node: Node) -> None:
    create = new_room(join_rule="invite")
    await node.heart.log.propose(create)
    with pytest.raises(Forbidden):
        await node.heart.log.propose(message(create.key, "let me in", sender=BOB))
    with pytest.raises(NotFound):
        await node.heart.log.propose(message("!nowhere:test", "hello"))


async def test_a_room_against_the_rules_is_refused_not_put_off(node: Node) -> None:
    create = new_room()
    outsider = InitialEvent("m.room.topic", "", {"topic": "before anybody joined"})
    against = msgspec.structs.replace(create, events=[create.events[0], outsider])
    with pytest.raises(Forbidden):
        await node.heart.log.propose(against)
    assert (await node.heart.log.propose(create)).position == len(create.events)


async def test_a_batch_sees_its_own_events(node: Node) -> None:
    """Kick and the kicked one's message in one batch: whatever the order, no contradiction."""
    create = new_room()
    log = node.heart.log
    await log.propose(create)
    join = SendEvent(
        key=create.key, request_id=fresh_request_id(), sender=BOB, type="m.room.member",
        state_key=BOB, content={"membership": "join"},
    )  # fmt: skip
    kick = SendEvent(
        key=create.key, request_id=fresh_request_id(), sender=ALICE, type="m.room.member",
        state_key=BOB, content={"membership": "leave"},
    )  # fmt: skip
    await log.propose(join)
    outcomes = await asyncio.gather(
        log.propose(kick), log.propose(message(create.key, "x", sender=BOB)), return_exceptions=True
    )
    assert isinstance(outcomes[1], Refused)


async def test_receipts_only_move_forward(node: Node) -> None:
    create = new_room()
    log = node.heart.log
    await log.propose(create)
    first = await log.propose(message(create.key, "1"))
    second = await log.propose(message(create.key, "2"))

    def read(event_id: str) -> MarkRead:
        return MarkRead(
            key=create.key, request_id=fresh_request_id(), user_id=ALICE, receipt_type="m.read",
            event_id=event_id, thread_id=None, ts=1,
        )  # fmt: skip

    assert (await log.propose(read(second.event_id))).position > 0
    assert (await log.propose(read(first.event_id))).position == 0


async def test_a_lost_connection_of_the_pen_costs_nothing_acknowledged(
    node: Node, database: Database
) -> None:
    create = new_room()
    log = node.heart.log
    await log.propose(create)
    sent = []

    async def send_all() -> None:
        for n in range(200):
            accepted = await log.propose(message(create.key, str(n)))
            sent.append(accepted)

    sending = asyncio.create_task(send_all())
    for _ in range(5):
        await asyncio.sleep(0.05)
        await database.fetch(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'bongsu pen' AND datname = current_database()"
        )
    await sending
    rows = await database.fetch(
        "SELECT event_id, position FROM entry WHERE key = $1 ORDER BY position", create.key
    )
    stored = [row["event_id"] for row in rows]
    assert [s.event_id for s in sent] == stored[4:]
    assert [row["position"] for row in rows] == list(range(1, len(rows) + 1))
    assert [entry.event_id for entry in node.applied] == stored


async def test_partitions_are_shared_and_taken_over(database_dsn: str, database: Database) -> None:
    bus = MemoryBus()
    nodes = [Node(name, database_dsn, database, bus, alone=False) for name in ("a", "b")]
    for each in nodes:
        await each.heart.start()
    create = new_room()
    try:
        await nodes[0].heart.log.propose(create)
        for n in range(50):
            await nodes[n % 2].heart.log.propose(message(create.key, str(n)))
        while not all(len(each.heart.sequencer.heads) > 10 for each in nodes):
            await asyncio.sleep(0.1)
        owners = [each for each in nodes if each.heart.ownership.owner_of(0) is not None]
        assert len(owners) == 2
        await nodes[0].heart.stop()
        last = await nodes[1].heart.log.propose(message(create.key, "last"))
        assert last.position == 55
        assert [e.position for e in nodes[1].applied] == list(range(1, 56))
    finally:
        await nodes[1].heart.stop()
