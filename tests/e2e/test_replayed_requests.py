"""A transaction id that comes again with another body: the first answer stands, nothing is added.

The scope of an id is the device, the endpoint and its path; in another scope it is another id.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from harness.bongsu import Bongsu
from harness.http import HttpClient
from harness.matrix import User, register
from harness.watched import watched

TXN = "m1234.0"


@pytest.fixture(scope="module")
def server() -> Iterator[Bongsu]:
    with watched() as bongsu:
        yield bongsu


@pytest.fixture
async def client(server: Bongsu) -> AsyncIterator[HttpClient]:
    client = HttpClient(server.url)
    yield client
    await client.close()


def text(body: str) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": body}


async def put(user: User, room: str, type: str, body: Any, txn_id: str = TXN) -> str:
    path = f"/rooms/{quote(room)}/send/{type}/{txn_id}"
    return (await user.call("PUT", path, body))["event_id"]


async def messages(user: User, room: str) -> list[dict[str, Any]]:
    page = await user.call("GET", f"/rooms/{quote(room)}/messages?dir=f&limit=100")
    return [event for event in page["chunk"] if event["type"] in ("m.room.message", "org.x")]


async def test_a_send_replayed_with_another_body(client: HttpClient) -> None:
    alice = await register(client, "replay-alice")
    room, other_room = [await alice.create_room() for _ in range(2)]
    first = await put(alice, room, "m.room.message", text("first"))
    replays = [text("second"), {}, {"msgtype": "m.image"}, text("x" * 60_000)]
    answers = [await put(alice, room, "m.room.message", body) for body in replays]
    at_once = [put(alice, room, "m.room.message", text(str(n))) for n in range(20)]
    assert {*answers, *await asyncio.gather(*at_once)} == {first}

    others = [
        await put(alice, other_room, "m.room.message", text("another room")),
        await put(alice, room, "org.x", text("another type")),
        await put(await alice.login_again(), room, "m.room.message", text("another device")),
        await put(alice, room, "m.room.message", text("another id"), TXN + "1"),
    ]
    assert len({first, *others}) == 5
    told = [event["content"]["body"] for event in await messages(alice, room)]
    assert told == ["first", "another type", "another device", "another id"]


async def test_first_sends_of_one_id_at_once_are_one(client: HttpClient) -> None:
    bob = await register(client, "replay-bob")
    room = await bob.create_room()
    answers = await asyncio.gather(
        *(put(bob, room, "m.room.message", text(str(number))) for number in range(20))
    )
    assert len(set(answers)) == 1
    [event] = await messages(bob, room)
    assert event["event_id"] == answers[0]


async def test_a_redaction_replayed_for_other_events(client: HttpClient) -> None:
    """The event is of the path: the same id redacts another event too, with whatever reason."""
    carol = await register(client, "replay-carol")
    room = await carol.create_room()
    one, two = [await put(carol, room, "m.room.message", text(n), n) for n in ("1", "2")]

    async def redact(event_id: str, reason: str) -> str:
        path = f"/rooms/{quote(room)}/redact/{quote(event_id)}/{TXN}"
        return (await carol.call("PUT", path, {"reason": reason}))["event_id"]

    first = await redact(one, "a")
    assert await redact(one, "b") == first
    second = await redact(two, "a")
    assert second != first
    left = {event["event_id"]: event for event in await messages(carol, room)}
    for event_id, redaction in ((one, first), (two, second)):
        assert left[event_id]["content"] == {}
        because = left[event_id]["unsigned"]["redacted_because"]
        assert (because["event_id"], because["content"]["reason"]) == (redaction, "a")


async def test_messages_to_devices_replayed_with_another_body(client: HttpClient) -> None:
    dave = await register(client, "replay-dave")
    since = (await dave.sync(timeout=0))["next_batch"]
    for number in range(3):
        body = {"messages": {dave.user_id: {dave.device_id: {"number": number}}}}
        assert await dave.call("PUT", f"/sendToDevice/org.x/{TXN}", body) == {}
    answer = await dave.sync(since, timeout=0)
    assert [event["content"] for event in answer["to_device"]["events"]] == [{"number": 0}]
