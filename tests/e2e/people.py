"""People with matrix-nio in their hands."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from nio import (
    AsyncClient,
    AsyncClientConfig,
    Event,
    JoinResponse,
    RegisterResponse,
    RoomCreateResponse,
    RoomPreset,
    RoomSendResponse,
    SyncResponse,
)

T = TypeVar("T")

PATIENCE_SECONDS = 60.0
PASSWORD = "correct horse battery staple"


class Person:
    """One account on one device, with all it saw on its sync stream, in order."""

    def __init__(self, nio: AsyncClient) -> None:
        self.nio = nio
        self.timeline: dict[str, list[Event]] = {}
        self.unread: dict[str, int | None] = {}

    @property
    def user_id(self) -> str:
        return str(self.nio.user_id)

    async def sync(self, **options: Any) -> SyncResponse:
        """One sync from where the last one ended; what came is kept."""
        response = await self.nio.sync(**{"timeout": 1000, **options})
        assert isinstance(response, SyncResponse), response
        for room_id, room in response.rooms.join.items():
            self.timeline.setdefault(room_id, []).extend(room.timeline.events)
            if room.unread_notifications is not None:
                self.unread[room_id] = room.unread_notifications.notification_count
        return response

    async def sees(self, found: Callable[[SyncResponse], T | None]) -> T:
        """Sync until `found` gives something for a response, and give that."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                if (value := found(await self.sync())) is not None:
                    return value

    async def sees_event(self, room_id: str, wanted: Callable[[Event], bool]) -> Event:
        """Sync until the room's timeline holds an event like that, or find it in what came."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                for event in self.timeline.get(room_id, ()):
                    if wanted(event):
                        return event
                await self.sync()

    async def sees_unread(self, room_id: str, count: int) -> None:
        """Sync until the room's notification count, as last told, is `count`."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.unread.get(room_id) != count:
                await self.sync()

    async def sees_id(self, room_id: str, event_id: str) -> Event:
        return await self.sees_event(room_id, lambda event: event.event_id == event_id)

    async def create_room(self, *guests: "Person", **options: Any) -> str:
        """A private room with `guests` invited and joined."""
        options.setdefault("preset", RoomPreset.private_chat)
        response = await self.nio.room_create(invite=[guest.user_id for guest in guests], **options)
        assert isinstance(response, RoomCreateResponse), response
        for guest in guests:
            await guest.join(response.room_id)
        return str(response.room_id)

    async def join(self, room_id: str) -> None:
        response = await self.nio.join(room_id)
        assert isinstance(response, JoinResponse), response

    async def send(
        self, room_id: str, content: dict[str, Any], kind: str = "m.room.message"
    ) -> str:
        """Send an event; its id."""
        response = await self.nio.room_send(room_id, kind, content)
        assert isinstance(response, RoomSendResponse), response
        return str(response.event_id)

    async def say(self, room_id: str, text: str, **more: Any) -> str:
        return await self.send(room_id, {"msgtype": "m.text", "body": text, **more})


class People:
    """Makes persons on one server and closes their clients."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._clients: list[AsyncClient] = []

    async def person(self, name: str) -> Person:
        """A new account called `name` with a random end."""
        client = self._client()
        response = await client.register(f"{name}-{secrets.token_hex(4)}", PASSWORD)
        assert isinstance(response, RegisterResponse), response
        return Person(client)

    def again(self, person: Person, url: str | None = None) -> Person:
        """The same device with a fresh client, as after a restart of the app."""
        client = self._client(url)
        client.restore_login(person.user_id, person.nio.device_id, person.nio.access_token)
        return Person(client)

    async def close(self) -> None:
        for client in self._clients:
            await client.close()

    def _client(self, url: str | None = None) -> AsyncClient:
        config = AsyncClientConfig(max_limit_exceeded=0, max_timeouts=0)
        client = AsyncClient(url or self._url, "", config=config)
        self._clients.append(client)
        return client
