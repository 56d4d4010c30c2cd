"""Pushes of a server as an operator starts it: two processes, killed in the middle; and logout.

The gateway is ours, and refuses what the Push Gateway API's schema does not permit. Sygnal, the one
that vendors run, cannot be had from PyPI under any of its names (sygnal, matrix-sygnal).
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

import pytest
from fixtures.push_house import Gateway
from harness.bongsu import Bongsu
from harness.http import ConnectionLost, HttpClient
from harness.matrix import MatrixError, User, register
from harness.process import open_folder

SETTINGS = {"BONGSU_OUTGOING_ALLOWED_NETWORKS": "127.0.0.1/32"}
ARRIVES_SECONDS_MAX = 90.0
PASSWORD = "correct horse battery staple"


@pytest.fixture
def server() -> Iterator[Bongsu]:
    with open_folder() as folder:
        bongsu = Bongsu(folder / "data", processes=2, settings=SETTINGS)
        bongsu.start()
        yield bongsu
        bongsu.stop()


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    gateway = Gateway()
    await gateway.start()
    yield gateway
    await gateway.stop()


async def test_every_message_is_pushed_though_all_processes_are_killed(
    server: Bongsu, gateway: Gateway
) -> None:
    """Goal: what was answered 200 is pushed at least once, and nothing after the device is gone."""
    client = HttpClient(server.url)
    alice = await register(client, "alice", PASSWORD)
    bob = await register(client, "bob", PASSWORD)
    room = await alice.create_room(preset="public_chat")
    await bob.join(room)
    pusher = {
        "app_id": "org.example.app", "pushkey": "bob's", "kind": "http", "lang": "en",
        "app_display_name": "App", "device_display_name": "Phone", "data": {"url": gateway.url},
    }  # fmt: skip
    await bob.call("POST", "/pushers/set", pusher)
    await _heard_of_the_pusher(alice, room, gateway)
    sent = [await _send(alice, room, number) for number in range(5)]
    server.kill()
    await asyncio.to_thread(server.start)
    sent += [await _send(alice, room, number) for number in range(5, 10)]
    async with asyncio.timeout(ARRIVES_SECONDS_MAX):
        while not set(sent) <= set(gateway.events()):
            await asyncio.sleep(0.1)
    await bob.call("POST", "/logout", {})
    told = set(gateway.events())
    await _send(alice, room, 10)
    await asyncio.sleep(3)
    assert set(gateway.events()) == told
    await client.close()


async def _heard_of_the_pusher(user: User, room: str, gateway: Gateway) -> None:
    """Send until something is pushed: a process hears of pushers now and then."""
    async with asyncio.timeout(ARRIVES_SECONDS_MAX):
        for number in itertools.count(1_000):
            if gateway.events():
                return
            await _send(user, room, number)
            await asyncio.sleep(0.5)


async def _send(user: User, room: str, number: int) -> str:
    """Until it is answered: a retry with the same id does not double it."""
    content = {"msgtype": "m.text", "body": f"{number}"}
    async with asyncio.timeout(ARRIVES_SECONDS_MAX):
        while True:
            try:
                return await user.send(room, content, txn_id=f"push-{number}")
            except (MatrixError, ConnectionLost, OSError):
                await asyncio.sleep(0.2)
