"""What is left to do when an account has ended: its rooms are left, its profile goes."""

import asyncio
from typing import Protocol

import msgspec
import structlog

from bongsu.errors import Refused
from bongsu.log.gateway import Log
from bongsu.log.intents import STEP_SECONDS, Intent
from bongsu.rooms.proposals import SendEvent
from bongsu.rooms.reading import Member
from bongsu.users.accounts import Departure
from bongsu.users.proposals import PutAccountData, PutProfileField

log = structlog.get_logger()

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
    """Carries out the intents of `Accounts.deactivate`; their key is the user id."""

    def __init__(
        self, log: Log, rooms: RoomLister, data: UserData, *, step_seconds: float = STEP_SECONDS
    ) -> None:
        self._log = log
        self._rooms = rooms
        self._data = data
        self._step_seconds = step_seconds

    async def carry_out(self, intent: Intent) -> None:
        """Leave all rooms, clear the profile, and with `erase` all account data."""
        for _ in range(ROUNDS_MAX):
            if not await self._leave_rooms(intent):
                break
        for field in await self._data.profile(intent.key):
            await self._log.propose(
                PutProfileField(
                    key=intent.key,
                    request_id=intent.request_id("profile", field),
                    field=field,
                    value=None,
                )
            )
        if msgspec.json.decode(intent.body, type=Departure).erase:
            for room_id, type in await self._data.list_account_data(intent.key):
                await self._clear_account_data(intent, room_id, type)

    async def _leave_rooms(self, intent: Intent) -> int:
        """How many rooms were left, invitations rejected, knocks taken back."""
        left = 0
        for room_id, member in await self._rooms.list_rooms_of(intent.key):
            if member.membership in _LEAVABLE:
                left += await self._leave(intent, room_id, member)
                await asyncio.sleep(self._step_seconds)
        return left

    async def _leave(self, intent: Intent, room_id: str, member: Member) -> bool:
        try:
            await self._log.propose(
                SendEvent(
                    key=room_id,
                    request_id=intent.request_id("leave", room_id, str(member.position)),
                    sender=intent.key,
                    type="m.room.member",
                    content={"membership": "leave"},
                    state_key=intent.key,
                )
            )
        except Refused as refused:  # banned or kicked meanwhile: outside already
            log.info("room not left", user_id=intent.key, room_id=room_id, reason=refused.message)
            return False
        return True

    async def _clear_account_data(self, intent: Intent, room_id: str | None, type: str) -> None:
        await self._log.propose(
            PutAccountData(
                key=intent.key,
                request_id=intent.request_id("account_data", room_id or "", type),
                type=type,
                content=b"{}",
                room_id=room_id,
            )
        )
        await asyncio.sleep(self._step_seconds)
