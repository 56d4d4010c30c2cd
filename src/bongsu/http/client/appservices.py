"""What only application services ask. Spec: Application Service API, its extensions of this one.

A service is let in by its as_token: `request.requester.appservice_id` names it.
"""

import msgspec

from bongsu.appservices.calls import ServiceUnreachable
from bongsu.appservices.pinging import Pinging
from bongsu.appservices.rooms import ServiceRooms
from bongsu.errors import Forbidden, InvalidParam, MissingToken, UnknownToken
from bongsu.http.message import Request, Response, json_response
from bongsu.http.routing import Answer, post, put
from bongsu.ids import room_id
from bongsu.users.requester import Requester

APPLICATION_SERVICE = "m.login.application_service"


class PingBody(msgspec.Struct, frozen=True):
    transaction_id: str | None = None


class VisibilityBody(msgspec.Struct, frozen=True):
    visibility: str


class AppserviceEndpoints:
    def __init__(self, pinging: Pinging, rooms: ServiceRooms) -> None:
        self._pinging = pinging
        self._rooms = rooms

    @post("/_matrix/client/v1/appservice/{appservice_id}/ping", limit="other")
    async def ping(self, request: Request) -> Answer:
        body = request.json(PingBody)
        service_id = service_id_of(request)
        if service_id != request.path["appservice_id"]:
            raise Forbidden("The access token is that of another application service")
        try:
            took = await self._pinging.ping(service_id, body.transaction_id)
        except ServiceUnreachable as failure:
            return _unreachable(failure)
        return {"duration_ms": took}

    @put("/_matrix/client/v3/directory/list/appservice/{network_id}/{room_id}")
    async def set_visibility(self, request: Request) -> Answer:
        service_id = service_id_of(request)
        visibility = request.json(VisibilityBody).visibility
        if visibility not in ("public", "private"):
            raise InvalidParam("visibility is neither public nor private")
        room = room_id(request.path["room_id"])
        network = request.path["network_id"]
        await self._rooms.publish(service_id, network, room, visibility == "public")
        return {}


def service_of(request: Request) -> Requester:
    """The service that a route of `Auth.SERVICE` is asked by; 401 for anybody else."""
    if request.requester_or_none is not None:
        return request.requester
    if b"authorization" in request.headers or b"access_token=" in request.query_string:
        raise UnknownToken
    raise MissingToken


def service_id_of(request: Request) -> str:
    """`Forbidden` for who is no application service."""
    service_id = request.requester.appservice_id
    if service_id is None:
        raise Forbidden("Only an application service may do this")
    return service_id


def _unreachable(failure: ServiceUnreachable) -> Response:
    """The three ways to fail, as the spec tells them apart."""
    if failure.status is not None:
        told = {"errcode": "M_BAD_STATUS", "error": f"Ping returned status {failure.status}",
                "status": failure.status, "body": failure.body}  # fmt: skip
        return json_response(told, status=502)
    if failure.timed_out:
        told = {"errcode": "M_CONNECTION_TIMEOUT", "error": "The application service is silent"}
        return json_response(told, status=504)
    told = {"errcode": "M_CONNECTION_FAILED", "error": "The application service is out of reach"}
    return json_response(told, status=502)
