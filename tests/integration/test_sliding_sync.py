"""Sliding sync on a real log: the rooms asked for, what is new in them, and nothing twice."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fixtures.sliding_house import Process, rooms_list
from fixtures.sync_house import ALICE, BOB, CAROL, SyncHouse, open_house

from bongsu.errors import InvalidParam, Refused
from bongsu.postgres.database import Database
from bongsu.sync.sliding.connections import UnknownPosition


class World:
    def __init__(self, house: SyncHouse, database: Database) -> None:
        self.house = house
        self.one = Process(house, database)
        self.two = Process(house, database)


@pytest.fixture
async def world(database_dsn: str, database: Database) -> AsyncIterator[World]:
    async with open_house(database_dsn, database) as house:
        world = World(house, database)
        yield world
        await world.one.stop()
        await world.two.stop()


def bodies(room: dict[str, Any]) -> list[str]:
    return [e["content"]["body"] for e in room.get("timeline", ()) if "body" in e["content"]]


def state(room: dict[str, Any]) -> set[tuple[str, str]]:
    return {(e["type"], e["state_key"]) for e in room.get("required_state", ())}


async def test_a_first_answer_shows_a_room_and_the_next_what_follows(world: World) -> None:
    house, get = world.house, world.one.get
    room = await house.room(ALICE, BOB, m_room_name={"name": "Beacons"})
    await house.send(room, ALICE, "one")
    first = await get(BOB, lists=rooms_list([0, 19]))
    assert first["lists"] == {"all_rooms": {"count": 1}}
    shown = first["rooms"][room]
    assert shown["initial"] is True
    assert shown["name"] == "Beacons"
    assert "heroes" not in shown
    assert bodies(shown) == ["one"]
    assert shown["limited"] is True
    assert shown["num_live"] == 0
    assert (shown["joined_count"], shown["invited_count"]) == (2, 0)
    assert (shown["notification_count"], shown["highlight_count"]) == (1, 0)
    assert shown["bump_stamp"] == shown["timeline"][0]["origin_server_ts"]
    assert state(shown) == {
        ("m.room.create", ""), ("m.room.power_levels", ""), ("m.room.join_rules", ""),
        ("m.room.name", ""), ("m.room.member", ALICE), ("m.room.member", BOB),
    }  # fmt: skip

    await house.send(room, ALICE, "two")
    second = await get(BOB, first["pos"], lists=rooms_list([0, 19]))
    shown = second["rooms"][room]
    assert bodies(shown) == ["two"]
    assert (shown["limited"], shown["num_live"]) == (False, 1)
    assert not {"initial", "required_state", "name", "joined_count"} & shown.keys()
    third = await get(BOB, second["pos"], lists=rooms_list([0, 19]))
    assert (third["pos"], third["rooms"]) == (second["pos"], {})


async def test_a_room_without_a_name_is_called_by_its_heroes(world: World) -> None:
    house, get = world.house, world.one.get
    room = await house.room(ALICE, BOB)
    await house.member(room, ALICE, "join", displayname="Alice")
    first = await get(BOB, lists=rooms_list([0, 19]))
    assert first["rooms"][room]["heroes"] == [{"user_id": ALICE, "displayname": "Alice"}]
    await house.member(room, CAROL, "join")
    second = await get(BOB, first["pos"], lists=rooms_list([0, 19]))
    shown = second["rooms"][room]
    assert {hero["user_id"] for hero in shown["heroes"]} == {ALICE, CAROL}
    assert shown["joined_count"] == 3
    await house.state(room, ALICE, "m.room.name", {"name": "Now"})
    await house.state(room, ALICE, "m.room.avatar", {"url": "mxc://test/a"})
    shown = (await get(BOB, second["pos"], lists=rooms_list([0, 19])))["rooms"][room]
    assert (shown["name"], shown["avatar"]) == ("Now", "mxc://test/a")


async def test_the_latest_active_come_first_and_others_fall_behind(world: World) -> None:
    """A room out of the ranges goes on from where it was left, not anew."""
    house, get = world.house, world.one.get
    a, b, c = [await house.room(ALICE, BOB) for _ in range(3)]
    for room in (a, b, c):
        await asyncio.sleep(0.002)
        await house.send(room, ALICE, "first")
    lists = rooms_list([0, 0], limit=5)
    first = await get(BOB, lists=lists)
    assert list(first["rooms"]) == [c]
    assert first["lists"]["all_rooms"]["count"] == 3
    both = await get(BOB, first["pos"], lists=rooms_list([0, 1], limit=5))
    assert list(both["rooms"]) == [b]
    await house.send(b, ALICE, "b2")
    await asyncio.sleep(0.002)
    await house.send(a, ALICE, "a2")
    third = await get(BOB, both["pos"], lists=lists)
    assert list(third["rooms"]) == [a]  # b has news and is not shown
    await asyncio.sleep(0.002)
    await house.send(b, ALICE, "b3")
    for process in (world.one, world.two):  # what is behind is known to any process
        fourth = await process.get(BOB, third["pos"], lists=lists)
        assert list(fourth["rooms"]) == [b]
        assert "initial" not in fourth["rooms"][b]
        assert bodies(fourth["rooms"][b]) == ["b2", "b3"]


async def test_a_lost_answer_is_given_again(world: World) -> None:
    house, get = world.house, world.one.get
    room = await house.room(ALICE, BOB)
    first = await get(BOB, lists=rooms_list([0, 19]))
    other = await house.room(ALICE, BOB)
    await house.send(room, ALICE, "lost")
    answers = [await get(BOB, first["pos"], lists=rooms_list([0, 19])) for _ in range(3)]
    for answer in (*answers, await world.two.get(BOB, first["pos"], lists=rooms_list([0, 19]))):
        assert answer["rooms"].keys() == {room, other}
        assert bodies(answer["rooms"][room]) == ["lost"]
        assert answer["rooms"][other]["initial"] is True


async def test_another_process_goes_on(world: World) -> None:
    house = world.house
    room = await house.room(ALICE, BOB)
    first = await world.one.get(BOB, lists=rooms_list([0, 19]), conn_id="room-list")
    await house.send(room, ALICE, "elsewhere")
    answer = await world.two.get(BOB, first["pos"], lists=rooms_list([0, 19]), conn_id="room-list")
    assert bodies(answer["rooms"][room]) == ["elsewhere"]
    assert "initial" not in answer["rooms"][room]


async def test_a_position_is_good_on_its_connection_only(world: World) -> None:
    await world.house.room(ALICE, BOB)
    pos = (await world.one.get(BOB, lists=rooms_list([0, 19]), conn_id="a"))["pos"]
    strangers: list[dict[str, Any]] = [
        {"user": ALICE, "conn_id": "a"}, {"user": BOB, "conn_id": "b"},
        {"user": BOB, "conn_id": "a", "device": "E"},
    ]  # fmt: skip
    for stranger in strangers:
        with pytest.raises(UnknownPosition):
            await world.one.get(stranger.pop("user"), pos, lists={}, **stranger)
    for garbage in ("5", pos[:-1], pos + "A", pos.replace("~", ""), "~", "b~" + pos[-32:]):
        with pytest.raises(UnknownPosition) as caught:
            await world.one.get(BOB, garbage, conn_id="a")
        assert (caught.value.status, caught.value.code) == (400, "M_UNKNOWN_POS")


async def test_a_waiting_client_is_woken(world: World) -> None:
    house, get = world.house, world.one.get
    room = await house.room(ALICE, BOB)
    pos = (await get(BOB, lists=rooms_list([0, 19])))["pos"]
    waiting = asyncio.create_task(get(BOB, pos, wait=30, lists=rooms_list([0, 19])))
    while not world.one.core.waiters.count:
        await asyncio.sleep(0.01)
    await house.send(room, ALICE, "wake up")
    assert bodies((await waiting)["rooms"][room]) == ["wake up"]
    answer = await get(BOB, pos, wait=0.3, lists=rooms_list(state=[]))
    answer = await get(BOB, answer["pos"], wait=0.3, lists=rooms_list(state=[]))
    assert answer["rooms"] == {}


async def test_invite_join_leave_and_rejoin(world: World) -> None:
    house, get = world.house, world.one.get
    lists = rooms_list([0, 19], limit=10)
    room = await house.room(ALICE)
    pos = (await get(BOB, lists=lists))["pos"]
    await house.member(room, BOB, "invite", by=ALICE)
    answer = await get(BOB, pos, lists=lists)
    shown = answer["rooms"][room]
    assert {e["type"] for e in shown["invite_state"]} >= {"m.room.create", "m.room.member"}
    assert "timeline" not in shown
    assert shown["bump_stamp"]
    assert (await get(BOB, answer["pos"], lists=lists))["rooms"] == {}

    await house.member(room, BOB, "join")
    answer = await get(BOB, answer["pos"], lists=lists)
    assert answer["rooms"][room]["initial"] is True
    await house.send(room, ALICE, "before")
    await house.member(room, BOB, "leave")
    await house.send(room, ALICE, "not for Bob")
    answer = await get(BOB, answer["pos"], lists=lists)
    left = answer["rooms"][room]
    assert bodies(left) == ["before"]
    assert ("m.room.member", BOB) in state(left)
    assert left["timeline"][-1]["content"]["membership"] == "leave"
    answer = await get(BOB, answer["pos"], lists=lists)
    assert (answer["rooms"], answer["lists"]["all_rooms"]["count"]) == ({}, 0)

    await house.member(room, BOB, "join")
    shown = (await get(BOB, answer["pos"], lists=lists))["rooms"][room]
    assert shown["initial"] is True
    assert "not for Bob" in bodies(shown)


async def test_a_rejected_invite_is_told_and_shows_nothing_else(world: World) -> None:
    house, get = world.house, world.one.get
    room = await house.room(ALICE)
    await house.member(room, BOB, "invite", by=ALICE)
    pos = (await get(BOB, lists=rooms_list([0, 19])))["pos"]
    await house.member(room, BOB, "leave")
    answer = await get(BOB, pos, lists=rooms_list([0, 19]))
    (event,) = answer["rooms"][room]["required_state"]
    assert (event["state_key"], event["content"]["membership"]) == (BOB, "leave")
    assert [e["type"] for e in answer["rooms"][room]["timeline"]] == ["m.room.member"]
    answer = await get(BOB, answer["pos"], lists=rooms_list([0, 19]))
    assert answer["rooms"] == {}


async def test_kicked_rooms_are_listed_and_left_or_forgotten_ones_are_not(world: World) -> None:
    house, get = world.house, world.one.get
    kicked, left, banned = [await house.room(ALICE, BOB) for _ in range(3)]
    out = await house.member(kicked, BOB, "leave", by=ALICE)
    await house.member(left, BOB, "leave")
    await house.member(banned, BOB, "ban", by=ALICE)
    never = await house.room(ALICE)
    await house.member(never, BOB, "ban", by=ALICE)
    first = await get(BOB, lists=rooms_list([0, 19]))
    assert first["rooms"].keys() == {kicked, banned}
    assert first["rooms"][kicked]["timeline"][-1]["content"]["membership"] == "leave"
    await house.forget(BOB, kicked, out.position)
    for process in (world.one, world.two):
        assert (await process.get(BOB, lists=rooms_list([0, 19])))["rooms"].keys() == {banned}


async def test_a_subscription_shows_more_of_a_room(world: World) -> None:
    house, get = world.house, world.one.get
    room = await house.room(ALICE, BOB)
    await house.state(room, ALICE, "m.room.pinned_events", {"pinned": []})
    for n in range(5):
        await house.send(room, ALICE, str(n))
    lists = rooms_list([0, 19])
    first = await get(BOB, lists=lists)
    assert bodies(first["rooms"][room]) == ["4"]
    wish = {room: {"timeline_limit": 3, "required_state": [["m.room.pinned_events", ""]]}}
    stranger = await house.room(ALICE)
    wish[stranger] = wish["!nothing"] = wish[room]
    second = await get(BOB, first["pos"], lists=lists, room_subscriptions=wish)
    assert second["rooms"].keys() == {room}
    shown = second["rooms"][room]
    assert bodies(shown) == ["2", "3", "4"]
    assert shown["unstable_expanded_timeline"] is True
    assert "initial" not in shown
    assert shown["num_live"] == 0
    assert state(shown) == {("m.room.pinned_events", "")}
    for again in (lists, {}, lists):  # it stays known what was sent
        second = await get(BOB, second["pos"], lists=again, room_subscriptions=wish)
        assert second["rooms"] == {}
    await house.send(room, ALICE, "5")
    shown = (await get(BOB, second["pos"], lists=lists))["rooms"][room]
    assert bodies(shown) == ["5"]


async def test_state_that_was_not_asked_for_meanwhile_is_told_later(world: World) -> None:
    house, get = world.house, world.one.get
    room = await house.room(ALICE, BOB)
    topic, nothing = rooms_list(state=[["m.room.topic", ""]]), rooms_list(state=[])
    pos = (await get(BOB, lists=topic))["pos"]
    await house.state(room, ALICE, "m.room.topic", {"topic": "unseen"})
    pos = (await get(BOB, pos, lists=nothing))["pos"]
    shown = (await get(BOB, pos, lists=topic))["rooms"][room]
    assert [e["content"]["topic"] for e in shown["required_state"]] == ["unseen"]


async def test_everything_with_lazy_members_names_only_senders(world: World) -> None:
    house, get = world.house, world.one.get
    room = await house.room(ALICE, BOB, CAROL)
    await house.state(room, ALICE, "org.example", {}, "key")
    await house.send(room, ALICE, "hello")
    lazily = [["*", "*"], ["m.room.member", "$LAZY"]]
    shown = (await get(BOB, lists=rooms_list(state=lazily)))["rooms"][room]
    assert ("org.example", "key") in state(shown)
    assert {key for kind, key in state(shown) if kind == "m.room.member"} == {ALICE}
    shown = (await get(BOB, lists=rooms_list(state=[["*", "*"]])))["rooms"][room]
    assert {key for kind, key in state(shown) if kind == "m.room.member"} == {ALICE, BOB, CAROL}


async def test_filters(world: World) -> None:
    house = world.house
    create = {"room_version": "12"}
    plain = await house.room(ALICE, BOB, m_room_name={"name": "Plain fare"})
    secret = await house.room(
        ALICE, BOB, **{"m.room.encryption": {"algorithm": "m.megolm.v1.aes-sha2"}}
    )
    invited = await house.room(ALICE)
    await house.member(invited, BOB, "invite", by=ALICE)
    await house.state(plain, ALICE, "m.space.child", {"via": ["test"]}, secret)
    await house.put(BOB, "m.direct", {ALICE: [secret]})
    await house.put(BOB, "m.tag", {"tags": {"m.favourite": {}}}, plain)
    assert create
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {plain, secret, invited}),
        ({"is_dm": True}, {secret}),
        ({"is_dm": False}, {plain, invited}),
        ({"is_encrypted": True}, {secret}),
        ({"is_encrypted": False}, {plain, invited}),
        ({"is_invite": True}, {invited}),
        ({"is_invite": False}, {plain, secret}),
        ({"room_types": [None]}, {plain, secret, invited}),
        ({"room_types": ["m.space"]}, set()),
        ({"not_room_types": ["m.space"]}, {plain, secret, invited}),
        ({"not_room_types": [None]}, set()),
        ({"room_name_like": "PLAIN"}, {plain}),
        ({"tags": ["m.favourite"]}, {plain}),
        ({"not_tags": ["m.favourite"]}, {secret, invited}),
        ({"spaces": [plain, "!other"]}, {secret}),
        ({"is_dm": True, "is_encrypted": False}, set()),
    ]
    for filters, expected in cases:
        answer = await world.one.get(BOB, lists=rooms_list([0, 19], filters=filters))
        assert answer["rooms"].keys() == expected, filters
        assert answer["lists"]["all_rooms"]["count"] == len(expected)
    await house.state(plain, ALICE, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    answer = await world.one.get(BOB, lists=rooms_list([0, 19], filters={"is_encrypted": True}))
    assert answer["rooms"].keys() == {plain, secret}
    assert answer["rooms"][secret]["is_dm"] is True


async def test_extensions_tell_what_is_beside_rooms(world: World) -> None:
    house, get = world.house, world.one.get
    room = await house.room(ALICE, BOB)
    event = await house.send(room, ALICE, "read me")
    await house.put(BOB, "org.example", {"n": 1})
    await house.put(BOB, "m.tag", {"tags": {}}, room)
    on = {"account_data": {"enabled": True}, "receipts": {"enabled": True},
          "typing": {"enabled": True}, "to_device": {"enabled": True},
          "e2ee": {"enabled": True}}  # fmt: skip
    lists = rooms_list([0, 19])
    first = await get(BOB, lists=lists, extensions=on)
    data = first["extensions"]["account_data"]
    assert {e["type"] for e in data["global"]} == {"org.example", "m.push_rules"}
    assert [e["type"] for e in data["rooms"][room]] == ["m.tag"]
    assert first["extensions"]["to_device"]["events"] == []
    assert "device_lists" not in first["extensions"]["e2ee"]

    await house.read(room, ALICE, event.event_id)
    house.typing.set(room, [ALICE])
    await house.put(BOB, "org.example", {"n": 2})
    second = await get(BOB, first["pos"], lists=lists, extensions=on)
    parts = second["extensions"]
    assert second["rooms"] == {}
    assert parts["receipts"]["rooms"][room]["content"][event.event_id]["m.read"].keys() == {ALICE}
    assert parts["typing"]["rooms"][room]["content"] == {"user_ids": [ALICE]}
    assert parts["account_data"]["global"] == [{"type": "org.example", "content": {"n": 2}}]

    await house.read(room, BOB, event.event_id)
    third = await get(BOB, second["pos"], lists=lists, extensions=on)
    assert third["rooms"][room]["notification_count"] == 0
    fourth = await get(BOB, third["pos"], lists=lists, extensions=on)
    assert fourth["pos"] == third["pos"]


async def test_an_extension_switched_on_later_tells_all(world: World) -> None:
    house, get = world.house, world.one.get
    room = await house.room(ALICE, BOB)
    event = await house.send(room, ALICE, "read me")
    await house.read(room, BOB, event.event_id)
    await house.put(BOB, "m.tag", {"tags": {}}, room)
    pos = (await get(BOB, lists=rooms_list([0, 19])))["pos"]
    on = {"account_data": {"enabled": True}, "receipts": {"enabled": True}}
    parts = (await get(BOB, pos, lists=rooms_list([0, 19]), extensions=on))["extensions"]
    assert [e["type"] for e in parts["account_data"]["rooms"][room]] == ["m.tag"]
    assert [e["type"] for e in parts["account_data"]["global"]] == ["m.push_rules"]
    assert event.event_id in parts["receipts"]["rooms"][room]["content"]


async def test_limits_are_named_in_the_refusal(world: World) -> None:
    parameters = {"timeline_limit": 1, "required_state": []}
    bad: list[dict[str, Any]] = [
        {"lists": {str(n): parameters for n in range(101)}},
        {"lists": {"x" * 65: parameters}},
        {"lists": {"a": {**parameters, "timeline_limit": -1}}},
        {"lists": {"a": {**parameters, "timeline_limit": 1001}}},
        {"lists": {"a": {**parameters, "ranges": [[5, 1]]}}},
        {"lists": {"a": {**parameters, "ranges": [[0, 1]] * 101}}},
        {"lists": {"a": {**parameters, "required_state": [["t", "k"]] * 201}}},
        {"lists": {"a": {**parameters, "filters": {"tags": ["t"] * 101}}}},
        {"room_subscriptions": {f"!{n}": parameters for n in range(101)}},
        {"conn_id": "x" * 256}, {"conn_id": "\x00"},
        {"extensions": {"to_device": {"enabled": True, "since": "soon"}}},
    ]  # fmt: skip
    for body in bad:
        with pytest.raises(InvalidParam):
            await world.one.get(BOB, **body)


async def test_a_state_that_is_gone_begins_anew(world: World, database: Database) -> None:
    await world.house.room(ALICE, BOB)
    pos = (await world.one.get(BOB, lists=rooms_list([0, 19])))["pos"]
    await world.one.sliding.stop()
    await database.execute("DELETE FROM sliding_connection")
    with pytest.raises(Refused):
        await world.two.get(BOB, pos, lists=rooms_list([0, 19]))


async def test_a_state_that_comes_back_is_stored_again(world: World, database: Database) -> None:
    """States of a connection that goes to and fro are forgotten in the database, not in memory."""
    house, get = world.house, world.one.get
    room = await house.room(ALICE, BOB)
    answer = await get(BOB, lists=rooms_list([0, 19], limit=1, state=[]))
    await world.one.sliding.stop()
    await database.execute("DELETE FROM sliding_connection")
    wish = {room: {"timeline_limit": 9, "required_state": []}}
    await get(BOB, answer["pos"], lists=rooms_list([0, 19], state=[]), room_subscriptions=wish)
    again = await get(BOB, lists=rooms_list([0, 19], limit=1, state=[]))
    await world.one.sliding.stop()
    assert (await world.two.get(BOB, again["pos"], lists=rooms_list([0, 19], state=[])))["pos"]
