"""Tells every node at once whose sessions changed; caches that miss it expire by themselves."""

from typing import Protocol

import structlog

from bongsu.ids import UserId
from bongsu.log.bus import Bus, BusUnavailable
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

SUBJECT = "revocations"


class Cache(Protocol):
    def invalidate_user(self, user_id: UserId) -> None: ...


class BusRevocations:
    """Implements `users.sessions.Revocations`."""

    def __init__(self, bus: Bus, cache: Cache) -> None:
        self._bus = bus
        self._cache = cache
        self._tasks = TaskOwner("revocations")

    async def start(self) -> None:
        await self._bus.subscribe(SUBJECT, self._on_revocation)

    async def stop(self) -> None:
        await self._tasks.stop()

    def sessions_changed(self, user_id: UserId) -> None:
        self._cache.invalidate_user(user_id)
        self._tasks.start(self._publish(user_id))

    async def _publish(self, user_id: UserId) -> None:
        try:
            await self._bus.publish(SUBJECT, user_id.encode())
        except BusUnavailable as error:
            log.debug("revocation not published", reason=str(error))

    def _on_revocation(self, payload: bytes) -> None:
        self._cache.invalidate_user(UserId(payload.decode()))
