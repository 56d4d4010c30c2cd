"""State and members of rooms. Spec: "Getting events for a room", "Room Previews"."""

import msgspec

from bongsu.errors import InvalidParam
from bongsu.http.client.streaming import streamed
from bongsu.http.message import Request, Response
from bongsu.http.routing import Answer, Auth, get
from bongsu.ids import room_id
from bongsu.rooms.client_event import content_of
from bongsu.rooms.presenting import show
from bongsu.rooms.preview import Previews
from bongsu.rooms.room_state import RoomStates

ROOM = "/_matrix/client/v3/rooms/{room_id}"
MEMBERSHIPS = ("join", "invite", "knock", "leave", "ban")


class RoomStateEndpoints:
    def __init__(self, states: RoomStates, previews: Previews) -> None:
        self._states = states
        self._previews = previews

    @get(f"{ROOM}/state", auth=Auth.GUEST)
    async def state(self, request: Request) -> Answer:
        pieces = await self._states.state(request.requester, room_id(request.path["room_id"]))
        return await streamed(b"[", pieces, b"]")

    @get(f"{ROOM}/state/{{type}}/{{state_key}}", auth=Auth.GUEST)
    @get(f"{ROOM}/state/{{type}}", auth=Auth.GUEST)
    async def state_event(self, request: Request) -> Answer:
        path = request.path
        form = request.query_text("format", "content")
        if form not in ("content", "event"):
            raise InvalidParam("format is neither content nor event")
        view, event = await self._states.event(
            request.requester, room_id(path["room_id"]), path["type"], path.get("state_key", "")
        )
        return Response(content_of(event) if form == "content" else show(view, event))

    @get(f"{ROOM}/members", auth=Auth.GUEST)
    async def members(self, request: Request) -> Answer:
        pieces = await self._states.members(
            request.requester,
            room_id(request.path["room_id"]),
            at=request.query_text("at"),
            membership=_membership(request, "membership"),
            not_membership=_membership(request, "not_membership"),
        )
        return await streamed(b'{"chunk":[', pieces, b"]}")

    @get(f"{ROOM}/joined_members", auth=Auth.GUEST)
    async def joined_members(self, request: Request) -> Answer:
        pieces = await self._states.joined_members(
            request.requester, room_id(request.path["room_id"])
        )
        return await streamed(b'{"joined":{', pieces, b"}}")

    @get("/_matrix/client/v3/joined_rooms", auth=Auth.GUEST)
    async def joined_rooms(self, request: Request) -> Answer:
        return {"joined_rooms": await self._states.joined_rooms(request.requester)}

    @get(f"{ROOM}/initialSync", auth=Auth.GUEST)
    async def initial_sync(self, request: Request) -> Answer:
        preview, state = await self._previews.preview(
            request.requester, room_id(request.path["room_id"])
        )
        start = msgspec.json.encode(preview)[:-1] + b',"state":['
        return await streamed(start, state, b"]}")


def _membership(request: Request, name: str) -> str | None:
    value = request.query_text(name)
    if value is not None and value not in MEMBERSHIPS:
        raise InvalidParam(f"{name} is no membership")
    return value
