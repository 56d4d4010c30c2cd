"""Children of events, and threads. Spec: "Relationships API", "Querying threads in a room"."""

from bongsu.errors import InvalidParam
from bongsu.http.client.room_events import is_backwards
from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, get
from bongsu.ids import room_id
from bongsu.rooms.children import (
    CHILDREN_DEFAULT,
    CHILDREN_MAX,
    THREADS_DEFAULT,
    THREADS_MAX,
    Relations,
)

RELATIONS = "/_matrix/client/v1/rooms/{room_id}/relations/{event_id}"
# What clients used before the spec had it.
UNSTABLE = "/_matrix/client/unstable/rooms/{room_id}/relations/{event_id}"


class RelationEndpoints:
    def __init__(self, relations: Relations) -> None:
        self._relations = relations

    @get(RELATIONS, auth=Auth.GUEST)
    @get(f"{RELATIONS}/{{rel_type}}", auth=Auth.GUEST)
    @get(f"{RELATIONS}/{{rel_type}}/{{type}}", auth=Auth.GUEST)
    @get(UNSTABLE, auth=Auth.GUEST)
    @get(f"{UNSTABLE}/{{rel_type}}", auth=Auth.GUEST)
    @get(f"{UNSTABLE}/{{rel_type}}/{{type}}", auth=Auth.GUEST)
    async def children(self, request: Request) -> Answer:
        path = request.path
        return await self._relations.children(
            request.requester,
            room_id(path["room_id"]),
            path["event_id"],
            rel_type=path.get("rel_type"),
            type=path.get("type"),
            start=request.query_text("from"),
            stop=request.query_text("to"),
            backwards=is_backwards(request.query_text("dir") or "b"),
            limit=request.query_int("limit", CHILDREN_DEFAULT, minimum=1, maximum=CHILDREN_MAX),
            recurse=request.query_bool("recurse"),
        )

    @get("/_matrix/client/v1/rooms/{room_id}/threads", auth=Auth.GUEST)
    async def threads(self, request: Request) -> Answer:
        include = request.query_text("include", "all")
        if include not in ("all", "participated"):
            raise InvalidParam("include is neither all nor participated")
        return await self._relations.threads(
            request.requester,
            room_id(request.path["room_id"]),
            start=request.query_text("from"),
            limit=request.query_int("limit", THREADS_DEFAULT, minimum=1, maximum=THREADS_MAX),
            participated=include == "participated",
        )
