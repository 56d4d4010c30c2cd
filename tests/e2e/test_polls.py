"""Long polls one after the other on one connection, as every client does all day.

Goal: polls that the server answers without running a task for each give what any other would, end
with the right of their token, and leave nothing behind.
Method: one connection for each person, so that each poll after the second repeats the last head;
the route's own metrics say that they were counted.
"""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from harness.bongsu import Bongsu
from harness.http import HttpClient
from harness.matrix import MatrixError, User, call, register

SECONDS_MAX = 60
WAIT = {"timeout": 30_000, "set_presence": "offline"}
ANSWERED = 'bongsu_http_requests_total{route="/_matrix/client/v3/sync",status="200",verb="GET"}'


Connect = Callable[[], HttpClient]


@pytest.fixture
async def connect(solo: Bongsu) -> AsyncIterator[Connect]:
    """Makes connections, each of which serves one request after the other."""
    clients: list[HttpClient] = []

    def make() -> HttpClient:
        clients.append(HttpClient(solo.url))
        return clients[-1]

    yield make
    for client in clients:
        await client.close()


async def person(connect: Connect) -> User:
    """Somebody new, with a connection of their own."""
    return await register(connect(), f"poll-{secrets.token_hex(6)}")


async def metric(server: Bongsu, pattern: str) -> float:
    client = HttpClient(server.url)
    text = (await client.request("GET", "/metrics")).body.decode()
    await client.close()
    return sum(float(value) for value in re.findall(rf"^{pattern} (\S+)$", text, re.MULTILINE))


async def waiting(server: Bongsu) -> float:
    return await metric(server, "bongsu_waiters")


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        while not await condition():
            await asyncio.sleep(0.02)


async def quiet_token(user: User) -> str:
    """A token from which nothing more comes, after two polls that waited in vain."""
    token = (await user.sync(set_presence="offline"))["next_batch"]
    quiet = 0
    while quiet < 2:
        answer = await user.sync(token, timeout=200, set_presence="offline")
        quiet = quiet + 1 if answer["next_batch"] == token else 0
        token = answer["next_batch"]
    return str(token)


async def test_each_message_comes_once(solo: Bongsu, connect: Connect) -> None:
    alice, bob = await person(connect), await person(connect)
    room = await alice.create_room(preset="public_chat")
    await bob.join(room)
    token, seen = await quiet_token(bob), list[str]()
    before = await metric(solo, re.escape(ANSWERED))
    for number in range(20):
        poll = asyncio.create_task(bob.sync(token, **WAIT))
        await until(lambda: waiting(solo))
        await alice.send_text(room, str(number))
        answer = await poll
        timeline = answer["rooms"]["join"][room]["timeline"]
        assert timeline["limited"] is False
        seen += [event["content"]["body"] for event in timeline["events"]]
        token = answer["next_batch"]
    assert seen == [str(number) for number in range(20)]
    assert await metric(solo, re.escape(ANSWERED)) >= before + 20


async def test_who_sent_it_sees_the_transaction_and_others_do_not(connect: Connect) -> None:
    alice, bob = await person(connect), await person(connect)
    sending = User(connect(), alice.user_id, alice.token, alice.device_id)
    room = await alice.create_room(preset="public_chat")
    await bob.join(room)
    tokens = [await quiet_token(alice), await quiet_token(bob)]
    for number in range(3):
        polls = [
            asyncio.create_task(each.sync(token, **WAIT))
            for each, token in zip((alice, bob), tokens, strict=True)
        ]
        txn_id = f"txn{number}"
        content = {"msgtype": "m.text", "body": str(number)}
        await sending.call("PUT", f"/rooms/{room}/send/m.room.message/{txn_id}", content)
        answers = [await poll for poll in polls]
        tokens = [answer["next_batch"] for answer in answers]
        own, others = (a["rooms"]["join"][room]["timeline"]["events"][-1] for a in answers)
        assert own["event_id"] == others["event_id"]
        assert own["unsigned"]["transaction_id"] == txn_id
        assert "transaction_id" not in others["unsigned"]


async def test_time_is_up_after_what_was_asked_for(solo: Bongsu, connect: Connect) -> None:
    bob = await person(connect)
    token = await quiet_token(bob)
    for _ in range(3):
        assert (await bob.sync(token, timeout=300, set_presence="offline"))["next_batch"] == token


async def test_who_signed_out_polls_no_more(solo: Bongsu, connect: Connect) -> None:
    bob = await person(connect)
    token = await quiet_token(bob)
    elsewhere = User(connect(), bob.user_id, bob.token, bob.device_id)
    await elsewhere.call("POST", "/logout", {})
    with pytest.raises(MatrixError) as refused:
        await bob.sync(token, timeout=200, set_presence="offline")
    assert refused.value.status == 401
    assert refused.value.errcode == "M_UNKNOWN_TOKEN"


async def test_a_message_to_the_device_is_read_for_a_poll_that_waits(
    solo: Bongsu, connect: Connect
) -> None:
    alice, bob = await person(connect), await person(connect)
    token = await quiet_token(bob)
    poll = asyncio.create_task(bob.sync(token, **WAIT))
    await until(lambda: waiting(solo))
    messages = {"messages": {bob.user_id: {bob.device_id: {"secret": "for the device"}}}}
    await alice.call("PUT", f"/sendToDevice/m.dummy/{secrets.token_hex(6)}", messages)
    answer = await poll
    (event,) = answer["to_device"]["events"]
    assert event["content"] == {"secret": "for the device"}
    again = await bob.sync(answer["next_batch"], timeout=200, set_presence="offline")
    assert "to_device" not in again


async def test_two_people_on_one_connection_get_their_own(solo: Bongsu, connect: Connect) -> None:
    """As behind a proxy that shares its connections among clients."""
    alice, bob = await person(connect), await person(connect)
    theirs = await alice.create_room(name="alice's")
    tokens = {user.user_id: await quiet_token(user) for user in (alice, bob)}
    shared = connect()
    alice.client = bob.client = shared
    for _ in range(3):
        for user in (alice, bob):
            answer = await user.sync(
                tokens[user.user_id], timeout=100, set_presence="offline", full_state="false"
            )
            tokens[user.user_id] = answer["next_batch"]
        await alice.send_text(theirs, "not for bob")
        mine = await alice.sync(tokens[alice.user_id], timeout=5000, set_presence="offline")
        his = await bob.sync(tokens[bob.user_id], timeout=100, set_presence="offline")
        assert theirs in mine["rooms"]["join"]
        assert "rooms" not in his
        tokens |= {alice.user_id: mine["next_batch"], bob.user_id: his["next_batch"]}


async def test_two_people_whose_tokens_are_in_the_query(solo: Bongsu, connect: Connect) -> None:
    """All that tells them apart is within the target."""
    alice, bob = await person(connect), await person(connect)
    theirs = await alice.create_room(name="alice's")
    at = {user.user_id: await quiet_token(user) for user in (alice, bob)}
    shared = connect()
    for number in range(4):
        await alice.send_text(theirs, str(number))
        for order in ("access_token={token}&since={since}", "since={since}&access_token={token}"):
            for user in (alice, bob):
                query = order.format(token=user.token, since=at[user.user_id])
                answer = await call(shared, "GET", f"/_matrix/client/v3/sync?timeout=0&{query}")
                if order.endswith("{token}"):  # else it is asked for again
                    at[user.user_id] = answer["next_batch"]
                rooms = answer.get("rooms", {}).get("join", {})
                assert (theirs in rooms) is (user is alice)


async def test_metrics_tell_of_each_partition_and_of_who_waits(
    solo: Bongsu, connect: Connect
) -> None:
    alice = await person(connect)
    await alice.create_room()
    for name in ("head", "epoch", "applied_position"):
        assert await metric(solo, rf'bongsu_{name}{{partition="63"}}') >= 0
    for name in ("commits", "entries", "commit_seconds"):
        assert await metric(solo, rf"bongsu_partition_{name}_total{{[^}}]*}}") > 0
    for name in ("batch_entries_count", "commit_seconds_count"):
        assert await metric(solo, rf"bongsu_{name}(?:{{[^}}]*}})?") > 0
    assert await metric(solo, r"bongsu_lag_entries(?:{[^}]*})?") >= 0


async def test_nothing_is_left_of_a_client_that_goes(solo: Bongsu, connect: Connect) -> None:
    bob = await person(connect)
    token = await quiet_token(bob)

    async def nobody() -> bool:
        return not await waiting(solo)

    await until(nobody)  # nor anybody of another test, whose client went just now
    poll = asyncio.create_task(bob.sync(token, **WAIT))
    await until(lambda: waiting(solo))
    poll.cancel()  # the client closes its connection
    await asyncio.gather(poll, return_exceptions=True)
    await until(nobody)
