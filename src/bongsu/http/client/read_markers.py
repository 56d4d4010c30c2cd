"""Receipts and read markers. Spec: "Receipts", "Read and unread markers"."""

import msgspec

from bongsu.errors import InvalidParam
from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, post
from bongsu.ids import event_id, room_id
from bongsu.rooms.read_markers import ReadMarkers

ROOM = "/_matrix/client/v3/rooms/{room_id}"
BODY_BYTES_MAX = 16 * 1024


class ReceiptBody(msgspec.Struct, frozen=True):
    thread_id: object = None


class ReadMarkersBody(msgspec.Struct, frozen=True):
    fully_read: str | None = msgspec.field(default=None, name="m.fully_read")
    read: str | None = msgspec.field(default=None, name="m.read")
    read_private: str | None = msgspec.field(default=None, name="m.read.private")


class ReadMarkerEndpoints:
    def __init__(self, markers: ReadMarkers) -> None:
        self._markers = markers

    @post(
        f"{ROOM}/receipt/{{receipt_type}}/{{event_id}}",
        auth=Auth.GUEST,
        limit="other",
        body_bytes_max=BODY_BYTES_MAX,
    )
    async def receipt(self, request: Request) -> Answer:
        path = request.path
        await self._markers.mark(
            request.requester.user_id,
            room_id(path["room_id"]),
            path["receipt_type"],
            event_id(path["event_id"]),
            _thread_id(request),
        )
        return {}

    @post(f"{ROOM}/read_markers", auth=Auth.GUEST, limit="other", body_bytes_max=BODY_BYTES_MAX)
    async def read_markers(self, request: Request) -> Answer:
        body = request.json(ReadMarkersBody)
        room = room_id(request.path["room_id"])
        wanted = (
            ("m.fully_read", body.fully_read),
            ("m.read", body.read),
            ("m.read.private", body.read_private),
        )
        marks = [(name, event_id(event)) for name, event in wanted if event is not None]
        for name, event in marks:
            await self._markers.mark(request.requester.user_id, room, name, event)
        return {}


def _thread_id(request: Request) -> str | None:
    """The thread of a receipt; what is no text is M_INVALID_PARAM here, as the spec has it."""
    body = request.json(ReceiptBody)
    if body.thread_id is not None and (not isinstance(body.thread_id, str) or not body.thread_id):
        raise InvalidParam("thread_id field must be a non-empty string")
    return body.thread_id
