"""Encrypted conversation of people who use matrix-nio with its own crypto (vodozemac), among
themselves and with somebody who uses matrix-js-sdk."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from encrypting_people import Encrypted, keep_up, reads, say
from nio import RoomPreset
from nio.event_builders import EnableEncryptionBuilder
from partner import partner_of

MESSAGES = 40


@pytest.fixture
async def encrypted(homeserver: str, tmp_path: Path) -> AsyncIterator[Encrypted]:
    people = Encrypted(homeserver, tmp_path)
    yield people
    await people.close()


async def test_people_and_a_later_device_read_each_other(encrypted: Encrypted) -> None:
    alice, bob = await encrypted.person("alice"), await encrypted.person("bob")
    room_id = await alice.create_room(
        bob, preset=RoomPreset.private_chat,
        initial_state=[EnableEncryptionBuilder().as_dict()],
    )  # fmt: skip
    for person in (alice, bob):
        await person.sees(lambda _, p=person: p.nio.rooms[room_id].encrypted or None)
        await keep_up(person)
    for number in range(MESSAGES):
        writer, reader = (alice, bob) if number % 2 else (bob, alice)
        await say(writer, room_id, f"message {number}")
        event = await reads(reader, room_id, f"message {number}")
        assert event.decrypted
    phone = await encrypted.another_device(bob)
    await say(alice, room_id, "to the phone, too")
    assert (await reads(phone, room_id, "to the phone, too", is_new=True)).decrypted
    assert (await reads(bob, room_id, "to the phone, too")).decrypted


@pytest.fixture
async def partner(homeserver: str) -> AsyncIterator[str]:
    """User id of somebody who answers in matrix-js-sdk."""
    async with partner_of(homeserver) as partner:
        yield partner.user_id


async def test_two_libraries_read_each_other(encrypted: Encrypted, partner: str) -> None:
    alice = await encrypted.person("alice")
    room_id = await alice.create_room(
        preset=RoomPreset.private_chat, initial_state=[EnableEncryptionBuilder().as_dict()]
    )
    await alice.nio.room_invite(room_id, partner)
    await alice.sees(lambda _: partner in alice.nio.rooms[room_id].users or None)
    for number in range(MESSAGES):
        await say(alice, room_id, f"message {number}")
        event = await reads(alice, room_id, f"read: message {number}")
        assert event.decrypted
        assert event.sender == partner
