"""What belongs to a device and its encryption. The seam is here; encryption fills it."""

from bongsu.log.position import Vector
from bongsu.rooms.client_event import Device
from bongsu.sync.sources import DeviceAnswer


class NoDeviceNews:
    """A `DeviceSource` of a server on which nobody has keys or messages to devices."""

    async def answer(
        self, device: Device, since: Vector | None, to_device: int, pinned: Vector
    ) -> DeviceAnswer:
        return DeviceAnswer((), to_device, False)
