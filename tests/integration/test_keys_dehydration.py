"""A dehydrated device on the real log: kept, written to, read, replaced, gone with all it had."""

from collections.abc import AsyncIterator

import pytest
from fixtures.keys_house import KeysHouse, device_keys, one_time_keys, open_keys_house
from fixtures.sync_house import ALICE, BOB
from nacl.signing import SigningKey

from bongsu.errors import NotFound
from bongsu.ids import UserId
from bongsu.keys.dehydration import Dehydration
from bongsu.postgres.database import Database
from bongsu.postgres.dehydration_store import PostgresDehydrationStore
from bongsu.users.requester import Requester


@pytest.fixture
async def house(database_dsn: str, database: Database) -> AsyncIterator[KeysHouse]:
    async with open_keys_house(database_dsn, database) as house:
        yield house


async def test_its_life(house: KeysHouse) -> None:
    store = PostgresDehydrationStore(house.database, house.device_store)
    dehydration = Dehydration(store, house.message_store, house.announcer)
    bob = UserId(BOB)

    async def put(device_id: str) -> None:
        device = Requester(bob, device_id, b"")  # type: ignore[arg-type]
        keys = (device_keys(device, SigningKey.generate()), one_time_keys(3), None)
        await dehydration.put(bob, device_id, {"algorithm": "x"}, "asleep", keys)

    with pytest.raises(NotFound):
        await dehydration.get(BOB)
    await put("ONE")
    await put("TWO")
    assert (await dehydration.get(BOB)).device_id == "TWO"
    devices = (await house.query(ALICE, {BOB: []}))["device_keys"][BOB]
    assert list(devices) == ["TWO"]
    assert await house.claim(BOB, "TWO")
    assert not await house.claim(BOB, "ONE")
    alice = await house.device(ALICE)
    for number in range(120):
        await house.send_to(alice, str(number), {BOB: {"*": {"n": number}}})
    first, token = await dehydration.messages(BOB, "TWO", None)
    rest, end = await dehydration.messages(BOB, "TWO", token)
    assert (len(first), len(rest)) == (100, 20)
    assert await dehydration.messages(BOB, "TWO", end) == ([], end)
    with pytest.raises(NotFound):
        await dehydration.messages(BOB, "ONE", None)
    assert await dehydration.delete(bob) == "TWO"
    assert (await house.query(ALICE, {BOB: []}))["device_keys"][BOB] == {}
    rows = await house.database.fetch("SELECT count(*) AS n FROM to_device")
    assert rows[0]["n"] == 0
