"""Reports to the operators. Spec: "Reporting Content"."""

import msgspec

from bongsu.http.message import Request
from bongsu.http.routing import Answer, post
from bongsu.ids import event_id, room_id, user_id
from bongsu.users.reports import Reports

ROOM = "/_matrix/client/v3/rooms/{room_id}/report"
BODY_BYTES_MAX = 64 * 1024


class ReasonBody(msgspec.Struct, frozen=True):
    reason: str


class EventReasonBody(msgspec.Struct, frozen=True):
    reason: str | None = None


class ReportEndpoints:
    def __init__(self, reports: Reports) -> None:
        self._reports = reports

    @post(ROOM, limit="report", body_bytes_max=BODY_BYTES_MAX)
    async def report_room(self, request: Request) -> Answer:
        reason, room = request.json(ReasonBody).reason, room_id(request.path["room_id"])
        await self._reports.report_room(request.requester.user_id, room, reason)
        return {}

    @post(f"{ROOM}/{{event_id}}", limit="report", body_bytes_max=BODY_BYTES_MAX)
    async def report_event(self, request: Request) -> Answer:
        reason, path = request.json(EventReasonBody).reason or "", request.path
        await self._reports.report_event(
            request.requester.user_id, room_id(path["room_id"]), event_id(path["event_id"]), reason
        )
        return {}

    @post(
        "/_matrix/client/v3/users/{user_id}/report", limit="report", body_bytes_max=BODY_BYTES_MAX
    )
    async def report_user(self, request: Request) -> Answer:
        reason, target = request.json(ReasonBody).reason, user_id(request.path["user_id"])
        await self._reports.report_user(request.requester.user_id, target, reason)
        return {}
