"""What belongs to a device and its encryption. The seam is here; encryption fills it."""

from collections.abc import Sequence

from bongsu.log.position import Vector
from bongsu.rooms.client_event import Device
from bongsu.sync.sources import MESSAGES_PER_ANSWER_MAX, DeviceAnswer, MemberChange, Span


class NoDeviceNews:
    """A `DeviceSource` of a server on which nobody has keys or messages to devices."""

    async def answer(
        self,
        device: Device,
        since: Vector | None,
        to_device: int,
        pinned: Vector,
        limit: int = MESSAGES_PER_ANSWER_MAX,
    ) -> DeviceAnswer:
        return DeviceAnswer((), to_device, False)

    def at_once(
        self, device: Device, since: Vector, to_device: int, pinned: Vector
    ) -> DeviceAnswer:
        return DeviceAnswer((), to_device, False)

    def standing(self, device: Device) -> Sequence[bytes]:
        return ()


class NoDeviceLists:
    """A `DeviceListStore` of the same server."""

    async def load_changed(self, since: Vector, user_id: str, rooms: Sequence[str]) -> set[str]:
        return set()

    async def load_member_changes(self, spans: Sequence[Span]) -> Sequence[MemberChange]:
        return ()

    async def load_joined(self, rooms: Sequence[tuple[str, int]]) -> set[str]:
        return set()

    async def load_sharing_at(
        self, user_ids: Sequence[str], rooms: Sequence[tuple[str, int]]
    ) -> set[str]:
        return set()
