"""Device management. Spec: Client-Server API, "Device Management"."""

import msgspec

from bongsu.http.client.interactive import challenge_response, device_operation_of
from bongsu.http.message import Request, json_response
from bongsu.http.routing import Answer, Auth, delete, get, post, put
from bongsu.users.devices import Devices
from bongsu.users.interactive_auth import AuthData, Challenge, InteractiveAuth


class RenameBody(msgspec.Struct, frozen=True):
    display_name: str | None = None


class DeleteBody(msgspec.Struct, frozen=True):
    auth: AuthData | None = None


class DeleteDevicesBody(msgspec.Struct, frozen=True):
    devices: list[str]
    auth: AuthData | None = None


class DeviceEndpoints:
    def __init__(self, devices: Devices, interactive_auth: InteractiveAuth) -> None:
        self._devices = devices
        self._auth = interactive_auth

    @get("/_matrix/client/v3/devices", auth=Auth.GUEST)
    async def list_devices(self, request: Request) -> Answer:
        return {"devices": await self._devices.list_devices(request.requester.user_id)}

    @get("/_matrix/client/v3/devices/{device_id}", auth=Auth.GUEST)
    async def get_device(self, request: Request) -> Answer:
        return await self._devices.get(request.requester.user_id, request.path["device_id"])

    @put("/_matrix/client/v3/devices/{device_id}", auth=Auth.GUEST)
    async def rename(self, request: Request) -> Answer:
        """An application service makes a device so, too."""
        requester, device_id = request.requester, request.path["device_id"]
        name = request.json(RenameBody).display_name
        if requester.appservice_id is not None:
            is_new = await self._devices.ensure(requester.user_id, device_id, name)
            return json_response({}, status=201 if is_new else 200)
        await self._devices.rename(requester.user_id, device_id, name)
        return {}

    @delete("/_matrix/client/v3/devices/{device_id}", limit="login")
    async def delete_device(self, request: Request) -> Answer:
        auth = request.json(DeleteBody).auth
        return await self._delete(request, [request.path["device_id"]], auth)

    @post("/_matrix/client/v3/delete_devices", limit="login")
    async def delete_devices(self, request: Request) -> Answer:
        body = request.json(DeleteDevicesBody)
        return await self._delete(request, body.devices, body.auth)

    async def _delete(
        self, request: Request, device_ids: list[str], auth: AuthData | None
    ) -> Answer:
        passed = await self._auth.authenticate(device_operation_of(request), auth)
        if isinstance(passed, Challenge):
            return challenge_response(passed)
        await self._devices.delete(request.requester.user_id, device_ids)
        return {}
