"""Events of rooms: one, those around it, pages, by time. Spec: "Getting events for a room"."""

import msgspec

from bongsu.errors import InvalidParam
from bongsu.http.client.streaming import streamed
from bongsu.http.message import Request, Response
from bongsu.http.routing import Answer, Auth, get
from bongsu.ids import room_id
from bongsu.rooms.by_time import TimeSearch
from bongsu.rooms.event_filter import EventSelection, parse_event_filter
from bongsu.rooms.history import CONTEXT_EVENTS_MAX, PAGE_EVENTS_MAX, History
from bongsu.rooms.room_state import RoomStates

ROOM = "/_matrix/client/v3/rooms/{room_id}"
EVENTS_DEFAULT = 10


class RoomEventEndpoints:
    def __init__(self, history: History, states: RoomStates, by_time: TimeSearch) -> None:
        self._history = history
        self._states = states
        self._by_time = by_time

    @get(f"{ROOM}/messages", auth=Auth.GUEST)
    async def messages(self, request: Request) -> Answer:
        room = room_id(request.path["room_id"])
        selection = parse_event_filter(request.query_text("filter"), room)
        return await self._history.messages(
            request.requester,
            room,
            backwards=is_backwards(request.query_required("dir")),
            start=request.query_text("from"),
            stop=request.query_text("to"),
            limit=_limit(request, selection, PAGE_EVENTS_MAX),
            selection=selection,
        )

    @get(f"{ROOM}/event/{{event_id}}", auth=Auth.GUEST)
    async def event(self, request: Request) -> Answer:
        room = room_id(request.path["room_id"])
        event = await self._history.event(request.requester, room, request.path["event_id"])
        return Response(bytes(event))

    @get(f"{ROOM}/context/{{event_id}}", auth=Auth.GUEST)
    async def context(self, request: Request) -> Answer:
        room = room_id(request.path["room_id"])
        selection = parse_event_filter(request.query_text("filter"), room)
        found = await self._history.context(
            request.requester,
            room,
            request.path["event_id"],
            limit=_limit(request, selection, CONTEXT_EVENTS_MAX),
            selection=selection,
        )
        state = self._states.context_state(found.view, found.last, found.members, selection)
        start = msgspec.json.encode(found.context)[:-1] + b',"state":['
        return await streamed(start, state, b"]}")

    @get("/_matrix/client/v1/rooms/{room_id}/timestamp_to_event", auth=Auth.GUEST)
    async def timestamp_to_event(self, request: Request) -> Answer:
        request.query_required("ts")
        return await self._by_time.find(
            request.requester,
            room_id(request.path["room_id"]),
            request.query_int("ts", 0, maximum=2**53),
            backwards=is_backwards(request.query_required("dir")),
        )


def is_backwards(direction: str) -> bool:
    if direction not in ("b", "f"):
        raise InvalidParam("dir is neither b nor f")
    return direction == "b"


def _limit(request: Request, selection: EventSelection, maximum: int) -> int:
    limit = request.query_int("limit", EVENTS_DEFAULT, maximum=maximum)
    return limit if selection.limit is None else min(limit, selection.limit)
