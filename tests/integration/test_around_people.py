"""Finding people, reporting them, and accounts that end, on a real PostgreSQL and the real log."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from fixtures.around_house import ALICE, BOB, CAROL, Node, two_nodes
from fixtures.users_house import errcode

from bongsu.errors import Unavailable
from bongsu.ids import RoomId, UserId
from bongsu.log.entry import Kind
from bongsu.log.intents import Intent, Intents, new_intent
from bongsu.log.proposal import Accepted, Proposal, fresh_request_id
from bongsu.postgres.database import Database
from bongsu.rooms.proposals import SendEvent
from bongsu.users.accounts import DEPARTURE, Accounts, Departure
from bongsu.users.departure import Departures
from bongsu.users.device_announcer import LoggedDeviceLists
from bongsu.users.passwords import Passwords
from bongsu.users.sessions import SessionMaker

WAIT_SECONDS_MAX = 60.0
DAVE = UserId("@dave_1:test")


@pytest.fixture
async def node(database_dsn: str, database: Database) -> AsyncIterator[Node]:
    async with two_nodes(database_dsn, database) as (one, _):
        yield one


# -- the directory ---------------------------------------------------------------------------


async def search(node: Node, term: str, **more: Any) -> list[str]:
    body = {"search_term": term, **more}
    answer = await node.call(ALICE, "POST", "/user_directory/search", body)
    return [each["user_id"] for each in answer["results"]]


async def name(node: Node, user: UserId, displayname: str) -> None:
    path = f"/profile/{quote(user)}/displayname"
    await node.call(user, "PUT", path, {"displayname": displayname})


async def test_people_are_found_by_name_and_id_where_rooms_are_shared(node: Node) -> None:
    await node.register(ALICE, BOB, CAROL, DAVE)
    shared = await node.make_room(join_rule="invite")
    await node.member(shared, BOB, "invite", by=ALICE)
    await node.member(shared, BOB, "join")
    await name(node, BOB, '김철수 Élan "Q" 100%')
    await node.make_room(CAROL, join_rule="invite")
    for term in ("bob", "BOB", "@bob:test", "철수", "élan", "ÉLAN", 'elan" "q"'[5:], "100%", " 김"):
        assert await search(node, term) == [BOB], term
    for term in ("carol", "alice", "1_0", "10_%", "", "nobody"):
        assert await search(node, term) == [], term
    open_room = await node.make_room(CAROL)
    assert await search(node, "carol") == [CAROL]
    await node.member(open_room, DAVE, "join")
    assert await search(node, "dave_") == [DAVE]
    await node.member(open_room, DAVE, "leave")
    assert await search(node, "dave_") == []
    await node.member(shared, BOB, "leave")
    assert await search(node, "bob") == []


async def test_the_best_match_comes_first_and_the_rest_is_cut(node: Node) -> None:
    people = [UserId(f"@{local}:test") for local in ("kim", "akim", "kimmy", "x", "y")]
    await node.register(ALICE, *people)
    room = await node.make_room()
    for user in people:
        await node.member(room, user, "join")
    await name(node, people[3], "Kim")
    await name(node, people[4], "Kimchi")
    by_id = {user: n for n, user in enumerate(people)}
    found = [by_id[UserId(each)] for each in await search(node, "kim")]
    assert found == [3, 0, 4, 2, 1]
    body = {"search_term": "kim", "limit": 2}
    answer = await node.call(ALICE, "POST", "/user_directory/search", body)
    assert answer["limited"] is True
    assert answer["results"][0] == {"user_id": people[3], "display_name": "Kim"}
    for bad in ({}, {"search_term": 1}, {"search_term": "a", "limit": "b"}):
        call = node.call(ALICE, "POST", "/user_directory/search", bad)
        assert await errcode(call) == (400, "M_BAD_JSON")
    for bad in ({"search_term": "a", "limit": 0}, {"search_term": "x" * 256}):
        call = node.call(ALICE, "POST", "/user_directory/search", bad)
        assert await errcode(call) == (400, "M_INVALID_PARAM")
    assert await search(node, "\x00'\\%_;--") == []


async def test_mutual_rooms(node: Node) -> None:
    url = "/_matrix/client/v1/mutual_rooms"
    rooms = sorted([await node.make_room() for _ in range(3)])
    await node.make_room(BOB)
    for room in rooms:
        await node.member(room, BOB, "join")
    query = f"user_id={quote(BOB)}"
    assert await node.call(ALICE, "GET", url, query=query) == {"joined": rooms, "count": 3}
    page = await node.call(ALICE, "GET", url, query=f"{query}&from={quote(rooms[0])}")
    assert page == {"joined": rooms[1:], "count": 3}
    unknown = f"user_id={quote(CAROL)}"
    assert await node.call(ALICE, "GET", url, query=unknown) == {"joined": [], "count": 0}
    for bad, code in [
        (f"user_id={quote(ALICE)}", "M_INVALID_PARAM"),
        ("user_id=nonsense", "M_INVALID_PARAM"),
        ("", "M_MISSING_PARAM"),
        (f"{query}&from=nonsense", "M_INVALID_PARAM"),
    ]:
        assert await errcode(node.call(ALICE, "GET", url, query=bad)) == (400, code)


# -- reports ---------------------------------------------------------------------------------


async def test_reports_are_kept_for_the_operators(node: Node, database: Database) -> None:
    await node.register(ALICE, BOB)
    room = await node.make_room()
    event = await node.say(room)
    of_room = f"/rooms/{quote(room)}/report"
    of_event = f"{of_room}/{quote(event)}"
    await node.call(BOB, "POST", of_room, {"reason": "나빠요"})
    await node.call(ALICE, "POST", of_event, {"score": -100})
    await node.call(ALICE, "POST", f"/users/{quote(BOB)}/report", {"reason": ""})
    rows = await database.fetch(
        "SELECT reporter, room_id, event_id, target, reason FROM report ORDER BY reported_at"
    )
    assert sorted(map(tuple, rows), key=repr) == sorted(
        [
            (BOB, room, None, None, "나빠요"),
            (ALICE, room, event, None, ""),
            (ALICE, None, None, BOB, ""),
        ],
        key=repr,
    )
    refusals = [
        (BOB, of_event, {"reason": "x"}, (404, "M_NOT_FOUND")),  # not joined
        (ALICE, f"{of_room}/%24unknown", {}, (404, "M_NOT_FOUND")),
        (ALICE, "/rooms/%21unknown%3Atest/report", {"reason": "x"}, (404, "M_NOT_FOUND")),
        (ALICE, f"/users/{quote(CAROL)}/report", {"reason": "x"}, (404, "M_NOT_FOUND")),
        (ALICE, of_room, {}, (400, "M_BAD_JSON")),
        (ALICE, of_event, {"reason": 5}, (400, "M_BAD_JSON")),
        (ALICE, of_event, {"reason": "a\x00b"}, (400, "M_INVALID_PARAM")),
        (ALICE, of_event, {"reason": "x" * 9000}, (400, "M_INVALID_PARAM")),
    ]
    for user, url, body, refusal in refusals:
        assert await errcode(node.call(user, "POST", url, body)) == refusal, url


# -- departures ------------------------------------------------------------------------------


class Flaky:
    """The log, through which only so many proposals of a departure pass before it is cut off."""

    def __init__(self, node: Node, proposals: int) -> None:
        self._node = node
        self.left = proposals

    async def propose(self, proposal: Proposal, timeout_seconds: float = 15) -> Accepted:
        if self.left == 0:
            raise Unavailable
        self.left -= 1
        return await self._node.log.propose(proposal, timeout_seconds)


class Nobody:
    def sessions_changed(self, user_id: UserId) -> None:
        pass


def ending_accounts(node: Node) -> Accounts:
    return Accounts(node.accounts, Passwords(), SessionMaker(), Nobody(), server_name="test")


def departure(*, erase: bool) -> Intent:
    return new_intent(DEPARTURE, BOB, Departure(erase))


async def memberships(node: Node) -> dict[str, str]:
    return {room: member.membership for room, member in await node.rooms.list_rooms_of(BOB)}


async def test_an_ended_account_leaves_everything_however_often_cut_off(node: Node) -> None:
    await node.register(ALICE, BOB)
    joined = [await node.make_room() for _ in range(3)]
    for room in joined:
        await node.member(room, BOB, "join")
    invited = await node.make_room(join_rule="invite")
    await node.member(invited, BOB, "invite", by=ALICE)
    banned = await node.make_room()
    await node.member(banned, BOB, "ban", by=ALICE)
    await name(node, BOB, "Bob")
    mine = f"/user/{quote(BOB)}"
    await node.call(BOB, "PUT", f"{mine}/account_data/org.x", {"secret": 1})
    await node.call(BOB, "PUT", f"{mine}/rooms/{quote(joined[0])}/tags/u.x", {})
    log = Flaky(node, 2)
    intents = Intents(node.intent_store, lease_seconds=0.3, look_seconds=0.05)
    departures = Departures(log, node.rooms, node.data, step_seconds=0)  # type: ignore[arg-type]
    intents.register(DEPARTURE, departures.carry_out)
    await ending_accounts(node).deactivate(BOB, erase=True)
    assert "join" in (await memberships(node)).values()  # left to the background
    await intents.start()
    try:
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while log.left:
                await asyncio.sleep(0.02)
            await asyncio.sleep(0.5)  # it is taken up again, in vain
            log.left = -1
            while await node.data.list_account_data(BOB):
                await asyncio.sleep(0.02)
    finally:
        await intents.stop()
    expected = dict.fromkeys([*joined, invited], "leave") | {banned: "ban"}
    assert await memberships(node) == expected
    assert await node.data.profile(BOB) == {}
    gone = node.call(ALICE, "GET", f"/profile/{quote(BOB)}")
    assert await errcode(gone) == (404, "M_NOT_FOUND")
    assert await search(node, "bob") == []


async def test_a_departure_keeps_account_data_unless_it_is_to_be_erased(node: Node) -> None:
    await node.register(BOB)
    url = f"/user/{quote(BOB)}/account_data/org.x"
    await node.call(BOB, "PUT", url, {"x": 1})
    departures = Departures(node.log, node.rooms, node.data, step_seconds=0)
    for _ in range(2):
        await departures.carry_out(departure(erase=False))
    assert await node.call(BOB, "GET", url) == {"x": 1}


# -- device lists ----------------------------------------------------------------------------


async def test_a_change_of_devices_is_announced_even_if_nobody_takes_it_at_first(
    node: Node,
) -> None:
    log = Flaky(node, 0)
    announcer = LoggedDeviceLists(log)  # type: ignore[arg-type]  # the log with a fault
    await announcer.device_list_changed(BOB)
    log.left = -1
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while not any(e.kind == Kind.DEVICE_LIST and e.key == BOB for e in node.entries):
            await asyncio.sleep(0.02)
    await announcer.stop()


async def test_a_room_that_refuses_a_departure_does_not_stop_it(node: Node) -> None:
    """Kicked between the look and the leave: the rules refuse, and the rest goes on."""
    await node.register(BOB)
    room = await node.make_room()
    await node.member(room, BOB, "join")

    class Late:
        async def list_rooms_of(self, user_id: str) -> Any:
            found = await node.rooms.list_rooms_of(user_id)
            if (await memberships(node))[room] == "join":
                await node.member(RoomId(room), BOB, "ban", by=ALICE)
            return found

    departures = Departures(node.log, Late(), node.data, step_seconds=0)
    await departures.carry_out(departure(erase=False))
    assert await memberships(node) == {room: "ban"}
    refused = SendEvent(
        key=room, request_id=fresh_request_id(), sender=BOB, type="m.room.member", state_key=BOB,
        content={"membership": "leave"},
    )  # fmt: skip
    assert (await errcode(node.log.propose(refused)))[0] == 403


async def test_a_hundred_tags_put_at_once_are_all_there(node: Node) -> None:
    await node.register(ALICE)
    tags = f"/user/{quote(ALICE)}/rooms/{quote(await node.make_room())}/tags"
    wanted = {f"u.{number}": {"order": number / 100} for number in range(100)}
    puts = (node.call(ALICE, "PUT", f"{tags}/{tag}", body) for tag, body in wanted.items())
    await asyncio.gather(*puts)
    assert await node.call(ALICE, "GET", tags) == {"tags": wanted}
