"""Devices of a person. A device lives as long as its session: deleting it ends its tokens."""

from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

import msgspec

from bongsu.errors import InvalidParam, NotFound
from bongsu.ids import DeviceId, UserId
from bongsu.users import text
from bongsu.users.completion import complete
from bongsu.users.last_seen import Sighting
from bongsu.users.sessions import Revocations
from bongsu.users.tokens import now_ms

DELETED_AT_ONCE_MAX = 5000


class Device(msgspec.Struct, frozen=True, omit_defaults=True):
    """A device as /devices shows it. `last_seen_ts` in ms, some minutes behind."""

    device_id: DeviceId
    display_name: str | None = None
    last_seen_ip: str | None = None
    last_seen_ts: int | None = None


class DeviceStore(Protocol):
    async def list_devices(self, user_id: UserId) -> Sequence[Device]: ...

    async def get(self, user_id: UserId, device_id: DeviceId) -> Device | None: ...

    async def rename(self, user_id: UserId, device_id: DeviceId, display_name: str) -> bool: ...

    async def add(
        self, user_id: UserId, device_id: DeviceId, display_name: str | None, at: int
    ) -> bool: ...

    async def delete(self, user_id: UserId, device_ids: Sequence[DeviceId]) -> None: ...

    async def delete_all(self, user_id: UserId) -> None: ...

    async def list_sightings(self, user_id: UserId) -> Sequence[Sighting]: ...


class DeviceListAnnouncer(Protocol):
    """Puts a change of a user's device list into the log. Called after the change is committed."""

    async def device_list_changed(self, user_id: UserId) -> None: ...


class Devices:
    def __init__(
        self, store: DeviceStore, announcer: DeviceListAnnouncer, revocations: Revocations
    ) -> None:
        self._store = store
        self._announcer = announcer
        self._revocations = revocations

    async def list_devices(self, user_id: UserId) -> Sequence[Device]:
        return await self._store.list_devices(user_id)

    async def list_sightings(self, user_id: UserId) -> Sequence[Sighting]:
        """When and whence each device was last seen."""
        return await self._store.list_sightings(user_id)

    async def get(self, user_id: UserId, device_id: str) -> Device:
        device = await self._store.get(user_id, text.device_id(device_id))
        if device is None:
            raise no_such_device()
        return device

    async def rename(self, user_id: UserId, device_id: str, display_name: str | None) -> None:
        """Name a device. Without a name nothing changes, but the device must exist."""
        known = text.device_id(device_id)
        if display_name is None:
            await self.get(user_id, known)
            return
        text.display_name(display_name)
        await complete(self._rename(user_id, known, display_name))

    async def ensure(self, user_id: UserId, device_id: str, display_name: str | None) -> bool:
        """Make a device without a session, or rename it; whether it was made."""
        known = text.device_id(device_id)
        text.display_name(display_name)
        return await complete(self._ensure(user_id, known, display_name))

    async def delete(self, user_id: UserId, device_ids: Sequence[str]) -> None:
        """Delete devices with their tokens. Announced even if they were gone: it may be a retry."""
        if len(device_ids) > DELETED_AT_ONCE_MAX:
            raise InvalidParam(f"More than {DELETED_AT_ONCE_MAX} devices at once")
        known = [text.device_id(each) for each in device_ids]
        await complete(self._end(user_id, self._store.delete(user_id, known)))

    async def delete_all(self, user_id: UserId) -> None:
        await complete(self._end(user_id, self._store.delete_all(user_id)))

    async def _rename(self, user_id: UserId, device_id: DeviceId, display_name: str) -> None:
        if not await self._store.rename(user_id, device_id, display_name):
            raise no_such_device()
        await self._announcer.device_list_changed(user_id)

    async def _ensure(self, user_id: UserId, device_id: DeviceId, display_name: str | None) -> bool:
        if not await self._store.add(user_id, device_id, display_name, now_ms()):
            if display_name is not None:
                await self._rename(user_id, device_id, display_name)
            return False
        await self._announcer.device_list_changed(user_id)
        return True

    async def _end(self, user_id: UserId, deletion: Coroutine[Any, Any, None]) -> None:
        await deletion
        self._revocations.sessions_changed(user_id)
        await self._announcer.device_list_changed(user_id)


def no_such_device() -> NotFound:
    return NotFound("No such device")
