"""Dehydrated devices. MSC3814, under the name that clients use until it is in the spec."""

from typing import Any

import msgspec

from bongsu.http.message import Request, Response
from bongsu.http.routing import Answer, delete, get, post, put
from bongsu.keys.dehydration import Dehydration

PATH = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device"


class PutBody(msgspec.Struct, frozen=True):
    device_id: str
    device_data: dict[str, Any]
    device_keys: dict[str, Any]
    initial_device_display_name: str | None = None
    one_time_keys: dict[str, Any] | None = None
    fallback_keys: dict[str, Any] | None = None


class EventsBody(msgspec.Struct, frozen=True):
    next_batch: str | None = None


class DehydratedDeviceEndpoints:
    def __init__(self, dehydration: Dehydration) -> None:
        self._dehydration = dehydration

    @put(PATH, limit="other")
    async def put_device(self, request: Request) -> Answer:
        body = request.json(PutBody)
        await self._dehydration.put(
            request.requester.user_id,
            body.device_id,
            body.device_data,
            body.initial_device_display_name,
            (body.device_keys, body.one_time_keys, body.fallback_keys),
        )
        return {"device_id": body.device_id}

    @get(PATH)
    async def get_device(self, request: Request) -> Answer:
        device = await self._dehydration.get(request.requester.user_id)
        return {"device_id": device.device_id, "device_data": msgspec.Raw(device.device_data)}

    @delete(PATH, limit="other")
    async def delete_device(self, request: Request) -> Answer:
        return {"device_id": await self._dehydration.delete(request.requester.user_id)}

    @post(f"{PATH}/{{device_id}}/events", limit="other")
    async def events(self, request: Request) -> Response:
        events, token = await self._dehydration.messages(
            request.requester.user_id,
            request.path["device_id"],
            request.json(EventsBody).next_batch,
        )
        encoded = msgspec.json.encode(token)
        return Response(b'{"events":[%b],"next_batch":%b}' % (b",".join(events), encoded))
