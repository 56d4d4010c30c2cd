"""A bridge bot made with mautrix, and a record of every request that the server makes to it."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from harness.process import free_port
from mautrix.appservice import AppService, ASStateStore
from mautrix.client.state_store.memory import MemoryStateStore
from mautrix.types import Event, RoomCreatePreset

PATIENCE_SECONDS = 60.0
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class StateStore(ASStateStore, MemoryStateStore):
    """What mautrix remembers of rooms, in memory."""

    def __init__(self) -> None:
        ASStateStore.__init__(self)
        MemoryStateStore.__init__(self)


@dataclass
class Bridge:
    """One registration and, while `running`, the service behind it."""

    name: str
    server_name: str = "localhost"
    port: int = field(default_factory=free_port)
    as_token: str = field(default_factory=lambda: secrets.token_hex(16))
    hs_token: str = field(default_factory=lambda: secrets.token_hex(16))
    transactions: list[tuple[str, bytes]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    ephemeral: list[dict[str, Any]] = field(default_factory=list)
    users_asked: list[str] = field(default_factory=list)
    acks_to_lose: int = 0  # so many transactions are handled, and then answered 500
    encrypts: bool = False  # its bot is told of keys and of messages to its device
    service: AppService | None = None

    def register(self, folder: Path, **more: Any) -> Path:
        """Write the registration file."""
        registration = {
            "id": self.name,
            "url": f"http://127.0.0.1:{self.port}",
            "as_token": self.as_token,
            "hs_token": self.hs_token,
            "sender_localpart": f"_{self.name}_bot",
            "rate_limited": False,
            "receive_ephemeral": True,
            "protocols": [self.name],
            "namespaces": {
                "users": [{"exclusive": True, "regex": f"@_{self.name}_.*"}],
                "aliases": [{"exclusive": True, "regex": f"#_{self.name}_.*"}],
                "rooms": [],
            },
            **more,
        }
        path = folder / f"{self.name}.yaml"
        path.write_text(yaml.safe_dump(registration), "utf-8")
        return path

    def ghost(self, name: str) -> str:
        return f"@_{self.name}_{name}:{self.server_name}"

    @asynccontextmanager
    async def running(self, server: str) -> AsyncIterator[AppService]:
        """The service, listening; it forgets what it knew of transactions, as after a crash."""
        service = AppService(
            server, self.server_name, self.as_token, self.hs_token, f"_{self.name}_bot", self.name,
            state_store=StateStore(), ephemeral_events=True, encryption_events=self.encrypts,
            query_user=self._on_user, query_alias=self._on_alias,
            aiohttp_params={"middlewares": [self._record]},
        )  # fmt: skip
        service.synchronous_handlers = True
        service.matrix_event_handler(self._on_event)
        service.transactions = {txn_id for txn_id, _ in self.transactions}
        self.service = service
        await service.start(port=self.port)
        try:
            yield service
        finally:
            self.service = None
            await service.stop()

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_so():
                await asyncio.sleep(0.05)

    def texts(self, room_id: str) -> list[str]:
        """Bodies of the messages that came from a room, in order."""
        return [
            str(event.content.body)
            for event in self.events
            if event.room_id == room_id and str(event.type) == "m.room.message"
        ]

    async def _on_event(self, event: Event) -> None:
        if event.type.is_ephemeral:
            self.ephemeral.append(event.serialize())
        else:
            self.events.append(event)

    async def _on_user(self, user_id: str) -> dict[str, Any]:
        self.users_asked.append(user_id)
        assert self.service is not None
        await self.service.intent.user(user_id).ensure_registered()
        return {}

    async def _on_alias(self, alias: str) -> dict[str, Any] | None:
        """Makes the room that it is asked for, unless its name says `missing`."""
        if "missing" in alias:
            return None
        assert self.service is not None
        await self.service.intent.create_room(
            alias_localpart=alias[1:].partition(":")[0], preset=RoomCreatePreset.PUBLIC
        )
        return {"made": True}

    @web.middleware
    async def _record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if "/transactions/" not in request.path:
            return await handler(request)
        self.transactions.append((request.path.rpartition("/")[2], await request.read()))
        answer = await handler(request)
        if self.acks_to_lose:
            self.acks_to_lose -= 1
            return web.json_response({"errcode": "M_UNKNOWN"}, status=500)
        return answer

    def event_ids(self) -> list[str]:
        """Of the events of each transaction once, however often it was sent."""
        bodies = dict(self.transactions)
        for txn_id, body in self.transactions:
            assert bodies[txn_id] == body, f"{txn_id} was sent with another body"
        return [
            event["event_id"] for body in bodies.values() for event in json.loads(body)["events"]
        ]
