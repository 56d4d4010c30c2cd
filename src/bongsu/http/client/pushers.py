"""Pushers. Matrix spec, client-server API, "Push Notifications", client behaviour."""

from typing import Any

from bongsu.http.message import Request
from bongsu.http.routing import get, post
from bongsu.push.pushers import PusherBody, PushersService

BODY_BYTES_MAX = 64 * 1024


class Pushers:
    def __init__(self, pushers: PushersService) -> None:
        self._pushers = pushers

    @get("/_matrix/client/v3/pushers")
    async def list_pushers(self, request: Request) -> dict[str, Any]:
        return {"pushers": await self._pushers.list_pushers(request.requester.user_id)}

    @post("/_matrix/client/v3/pushers/set", limit="other", body_bytes_max=BODY_BYTES_MAX)
    async def set_pusher(self, request: Request) -> dict[str, Any]:
        requester = request.requester
        body = request.json(PusherBody)
        await self._pushers.set_pusher(requester.user_id, requester.device_id, body)
        return {}
