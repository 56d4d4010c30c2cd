"""Presence. Spec: "Presence"."""

from typing import Literal

import msgspec

from bongsu.errors import Forbidden
from bongsu.http.message import Request
from bongsu.http.routing import Answer, get, put
from bongsu.ids import user_id
from bongsu.presence.presence import PresenceService
from bongsu.rooms.client_event import Device

STATUS = "/_matrix/client/v3/presence/{user_id}/status"
BODY_BYTES_MAX = 16 * 1024


class PresenceBody(msgspec.Struct, frozen=True):
    presence: Literal["online", "unavailable", "offline"]
    status_msg: str | None = None


class PresenceEndpoints:
    def __init__(self, presence: PresenceService) -> None:
        self._presence = presence

    @get(STATUS)
    async def get_status(self, request: Request) -> Answer:
        asked = user_id(request.path["user_id"])
        return await self._presence.get(request.requester.user_id, asked)

    @put(STATUS, limit="other", body_bytes_max=BODY_BYTES_MAX)
    async def put_status(self, request: Request) -> Answer:
        body, requester = request.json(PresenceBody), request.requester
        if request.path["user_id"] != requester.user_id:
            raise Forbidden("Presence is one's own to set")
        device = Device(requester.user_id, requester.device_id)
        self._presence.set(device, body.presence, body.status_msg)
        return {}
