"""Rooms seen from outside. Spec: "Spaces" (/hierarchy), "Room Summaries"."""

from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, get
from bongsu.ids import room_alias, room_id
from bongsu.rooms.alias_directory import AliasDirectory
from bongsu.rooms.spaces import DEPTH_MAX, PAGE_ROOMS_DEFAULT, PAGE_ROOMS_MAX, Spaces
from bongsu.rooms.summary import Summaries


class SpaceEndpoints:
    def __init__(self, spaces: Spaces, summaries: Summaries, aliases: AliasDirectory) -> None:
        self._spaces = spaces
        self._summaries = summaries
        self._aliases = aliases

    @get("/_matrix/client/v1/rooms/{room_id}/hierarchy", auth=Auth.GUEST)
    async def hierarchy(self, request: Request) -> Answer:
        return await self._spaces.hierarchy(
            request.requester,
            room_id(request.path["room_id"]),
            suggested_only=request.query_bool("suggested_only"),
            max_depth=request.query_int("max_depth", DEPTH_MAX, maximum=DEPTH_MAX),
            limit=request.query_int("limit", PAGE_ROOMS_DEFAULT, minimum=1, maximum=PAGE_ROOMS_MAX),
            start=request.query_text("from"),
        )

    @get("/_matrix/client/v1/room_summary/{room_id_or_alias}", auth=Auth.OPTIONAL)
    @get("/_matrix/client/unstable/im.nheko.summary/summary/{room_id_or_alias}", auth=Auth.OPTIONAL)
    @get(
        "/_matrix/client/unstable/im.nheko.summary/rooms/{room_id_or_alias}/summary",
        auth=Auth.OPTIONAL,
    )
    async def summary(self, request: Request) -> Answer:
        text = request.path["room_id_or_alias"]
        if text.startswith("#"):
            room = await self._aliases.resolve(room_alias(text))
        else:
            room = room_id(text)
        return await self._summaries.summary(request.requester_or_none, room)
