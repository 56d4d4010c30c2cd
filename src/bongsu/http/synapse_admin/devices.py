"""Other people's devices. Synapse: "User Admin API", "User devices"."""

from typing import Any

import msgspec

from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, delete, get, post, put
from bongsu.http.synapse_admin.parameters import Local
from bongsu.http.synapse_admin.users import USER
from bongsu.ids import UserId
from bongsu.users.administration import UserAdministration
from bongsu.users.devices import Device, Devices


class RenameBody(msgspec.Struct, frozen=True):
    display_name: str | None = None


class DeleteBody(msgspec.Struct, frozen=True):
    devices: list[str]


class AdminDevices:
    def __init__(
        self, administration: UserAdministration, devices: Devices, *, server_name: str
    ) -> None:
        self._administration = administration
        self._devices = devices
        self._local = Local(server_name)

    @get(USER + "/devices", auth=Auth.ADMIN)
    async def list_devices(self, request: Request) -> Answer:
        user_id = await self._known(request)
        agents = await self._agents(user_id)
        found = await self._devices.list_devices(user_id)
        devices = [_shown(user_id, each, agents.get(each.device_id)) for each in found]
        return {"devices": devices, "total": len(devices)}

    @get(USER + "/devices/{device_id}", auth=Auth.ADMIN)
    async def get_device(self, request: Request) -> Answer:
        user_id = await self._known(request)
        device = await self._devices.get(user_id, request.path["device_id"])
        return _shown(user_id, device, (await self._agents(user_id)).get(device.device_id))

    @put(USER + "/devices/{device_id}", auth=Auth.ADMIN)
    async def rename(self, request: Request) -> Answer:
        user_id, name = await self._known(request), request.json(RenameBody).display_name
        await self._devices.rename(user_id, request.path["device_id"], name)
        return {}

    @delete(USER + "/devices/{device_id}", auth=Auth.ADMIN)
    async def delete_device(self, request: Request) -> Answer:
        await self._devices.delete(await self._known(request), [request.path["device_id"]])
        return {}

    @post(USER + "/delete_devices", auth=Auth.ADMIN)
    async def delete_devices(self, request: Request) -> Answer:
        user_id, body = await self._known(request), request.json(DeleteBody)
        await self._devices.delete(user_id, body.devices)
        return {}

    async def _known(self, request: Request) -> UserId:
        return (await self._administration.get(self._local.user(request))).account.user_id

    async def _agents(self, user_id: UserId) -> dict[str, str | None]:
        seen = await self._devices.list_sightings(user_id)
        return {each.device_id: each.user_agent for each in seen}


def _shown(user_id: UserId, device: Device, user_agent: str | None) -> dict[str, Any]:
    return {
        "device_id": device.device_id,
        "display_name": device.display_name,
        "last_seen_ip": device.last_seen_ip,
        "last_seen_user_agent": user_agent,
        "last_seen_ts": device.last_seen_ts,
        "user_id": user_id,
        "dehydrated": False,
    }
