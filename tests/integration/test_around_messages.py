"""Profiles, account data, tags, receipts, typing and presence through two nodes on PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import quote

import pytest
from fixtures.around_house import ALICE, BOB, CAROL, Node, two_nodes
from fixtures.users_house import errcode

from bongsu.errors import Unavailable
from bongsu.log.entry import Kind, decode_account_data, decode_receipt
from bongsu.postgres.database import Database
from bongsu.rooms.client_event import Device

Pair = tuple[Node, Node]
WAIT_SECONDS_MAX = 60.0


@pytest.fixture
async def pair(database_dsn: str, database: Database) -> AsyncIterator[Pair]:
    async with two_nodes(database_dsn, database) as nodes:
        yield nodes


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while not condition():
            await asyncio.sleep(0.02)


# -- profiles --------------------------------------------------------------------------------


async def test_a_profile_is_read_and_changed_field_by_field(pair: Pair) -> None:
    one, two = pair
    await one.register(ALICE)
    room = await one.make_room()
    mine = f"/profile/{quote(ALICE)}"
    assert await one.call(BOB, "GET", mine) == {"displayname": "alice"}
    for field, value in [
        ("displayname", "앨리스"),
        ("m.tz", "Asia/Seoul"),
        ("org.example.null", None),
        ("org.example.any", {"a": [1, 2.5, 10**30]}),
    ]:
        await one.call(ALICE, "PUT", f"{mine}/{field}", {field: value})
        assert await two.call(BOB, "GET", f"{mine}/{field}") == {field: value}
    await two.call(ALICE, "DELETE", f"{mine}/m.tz")
    assert await errcode(one.call(BOB, "GET", f"{mine}/m.tz")) == (404, "M_NOT_FOUND")
    assert set(await one.call(BOB, "GET", mine)) == {
        "displayname", "org.example.null", "org.example.any",
    }  # fmt: skip

    async def shown() -> Any:
        event = await one.rooms.state_event(room, "m.room.member", ALICE)
        assert event is not None
        return event.content.get("displayname")

    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while await shown() != "앨리스":
            await asyncio.sleep(0.02)


async def test_profile_refusals(pair: Pair) -> None:
    one, _ = pair
    await one.register(ALICE)
    mine = f"/profile/{quote(ALICE)}"

    async def put(field: str, body: Any) -> tuple[int, str]:
        return await errcode(one.call(ALICE, "PUT", f"{mine}/{field}", body))

    assert await put("m.tz", {"other": 1}) == (400, "M_MISSING_PARAM")
    assert await put("Bad", {"Bad": 1}) == (400, "M_INVALID_PARAM")
    assert await put("a" * 256, {"a" * 256: 1}) == (400, "M_KEY_TOO_LARGE")
    assert await put("org.big", {"org.big": "x" * 65536}) == (400, "M_PROFILE_TOO_LARGE")
    assert await put("displayname", {"displayname": 5}) == (400, "M_BAD_JSON")
    assert await put("displayname", []) == (400, "M_BAD_JSON")
    assert await put("displayname", b"{") == (400, "M_NOT_JSON")
    other = one.call(BOB, "PUT", f"{mine}/displayname", {"displayname": "x"})
    assert await errcode(other) == (403, "M_FORBIDDEN")
    nobody = one.call(ALICE, "GET", "/profile/%40nobody%3Atest")
    assert await errcode(nobody) == (404, "M_NOT_FOUND")
    for empty in ("", None):
        await one.call(ALICE, "PUT", f"{mine}/avatar_url", {"avatar_url": empty})
    assert await one.call(BOB, "GET", mine) == {"displayname": "alice"}


# -- account data and tags -------------------------------------------------------------------


async def test_account_data_global_and_of_a_room(pair: Pair) -> None:
    one, two = pair
    room = await one.make_room()
    for path in ("", f"/rooms/{quote(room)}"):
        url = f"/user/{quote(ALICE)}{path}/account_data/org.example.%2Fx"
        assert await errcode(one.call(ALICE, "GET", url)) == (404, "M_NOT_FOUND")
        await one.call(ALICE, "PUT", url, {"path": path})
        assert await two.call(ALICE, "GET", url) == {"path": path}
        assert await errcode(one.call(BOB, "GET", url)) == (403, "M_FORBIDDEN")
        assert await errcode(one.call(BOB, "PUT", url, {})) == (403, "M_FORBIDDEN")
        assert await errcode(one.call(ALICE, "PUT", url, [])) == (400, "M_BAD_JSON")


async def test_what_the_server_keeps_is_not_the_clients_to_set(pair: Pair) -> None:
    one, _ = pair
    mine = f"/user/{quote(ALICE)}/account_data"
    for type in ("m.push_rules", "m.fully_read"):
        assert await errcode(one.call(ALICE, "PUT", f"{mine}/{type}", {})) == (405, "M_BAD_JSON")
    rules = await one.call(ALICE, "GET", f"{mine}/m.push_rules")
    assert rules["global"]["override"][0]["rule_id"] == ".m.rule.master"
    too_long = one.call(ALICE, "PUT", f"{mine}/{'x' * 256}", {})
    assert await errcode(too_long) == (400, "M_INVALID_PARAM")
    no_room = one.call(ALICE, "GET", f"/user/{quote(ALICE)}/rooms/nonsense/account_data/x")
    assert await errcode(no_room) == (400, "M_INVALID_PARAM")


async def test_tags_set_at_once_through_two_nodes_are_all_there(pair: Pair) -> None:
    one, two = pair
    room = await one.make_room()
    tags = f"/user/{quote(ALICE)}/rooms/{quote(room)}/tags"

    async def put(number: int) -> None:
        node = pair[number % 2]
        while True:
            try:
                return await node.call(ALICE, "PUT", f"{tags}/u.{number}", {"order": number / 10})
            except Unavailable:
                continue  # overtaken too often: the client tries again

    assert await one.call(ALICE, "GET", tags) == {"tags": {}}
    await asyncio.gather(*(put(number) for number in range(6)))
    await one.call(ALICE, "DELETE", f"{tags}/u.3")
    await two.call(ALICE, "DELETE", f"{tags}/u.3")
    await two.call(ALICE, "PUT", f"{tags}/u.0", {"order": 1, "extra": "kept"})
    found = (await two.call(ALICE, "GET", tags))["tags"]
    assert found == {
        "u.0": {"order": 1, "extra": "kept"},
        **{f"u.{n}": {"order": n / 10} for n in (1, 2, 4, 5)},
    }
    for bad in ({"order": 1.1}, {"order": -1}, {"order": "1"}, []):
        assert await errcode(one.call(ALICE, "PUT", f"{tags}/u.x", bad)) == (400, "M_BAD_JSON")
    long = one.call(ALICE, "PUT", f"{tags}/{'x' * 256}", {})
    assert await errcode(long) == (400, "M_INVALID_PARAM")


async def test_a_client_that_wrote_tags_of_another_shape_can_still_tag(pair: Pair) -> None:
    one, _ = pair
    room = await one.make_room()
    mine = f"/user/{quote(ALICE)}/rooms/{quote(room)}"
    await one.call(ALICE, "PUT", f"{mine}/account_data/m.tag", {"tags": [1]})
    assert await one.call(ALICE, "GET", f"{mine}/tags") == {"tags": {}}
    await one.call(ALICE, "PUT", f"{mine}/tags/m.favourite", {})
    assert await one.call(ALICE, "GET", f"{mine}/tags") == {"tags": {"m.favourite": {}}}


# -- receipts --------------------------------------------------------------------------------


def receipts(node: Node) -> list[tuple[str, str | None, str]]:
    read = [decode_receipt(e.body) for e in node.entries if e.kind == Kind.RECEIPT]
    return [(each.receipt_type, each.thread_id, each.event_id) for each in read]


async def test_receipts_and_their_threads(pair: Pair) -> None:
    one, two = pair
    room = await one.make_room()
    root = await one.say(room)
    reply = await one.say(room, **{"m.relates_to": {"rel_type": "m.thread", "event_id": root}})
    plain = await one.say(room)
    base = f"/rooms/{quote(room)}/receipt"

    async def mark(type: str, event: str, body: Any = None) -> Any:
        return await two.call(ALICE, "POST", f"{base}/{type}/{quote(event)}", body)

    await mark("m.read", reply, {"thread_id": root})
    await mark("m.read", plain, {"thread_id": "main"})
    await mark("m.read.private", plain, {})
    await mark("m.read", plain)
    await mark("m.read", root)  # back: nothing
    await until(lambda: len(receipts(one)) == 4)
    assert receipts(one) == [
        ("m.read", root, reply),
        ("m.read", "main", plain),
        ("m.read.private", None, plain),
        ("m.read", None, plain),
    ]
    for body in ({"thread_id": ""}, {"thread_id": 5}, {"thread_id": "x"}, {"thread_id": root}):
        assert await errcode(mark("m.read", plain, body)) == (400, "M_INVALID_PARAM")
    fully = mark("m.fully_read", plain, {"thread_id": "main"})
    assert await errcode(fully) == (400, "M_INVALID_PARAM")
    assert await errcode(mark("m.other", plain)) == (400, "M_INVALID_PARAM")
    assert await errcode(mark("m.read", "$unknown")) == (404, "M_NOT_FOUND")
    stranger = one.call(BOB, "POST", f"{base}/m.read/{quote(plain)}")
    assert await errcode(stranger) == (403, "M_FORBIDDEN")


async def test_the_fully_read_marker_moves_forward_only(pair: Pair) -> None:
    one, two = pair
    room = await one.make_room()
    first, second = await one.say(room), await one.say(room)
    markers = f"/rooms/{quote(room)}/read_markers"
    both = {"m.fully_read": second, "m.read": first, "m.read.private": second}
    await one.call(ALICE, "POST", markers, both)
    await two.call(ALICE, "POST", markers, {"m.fully_read": first})
    stored = f"/user/{quote(ALICE)}/rooms/{quote(room)}/account_data/m.fully_read"
    assert await two.call(ALICE, "GET", stored) == {"event_id": second}
    assert receipts(one) == [("m.read", None, first), ("m.read.private", None, second)]
    data = [decode_account_data(e.body) for e in one.entries if e.kind == Kind.ACCOUNT_DATA]
    assert [(each.room_id, each.type) for each in data] == [(room, "m.fully_read")]
    assert await one.call(ALICE, "POST", markers) == {}
    for event in ("$unknown", await one.say(await one.make_room())):
        unknown = one.call(ALICE, "POST", markers, {"m.fully_read": event})
        assert await errcode(unknown) == (404, "M_NOT_FOUND")
    stranger = one.call(BOB, "POST", markers, {"m.fully_read": first})
    assert await errcode(stranger) == (403, "M_FORBIDDEN")
    wrong = one.call(ALICE, "POST", markers, {"m.read": 5})
    assert await errcode(wrong) == (400, "M_BAD_JSON")


# -- typing and presence ---------------------------------------------------------------------


async def test_typing_is_seen_on_both_nodes_and_ends_with_a_message(pair: Pair) -> None:
    one, two = pair
    room = await one.make_room()
    url = f"/rooms/{quote(room)}/typing"
    await one.call(ALICE, "PUT", f"{url}/{quote(ALICE)}", {"typing": True, "timeout": 60_000})
    await until(lambda: two.typing.users(room) == [ALICE])
    assert one.typing.users(room) == [ALICE]
    await two.say(room)
    await until(lambda: not one.typing.users(room) and not two.typing.users(room))
    assert one.typing.version(room) == one.typing.cursor == 2
    for user, whose in ((BOB, BOB), (ALICE, BOB)):
        call = one.call(user, "PUT", f"{url}/{quote(whose)}", {"typing": True})
        assert await errcode(call) == (403, "M_FORBIDDEN")
    for body in ({}, {"typing": 1}, {"typing": True, "timeout": "soon"}):
        call = one.call(ALICE, "PUT", f"{url}/{quote(ALICE)}", body)
        assert await errcode(call) == (400, "M_BAD_JSON")


async def test_typing_ends_for_who_leaves_and_by_itself(pair: Pair) -> None:
    one, two = pair
    room = await one.make_room()
    await one.member(room, BOB, "join")
    url = f"/rooms/{quote(room)}/typing"
    await two.call(BOB, "PUT", f"{url}/{quote(BOB)}", {"typing": True})
    await one.call(ALICE, "PUT", f"{url}/{quote(ALICE)}", {"typing": True, "timeout": 1})
    await until(lambda: set(one.typing.users(room)) == {ALICE, BOB})
    await one.member(room, BOB, "leave")
    await until(lambda: not one.typing.users(room) and not two.typing.users(room))
    again = two.call(BOB, "PUT", f"{url}/{quote(BOB)}", {"typing": True})
    assert await errcode(again) == (403, "M_FORBIDDEN")


async def test_presence_is_seen_on_both_nodes_by_who_shares_a_room(pair: Pair) -> None:
    one, two = pair
    room = await one.make_room()
    await one.member(room, BOB, "join")
    status = f"/presence/{quote(ALICE)}/status"
    one.presence.touch(Device(ALICE, "DEVICE"), "online")
    await until(lambda: ALICE in two.presence.active_users())
    await one.call(ALICE, "PUT", status, {"presence": "unavailable", "status_msg": "점심"})
    await until(lambda: b"unavailable" in (two.presence.event(ALICE) or b""))
    answer = await two.call(BOB, "GET", status)
    assert (answer["presence"], answer["status_msg"]) == ("unavailable", "점심")
    assert await errcode(two.call(CAROL, "GET", status)) == (403, "M_FORBIDDEN")
    other = one.call(BOB, "PUT", status, {"presence": "online"})
    assert await errcode(other) == (403, "M_FORBIDDEN")
    for body in ({}, {"presence": "busy"}, {"presence": "online", "status_msg": 5}):
        assert await errcode(one.call(ALICE, "PUT", status, body)) == (400, "M_BAD_JSON")
    await two.say(room)  # an act of hers, on any node
    await until(lambda: b'"online"' in (one.presence.event(ALICE) or b""))
    await until(lambda: b'"online"' in (two.presence.event(ALICE) or b""))
