"""A session as matrix-rust-sdk holds it: RoomListService and EncryptionSyncService.

The requests are those that the SDK sends: connection `room-list` begins with the 20 latest rooms,
grows by batches of a hundred until it has all, then long-polls; connection `encryption` has no
rooms, only messages to devices and keys. In between one server process after the other is killed.
"""

import asyncio
import os
import signal
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from harness.bongsu import Bongsu
from harness.http import ConnectionLost, HttpClient
from harness.matrix import MatrixError, User, call, register

PATH = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"
ROOMS = 130
BATCH = 100
PATIENCE_SECONDS = 60.0
REQUIRED_STATE = [
    ["m.room.name", ""], ["m.room.encryption", ""], ["m.room.member", "$LAZY"],
    ["m.room.member", "$ME"], ["m.room.topic", ""], ["m.room.avatar", ""],
    ["m.room.canonical_alias", ""], ["m.room.power_levels", ""],
    ["org.matrix.msc3401.call.member", "*"], ["m.room.join_rules", ""],
    ["m.room.tombstone", ""], ["m.room.create", ""], ["m.room.history_visibility", ""],
    ["io.element.functional_members", ""], ["m.space.parent", "*"], ["m.space.child", "*"],
    ["org.matrix.msc3672.beacon_info", "*"],
]  # fmt: skip
SUBSCRIPTION = {
    "timeline_limit": 20,
    "required_state": [*REQUIRED_STATE, ["m.room.pinned_events", ""]],
}


class Connection:
    """One connection of a client that sends the same again until it has an answer."""

    def __init__(self, user: User, conn_id: str) -> None:
        self.user = user
        self.conn_id = conn_id
        self.pos: str | None = None
        self.since: str | None = None  # of messages to the device
        self.end = 19
        self.subscriptions: dict[str, Any] = {}
        self.rooms: dict[str, dict[str, Any]] = {}

    def body(self) -> dict[str, Any]:
        if self.conn_id == "encryption":
            to_device: dict[str, Any] = {"enabled": True}
            if self.since is not None:
                to_device["since"] = self.since
            return {
                "conn_id": self.conn_id,
                "extensions": {"to_device": to_device, "e2ee": {"enabled": True}},
            }
        rooms = {"ranges": [[0, self.end]], "timeline_limit": 1, "filters": {},
                 "required_state": REQUIRED_STATE}  # fmt: skip
        return {
            "conn_id": self.conn_id,
            "lists": {"all_rooms": rooms},
            "room_subscriptions": self.subscriptions,
            "extensions": {
                "account_data": {"enabled": True},
                "receipts": {"enabled": True, "rooms": ["*"]},
                "typing": {"enabled": True},
            },
        }

    async def ask(self, timeout_ms: int = 0) -> dict[str, Any]:
        """One answer, not yet taken in."""
        query: dict[str, Any] = {"timeout": timeout_ms}
        if self.pos is not None:
            query["pos"] = self.pos
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    return await call(
                        self.user.client, "POST", f"{PATH}?{urlencode(query)}", self.body(),
                        token=self.user.token,
                    )  # fmt: skip
                except (OSError, EOFError, ConnectionLost) as error:  # the process died
                    print("asked again:", repr(error))
                except MatrixError as error:
                    if error.status != 503:
                        raise
                await asyncio.sleep(0.1)

    async def sync(self, timeout_ms: int = 0) -> dict[str, Any]:
        answer = await self.ask(timeout_ms)
        self.take_in(answer)
        return answer

    def take_in(self, answer: dict[str, Any]) -> None:
        self.pos = answer["pos"]
        to_device = answer["extensions"].get("to_device")
        if to_device is not None:
            self.since = to_device["next_batch"]
        for room_id, shown in answer["rooms"].items():
            assert (room_id not in self.rooms) == bool(shown.get("initial")), room_id
            self.rooms.setdefault(room_id, {}).update(shown)


@pytest.mark.timeout(300)
async def test_session(pair: Bongsu) -> None:
    client = HttpClient(pair.url)
    alice, bob = await register(client, "sliding-alice"), await register(client, "sliding-bob")
    versions = await call(client, "GET", "/_matrix/client/versions")
    for flag in ("org.matrix.simplified_msc3575", "org.matrix.e2e_cross_signing"):
        assert versions["unstable_features"][flag] is True
    rooms = [
        await alice.create_room(preset="private_chat", name=f"Room {n}", invite=[bob.user_id])
        for n in range(ROOMS)
    ]
    for room_id in rooms:
        await bob.join(room_id)
    talk = Connection(bob, "room-list")
    secrets = Connection(bob, "encryption")
    try:
        await _grow(talk, rooms)
        await _kill_one(pair)
        await _subscribe(talk, alice, rooms[0])
        await _kill_one(pair)
        await _wait_for_a_message(talk, alice, rooms[5])
        await _messages_to_devices(secrets, alice, pair)
        await _resume(talk, alice, rooms[9])
    finally:
        await client.close()


async def _grow(talk: Connection, rooms: list[str]) -> None:
    """The latest first, then all others by batches; each is shown once."""
    answer = await talk.sync()
    assert answer["lists"] == {"all_rooms": {"count": ROOMS}}
    assert set(answer["rooms"]) == set(rooms[-20:])
    shown = answer["rooms"][rooms[-1]]
    assert (shown["name"], shown["joined_count"]) == (f"Room {ROOMS - 1}", 2)
    assert len(shown["timeline"]) == 1
    types = {event["type"] for event in answer["extensions"]["account_data"]["global"]}
    assert types == {"m.push_rules"}
    while talk.end < ROOMS - 1:
        talk.end = min(talk.end + BATCH, ROOMS - 1)
        answer = await talk.sync()
        assert len(talk.rooms) == talk.end + 1
    assert set(talk.rooms) == set(rooms)


async def _subscribe(talk: Connection, alice: User, room_id: str) -> None:
    """A room that is opened shows more of its past at once."""
    for number in range(5):
        await alice.send_text(room_id, f"{number}")
    talk.subscriptions = {room_id: SUBSCRIPTION}
    answer = await talk.sync(timeout_ms=30_000)
    while (shown := answer["rooms"].get(room_id)) is None or "4" not in _bodies(shown):
        answer = await talk.sync(timeout_ms=30_000)
    assert _bodies(talk.rooms[room_id])[-1] == "4"
    again = await talk.sync()
    assert again["rooms"] == {}


async def _wait_for_a_message(talk: Connection, alice: User, room_id: str) -> None:
    """A long poll is woken; an answer that was lost comes again, in any process."""
    polling = asyncio.create_task(talk.ask(timeout_ms=30_000))
    await asyncio.sleep(0.5)
    await alice.send_text(room_id, "wake up")
    lost = await polling
    assert _bodies(lost["rooms"][room_id]) == ["wake up"]
    assert lost["rooms"][room_id]["num_live"] == 1
    answer = await talk.sync()
    assert _bodies(answer["rooms"][room_id]) == ["wake up"]
    assert answer["rooms"][room_id]["notification_count"] >= 1
    assert (await talk.sync())["rooms"] == {}


async def _messages_to_devices(secrets: Connection, alice: User, pair: Bongsu) -> None:
    """Once each, by the token of the extension, whatever is lost and whatever dies."""
    first = await secrets.sync()
    assert first["rooms"] == {}
    assert first["extensions"]["to_device"]["events"] == []
    bob = secrets.user
    for number in range(3):
        path = f"/sendToDevice/org.example.secret/txn{number}"
        content = {"messages": {bob.user_id: {bob.device_id: {"number": number}}}}
        await alice.call("PUT", path, content)
    numbers: list[int] = []
    await secrets.ask(timeout_ms=30_000)  # lost
    await _kill_one(pair)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(numbers) < 3:
            answer = await secrets.sync(timeout_ms=30_000)
            events = answer["extensions"]["to_device"]["events"]
            numbers += [event["content"]["number"] for event in events]
    assert numbers == [0, 1, 2]
    answer = await secrets.sync()
    assert answer["extensions"]["to_device"]["events"] == []


async def _resume(talk: Connection, alice: User, room_id: str) -> None:
    """The app comes back: its position still stands, and its range is small again."""
    await alice.send_text(room_id, "while away")
    path = f"/rooms/{quote(room_id)}/messages?dir=b&limit=1&from={quote(str(talk.pos))}"
    page = await talk.user.call("GET", path)  # a position is good for paging too
    assert len(page["chunk"]) == 1
    talk.end, talk.subscriptions = 19, {}
    answer = await talk.sync()
    while room_id not in answer["rooms"]:
        answer = await talk.sync(timeout_ms=30_000)
    assert set(answer["rooms"]) == {room_id}
    assert _bodies(answer["rooms"][room_id]) == ["while away"]
    with pytest.raises(MatrixError) as caught:
        await call(
            talk.user.client, "POST", f"{PATH}?pos=nonsense", talk.body(), token=talk.user.token
        )
    assert (caught.value.status, caught.value.errcode) == (400, "M_UNKNOWN_POS")


async def _kill_one(pair: Bongsu) -> None:
    """One of the two processes dies, and is there again."""
    victim = pair.gateway_pids[0]
    os.kill(victim, signal.SIGKILL)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while victim in pair.gateway_pids or len(pair.gateway_pids) < 2:
            await asyncio.sleep(0.1)
    await asyncio.to_thread(pair.wait_ready)


def _bodies(room: dict[str, Any]) -> list[str]:
    events = room.get("timeline", ())
    return [event["content"]["body"] for event in events if event["type"] == "m.room.message"]
