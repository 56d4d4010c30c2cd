"""State, members and previews of rooms: who may read them, as of when, and that they stream."""

from collections.abc import AsyncIterator

import pytest
from fixtures.room_house import ALICE, BOB, CAROL, VISIBILITY, RoomHouse, bodies

from bongsu.errors import Forbidden, InvalidParam, NotFound
from bongsu.postgres.database import Database
from bongsu.rooms import room_state

NAME = "m.room.name"


@pytest.fixture
async def house(database_dsn: str, database: Database) -> AsyncIterator[RoomHouse]:
    house = RoomHouse(database_dsn, database)
    await house.heart.start()
    yield house
    await house.heart.stop()


async def test_state_is_as_it_was_when_one_left(house: RoomHouse) -> None:
    room = await house.room((NAME, "", {"name": "봉수"}))
    await house.member(room, BOB, "join")
    await house.member(room, BOB, "leave")
    await house.send(room, ALICE, {"name": "later"}, NAME, "")
    path = f"v3/rooms/{room}/state/{NAME}"
    assert await house.get(ALICE, path) == {"name": "later"}
    assert await house.get(ALICE, path + "/") == {"name": "later"}
    assert await house.get(BOB, path) == {"name": "봉수"}
    event = await house.get(ALICE, path, "format=event")
    assert (event["room_id"], event["type"], event["state_key"]) == (room, NAME, "")
    states = {
        user: {
            (e["type"], e["state_key"]): e["content"]
            for e in await house.get(user, f"v3/rooms/{room}/state")
        }
        for user in (ALICE, BOB)
    }
    assert states[ALICE][NAME, ""] == {"name": "later"}
    assert states[BOB][NAME, ""] == {"name": "봉수"}
    assert states[BOB]["m.room.member", BOB] == {"membership": "leave"}
    with pytest.raises(NotFound):
        await house.get(ALICE, f"v3/rooms/{room}/state/m.room.topic")
    with pytest.raises(NotFound):
        await house.get(ALICE, f"v3/rooms/{room}/state/m.room.topic/{'x' * 900}")
    with pytest.raises(InvalidParam):
        await house.get(ALICE, path, "format=x")


@pytest.mark.parametrize("path", ["state", f"state/{NAME}", "members", "initialSync", "aliases"])
async def test_state_is_for_members_past_ones_and_peekers(house: RoomHouse, path: str) -> None:
    room = await house.room((NAME, "", {"name": "x"}), visibility="invited")
    await house.member(room, CAROL, "invite", by=ALICE)
    for user in (BOB, CAROL):
        with pytest.raises(Forbidden):
            await house.get(user, f"v3/rooms/{room}/{path}")
    with pytest.raises(Forbidden):
        await house.get(ALICE, f"v3/rooms/!nowhere:test/{path}")
    await house.send(room, ALICE, {"history_visibility": "world_readable"}, VISIBILITY, "")
    assert await house.get(BOB, f"v3/rooms/{room}/{path}", guest=True)


async def test_members_page_through_large_rooms(
    house: RoomHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_state, "PAGE_EVENTS", 3)
    room = await house.room()
    users = [f"@user{n:02}:test" for n in range(10)]
    for user in users:
        await house.member(room, user, "join", displayname=user[1:7])
    point = await house.send(room, ALICE, {"body": "now"})
    for user in users[:4]:
        await house.member(room, user, "leave")
    path = f"v3/rooms/{room}/members"

    async def found(query: str = "") -> set[str]:
        chunk = (await house.get(ALICE, path, query))["chunk"]
        assert len({e["event_id"] for e in chunk}) == len(chunk)
        return {e["state_key"] for e in chunk}

    assert await found() == {ALICE, *users}
    assert await found("membership=join") == {ALICE, *users[4:]}
    assert await found("not_membership=join") == set(users[:4])
    assert await found("membership=leave&not_membership=leave") == {ALICE, *users}
    assert await found("membership=ban") == set()
    assert await found(f"at=t{point.position}&membership=join") == {ALICE, *users}
    joined = (await house.get(ALICE, f"v3/rooms/{room}/joined_members"))["joined"]
    assert set(joined) == {ALICE, *users[4:]}
    assert joined[users[5]] == {"display_name": "user05"}
    assert len(await house.get(ALICE, f"v3/rooms/{room}/state")) == 3 + 11
    with pytest.raises(Forbidden):
        await house.get(users[0], f"v3/rooms/{room}/joined_members")
    with pytest.raises(InvalidParam):
        await house.get(ALICE, path, "membership=x")
    with pytest.raises(InvalidParam):
        await house.get(ALICE, path, "at=x")


async def test_joined_rooms_are_those_one_is_in_now(house: RoomHouse) -> None:
    rooms = [await house.room() for _ in range(3)]
    for room in rooms:
        await house.member(room, BOB, "join")
    await house.member(rooms[1], BOB, "leave")
    found = await house.get(BOB, "v3/joined_rooms")
    assert sorted(found["joined_rooms"]) == sorted([rooms[0], rooms[2]])
    assert await house.get(CAROL, "v3/joined_rooms") == {"joined_rooms": []}


async def test_a_preview_shows_state_and_the_latest_messages(house: RoomHouse) -> None:
    room = await house.room(visibility="world_readable")
    for n in range(25):
        await house.say(room, str(n))
    await house.public_rooms.publish(room, True)
    preview = await house.get(BOB, f"v3/rooms/{room}/initialSync", guest=True)
    assert bodies(preview["messages"]["chunk"]) == [str(n) for n in range(5, 25)]
    assert len(preview["state"]) == 5
    assert preview["visibility"] == "public"
    assert "membership" not in preview
    earlier = await house.get(
        BOB, f"v3/rooms/{room}/messages", f"dir=b&from={preview['messages']['start']}&limit=2"
    )
    assert bodies(earlier["chunk"]) == ["4", "3"]
