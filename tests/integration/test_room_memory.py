"""What a sequencer remembers of rooms: true as long as it owns them, and no longer."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from bongsu.errors import Forbidden, Refused
from bongsu.ids import RoomId, UserId
from bongsu.log.position import partition_of
from bongsu.log.proposal import Accepted, fresh_request_id
from bongsu.memory.bus import MemoryBus
from bongsu.node.heart import Heart
from bongsu.postgres.database import Database
from bongsu.rooms import hot_room
from bongsu.rooms.event import EventDraft, build_event
from bongsu.rooms.proposals import CreateRoom, InitialEvent, SendEvent
from bongsu.rooms.room_version import ROOM_VERSIONS

ALICE, BOB = "@alice:test", "@bob:test"
SECONDS_MAX = 60.0


@pytest.fixture
async def hearts(database_dsn: str, database: Database) -> AsyncIterator[tuple[Heart, Heart]]:
    """Two hearts whose ownership is moved by hand."""
    pair = tuple(Heart(n, database_dsn, database, MemoryBus(), "t", alone=True) for n in "ab")
    for heart in pair:
        await heart.follower.start()
        heart.sequencer.start()
    yield pair  # type: ignore[misc]  # it has two
    for heart in pair:
        await heart.sequencer.stop()
        await heart.follower.stop()


def room(*more: InitialEvent) -> CreateRoom:
    draft = EventDraft("m.room.create", UserId(ALICE), {"room_version": "12"}, "")
    create = build_event(
        ROOM_VERSIONS["12"], draft, room_id=None, origin_server_ts=1, depth=1, prev_events=(),
        auth_events=(),
    )  # fmt: skip
    return CreateRoom(
        key=create.room_id, request_id=fresh_request_id(), version="12", creator=ALICE,
        created_at=1,
        events=[
            InitialEvent("m.room.create", "", draft.content),
            InitialEvent("m.room.member", ALICE, {"membership": "join"}),
            InitialEvent("m.room.power_levels", "", {}),
            InitialEvent("m.room.join_rules", "", {"join_rule": "public"}),
            *more,
        ],
    )  # fmt: skip


def member(room_id: str, sender: str, user: str, membership: str) -> SendEvent:
    return SendEvent(
        key=RoomId(room_id), request_id=fresh_request_id(), sender=sender, type="m.room.member",
        state_key=user, content={"membership": membership},
    )  # fmt: skip


def message(room_id: str, sender: str, **content: object) -> SendEvent:
    return SendEvent(
        key=RoomId(room_id), request_id=fresh_request_id(), sender=sender, type="m.room.message",
        content={"msgtype": "m.text", "body": "hello", **content},
    )  # fmt: skip


async def test_a_room_handed_over_and_back_is_read_afresh(hearts: tuple[Heart, Heart]) -> None:
    """A ban of the other owner's reign holds in ours."""
    one, two = (heart.sequencer for heart in hearts)
    create = room()
    home = partition_of(create.key)
    await one.claim([home])
    await one.submit(create, SECONDS_MAX)
    await one.submit(member(create.key, BOB, BOB, "join"), SECONDS_MAX)
    await one.submit(message(create.key, BOB), SECONDS_MAX)
    await one.release([home])
    await two.claim([home])
    await two.submit(member(create.key, ALICE, BOB, "ban"), SECONDS_MAX)
    await two.release([home])
    await one.claim([home])
    with pytest.raises(Forbidden):
        await one.submit(message(create.key, BOB), SECONDS_MAX)


async def test_no_first_state_can_take_the_ownership_away(hearts: tuple[Heart, Heart]) -> None:
    """A message as state of a new room, in a thread that cannot exist yet."""
    sequencer = hearts[0].sequencer
    thread = {"rel_type": "m.thread", "event_id": "$nowhere"}
    create = room(
        InitialEvent("m.room.message", "", {"msgtype": "m.text", "m.relates_to": thread}),
        InitialEvent("m.room.tombstone", "", {"m.relates_to": thread}),
    )
    await sequencer.claim([partition_of(create.key)])
    epochs = dict(sequencer.heads)
    await sequencer.submit(create, SECONDS_MAX)
    assert [h.epoch for h in sequencer.heads.values()] == [h.epoch for h in epochs.values()]


@pytest.mark.parametrize("bad", ["\x00", "$" + "x" * 10_000, "$\x00", "@\x00:test", 7, None, []])
async def test_no_name_in_a_content_reaches_the_engine_unchecked(
    hearts: tuple[Heart, Heart], bad: object
) -> None:
    sequencer = hearts[0].sequencer
    create = room()
    await sequencer.claim([partition_of(create.key)])
    await sequencer.submit(create, SECONDS_MAX)
    redaction = SendEvent(
        key=create.key, request_id=fresh_request_id(), sender=ALICE, type="m.room.redaction",
        content={"redacts": bad},
    )  # fmt: skip
    join = member(create.key, BOB, BOB, "join")
    join.content["join_authorised_via_users_server"] = bad
    proposals = [
        redaction,
        join,
        message(create.key, ALICE, **{"m.relates_to": {"rel_type": "m.thread", "event_id": bad}}),
        message(
            create.key, ALICE,
            **{"m.relates_to": {"rel_type": "m.annotation", "event_id": "$x", "key": bad}},
        ),
        member(create.key, ALICE, str(bad), "invite"),
    ]  # fmt: skip
    outcomes = await asyncio.gather(
        *(sequencer.submit(proposal, SECONDS_MAX) for proposal in proposals),
        return_exceptions=True,
    )
    assert all(isinstance(outcome, Accepted | Refused) for outcome in outcomes), outcomes
    assert next(iter(sequencer.heads.values())).epoch == 1


async def test_caches_of_a_busy_room_stay_bounded_and_its_totals_right(
    hearts: tuple[Heart, Heart], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sends never pause, so there is no quiet moment in which to trim."""
    for name in ("RECENT_EVENTS_MAX", "ANNOTATIONS_MAX"):
        monkeypatch.setattr(hot_room, name, 4)
    sequencer = hearts[0].sequencer
    create = room()
    await sequencer.claim([partition_of(create.key)])
    await sequencer.submit(create, SECONDS_MAX)
    roots = [await sequencer.submit(message(create.key, ALICE), SECONDS_MAX) for _ in range(6)]

    async def reply(number: int) -> None:
        root = roots[number % len(roots)].event_id
        thread = {"rel_type": "m.thread", "event_id": root}
        await sequencer.submit(message(create.key, ALICE, **{"m.relates_to": thread}), SECONDS_MAX)
        reaction = SendEvent(
            key=create.key, request_id=fresh_request_id(), sender=ALICE, type="m.reaction",
            content={"m.relates_to": {**thread, "rel_type": "m.annotation", "key": str(number)}},
        )  # fmt: skip
        await sequencer.submit(reaction, SECONDS_MAX)

    for first in range(0, 60, 6):
        await asyncio.gather(*(reply(number) for number in range(first, first + 6)))
    planner = sequencer._planner._by_class[SendEvent]  # type: ignore[attr-defined]
    hot = planner._rooms[create.key]
    assert len(hot.recent) <= 8
    assert (hot.notify_total, hot.main_total) == (66, 6)
    await sequencer.submit(message(create.key, ALICE), SECONDS_MAX)
    assert (hot.notify_total, hot.main_total) == (67, 7)


async def test_totals_do_not_fall_when_a_reply_is_redacted_and_the_room_read_again(
    hearts: tuple[Heart, Heart],
) -> None:
    sequencer = hearts[0].sequencer
    create = room()
    home = partition_of(create.key)
    await sequencer.claim([home])
    await sequencer.submit(create, SECONDS_MAX)
    root = await sequencer.submit(message(create.key, ALICE), SECONDS_MAX)
    thread = {"rel_type": "m.thread", "event_id": root.event_id}
    reply = message(create.key, ALICE, **{"m.relates_to": thread})
    replied = await sequencer.submit(reply, SECONDS_MAX)
    redaction = SendEvent(
        key=create.key, request_id=fresh_request_id(), sender=ALICE, type="m.room.redaction",
        content={"redacts": replied.event_id}, redacts=replied.event_id,
    )  # fmt: skip
    await sequencer.submit(redaction, SECONDS_MAX)
    await sequencer.release([home])
    await sequencer.claim([home])
    again = message(create.key, ALICE, **{"m.relates_to": thread})
    await sequencer.submit(again, SECONDS_MAX)
    planner = sequencer._planner._by_class[SendEvent]  # type: ignore[attr-defined]
    hot = planner._rooms[create.key]
    assert (hot.notify_total, hot.main_total) == (3, 1)


async def test_the_id_of_a_cold_room_is_in_use(hearts: tuple[Heart, Heart]) -> None:
    """Refused by name, without a batch that fails: the ownership stands. A repeat is answered."""
    sequencer = hearts[0].sequencer
    create = room()
    home = partition_of(create.key)
    await sequencer.claim([home])
    made = await sequencer.submit(create, SECONDS_MAX)
    await sequencer.release([home])
    await sequencer.claim([home])
    epoch = sequencer.heads[home].epoch
    another = msgspec.structs.replace(create, request_id=fresh_request_id())
    with pytest.raises(Refused) as refused:
        await sequencer.submit(another, SECONDS_MAX)
    assert refused.value.code == "M_ROOM_IN_USE"
    assert await sequencer.submit(create, SECONDS_MAX) == made
    assert sequencer.heads[home].epoch == epoch
