"""Simplified sliding sync, under the name that clients know it by (MSC4186, "Unstable prefix")."""

from bongsu.errors import InvalidParam
from bongsu.http.client.sync import PRESENCES
from bongsu.http.message import Request, Response
from bongsu.http.routing import Auth, post
from bongsu.rooms.client_event import Device
from bongsu.sync.request import WAIT_SECONDS_MAX
from bongsu.sync.sliding.request import SlidingBody
from bongsu.sync.sliding.service import SlidingRequest, SlidingSync

BODY_BYTES_MAX = 256 * 1024


class SlidingSyncEndpoints:
    def __init__(self, sync: SlidingSync) -> None:
        self._sync = sync

    @post(
        "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync",
        auth=Auth.GUEST,
        body_bytes_max=BODY_BYTES_MAX,
    )
    async def sync(self, request: Request) -> Response:
        presence = request.query_text("set_presence") or "online"
        if presence not in PRESENCES:
            raise InvalidParam("set_presence is none of online, unavailable and offline")
        timeout_ms_max = int(WAIT_SECONDS_MAX * 1000)
        timeout_ms = request.query_int("timeout", 0, maximum=timeout_ms_max)
        return Response(
            await self._sync.sync(
                SlidingRequest(
                    device=Device(request.requester.user_id, request.requester.device_id),
                    body=request.json(SlidingBody),
                    pos=request.query_text("pos"),
                    timeout_seconds=timeout_ms / 1000,
                    set_presence=presence,
                )
            )
        )
