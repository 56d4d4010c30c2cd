"""Paging, single events, contexts and moments, on rooms that the real sequencer made."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from fixtures.room_house import ALICE, BOB, CAROL, DAVE, EVE, VISIBILITY, RoomHouse, bodies

from bongsu.errors import BadJson, Forbidden, InvalidParam, MissingParam, NotFound, Refused
from bongsu.log.position import ORIGIN, partition_of
from bongsu.log.proposal import fresh_request_id
from bongsu.postgres.database import Database
from bongsu.rooms.proposals import MarkRead
from bongsu.sync.token import SyncToken
from bongsu.users.proposals import ForgetRoom, PutAccountData


@pytest.fixture
async def house(database_dsn: str, database: Database) -> AsyncIterator[RoomHouse]:
    house = RoomHouse(database_dsn, database)
    await house.heart.start()
    yield house
    await house.heart.stop()


async def pages(
    house: RoomHouse, user: str, room: str, direction: str, limit: int, more: str = ""
) -> list[dict[str, Any]]:
    """Everything that paging from one end to the other gives."""
    events: list[dict[str, Any]] = []
    query = f"dir={direction}&limit={limit}{more}"
    answer = await house.get(user, f"v3/rooms/{room}/messages", query)
    for _ in range(1000):
        assert len(answer["chunk"]) <= limit
        events += answer["chunk"]
        if "end" not in answer:
            return events
        answer = await house.get(user, f"v3/rooms/{room}/messages", f"{query}&from={answer['end']}")
    raise AssertionError("no end")


async def test_any_page_size_shows_every_event_once_and_in_order(house: RoomHouse) -> None:
    """Receipts stand between the messages, so that the positions of events have holes."""
    room = await house.room()
    for n in range(23):
        event_id = await house.say(room, str(n))
        await house.heart.log.propose(
            MarkRead(
                key=room,
                request_id=fresh_request_id(),
                user_id=ALICE,
                receipt_type="m.read",
                event_id=event_id,
                thread_id=None,
                ts=n,
            )
        )
    whole = await pages(house, ALICE, room, "f", 1000)
    assert bodies(whole) == [str(n) for n in range(23)]
    assert [e["type"] for e in whole[:2]] == ["m.room.create", "m.room.member"]
    ids = [e["event_id"] for e in whole]
    assert len(set(ids)) == len(ids) == 27
    for limit in (1, 2, 3, 7, 26, 27, 28):
        assert [e["event_id"] for e in await pages(house, ALICE, room, "f", limit)] == ids
        back = await pages(house, ALICE, room, "b", limit)
        assert [e["event_id"] for e in back] == ids[::-1]


async def test_filters_do_not_lose_events_between_pages(house: RoomHouse) -> None:
    room = await house.room()
    await house.member(room, BOB, "join")
    for n in range(130):
        if n % 40 == 7:
            await house.say(room, str(n), BOB, url="mxc://test/x")
        else:
            await house.say(room, str(n))
    expected = ["7", "47", "87", "127"]
    for definition in ({"senders": [BOB], "types": ["m.room.mess*"]}, {"contains_url": True}):
        more = "&filter=" + quote(msgspec.json.encode(definition).decode())
        for limit in (1, 2, 50):
            found = await pages(house, ALICE, room, "b", limit, more)
            assert bodies(found) == expected[::-1]
    nothing = quote('{"not_rooms":["' + room + '"]}')
    assert await pages(house, ALICE, room, "b", 5, f"&filter={nothing}") == []


async def test_related_by_keeps_what_has_such_children(house: RoomHouse) -> None:
    room = await house.room()
    first, second = await house.say(room, "1"), await house.say(room, "2")
    relates = {"rel_type": "m.annotation", "event_id": first, "key": "👍"}
    await house.send(room, ALICE, {"m.relates_to": relates}, "m.reaction")
    for definition, expected in (
        ({"related_by_rel_types": ["m.annotation"]}, [first]),
        ({"related_by_senders": [BOB]}, []),
        ({"related_by_rel_types": ["m.thread"]}, []),
    ):
        more = "&filter=" + quote(msgspec.json.encode(definition).decode())
        found = await pages(house, ALICE, room, "b", 3, more)
        assert [e["event_id"] for e in found] == expected
    assert second


async def test_tokens_of_sync_and_of_pages_bound_both_ends(house: RoomHouse) -> None:
    room = await house.room()
    sent = [await house.send(room, ALICE, {"msgtype": "m.text", "body": str(n)}) for n in range(9)]
    vector = list(ORIGIN)
    vector[partition_of(room)] = sent[4].position
    token = house.tokens.encode(SyncToken(house.tokens.incarnation, tuple(vector)))
    path = f"v3/rooms/{room}/messages"
    assert bodies((await house.get(ALICE, path, f"dir=f&from={token}"))["chunk"]) == list("5678")
    assert bodies((await house.get(ALICE, path, f"dir=b&from={token}&limit=2"))["chunk"]) == [
        "4", "3",
    ]  # fmt: skip
    stop = f"t{sent[1].position}"
    answer = await house.get(ALICE, path, f"dir=b&from={token}&to={stop}")
    assert bodies(answer["chunk"]) == ["4", "3", "2"]
    assert "end" not in answer
    assert answer["start"] == token
    foreign = house.tokens.encode(SyncToken(b"elsewher", tuple(vector)))
    assert bodies((await house.get(ALICE, path, f"dir=b&from={foreign}&limit=1"))["chunk"]) == ["8"]
    ahead = await house.get(ALICE, path, "dir=b&from=t999999999&limit=1")
    assert bodies(ahead["chunk"]) == ["8"]


async def test_lazy_loading_shows_the_senders_and_nobody_else(house: RoomHouse) -> None:
    room = await house.room()
    await house.member(room, BOB, "join", displayname="Bob")
    await house.member(room, CAROL, "join")
    await house.say(room, "hello", BOB)
    lazy = "&filter=" + quote('{"lazy_load_members":true}')
    answer = await house.get(ALICE, f"v3/rooms/{room}/messages", f"dir=b&limit=1{lazy}")
    assert [e["state_key"] for e in answer["state"]] == [BOB]
    assert answer["state"][0]["room_id"] == room
    context = await house.get(
        ALICE, f"v3/rooms/{room}/context/{answer['chunk'][0]['event_id']}", f"limit=0{lazy}"
    )
    members = [e["state_key"] for e in context["state"] if e["type"] == "m.room.member"]
    assert members == [BOB]
    assert "m.room.create" in {e["type"] for e in context["state"]}


async def test_context_reaches_to_both_sides_and_leads_on(house: RoomHouse) -> None:
    room = await house.room()
    ids = [await house.say(room, str(n)) for n in range(11)]
    path = f"v3/rooms/{room}/context/{ids[5]}"
    context = await house.get(ALICE, path, "limit=5")
    assert bodies([context["event"]]) == ["5"]
    assert bodies(context["events_before"]) == ["4", "3"]
    assert bodies(context["events_after"]) == ["6", "7", "8"]
    messages = f"v3/rooms/{room}/messages"
    before = await house.get(ALICE, messages, f"dir=b&limit=2&from={context['start']}")
    after = await house.get(ALICE, messages, f"dir=f&limit=2&from={context['end']}")
    assert bodies(before["chunk"]) == ["2", "1"]
    assert bodies(after["chunk"]) == ["9", "10"]
    alone = await house.get(ALICE, path, "limit=0")
    assert alone["events_before"] == alone["events_after"] == []
    assert len(alone["state"]) == 4


STATES = ("never", "invited", "joined later", "left", "banned")
MOMENTS = ("before", "invited", "joined", "after")

# Which moments each person sees of a room that had one visibility from the start. "invited" is
# what was said between invitation and join, "after" what was said when those who went were gone.
SEES = {
    "world_readable": {who: set(MOMENTS) for who in STATES},
    "shared": {
        "never": set(),
        "invited": set(),
        "joined later": set(MOMENTS),
        "left": {"before", "invited", "joined"},
        "banned": {"before", "invited", "joined"},
    },
    "invited": {
        "never": set(),
        "invited": {"invited", "joined", "after"},
        "joined later": {"invited", "joined", "after"},
        "left": {"invited", "joined"},
        "banned": {"invited", "joined"},
    },
    "joined": {
        "never": set(),
        "invited": set(),
        "joined later": {"joined", "after"},
        "left": {"joined"},
        "banned": {"joined"},
    },
}


@pytest.mark.parametrize("visibility", list(SEES))
async def test_visibility_by_membership(house: RoomHouse, visibility: str) -> None:
    room = await house.room(visibility=visibility)
    people = dict(zip(STATES, (EVE, DAVE, BOB, CAROL, "@frank:test"), strict=True))
    said = {"before": await house.say(room, "before")}
    for who in STATES[1:]:
        await house.member(room, people[who], "invite", by=ALICE)
    said["invited"] = await house.say(room, "invited")
    for who in STATES[2:]:
        await house.member(room, people[who], "join")
    said["joined"] = await house.say(room, "joined")
    await house.member(room, people["left"], "leave")
    await house.member(room, people["banned"], "ban", by=ALICE)
    said["after"] = await house.say(room, "after")
    for who, user in people.items():
        expected = SEES[visibility][who]
        for moment, event_id in said.items():
            path = f"v3/rooms/{room}/event/{event_id}"
            if moment in expected:
                assert (await house.get(user, path))["content"]["body"] == moment
            else:
                with pytest.raises(NotFound):
                    await house.get(user, path)
        if not expected:
            with pytest.raises(Forbidden):
                await house.get(user, f"v3/rooms/{room}/messages", "dir=b")
            continue
        for direction in "bf":
            found = bodies(await pages(house, user, room, direction, 2))
            assert set(found) == expected, (who, direction)
            assert len(found) == len(expected)


async def test_a_change_of_visibility_holds_from_there_on(house: RoomHouse) -> None:
    room = await house.room(visibility="world_readable")
    await house.say(room, "open")
    await house.send(room, ALICE, {"history_visibility": "joined"}, VISIBILITY, "")
    hidden = await house.say(room, "closed")
    with pytest.raises(Forbidden):
        await house.get(BOB, f"v3/rooms/{room}/messages", "dir=b")
    with pytest.raises(NotFound):
        await house.get(BOB, f"v3/rooms/{room}/event/{hidden}")
    await house.member(room, BOB, "join")
    assert bodies(await pages(house, BOB, room, "b", 3)) == ["open"]
    await house.send(room, ALICE, {"history_visibility": "world_readable"}, VISIBILITY, "")
    await house.say(room, "open again")
    assert bodies(await pages(house, EVE, room, "f", 3)) == ["open", "open again"]


async def test_what_was_forgotten_is_out_of_reach_until_one_joins_again(house: RoomHouse) -> None:
    room = await house.room()
    event_id = await house.say(room, "hello")
    await house.member(room, BOB, "join")
    left = await house.member(room, BOB, "leave")
    assert bodies(await pages(house, BOB, room, "b", 5)) == ["hello"]
    await house.heart.log.propose(
        ForgetRoom(
            key=BOB, request_id=fresh_request_id(), room_id=room, leave_position=left.position
        )
    )
    with pytest.raises(Forbidden):
        await house.get(BOB, f"v3/rooms/{room}/messages", "dir=b")
    with pytest.raises(Forbidden):
        await house.get(BOB, f"v3/rooms/{room}/state")
    with pytest.raises(NotFound):
        await house.get(BOB, f"v3/rooms/{room}/event/{event_id}")
    await house.member(room, BOB, "join")
    assert bodies(await pages(house, BOB, room, "b", 5)) == ["hello"]


async def test_ignored_people_are_not_shown(house: RoomHouse) -> None:
    room = await house.room()
    await house.member(room, BOB, "join")
    await house.say(room, "hers")
    await house.say(room, "his", BOB)
    ignored = msgspec.json.encode({"ignored_users": {BOB: {}}})
    await house.heart.log.propose(
        PutAccountData(
            key=ALICE,
            request_id=fresh_request_id(),
            type="m.ignored_user_list",
            content=ignored,
            room_id=None,
        )
    )
    found = await pages(house, ALICE, room, "b", 2)
    assert bodies(found) == ["hers"]
    assert BOB in {e.get("state_key") for e in found}
    assert bodies(await pages(house, BOB, room, "b", 2)) == ["his", "hers"]


async def test_edits_and_redactions_are_bundled(house: RoomHouse) -> None:
    room = await house.room()
    event_id = await house.say(room, "helo")
    edit = await house.say(
        room, "* hello", **{"m.relates_to": {"rel_type": "m.replace", "event_id": event_id}}
    )
    shown = await house.get(ALICE, f"v3/rooms/{room}/event/{event_id}")
    assert shown["unsigned"]["m.relations"]["m.replace"]["event_id"] == edit
    assert shown["unsigned"]["membership"] == "join"
    redaction = await house.send(room, ALICE, {}, "m.room.redaction", redacts=event_id)
    shown = await house.get(ALICE, f"v3/rooms/{room}/event/{event_id}")
    assert shown["content"] == {}
    assert shown["unsigned"]["redacted_because"]["event_id"] == redaction.event_id


async def test_the_event_nearest_to_a_moment(house: RoomHouse) -> None:
    room = await house.room()
    for n in range(30):
        await house.say(room, str(n))
    events = await pages(house, ALICE, room, "f", 100)
    stamps = [e["origin_server_ts"] for e in events]
    path = f"v1/rooms/{room}/timestamp_to_event"
    for ts in sorted({*stamps[4:], stamps[-1] - 1, stamps[5] - 1}):
        found = await house.get(ALICE, path, f"dir=f&ts={ts}")
        assert found["origin_server_ts"] == min(s for s in stamps if s >= ts)
        found = await house.get(ALICE, path, f"dir=b&ts={ts}")
        assert found["origin_server_ts"] == max(s for s in stamps if s <= ts)
    with pytest.raises(NotFound):
        await house.get(ALICE, path, f"dir=f&ts={stamps[-1] + 1000}")
    with pytest.raises(NotFound):
        await house.get(ALICE, path, "dir=b&ts=5")
    with pytest.raises(Forbidden):
        await house.get(BOB, path, f"dir=f&ts={stamps[0]}")


async def test_bad_questions(house: RoomHouse) -> None:
    room = await house.room()
    path = f"v3/rooms/{room}/messages"
    for query, error in (
        ("", MissingParam),
        ("dir=x", InvalidParam),
        ("dir=b&from=nonsense", InvalidParam),
        ("dir=b&from=t99999999999999999999", InvalidParam),
        ("dir=b&to=t-1", InvalidParam),
        ("dir=b&limit=-1", InvalidParam),
        ("dir=b&limit=x", InvalidParam),
        ("dir=b&filter=nonsense", Refused),
        ("dir=b&filter=[]", BadJson),
        ("dir=b&filter=" + quote('{"types":5}'), BadJson),
        ("dir=b&filter=" + quote('{"related_by_senders":["\\u0000"]}'), BadJson),
    ):
        with pytest.raises(error):
            await house.get(ALICE, path, query)
    assert (await house.get(ALICE, path, "dir=b&limit=0"))["chunk"] == []
    for event_id in ("$nothing", "nothing", "%24" + "x" * 600):
        with pytest.raises(NotFound):
            await house.get(ALICE, f"v3/rooms/{room}/event/{event_id}")
        with pytest.raises(NotFound):
            await house.get(ALICE, f"v3/rooms/{room}/context/{event_id}")
    with pytest.raises(NotFound):
        await house.get(ALICE, f"v3/rooms/!nowhere:test/event/{quote('$x')}")
    with pytest.raises(Forbidden):
        await house.get(ALICE, "v3/rooms/!nowhere:test/messages", "dir=b")
    with pytest.raises(InvalidParam):
        await house.get(ALICE, "v3/rooms/nonsense/messages", "dir=b")
