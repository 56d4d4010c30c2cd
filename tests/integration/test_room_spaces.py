"""The tree of a space and summaries of rooms: who is told of which room."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from fixtures.room_house import ALICE, BOB, VISIBILITY, RoomHouse

from bongsu.errors import Forbidden, InvalidParam, NotFound
from bongsu.postgres.database import Database

SPACE = {"type": "m.space"}


@pytest.fixture
async def house(database_dsn: str, database: Database) -> AsyncIterator[RoomHouse]:
    house = RoomHouse(database_dsn, database)
    await house.heart.start()
    yield house
    await house.heart.stop()


async def add_child(house: RoomHouse, space: str, room: str, **content: Any) -> None:
    await house.send(space, ALICE, {"via": ["test"], **content}, "m.space.child", room)


def rooms_of(answer: dict[str, Any]) -> list[str]:
    return [room["room_id"] for room in answer["rooms"]]


async def test_the_tree_is_walked_depth_first_and_in_order(house: RoomHouse) -> None:
    space, inner = await house.room(create=SPACE), await house.room(create=SPACE)
    rooms = [await house.room(("m.room.name", "", {"name": str(n)})) for n in range(4)]
    await add_child(house, space, rooms[0])
    await add_child(house, space, rooms[1], order="b", suggested=True)
    await add_child(house, space, inner, order="a", suggested=True)
    await add_child(house, inner, rooms[2])
    await asyncio.sleep(0.01)  # without an order that counts, the older goes first
    await add_child(house, inner, rooms[3], order=7)
    path = f"v1/rooms/{space}/hierarchy"
    whole = await house.get(BOB, path)
    expected = [space, inner, rooms[2], rooms[3], rooms[1], rooms[0]]
    assert rooms_of(whole) == expected
    top = whole["rooms"][0]
    assert (top["room_type"], top["num_joined_members"], top["join_rule"]) == (
        "m.space", 1, "public",
    )  # fmt: skip
    assert [child["state_key"] for child in top["children_state"]] == [inner, rooms[1], rooms[0]]
    assert set(top["children_state"][0]) == {
        "type", "state_key", "content", "sender", "origin_server_ts",
    }  # fmt: skip
    assert whole["rooms"][2]["children_state"] == []
    assert rooms_of(await house.get(BOB, path, "max_depth=1")) == [
        space, inner, rooms[1], rooms[0],
    ]  # fmt: skip
    assert rooms_of(await house.get(BOB, path, "max_depth=0")) == [space]
    suggested = await house.get(BOB, path, "suggested_only=true")
    assert rooms_of(suggested) == [space, inner, rooms[1]]
    for limit in (1, 2, 4, 6):
        found: list[str] = []
        query = f"limit={limit}"
        answer = await house.get(BOB, path, query)
        found += rooms_of(answer)
        while "next_batch" in answer:
            answer = await house.get(BOB, path, f"{query}&from={answer['next_batch']}")
            found += rooms_of(answer)
        assert found == expected
    token = (await house.get(BOB, path, "limit=1"))["next_batch"]
    for query in (f"from={token}&max_depth=1", "from=nonsense", "limit=0", "max_depth=-1"):
        with pytest.raises(InvalidParam):
            await house.get(BOB, path, query)


async def test_circles_and_removed_children_end_the_walk(house: RoomHouse) -> None:
    spaces = [await house.room(create=SPACE) for _ in range(3)]
    for a, b in itertools.permutations(spaces, 2):
        await add_child(house, a, b)
    await add_child(house, spaces[0], spaces[0])
    path = f"v1/rooms/{spaces[0]}/hierarchy"
    found = rooms_of(await house.get(BOB, path))
    assert sorted(found) == sorted(spaces)
    await house.send(spaces[0], ALICE, {}, "m.space.child", spaces[1])
    await house.send(spaces[0], ALICE, {"via": []}, "m.space.child", spaces[2])
    assert rooms_of(await house.get(BOB, path)) == [spaces[0]]
    await add_child(house, spaces[0], "not a room id")
    assert rooms_of(await house.get(BOB, path)) == [spaces[0]]


async def test_only_rooms_that_one_may_know_of_are_shown(house: RoomHouse) -> None:
    space = await house.room(create=SPACE)
    members_of = {"allow": [{"type": "m.room_membership", "room_id": space}]}
    restricted = {"join_rule": "restricted", **members_of}
    secret = await house.room(join_rule="invite")
    by_space = await house.room(join_rule="invite")
    await house.send(by_space, ALICE, restricted, "m.room.join_rules", "")
    knock = await house.room(join_rule="knock")
    readable = await house.room(join_rule="invite", visibility="world_readable")
    for room in (secret, by_space, knock, readable):
        await add_child(house, space, room)
    path = f"v1/rooms/{space}/hierarchy"
    assert set(rooms_of(await house.get(BOB, path))) == {space, knock, readable}
    await house.member(space, BOB, "join")
    found = await house.get(BOB, path)
    assert set(rooms_of(found)) == {space, knock, readable, by_space}
    shown = next(r for r in found["rooms"] if r["room_id"] == by_space)
    assert shown["allowed_room_ids"] == [space]
    await house.member(secret, BOB, "invite", by=ALICE)
    assert secret in rooms_of(await house.get(BOB, path))
    with pytest.raises(Forbidden):
        await house.get("@carol:test", f"v1/rooms/{secret}/hierarchy")
    with pytest.raises(Forbidden):
        await house.get(BOB, "v1/rooms/!nowhere:test/hierarchy")


async def test_a_summary_tells_who_may_know(house: RoomHouse) -> None:
    room = await house.room(
        ("m.room.name", "", {"name": "봉수"}),
        ("m.room.topic", "", {"topic": "old", "m.topic": {"m.text": [{"body": "new"}]}}),
        ("m.room.encryption", "", {"algorithm": "m.megolm.v1.aes-sha2"}),
        join_rule="knock",
    )
    path = f"v1/room_summary/{room}"
    expected = {
        "room_id": room, "num_joined_members": 1, "world_readable": False,
        "guest_can_join": False, "join_rule": "knock", "name": "봉수", "topic": "new",
        "encryption": "m.megolm.v1.aes-sha2", "room_version": "12",
    }  # fmt: skip
    assert await house.get(None, path) == expected
    assert await house.get(BOB, path) == expected
    assert await house.get(ALICE, path) == {**expected, "membership": "join"}
    await house.call(
        "PUT", ALICE, f"v3/directory/room/{quote('#fire:test')}", "", {"room_id": room}
    )
    assert await house.get(None, f"v1/room_summary/{quote('#fire:test')}") == expected
    closed = await house.room(join_rule="invite")
    for user in (None, BOB):
        for name in (closed, "!nowhere:test", quote("#nothing:test")):
            with pytest.raises(NotFound):
                await house.get(user, f"v1/room_summary/{name}")
    await house.send(closed, ALICE, {"history_visibility": "world_readable"}, VISIBILITY, "")
    assert (await house.get(None, f"v1/room_summary/{closed}"))["world_readable"]


async def test_state_of_any_shape_is_summarised(house: RoomHouse) -> None:
    nonsense: list[Any] = [None, 5, [], {}, [{}], {"m.text": [5, {"mimetype": 3}]}]
    for value in nonsense:
        room = await house.room(
            ("m.room.name", "", {"name": value}),
            ("m.room.topic", "", {"topic": value, "m.topic": value}),
            ("m.room.avatar", "", {"url": value}),
            ("m.room.guest_access", "", {"guest_access": value}),
            visibility="world_readable",
        )
        summary = await house.get(None, f"v1/room_summary/{room}")
        assert "name" not in summary
        assert "topic" not in summary
