"""The bot of a bridge with mautrix's own crypto (libolm) and store, as its bridges use them: keys,
messages to the device and key counts come in transactions (MSC2409, MSC3202), not by a sync."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bridge import Bridge
from mautrix.appservice import AppService
from mautrix.client import Client
from mautrix.crypto import OlmMachine, PgCryptoStore
from mautrix.crypto.store import StateStore
from mautrix.errors import SessionNotFound
from mautrix.types import (
    Event,
    EventType,
    RoomCreatePreset,
    RoomEncryptionStateEventContent,
    RoomID,
    StateEvent,
    UserID,
)
from mautrix.util.async_db import Database

PICKLE_KEY = "test"
SESSION_SECONDS_MAX = 30
ENCRYPTION = {"algorithm": "m.megolm.v1.aes-sha2", "rotation_period_msgs": 5}


class Rooms(StateStore):
    """All rooms are encrypted alike; `members` are those beside the bot."""

    def __init__(self) -> None:
        self.members: dict[RoomID, list[UserID]] = {}

    async def is_encrypted(self, room_id: RoomID) -> bool:
        return True

    async def get_encryption_info(self, room_id: RoomID) -> RoomEncryptionStateEventContent:
        return RoomEncryptionStateEventContent.deserialize(ENCRYPTION)

    async def find_shared_rooms(self, user_id: UserID) -> list[RoomID]:
        return [room for room, members in self.members.items() if user_id in members]


class EncryptingBot:
    """The bot while its service runs. `said` is what it could read, by (room, event)."""

    def __init__(self, client: Client, machine: OlmMachine, rooms: Rooms) -> None:
        self.client = client
        self.machine = machine
        self.rooms = rooms
        self.said: dict[tuple[str, str], str] = {}
        self.unreadable: list[str] = []

    async def create_room(self, *members: str) -> RoomID:
        content = {"type": "m.room.encryption", "state_key": "", "content": ENCRYPTION}
        room_id = await self.client.create_room(
            preset=RoomCreatePreset.PRIVATE,
            invitees=[UserID(each) for each in members],
            initial_state=[content],
        )
        self.rooms.members[room_id] = [UserID(each) for each in members]
        return room_id

    async def say(self, room_id: RoomID, body: str) -> None:
        content = {"msgtype": "m.text", "body": body}
        session = await self.machine.crypto_store.get_outbound_group_session(room_id)
        if session is None or session.expired or not session.shared:
            await self.machine.share_group_session(room_id, self.rooms.members[room_id])
        encrypted = await self.machine.encrypt_megolm_event(
            room_id, EventType.ROOM_MESSAGE, content
        )
        await self.client.send_message_event(room_id, EventType.ROOM_ENCRYPTED, encrypted)

    async def on_event(self, event: Event) -> None:
        """What a transaction tells: in order, and before it is answered."""
        if isinstance(event, StateEvent):
            if event.type == EventType.ROOM_MEMBER:
                await self.machine.handle_member_event(event)
        elif event.type == EventType.ROOM_ENCRYPTED and event.sender != self.client.mxid:
            try:
                decrypted = await self.machine.decrypt_megolm_event(event)
            except SessionNotFound:
                self.unreadable.append(event.event_id)
                return
            self.said[event.room_id, event.event_id] = decrypted.content.body


@asynccontextmanager
async def encrypting_bot(
    bridge: Bridge, server: str, folder: Path, rooms: Rooms
) -> AsyncIterator[EncryptingBot]:
    """The bot, its device and sessions kept in `folder` from one life to the next."""
    database = Database.create(
        f"sqlite:///{folder}/crypto.db",
        upgrade_table=PgCryptoStore.upgrade_table,
        log=logging.getLogger("crypto"),
    )
    await database.start()
    store = PgCryptoStore("", PICKLE_KEY, database)
    await store.open()
    async with bridge.running(server) as service:
        client = Client(
            base_url=server,
            mxid=service.bot_mxid,
            sync_store=store,
            state_store=service.state_store,
            token=bridge.as_token,
        )
        machine = OlmMachine(client, store, rooms)
        bot = EncryptingBot(client, machine, rooms)
        _connect(service, bot)
        await service.intent.ensure_registered()
        device_id = await store.get_device_id()
        await client.create_device_msc4190(device_id or "", "bridge")
        await machine.load()
        await store.put_device_id(client.device_id)
        await machine.share_keys()
        try:
            yield bot
        finally:
            await client.api.session.close()
            await store.close()
            await database.stop()


def _connect(service: AppService, bot: EncryptingBot) -> None:
    machine: Any = bot.machine
    service.matrix_event_handler(bot.on_event)
    service.otk_handler = machine.handle_as_otk_counts
    service.device_list_handler = machine.handle_as_device_lists
    service.to_device_handler = machine.handle_as_to_device_event


async def until(is_so: Any, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not is_so():
            await asyncio.sleep(0.05)
