"""The directory of public rooms, and aliases."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from fixtures.room_house import ALICE, BOB, CAROL, RoomHouse

from bongsu.errors import Forbidden, InvalidParam, NotFound, Refused
from bongsu.postgres.database import Database

PUBLIC_ROOMS = "v3/publicRooms"
CANONICAL = "m.room.canonical_alias"


@pytest.fixture
async def house(database_dsn: str, database: Database) -> AsyncIterator[RoomHouse]:
    house = RoomHouse(database_dsn, database)
    await house.heart.start()
    yield house
    await house.heart.stop()


async def listed(house: RoomHouse, name: str, members: int = 0, **more: Any) -> str:
    """A public room of this name, and of so many members beside Alice."""
    room = await house.room(("m.room.name", "", {"name": name}), **more)
    for n in range(members):
        await house.member(room, f"@user{n}:test", "join")
    await house.call("PUT", ALICE, f"v3/directory/list/room/{room}", "", {"visibility": "public"})
    return room


def names(answer: dict[str, Any]) -> list[str]:
    return [room["name"] for room in answer["chunk"]]


async def search(house: RoomHouse, **body: Any) -> dict[str, Any]:
    return await house.call("POST", BOB, PUBLIC_ROOMS, "", body)


async def test_the_largest_rooms_come_first_both_ways(house: RoomHouse) -> None:
    for n in (2, 0, 3, 1, 0):
        await listed(house, f"of {n}", n)
    await house.room(("m.room.name", "", {"name": "not listed"}))
    whole = await house.get(None, PUBLIC_ROOMS)
    assert names(whole) == ["of 3", "of 2", "of 1", "of 0", "of 0"]
    assert whole["total_room_count_estimate"] == 5
    assert "next_batch" not in whole
    assert "prev_batch" not in whole
    order = [room["room_id"] for room in whole["chunk"]]
    for limit in (1, 2, 3, 5):
        found: list[str] = []
        answer = await house.get(None, PUBLIC_ROOMS, f"limit={limit}")
        while True:
            found += [room["room_id"] for room in answer["chunk"]]
            if "next_batch" not in answer:
                break
            answer = await house.get(
                None, PUBLIC_ROOMS, f"limit={limit}&since={answer['next_batch']}"
            )
        assert found == order
        back = [room["room_id"] for room in answer["chunk"]]
        while "prev_batch" in answer:
            answer = await house.get(
                None, PUBLIC_ROOMS, f"limit={limit}&since={answer['prev_batch']}"
            )
            back = [room["room_id"] for room in answer["chunk"]] + back
        assert back == order
    for query in ("since=x", "since=W10", "limit=-1"):
        with pytest.raises(InvalidParam):
            await house.get(None, PUBLIC_ROOMS, query)
    with pytest.raises(NotFound):
        await house.get(None, PUBLIC_ROOMS, "server=elsewhere")


async def test_search_finds_parts_of_words_in_any_case(house: RoomHouse) -> None:
    await listed(house, "봉수대의 불꽃")
    await listed(house, 'ÄPFEL 100%_\\ "x"')
    await listed(house, "nul \x00 inside")
    topical = await listed(house, "other")
    await house.send(topical, ALICE, {"topic": "말하자면 불꽃놀이"}, "m.room.topic", "")

    async def found(term: Any) -> set[str]:
        return set(names(await search(house, filter={"generic_search_term": term})))

    assert await found("불꽃") == {"봉수대의 불꽃", "other"}
    assert await found("수대") == {"봉수대의 불꽃"}
    assert await found("äpfel") == {'ÄPFEL 100%_\\ "x"'}
    assert await found("OTHER") == {"other"}
    for term in ("100%_", "\\ ", '"x"'):
        assert await found(term) == {'ÄPFEL 100%_\\ "x"'}
    assert await found("%") == {'ÄPFEL 100%_\\ "x"'}
    assert await found("displayname") == set()
    assert await found("name") == set()
    assert len(await found("")) == len(await found(None)) == 4
    for term in ("x" * 300, "\x00"):
        with pytest.raises(InvalidParam):
            await found(term)
    with pytest.raises(Refused):
        await found(5)


async def test_rooms_by_type(house: RoomHouse) -> None:
    await listed(house, "space", create={"type": "m.space"})
    await listed(house, "room", 1)
    for types, expected in (
        (["m.space"], ["space"]),
        ([None], ["room"]),
        ([None, "m.space"], ["room", "space"]),
        ([], []),
    ):
        assert names(await search(house, filter={"room_types": types})) == expected
    assert names(await search(house, limit=1, filter={"room_types": ["m.space"]})) == ["space"]


async def test_who_may_list_a_room(house: RoomHouse) -> None:
    room = await house.room()
    await house.member(room, BOB, "join")
    path = f"v3/directory/list/room/{room}"
    assert await house.get(None, path) == {"visibility": "private"}
    for user in (BOB, CAROL):
        with pytest.raises(Forbidden):
            await house.call("PUT", user, path, "", {"visibility": "public"})
    await house.call("PUT", ALICE, path, "", {})
    assert await house.get(None, path) == {"visibility": "public"}
    await house.call("PUT", ALICE, path, "", {"visibility": "private"})
    assert await house.get(None, path) == {"visibility": "private"}
    with pytest.raises(InvalidParam):
        await house.call("PUT", ALICE, path, "", {"visibility": "x"})
    for call in ("GET", "PUT"):
        with pytest.raises(NotFound):
            await house.call(call, ALICE, "v3/directory/list/room/!nowhere:test", "", {})


async def test_an_alias_lives_and_dies(house: RoomHouse) -> None:
    room = await house.room()
    await house.member(room, BOB, "join")
    alias = "#봉수:test"
    path = f"v3/directory/room/{quote(alias)}"
    with pytest.raises(NotFound):
        await house.get(None, path)
    with pytest.raises(Forbidden):
        await house.call("PUT", CAROL, path, "", {"room_id": room})
    await house.call("PUT", BOB, path, "", {"room_id": room})
    assert await house.get(None, path) == {"room_id": room, "servers": ["test"]}
    with pytest.raises(Refused) as taken:
        await house.call("PUT", ALICE, path, "", {"room_id": room})
    assert (taken.value.status, taken.value.code) == (409, "M_UNKNOWN")
    assert await house.get(BOB, f"v3/rooms/{room}/aliases") == {"aliases": [alias]}
    with pytest.raises(Forbidden):
        await house.get(CAROL, f"v3/rooms/{room}/aliases")
    with pytest.raises(Forbidden):
        await house.call("DELETE", CAROL, path)
    names = {"alias": alias, "alt_aliases": [alias]}
    await house.send(room, ALICE, names, CANONICAL, "")
    await house.call("DELETE", ALICE, path)
    with pytest.raises(NotFound):
        await house.call("DELETE", ALICE, path)
    assert await house.get(ALICE, f"v3/rooms/{room}/state/{CANONICAL}") == {"alt_aliases": []}


async def test_who_made_an_alias_may_delete_it_without_power(house: RoomHouse) -> None:
    room = await house.room()
    await house.member(room, BOB, "join")
    path = f"v3/directory/room/{quote('#his:test')}"
    await house.call("PUT", BOB, path, "", {"room_id": room})
    await house.send(room, ALICE, {"alias": "#his:test"}, CANONICAL, "")
    await house.call("DELETE", BOB, path)
    state = await house.get(ALICE, f"v3/rooms/{room}/state/{CANONICAL}")
    assert state == {"alias": "#his:test"}


async def test_what_is_no_alias_of_ours(house: RoomHouse) -> None:
    room = await house.room()
    for alias in ("#x:elsewhere", "x", "#x", "#" + "x" * 300 + ":test"):
        path = f"v3/directory/room/{quote(alias)}"
        with pytest.raises(InvalidParam):
            await house.call("PUT", ALICE, path, "", {"room_id": room})
    path = f"v3/directory/room/{quote('#x:test')}"
    with pytest.raises(NotFound):
        await house.call("PUT", ALICE, path, "", {"room_id": "!nowhere:test"})
