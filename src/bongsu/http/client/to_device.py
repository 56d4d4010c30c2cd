"""Messages to devices. Spec: Client-Server API, "Send-to-Device messaging"."""

from typing import Any

import msgspec

from bongsu.http.message import Request
from bongsu.http.routing import Answer, put
from bongsu.keys.to_device import ToDevice

BODY_BYTES_MAX = 32 * 1024 * 1024  # a room key for some thousand devices, each encrypted apart


class SendBody(msgspec.Struct, frozen=True):
    messages: dict[str, dict[str, dict[str, Any]]]


class ToDeviceEndpoints:
    def __init__(self, to_device: ToDevice) -> None:
        self._to_device = to_device

    @put(
        "/_matrix/client/v3/sendToDevice/{type}/{txn_id}",
        limit="message",
        body_bytes_max=BODY_BYTES_MAX,
    )
    async def send(self, request: Request) -> Answer:
        await self._to_device.send(
            request.requester,
            request.path["type"],
            request.path["txn_id"],
            request.json(SendBody).messages,
        )
        return {}
