"""What the server asks a service before it says that a user or a room is not there.

The service makes what it is asked for, by this server's own API, before it answers. So whoever asks
again while an answer is awaited, which is often the service itself, hears at once what there is.
Spec: "Querying".
"""

from collections.abc import Callable
from typing import Protocol

import structlog

from bongsu.appservices.calls import Calls, ServiceUnreachable
from bongsu.appservices.namespaces import Service
from bongsu.appservices.services import Services
from bongsu.ids import UserId
from bongsu.users.accounts import Account

log = structlog.get_logger()

RUNNING_MAX = 100


class AccountReader(Protocol):
    async def get(self, user_id: UserId) -> Account | None: ...


class AliasReader(Protocol):
    async def room_of(self, alias: str) -> str | None: ...


class Asking:
    def __init__(
        self, services: Services, calls: Calls, accounts: AccountReader, aliases: AliasReader
    ) -> None:
        self._services = services
        self._calls = calls
        self._accounts = accounts
        self._aliases = aliases
        self._running: set[str] = set()

    async def room_of(self, alias: str) -> str | None:
        """Where an alias leads, once a service whose name it is had the chance to make it."""
        room_id = await self._aliases.room_of(alias)
        if room_id is not None:
            return room_id
        if not await self._ask("rooms", alias, lambda service: service.aliases.match(alias)):
            return None
        return await self._aliases.room_of(alias)

    async def ask_for_user(self, service: Service, user_id: str) -> None:
        """Let a service make a user of its own who was invited before there was one."""
        if not service.has_user(user_id) or await self._accounts.get(UserId(user_id)) is not None:
            return
        await self._ask("users", user_id, lambda each: each is service)

    async def _ask(self, kind: str, name: str, concerns: Callable[[Service], bool]) -> bool:
        """Whether a service says that it has made it."""
        asked = [each for each in self._services.all if concerns(each) and each.registration.url]
        if not asked or name in self._running or len(self._running) >= RUNNING_MAX:
            return False
        self._running.add(name)
        try:
            for service in asked:
                if await self._exists(service, kind, name):
                    return True
        finally:
            self._running.discard(name)
        return False

    async def _exists(self, service: Service, kind: str, name: str) -> bool:
        try:
            return await self._calls.exists(service, kind, name)
        except ServiceUnreachable as failure:
            log.info("application service not asked", service=service.id, reason=str(failure))
            return False
