"""Sending events to a room. Spec: "Sending events to a room", "Redactions"."""

from typing import Any

from bongsu.errors import InvalidParam
from bongsu.http.message import Request, Response
from bongsu.http.routing import Answer, Auth, put
from bongsu.ids import EventId, room_id
from bongsu.rooms.sending import Sending

ROOM = "/_matrix/client/v3/rooms/{room_id}"
TS_MAX = 2**53 - 1  # the largest whole number of canonical JSON
EVENT_BODY_BYTES_MAX = 256 * 1024  # an event has 64 KiB at most, its JSON as sent may be longer


class SendEndpoints:
    def __init__(self, sending: Sending) -> None:
        self._sending = sending

    @put(
        f"{ROOM}/send/{{type}}/{{txn_id}}",
        auth=Auth.GUEST,
        limit="message",
        body_bytes_max=EVENT_BODY_BYTES_MAX,
    )
    async def send_message(self, request: Request) -> Answer:
        path = request.path
        event_id = await self._sending.send_message(
            request.requester,
            room_id(path["room_id"]),
            path["type"],
            path["txn_id"],
            request.json(dict[str, Any]),
            ts=_ts(request),
        )
        return _event_id(event_id)

    @put(f"{ROOM}/state/{{type}}/{{state_key}}", body_bytes_max=EVENT_BODY_BYTES_MAX)
    @put(f"{ROOM}/state/{{type}}", body_bytes_max=EVENT_BODY_BYTES_MAX)
    async def send_state(self, request: Request) -> Answer:
        path = request.path
        event_id = await self._sending.send_state(
            request.requester,
            room_id(path["room_id"]),
            path["type"],
            path.get("state_key", ""),
            request.json(dict[str, Any]),
            ts=_ts(request),
        )
        return _event_id(event_id)

    @put(f"{ROOM}/redact/{{event_id}}/{{txn_id}}", limit="message")
    async def redact(self, request: Request) -> Answer:
        path = request.path
        event_id = await self._sending.redact(
            request.requester,
            room_id(path["room_id"]),
            EventId(path["event_id"]),
            path["txn_id"],
            request.json(dict[str, Any]),
        )
        return _event_id(event_id)


def _ts(request: Request) -> int | None:
    """When it happened, as an application service tells it; of others it means nothing."""
    if request.requester.appservice_id is None or request.query_text("ts") is None:
        return None
    ts = request.query_int("ts", 0, maximum=TS_MAX + 1)
    if ts > TS_MAX:
        raise InvalidParam("ts is no time that an event can have")
    return ts


def _event_id(event_id: EventId) -> Response:
    return Response(b'{"event_id":"%b"}' % event_id.encode())
