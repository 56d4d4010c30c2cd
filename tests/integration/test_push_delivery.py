"""Notifications from the log to real HTTP gateways on loopback, good and hostile ones."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from fixtures.push_house import Gateway, PushHouse, open_push_house
from fixtures.sync_house import ALICE, BOB, CAROL

from bongsu.errors import Unavailable
from bongsu.ids import DeviceId, UserId
from bongsu.postgres.database import Database
from bongsu.postgres.device_store import PostgresDeviceStore
from bongsu.postgres.pusher_store import delete_pushers_of
from bongsu.pushing import courier, evaluator, gateway


@pytest.fixture
async def at(database_dsn: str, database: Database) -> AsyncIterator[PushHouse]:
    async with open_push_house(database_dsn, database) as push_house:
        yield push_house


@pytest.fixture
async def phone() -> AsyncIterator[Gateway]:
    phone = Gateway()
    await phone.start()
    yield phone
    await phone.stop()


@pytest.fixture
async def other() -> AsyncIterator[Gateway]:
    other = Gateway()
    await other.start()
    yield other
    await other.stop()


async def test_a_message_reaches_the_phone(at: PushHouse, phone: Gateway) -> None:
    """Goal: the whole format. Bob is told of Alice's message, Alice of nothing."""
    room = await at.house.room(ALICE, BOB, m_room_name={"name": "Beacon"})
    await at.house.member(room, ALICE, "join", displayname="Alice")
    await at.set_pusher(BOB, phone.url, "bob's", default_payload={"aps": {"x": 1}})
    await at.set_pusher(ALICE, phone.url, "alice's")
    sent = await at.house.send(room, ALICE, "fire on the hill")
    await phone.until(lambda: sent.event_id in phone.events())
    [notice] = [n for n in phone.notified if "event_id" in n]
    assert notice["devices"][0]["pushkey"] == "bob's"
    assert notice["devices"][0]["data"] == {"default_payload": {"aps": {"x": 1}}}
    assert notice["devices"][0]["pushkey_ts"] > 1_700_000_000
    assert notice["devices"][0]["tweaks"] == {"sound": "default"}  # two in the room
    assert notice["prio"] == "high"
    assert notice["content"] == {"msgtype": "m.text", "body": "fire on the hill"}
    assert (notice["type"], notice["sender"]) == ("m.room.message", ALICE)
    assert (notice["sender_display_name"], notice["room_name"]) == ("Alice", "Beacon")
    assert notice["counts"] == {"unread": 1}


async def test_event_id_only(at: PushHouse, phone: Gateway) -> None:
    room = await at.house.room(ALICE, BOB, CAROL)
    await at.set_pusher(BOB, phone.url, format="event_id_only")
    sent = await at.house.send(room, ALICE, "secret")
    await phone.until(lambda: bool(phone.notified))
    [notice] = phone.notified
    assert set(notice) == {"event_id", "room_id", "counts", "devices", "prio"}
    assert (notice["event_id"], notice["room_id"]) == (sent.event_id, room)
    assert notice["devices"][0]["data"] == {"format": "event_id_only"}
    assert notice["prio"] == "low"  # a group, and nobody is mentioned


async def test_rules_decide(at: PushHouse, phone: Gateway) -> None:
    """Mentions are loud, notices silent, a muted room too, and so is who is ignored."""
    room = await at.house.room(ALICE, BOB, CAROL)
    muted = await at.house.room(ALICE, BOB)
    await at.set_pusher(BOB, phone.url)
    rule = {"rule_id": muted, "actions": [], "default": False, "enabled": True}
    await at.house.put(BOB, "m.push_rules", {"version": 1, "rules": {"room": [rule]}})
    await at.house.put(BOB, "m.ignored_user_list", {"ignored_users": {CAROL: {}}})
    await at.house.send(room, ALICE, content={"msgtype": "m.notice", "body": "x"})
    await at.house.send(muted, ALICE)
    await at.house.send(room, CAROL)
    content = {"msgtype": "m.text", "body": "bob!", "m.mentions": {"user_ids": [BOB]}}
    sent = await at.house.send(room, ALICE, content=content)
    await phone.until(lambda: sent.event_id in phone.events())
    assert phone.events() == [sent.event_id]
    assert phone.notified[0]["devices"][0]["tweaks"] == {"sound": "default", "highlight": True}
    assert phone.notified[0]["prio"] == "high"


async def test_an_invite_reaches_who_is_not_yet_there(at: PushHouse, phone: Gateway) -> None:
    room = await at.house.room(ALICE)
    await at.set_pusher(BOB, phone.url)
    invited = await at.house.member(room, BOB, "invite", by=ALICE)
    await phone.until(lambda: invited.event_id in phone.events())
    assert phone.notified[0]["user_is_target"] is True


async def test_who_joins_later_is_told_of_what_follows(at: PushHouse, phone: Gateway) -> None:
    room = await at.house.room(ALICE)
    await at.set_pusher(BOB, phone.url)
    await at.house.send(room, ALICE, "before")
    await at.house.member(room, BOB, "join")
    after = await at.house.send(room, ALICE, "after")
    await phone.until(lambda: after.event_id in phone.events())
    await at.house.member(room, BOB, "leave")
    await at.house.send(room, ALICE, "gone")
    await at.house.member(room, BOB, "join")
    back = await at.house.send(room, ALICE, "back")
    await phone.until(lambda: back.event_id in phone.events())
    assert phone.events() == [after.event_id, back.event_id]


async def test_the_badge_counts_rooms_and_is_cleared_by_reading_elsewhere(
    at: PushHouse, phone: Gateway
) -> None:
    rooms = [await at.house.room(ALICE, BOB) for _ in range(3)]
    await at.set_pusher(BOB, phone.url)
    last = {}
    for room in [*rooms, rooms[0]]:
        last[room] = (await at.house.send(room, ALICE)).event_id
        await phone.until(lambda room=room: last[room] in phone.events())  # type: ignore[misc]
    assert phone.counts() == [1, 2, 3, 3]
    await at.house.read(rooms[0], BOB, last[rooms[0]])
    await phone.until(lambda: phone.counts()[-1] == 2)
    await at.house.read(rooms[1], BOB, last[rooms[1]], type="m.read.private")
    await phone.until(lambda: phone.counts()[-1] == 1)
    await at.house.send(rooms[2], BOB, "sending is reading")
    await phone.until(lambda: phone.counts()[-1] == 0)
    assert phone.counts() == [1, 2, 3, 3, 2, 1, 0]
    assert set(phone.notified[-1]) == {"prio", "counts", "devices"}
    assert phone.notified[-1]["counts"] == {"unread": 0}  # the count is the news


async def test_the_badge_is_what_sync_shows(at: PushHouse, phone: Gateway) -> None:
    rooms = [await at.house.room(ALICE, BOB) for _ in range(2)]
    await at.set_pusher(BOB, phone.url)
    for room in (rooms[0], rooms[1], rooms[1]):
        sent = await at.house.send(room, ALICE)
        await phone.until(lambda sent=sent: sent.event_id in phone.events())  # type: ignore[misc]
    synced = await at.house.get(BOB)
    unread = [
        room["unread_notifications"]["notification_count"] > 0
        for room in synced["rooms"]["join"].values()
    ]
    assert phone.counts()[-1] == sum(unread) == 2


async def test_a_rejected_pushkey_is_removed(at: PushHouse, phone: Gateway) -> None:
    room = await at.house.room(ALICE, BOB)
    await at.set_pusher(BOB, phone.url, "good")
    await at.set_pusher(BOB, phone.url, "bad")
    phone.rejected = ["bad", "of somebody else"]
    await at.house.send(room, ALICE)
    await phone.until(lambda: len(phone.notified) == 2)
    async with asyncio.timeout(60):
        while [p.pushkey for p in await at.pushers.list_pushers(UserId(BOB))] != ["good"]:
            await asyncio.sleep(0.02)
    sent = await at.house.send(room, ALICE)
    await phone.until(lambda: sent.event_id in phone.events())
    assert len(phone.notified) == 3


async def test_who_logs_out_is_told_no_more(
    at: PushHouse, phone: Gateway, other: Gateway, database: Database
) -> None:
    """Pushers end with the device that made them; another device's stay."""
    room = await at.house.room(ALICE, BOB)
    await at.set_pusher(BOB, phone.url, "one", device="PHONE")
    await at.set_pusher(BOB, other.url, "two", device="TABLET")
    first = await at.house.send(room, ALICE)
    await phone.until(lambda: first.event_id in phone.events())
    devices = PostgresDeviceStore(database, [delete_pushers_of])
    await devices.delete(UserId(BOB), [DeviceId("PHONE")])
    second = await at.house.send(room, ALICE)
    await other.until(lambda: second.event_id in other.events())
    assert phone.events() == [first.event_id]


async def _hang(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(60)
    return web.Response()


async def _fail(request: web.Request) -> web.StreamResponse:
    return web.Response(status=500)


async def _redirect(request: web.Request) -> web.StreamResponse:
    return web.Response(status=307, headers={"Location": "/inside"})


async def _nonsense(request: web.Request) -> web.StreamResponse:
    return web.Response(text='{"rejected": {"no": "list"}}')


async def _flood(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    try:
        for _ in range(10_000):  # a megabyte each
            await response.write(bytes(1024 * 1024))
    except ConnectionError:
        pass
    return response


@pytest.mark.parametrize("behaviour", [_hang, _fail, _redirect, _nonsense, _flood])
async def test_a_bad_gateway_loses_nothing_and_holds_up_nobody(
    at: PushHouse, phone: Gateway, other: Gateway, behaviour: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: every notice arrives, in order, once the gateway is well; others' arrive at once."""
    monkeypatch.setattr(gateway, "SECONDS_MAX", 0.5)
    monkeypatch.setattr(courier, "PAUSE_SECONDS_MAX", 0.2)
    room = await at.house.room(ALICE, BOB, CAROL)
    await at.set_pusher(BOB, phone.url)
    await at.set_pusher(CAROL, other.url, "carol's")
    phone.behaviour = behaviour
    sent = [(await at.house.send(room, ALICE, f"{n}")).event_id for n in range(5)]
    # On a busy machine a gateway that is well may be too slow for the short limit: then it is told
    # again what it has.
    await other.until(lambda: list(dict.fromkeys(other.events())) == sent)
    await phone.until(lambda: phone.asked >= 3)
    monkeypatch.setattr(gateway, "SECONDS_MAX", 30.0)
    phone.behaviour = None
    await phone.until(lambda: len(phone.events()) >= 5)
    assert phone.events() == sent


async def test_of_what_a_gateway_never_takes_the_latest_is_kept(
    at: PushHouse, phone: Gateway, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "KEPT_MAX", 4)
    monkeypatch.setattr(courier, "PAUSE_SECONDS_MIN", 1000.0)
    room = await at.house.room(ALICE, BOB)
    await at.set_pusher(BOB, phone.url)
    phone.behaviour = _fail
    sent = [await at.house.send(room, ALICE) for _ in range(10)]
    await phone.until(lambda: phone.asked == 1)
    async with asyncio.timeout(60):
        while True:
            rows = await database.fetch("SELECT position FROM push_pending ORDER BY position")
            if [row["position"] for row in rows] == [each.position for each in sent[-4:]]:
                break
            await asyncio.sleep(0.05)
    assert phone.asked == 1


async def test_a_crash_skips_nothing(at: PushHouse, phone: Gateway) -> None:
    """Method: the delivery stops without a word while its gateway hangs, with notices in its
    queue; more is sent while none runs; another begins with what the database knows."""
    room = await at.house.room(ALICE, BOB)
    await at.set_pusher(BOB, phone.url)
    told = await at.house.send(room, ALICE)
    await phone.until(lambda: told.event_id in phone.events())
    await at.dealt_with(told)
    phone.behaviour = _hang
    sent = [(await at.house.send(room, ALICE, f"{n}")).event_id for n in range(3)]
    await phone.until(lambda: phone.asked == 2)
    await at.push.courier.stop()
    await at.push._tasks.stop()  # it dies: no farewell
    sent += [(await at.house.send(room, ALICE, f"{n}")).event_id for n in range(3)]
    phone.behaviour = None
    at.push = at.new_push()
    await at.start()
    await phone.until(lambda: phone.events()[-1] == sent[-1])
    assert phone.events() == [told.event_id, *sent]


async def test_no_storm_of_old_news(
    at: PushHouse, phone: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await at.house.room(ALICE, BOB)
    await at.set_pusher(BOB, phone.url)
    await at.dealt_with(await at.house.send(room, BOB, "of which nobody is told"))
    await at.push.stop()
    old = await at.house.send(room, ALICE, "while nobody delivered")
    await asyncio.sleep(1.0)
    monkeypatch.setattr(evaluator, "AGE_SECONDS_MAX", 0.9)
    at.push = at.new_push()
    await at.start()
    await at.dealt_with(old)
    monkeypatch.setattr(evaluator, "AGE_SECONDS_MAX", 60.0)
    news = await at.house.send(room, ALICE, "news")
    await phone.until(lambda: bool(phone.events()))
    assert phone.events() == [news.event_id]


async def test_the_database_fails_for_a_moment(
    at: PushHouse, phone: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await at.house.room(ALICE, BOB)
    await at.set_pusher(BOB, phone.url)
    real = at.store.load_targets
    failures = iter(range(3))

    async def load_targets(user_ids: Any) -> Any:
        if next(failures, None) is not None:
            raise Unavailable("gone")
        return await real(user_ids)

    monkeypatch.setattr(at.store, "load_targets", load_targets)
    sent = await at.house.send(room, ALICE)
    await phone.until(lambda: sent.event_id in phone.events())
    assert phone.events() == [sent.event_id]


async def test_gateways_inside_are_not_asked(at: PushHouse, phone: Gateway) -> None:
    room = await at.house.room(ALICE, BOB)
    await at.set_pusher(BOB, phone.url.replace("127.0.0.1", "127.0.0.2"), "inside")
    await at.set_pusher(BOB, phone.url, "outside")
    sent = await at.house.send(room, ALICE)
    await phone.until(lambda: sent.event_id in phone.events())
    assert [n["devices"][0]["pushkey"] for n in phone.notified] == ["outside"]


async def test_an_email_tells_of_all_that_stayed_unread(
    at: PushHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier, "EMAIL_DELAY_SECONDS", 1.5)
    monkeypatch.setattr(courier, "EMAIL_PAUSE_SECONDS", 0.5)
    monkeypatch.setattr(courier, "PAUSE_SECONDS_MIN", 0.2)
    room = await at.house.room(ALICE, BOB, m_room_name={"name": "Beacon"})
    quiet = await at.house.room(ALICE, BOB)
    await at.set_pusher(BOB, "", "bob@example.org")
    at.postbox.fails = True
    await at.house.send(room, ALICE, "first")
    await at.house.send(room, ALICE, "second")
    read = await at.house.send(quiet, ALICE, "read in time")
    await at.house.read(quiet, BOB, read.event_id)
    await asyncio.sleep(2.5)
    at.postbox.fails = False
    async with asyncio.timeout(60):
        while not at.postbox.messages:
            await asyncio.sleep(0.05)
    [message] = at.postbox.messages
    assert message.to == "bob@example.org"
    assert "1 room" in message.subject
    assert f"{ALICE} in Beacon: first\n\n{ALICE} in Beacon: second" in message.text
    assert "read in time" not in message.text
