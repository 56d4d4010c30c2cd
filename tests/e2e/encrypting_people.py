"""People with matrix-nio and its own crypto (vodozemac), each with a store of their own."""

from pathlib import Path
from typing import Any

from nio import (
    AsyncClient,
    AsyncClientConfig,
    LoginResponse,
    MegolmEvent,
    RegisterResponse,
    RoomMessageText,
    RoomSendResponse,
)
from people import PASSWORD, Person


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
