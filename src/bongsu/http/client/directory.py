"""The directory of public rooms. Spec: "Published room directory"."""

import msgspec

from bongsu.errors import InvalidParam, NotFound
from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, get, post, put
from bongsu.ids import room_id
from bongsu.rooms.directory import (
    PAGE_ROOMS_DEFAULT,
    PAGE_ROOMS_MAX,
    Directory,
    Listing,
    PublicRoomFilter,
)
from bongsu.users.text import bounded

PUBLIC_ROOMS = "/_matrix/client/v3/publicRooms"
INSTANCE_BYTES_MAX = 1024
LISTED_ROOM = "/_matrix/client/v3/directory/list/room/{room_id}"


class SearchBody(msgspec.Struct, frozen=True):
    limit: int | None = None
    since: str | None = None
    filter: PublicRoomFilter | None = None
    include_all_networks: bool = False
    third_party_instance_id: str | None = None


def _listing(body: SearchBody) -> Listing:
    instance = body.third_party_instance_id
    if instance is None or body.include_all_networks:
        return Listing(all_networks=body.include_all_networks)
    return Listing(bounded("third_party_instance_id", instance, INSTANCE_BYTES_MAX))


class VisibilityBody(msgspec.Struct, frozen=True):
    visibility: str = "public"


class DirectoryEndpoints:
    def __init__(self, directory: Directory, server_name: str) -> None:
        self._directory = directory
        self._server_name = server_name

    @get(PUBLIC_ROOMS, auth=Auth.OPTIONAL)
    async def list_rooms(self, request: Request) -> Answer:
        self._check_server(request)
        limit = request.query_int("limit", PAGE_ROOMS_DEFAULT, maximum=PAGE_ROOMS_MAX)
        return await self._directory.page(
            request.query_text("since") or None, limit or PAGE_ROOMS_DEFAULT, PublicRoomFilter()
        )

    @post(PUBLIC_ROOMS, auth=Auth.GUEST, limit="search")
    async def search_rooms(self, request: Request) -> Answer:
        self._check_server(request)
        body = request.json(SearchBody)
        limit = body.limit or PAGE_ROOMS_DEFAULT
        if limit < 0:
            raise InvalidParam("limit is below 0")
        return await self._directory.page(
            body.since or None,
            min(limit, PAGE_ROOMS_MAX),
            body.filter or PublicRoomFilter(),
            _listing(body),
        )

    @get(LISTED_ROOM, auth=Auth.NONE)
    async def visibility(self, request: Request) -> Answer:
        public = await self._directory.is_public(room_id(request.path["room_id"]))
        return {"visibility": "public" if public else "private"}

    @put(LISTED_ROOM)
    async def set_visibility(self, request: Request) -> Answer:
        visibility = request.json(VisibilityBody).visibility
        if visibility not in ("public", "private"):
            raise InvalidParam("visibility is neither public nor private")
        await self._directory.set_public(
            request.requester, room_id(request.path["room_id"]), visibility == "public"
        )
        return {}

    def _check_server(self, request: Request) -> None:
        if request.query_text("server", self._server_name) != self._server_name:
            raise NotFound("This server does not reach other servers")
