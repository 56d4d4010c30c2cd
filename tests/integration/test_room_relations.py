"""Children of events, their children, and threads."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from fixtures.room_house import ALICE, BOB, CAROL, RoomHouse

from bongsu.errors import Forbidden, InvalidParam, NotFound
from bongsu.postgres.database import Database


@pytest.fixture
async def house(database_dsn: str, database: Database) -> AsyncIterator[RoomHouse]:
    house = RoomHouse(database_dsn, database)
    await house.heart.start()
    yield house
    await house.heart.stop()


async def relate(
    house: RoomHouse, room: str, parent: str, rel_type: str, sender: str = ALICE, key: str = ""
) -> str:
    relation: dict[str, Any] = {"rel_type": rel_type, "event_id": parent}
    if key:
        relation["key"] = key
        content: dict[str, Any] = {"m.relates_to": relation}
        return (await house.send(room, sender, content, "m.reaction")).event_id
    return await house.say(room, rel_type, sender, **{"m.relates_to": relation})


def ids(answer: dict[str, Any]) -> list[str]:
    return [event["event_id"] for event in answer["chunk"]]


async def test_children_by_relation_and_type_in_pages(house: RoomHouse) -> None:
    room = await house.room()
    parent = await house.say(room, "root")
    replies = [await relate(house, room, parent, "m.thread") for _ in range(5)]
    reaction = await relate(house, room, parent, "m.annotation", key="👍")
    path = f"v1/rooms/{room}/relations/{quote(parent)}"
    assert ids(await house.get(ALICE, path)) == [reaction, *replies[::-1]]
    assert ids(await house.get(ALICE, path, "dir=f")) == [*replies, reaction]
    assert ids(await house.get(ALICE, path + "/m.annotation")) == [reaction]
    assert ids(await house.get(ALICE, path + "/m.thread/m.reaction")) == []
    assert ids(await house.get(ALICE, path + "/m.annotation/m.reaction")) == [reaction]
    for direction, expected in (("b", replies[::-1]), ("f", replies)):
        found: list[str] = []
        query = f"limit=2&dir={direction}"
        answer = await house.get(ALICE, path + "/m.thread", query)
        assert "prev_batch" not in answer
        assert "recursion_depth" not in answer
        found += ids(answer)
        while "next_batch" in answer:
            token = answer["next_batch"]
            answer = await house.get(ALICE, path + "/m.thread", f"{query}&from={token}")
            assert answer["prev_batch"] == token
            found += ids(answer)
        assert found == expected


async def test_recursion_goes_three_levels_deep_and_no_further(house: RoomHouse) -> None:
    room = await house.room()
    chain = [await house.say(room, "root")]
    for _ in range(5):
        chain.append(await relate(house, room, chain[-1], "m.reference"))
    path = f"v1/rooms/{room}/relations/{quote(chain[0])}"
    assert ids(await house.get(ALICE, path)) == chain[1:2]
    answer = await house.get(ALICE, path, "recurse=true&dir=f")
    assert ids(answer) == chain[1:4]
    assert answer["recursion_depth"] == 3
    page = await house.get(ALICE, path, "recurse=true&limit=2")
    assert ids(page) == [chain[3], chain[2]]
    rest = await house.get(ALICE, path, f"recurse=true&limit=2&from={page['next_batch']}")
    assert ids(rest) == [chain[1]]


async def test_events_that_relate_to_one_another_end(house: RoomHouse) -> None:
    """No client can make a circle (an id is a hash), so one is put into the table."""
    room = await house.room()
    first = await house.say(room, "1")
    second = await relate(house, room, first, "m.reference")
    await house.database.execute(
        "INSERT INTO relation SELECT room_id, $2, position + 1000, $1, rel_type, type, sender, key"
        " FROM relation WHERE event_id = $2",
        first,
        second,
    )
    await house.say(room, "x")
    path = f"v1/rooms/{room}/relations/{quote(first)}"
    assert ids(await house.get(ALICE, path, "recurse=true")) == [second]


async def test_what_one_may_not_see_has_no_children(house: RoomHouse) -> None:
    room = await house.room(visibility="joined")
    parent = await house.say(room, "root")
    await relate(house, room, parent, "m.thread")
    await house.member(room, BOB, "join")
    for user, event_id in ((BOB, parent), (CAROL, parent), (ALICE, "$nothing")):
        with pytest.raises(NotFound):
            await house.get(user, f"v1/rooms/{room}/relations/{quote(event_id)}")
    with pytest.raises(InvalidParam):
        await house.get(ALICE, f"v1/rooms/{room}/relations/{quote(parent)}", "limit=0")
    with pytest.raises(InvalidParam):
        await house.get(ALICE, f"v1/rooms/{room}/relations/{quote(parent)}", "recurse=x")


async def test_redacted_reactions_are_gone(house: RoomHouse) -> None:
    room = await house.room()
    parent = await house.say(room, "root")
    reaction = await relate(house, room, parent, "m.annotation", key="👍")
    await house.send(room, ALICE, {}, "m.room.redaction", redacts=reaction)
    path = f"v1/rooms/{room}/relations/{quote(parent)}"
    assert ids(await house.get(ALICE, path)) == []


async def test_threads_by_their_latest_reply(house: RoomHouse) -> None:
    room = await house.room()
    await house.member(room, BOB, "join")
    roots = [await house.say(room, str(n), (ALICE, BOB)[n % 2]) for n in range(4)]
    for root in (*roots, roots[1]):
        await relate(house, room, root, "m.thread")
    last = await relate(house, room, roots[2], "m.thread", BOB)
    path = f"v1/rooms/{room}/threads"
    order = [roots[2], roots[1], roots[3], roots[0]]
    whole = await house.get(ALICE, path)
    assert ids(whole) == order
    bundle = whole["chunk"][0]["unsigned"]["m.relations"]["m.thread"]
    assert (bundle["count"], bundle["latest_event"]["event_id"]) == (2, last)
    assert bundle["current_user_participated"]
    found, query = [], "limit=1"
    answer = await house.get(ALICE, path, query)
    found += ids(answer)
    while "next_batch" in answer:
        answer = await house.get(ALICE, path, f"{query}&from={answer['next_batch']}")
        found += ids(answer)
    assert found == order
    own = await house.get(BOB, path, "include=participated")
    assert ids(own) == [roots[2], roots[1], roots[3]]
    with pytest.raises(InvalidParam):
        await house.get(ALICE, path, "include=x")
    with pytest.raises(Forbidden):
        await house.get(CAROL, path)
