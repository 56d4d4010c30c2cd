"""What is left to do when an account has ended: its rooms are left, its profile goes.

The intent stands in the account's row. Any server takes it up, at most one at a time, and again
until it is done: every step may be repeated.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
import structlog

from bongsu.errors import BongsuError, Refused
from bongsu.ids import UserId
from bongsu.log.gateway import Log
from bongsu.log.proposal import fresh_request_id
from bongsu.rooms.proposals import SendEvent
from bongsu.rooms.reading import Member
from bongsu.tasks import TaskOwner
from bongsu.users.proposals import PutAccountData, PutProfileField

log = structlog.get_logger()

LOOK_SECONDS = 5.0  # between two looks for accounts that ended
STEP_SECONDS = 0.02  # between two steps of one departure
ROUNDS_MAX = 10  # an invitation may arrive while the others are rejected

_LEAVABLE = frozenset({"join", "invite", "knock"})


class RoomLister(Protocol):
    async def list_rooms_of(self, user_id: str) -> list[tuple[str, Member]]: ...


class UserData(Protocol):
    async def profile(self, user_id: str) -> dict[str, msgspec.Raw]: ...

    async def list_account_data(self, user_id: str) -> list[tuple[str | None, str]]:
        """(room id, None for global; type) of all account data that is not empty."""
        ...


class Departures:
    """Implements `users.accounts.AccountWatcher`. Returns when all is done."""

    def __init__(
        self, log: Log, rooms: RoomLister, data: UserData, *, step_seconds: float = STEP_SECONDS
    ) -> None:
        self._log = log
        self._rooms = rooms
        self._data = data
        self._step_seconds = step_seconds

    async def account_deactivated(self, user_id: UserId, erase: bool) -> None:
        """Leave all rooms, clear the profile, and with `erase` all account data."""
        for _ in range(ROUNDS_MAX):
            if not await self._leave_rooms(user_id):
                break
        for field in await self._data.profile(user_id):
            await self._propose_field(user_id, field)
        if erase:
            for room_id, type in await self._data.list_account_data(user_id):
                await self._clear_account_data(user_id, room_id, type)

    async def _leave_rooms(self, user_id: UserId) -> int:
        """How many rooms were left, invitations rejected, knocks taken back."""
        rooms = await self._rooms.list_rooms_of(user_id)
        left = 0
        for room_id in [room for room, member in rooms if member.membership in _LEAVABLE]:
            left += await self._leave(user_id, room_id)
            await asyncio.sleep(self._step_seconds)
        return left

    async def _leave(self, user_id: UserId, room_id: str) -> bool:
        try:
            await self._log.propose(
                SendEvent(
                    key=room_id,
                    request_id=fresh_request_id(),
                    sender=user_id,
                    type="m.room.member",
                    content={"membership": "leave"},
                    state_key=user_id,
                )
            )
        except Refused as refused:  # banned or kicked meanwhile: outside already
            log.info("room not left", user_id=user_id, room_id=room_id, reason=refused.message)
            return False
        return True

    async def _propose_field(self, user_id: UserId, field: str) -> None:
        await self._log.propose(
            PutProfileField(key=user_id, request_id=fresh_request_id(), field=field, value=None)
        )

    async def _clear_account_data(self, user_id: UserId, room_id: str | None, type: str) -> None:
        await self._log.propose(
            PutAccountData(
                key=user_id,
                request_id=fresh_request_id(),
                type=type,
                content=b"{}",
                room_id=room_id,
            )
        )
        await asyncio.sleep(self._step_seconds)


class DepartureRunner:
    """Looks for accounts that ended, and goes on with what another server did not finish.

    `resume` is `Accounts.resume_departures` of accounts whose watcher is a `Departures`.
    """

    def __init__(
        self, resume: Callable[[], Awaitable[int]], *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        self._resume = resume
        self._look_seconds = look_seconds
        self._tasks = TaskOwner("departures")

    async def start(self) -> None:
        self._tasks.start(self._run())

    async def stop(self) -> None:
        """Cancelled anywhere: the intent stands, and another look finds it."""
        await self._tasks.stop()

    async def _run(self) -> None:
        while True:
            try:
                found = await self._resume()
            except BongsuError as error:
                log.warning("departure interrupted", reason=str(error))
                found = 0
            if not found:
                await asyncio.sleep(self._look_seconds)
