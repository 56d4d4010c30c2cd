"""Puts changes of device lists into the log."""

import asyncio
from collections.abc import Sequence

import structlog

from bongsu.errors import Unavailable
from bongsu.ids import UserId
from bongsu.log.gateway import Log
from bongsu.log.proposal import fresh_request_id
from bongsu.tasks import TaskOwner
from bongsu.users.proposals import ChangeDeviceList

log = structlog.get_logger()

ATTEMPTS_MAX = 20  # each waits for an owner as long as a request does
PAUSE_SECONDS = 1.0
UNDER_WAY_MAX = 10_000


class LoggedDeviceLists:
    """Implements `users.devices.DeviceListAnnouncer` and `keys.cross_signing.KeyAnnouncer`.

    What is announced is committed already, and whoever logged out has no token to try again with:
    so if nobody takes the announcement now, it is brought later.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._tasks = TaskOwner("device lists", limit=UNDER_WAY_MAX)

    async def stop(self) -> None:
        await self._tasks.stop()

    async def device_list_changed(self, user_id: UserId) -> None:
        await self._announce(ChangeDeviceList(key=user_id, request_id=fresh_request_id()))

    async def users_signed(self, user_id: UserId, signed: Sequence[str]) -> None:
        await self._announce(
            ChangeDeviceList(key=user_id, request_id=fresh_request_id(), signed=tuple(signed))
        )

    async def _announce(self, change: ChangeDeviceList) -> None:
        try:
            await self._log.propose(change)
        except Unavailable:
            self._tasks.start(self._insist(change))

    async def _insist(self, change: ChangeDeviceList) -> None:
        for _ in range(ATTEMPTS_MAX):
            await asyncio.sleep(PAUSE_SECONDS)
            try:
                await self._log.propose(change)
                return
            except Unavailable as error:
                log.debug("device list not announced yet", reason=error.message)
        log.error("device list not announced", user_id=change.key)
