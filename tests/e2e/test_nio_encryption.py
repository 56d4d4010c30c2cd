"""Encrypted conversation of people who use matrix-nio with its own crypto (vodozemac), among
themselves and with somebody who uses matrix-js-sdk."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from nio import (
    AsyncClient,
    AsyncClientConfig,
    LoginResponse,
    MegolmEvent,
    RegisterResponse,
    RoomMessageText,
    RoomPreset,
    RoomSendResponse,
)
from nio.event_builders import EnableEncryptionBuilder
from partner import partner_of
from people import PASSWORD, Person

MESSAGES = 40


class Encrypted:
    """Makes persons whose clients encrypt, each with a store of its own."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder
        self._clients: list[AsyncClient] = []

    async def person(self, name: str) -> Person:
        client = self._client(name)
        response = await client.register(f"{name}-{self._folder.name[-8:]}", PASSWORD)
        assert isinstance(response, RegisterResponse), response
        return await self._ready(client)

    async def another_device(self, person: Person) -> Person:
        client = self._client(person.user_id)
        response = await client.login(PASSWORD)
        assert isinstance(response, LoginResponse), response
        return await self._ready(client)

    async def close(self) -> None:
        for client in self._clients:
            await client.close()

    async def _ready(self, client: AsyncClient) -> Person:
        person = Person(client)
        await person.sync(full_state=True)
        await keep_up(person)
        return person

    def _client(self, user: str) -> AsyncClient:
        folder = self._folder / str(len(self._clients))
        folder.mkdir()
        config = AsyncClientConfig(
            max_limit_exceeded=0, max_timeouts=0, encryption_enabled=True, store_sync_tokens=False
        )
        client = AsyncClient(self._url, user, store_path=str(folder), config=config)
        self._clients.append(client)
        return client


@pytest.fixture
async def encrypted(homeserver: str, tmp_path: Path) -> AsyncIterator[Encrypted]:
    people = Encrypted(homeserver, tmp_path)
    yield people
    await people.close()


async def keep_up(person: Person) -> None:
    """What a client's loop does after each sync: upload, query and claim keys, send messages."""
    nio = person.nio
    if nio.should_upload_keys:
        await nio.keys_upload()
    if nio.should_query_keys:
        await nio.keys_query()
    if nio.should_claim_keys:
        await nio.keys_claim(nio.get_users_for_key_claiming())
    await nio.send_to_device_messages()


async def reads(
    person: Person, room_id: str, body: str, *, is_new: bool = False
) -> RoomMessageText:
    """The message, decrypted. Only a new device may meet others that it cannot read."""

    def is_it(event: Any) -> bool:
        assert is_new or not isinstance(event, MegolmEvent), "could not be decrypted"
        return isinstance(event, RoomMessageText) and event.body == body

    event = await person.sees_event(room_id, is_it)
    assert isinstance(event, RoomMessageText)
    await keep_up(person)
    return event


async def say(person: Person, room_id: str, body: str) -> None:
    await person.sync(timeout=0)
    await keep_up(person)
    content = {"msgtype": "m.text", "body": body}
    response = await person.nio.room_send(
        room_id, "m.room.message", content, ignore_unverified_devices=True
    )
    assert isinstance(response, RoomSendResponse), response


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
    async with partner_of(homeserver) as user_id:
        yield user_id


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
