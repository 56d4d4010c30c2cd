"""Messages to devices on the real log: each arrives once, none is lost, none comes too late."""

import asyncio
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

import pytest
from fixtures.keys_house import KeysHouse, one_time_keys, open_keys_house
from fixtures.sync_house import ALICE, BOB, CAROL, bodies, joined

from bongsu.errors import Refused, TooLarge
from bongsu.keys.to_device import MESSAGES_MAX
from bongsu.log.entry import decode_facts
from bongsu.log.position import PARTITIONS, partition_of
from bongsu.postgres.database import Database
from bongsu.rooms.sending import Sending


@pytest.fixture
async def house(database_dsn: str, database: Database) -> AsyncIterator[KeysHouse]:
    async with open_keys_house(database_dsn, database) as house:
        yield house


def received(answer: dict[str, Any]) -> list[Any]:
    """The numbers of the messages in an answer."""
    return [event["content"]["n"] for event in answer.get("to_device", {}).get("events", ())]


async def test_a_message_wakes_its_device_and_is_shown_once(house: KeysHouse) -> None:
    alice = await house.device(ALICE)
    await house.device(BOB)
    await house.device(BOB, "OTHER")
    since = (await house.get(BOB))["next_batch"]
    waiting = asyncio.ensure_future(house.get(BOB, since, wait=30))
    await asyncio.sleep(0.05)
    await house.send_to(alice, "1", {BOB: {"D": {"n": 1}}})
    answer = await waiting
    assert answer["to_device"]["events"] == [
        {"type": "m.test", "sender": ALICE, "content": {"n": 1}}
    ]
    assert received(await house.get(BOB, since)) == [1]  # the answer was lost: again
    assert received(await house.get(BOB, answer["next_batch"])) == []
    assert received(await house.get(BOB, device="OTHER")) == []


async def test_counts_of_a_lost_answer_come_again(house: KeysHouse) -> None:
    alice = await house.device(ALICE)
    await house.upload(alice, one_time_keys(2))
    since = (await house.get(ALICE))["next_batch"]
    await house.upload(alice, one_time_keys(1, first=2))
    for _ in range(3):
        answer = await house.get(ALICE, since)
        assert answer["device_one_time_keys_count"] == {"signed_curve25519": 3}
        assert answer["next_batch"] != since
    assert house.compared, "none of them was answered at once"


async def test_a_retry_adds_nothing(house: KeysHouse) -> None:
    alice = await house.device(ALICE)
    people = [f"@p{number}:test" for number in range(40)]
    for person in people:
        await house.device(person)
    messages = {person: {"D": {"n": 1}} for person in people}
    # A first attempt that reached only some of the partitions, then all at once, twice.
    await house.send_to(alice, "1", {person: messages[person] for person in people})
    await asyncio.gather(*(house.send_to(alice, "1", messages) for _ in range(3)))
    for person in people:
        assert received(await house.get(person)) == [1]
    await house.send_to(alice, "2", messages)
    assert received(await house.get(people[0])) == [1, 1]


async def test_all_devices_and_only_those_that_there_are(house: KeysHouse) -> None:
    alice = await house.device(ALICE)
    for device in ("A", "B"):
        await house.device(BOB, device)
    messages = {BOB: {"*": {"n": 1}, "A": {"n": 2}, "GONE": {"n": 3}}, CAROL: {"*": {"n": 4}},
                "@x:elsewhere": {"D": {"n": 5}}}  # fmt: skip
    await house.send_to(alice, "1", messages)
    assert sorted(received(await house.get(BOB, device="A"))) == [1, 2]
    assert received(await house.get(BOB, device="B")) == [1]
    rows = await house.database.fetch("SELECT DISTINCT device_id FROM to_device")
    assert {row["device_id"] for row in rows} == {"A", "B"}
    entries = await house.database.fetch("SELECT key FROM entry WHERE kind = 7")
    assert {row["key"] for row in entries} == {BOB}


async def test_a_full_inbox_comes_before_what_was_said_after_it(house: KeysHouse) -> None:
    """The key to an event may be the 250th message: the event waits until it was shown."""
    alice = await house.device(ALICE)
    await house.device(BOB)
    room = await house.room(ALICE, BOB)
    since = (await house.get(BOB))["next_batch"]
    for number in range(250):
        await house.send_to(alice, str(number), {BOB: {"D": {"n": number}}})
    await house.send(room, ALICE, "opened by number 249")
    got: list[int] = []
    for _ in range(3):
        answer = await house.get(BOB, since)
        assert len(received(answer)) <= 100
        got += received(answer)
        said = room in answer.get("rooms", {}).get("join", {})
        assert said == (len(got) == 250)
        since = answer["next_batch"]
    assert got == list(range(250))
    assert bodies(joined(answer, room)) == ["opened by number 249"]


async def test_messages_are_deleted_by_a_token_past_them_and_by_nothing_else(
    house: KeysHouse,
) -> None:
    alice = await house.device(ALICE)
    await house.device(BOB)

    async def kept() -> int:
        await house.inboxes.delete_read()
        rows = await house.database.fetch("SELECT count(*) AS n FROM to_device")
        return rows[0]["n"]

    await house.send_to(alice, "1", {BOB: {"D": {"n": 1}}})
    first = await house.get(BOB)
    await house.send_to(alice, "2", {BOB: {"D": {"n": 2}}})
    await house.get(BOB)
    assert await kept() == 2
    codec = type(house.sync.tokens)("another incarnation")
    token = house.sync.tokens.decode(first["next_batch"])
    foreign = codec.encode(type(token)(codec.incarnation, token.vector, to_device=2**40))
    assert received(await house.get(BOB, foreign)) == [1, 2]
    assert await kept() == 2
    assert received(await house.get(BOB, first["next_batch"])) == [2]
    assert await kept() == 1


async def test_a_process_that_starts_finds_what_lies_there(house: KeysHouse) -> None:
    alice = await house.device(ALICE)
    await house.device(BOB)
    since = (await house.get(BOB))["next_batch"]
    await house.send_to(alice, "1", {BOB: {"D": {"n": 1}}})
    answer = await house.get(BOB, since, sync=house.new_sync())
    assert received(answer) == [1]


@pytest.mark.parametrize(
    "messages",
    [{"nobody": {"D": {}}}, {BOB: {"D\x00": {}}}, {BOB: {"D" * 300: {}}},
     {BOB: {"D": {"text": "\ud800"}}}, {BOB: {"D": {"text": "x" * 70_000}}}],
)  # fmt: skip
async def test_bad_messages_reach_nobody(house: KeysHouse, messages: Any) -> None:
    alice = await house.device(ALICE)
    await house.device(BOB)
    with pytest.raises(Refused):
        await house.send_to(alice, "1", {CAROL: {"*": {}}, **messages})
    for bad in ("t\x00", "t" * 300):
        with pytest.raises(Refused):
            await house.send_to(alice, bad, {BOB: {"D": {}}})
        with pytest.raises(Refused):
            await house.send_to(alice, "1", {BOB: {"D": {}}}, type=bad)
    assert received(await house.get(BOB)) == []


async def test_of_too_many_messages_none_is_sent(house: KeysHouse) -> None:
    alice = await house.device(ALICE)
    await house.device(BOB)
    everybody = {f"@p{number}:test": {"*": {}} for number in range(MESSAGES_MAX)}
    with pytest.raises(TooLarge):
        await house.send_to(alice, "1", {BOB: {"D": {}}, **everybody})
    assert received(await house.get(BOB)) == []


async def test_an_event_says_which_keys_come_before_it(house: KeysHouse) -> None:
    alice = await house.device(ALICE)
    await house.device(BOB)
    room = await house.room(ALICE, BOB)
    sending = Sending(house.heart.log, None, None, None, "test", house.sent)  # type: ignore[arg-type]

    async def send(txn_id: str) -> tuple[tuple[int, int], ...]:
        content = {"algorithm": "m.megolm.v1.aes-sha2"}
        await sending.send_message(alice, room, "m.room.encrypted", txn_id, content)  # type: ignore[arg-type]
        row = await house.database.fetchrow(
            "SELECT facts FROM entry WHERE key = $1 ORDER BY position DESC LIMIT 1", room
        )
        assert row is not None
        return decode_facts(row["facts"]).after

    assert await send("1") == ()
    await house.send_to(alice, "k", {BOB: {"D": {}}, ALICE: {"D": {}}})
    places = dict(await send("2"))
    assert set(places) == {partition_of(BOB), partition_of(ALICE)}
    assert await send("3") == ()  # it stands behind one that says so
    await house.send_to(alice, "l", {BOB: {"D": {}}})
    assert dict(await send("4"))[partition_of(BOB)] == places[partition_of(BOB)] + 1


async def test_two_thousand_devices_at_once(house: KeysHouse) -> None:
    alice = await house.device(ALICE)
    devices = [(f"@p{number // 2}:test", f"D{number % 2}") for number in range(2_000)]
    await house.database.execute(
        "INSERT INTO device (user_id, device_id, created_at)"
        " SELECT *, 0 FROM unnest($1::text[], $2::text[])",
        *zip(*devices, strict=True),
    )
    messages: dict[str, dict[str, Any]] = {}
    for user_id, device_id in devices:
        messages.setdefault(user_id, {})[device_id] = {"n": 1, "ciphertext": "x" * 900}
    started = perf_counter()
    await house.send_to(alice, "1", messages)
    print(f"2,000 devices in {(perf_counter() - started) * 1000:.0f} ms")
    (row,) = await house.database.fetch(
        "SELECT count(*) AS n, count(DISTINCT xmin::text) AS commits FROM to_device"
    )
    assert row["n"] == 2_000
    assert row["commits"] <= 2 * PARTITIONS, "not a commit for each"
