"""A bridge's bot encrypts: with somebody who uses matrix-js-sdk, over its own restart and the
server's death, and gets every room key in its transactions before what the key opens."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from bridge import Bridge
from encrypting_bridge import EncryptingBot, Rooms, encrypting_bot
from harness.bongsu import Bongsu
from harness.process import open_folder
from mautrix.types import RoomID
from partner import partner_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
MESSAGES = 12  # with a new key after five


@pytest.fixture
def house() -> Iterator[tuple[Bongsu, Bridge]]:
    with open_folder() as folder:
        bridge = Bridge("enc", encrypts=True)
        path = bridge.register(
            folder, **{"de.sorunome.msc2409.push_ephemeral": True, "org.matrix.msc3202": True}
        )
        bongsu = Bongsu(folder / "data", settings={"BONGSU_APPSERVICES": str(path)})
        bongsu.start()
        try:
            yield bongsu, bridge
        finally:
            bongsu.stop()


@pytest.fixture
async def partner(house: tuple[Bongsu, Bridge]) -> AsyncIterator[str]:
    async with partner_of(house[0].url) as partner:
        yield partner.user_id


async def test_a_bot_encrypts(house: tuple[Bongsu, Bridge], partner: str, tmp_path: Path) -> None:
    bongsu, bridge = house
    rooms = Rooms()
    async with encrypting_bot(bridge, bongsu.url, tmp_path, rooms) as bot:
        device_id = bot.client.device_id
        room_id = await bot.create_room(partner)
        await bridge.until(lambda: _joined(bridge, partner))
        await _talk(bridge, bot, room_id, "first life")
    async with encrypting_bot(bridge, bongsu.url, tmp_path, rooms) as bot:
        assert bot.client.device_id == device_id
        await _talk(bridge, bot, room_id, "second life")
        bongsu.kill()
        await asyncio.to_thread(bongsu.start)
        await _talk(bridge, bot, room_id, "third life of the server")


async def _talk(bridge: Bridge, bot: EncryptingBot, room_id: RoomID, topic: str) -> None:
    """Each message is read by the other, whose encrypted answer is read here, and once."""
    for number in range(MESSAGES):
        await bot.say(room_id, f"{topic} {number}")
    wanted = [f"read: {topic} {number}" for number in range(MESSAGES)]
    await bridge.until(lambda: bot.unreadable != [] or set(wanted) <= set(bot.said.values()))
    assert bot.unreadable == []
    heard = [body for body in bot.said.values() if topic in body]
    assert sorted(heard) == sorted(wanted)
    assert len(set(bridge.event_ids())) == len(bridge.event_ids())


def _joined(bridge: Bridge, user_id: str) -> bool:
    return any(
        str(event.type) == "m.room.member"
        and event.state_key == user_id
        and str(event.content.membership) == "join"
        for event in bridge.events
    )
