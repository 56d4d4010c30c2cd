"""Account data and room tags. Spec: "Client Config", "Room Tagging"."""

from typing import Annotated, Any

import msgspec

from bongsu.errors import Forbidden
from bongsu.http.message import Request, Response
from bongsu.http.routing import Answer, Auth, delete, get, put
from bongsu.ids import RoomId, UserId, room_id
from bongsu.users.account_data import CONTENT_BYTES_MAX, AccountDataService
from bongsu.users.tags import RoomTags

USER = "/_matrix/client/v3/user/{user_id}"
ROOM = f"{USER}/rooms/{{room_id}}"
BODY_BYTES_MAX = 2 * CONTENT_BYTES_MAX  # as sent it may be longer than as stored
TAG_BODY_BYTES_MAX = 16 * 1024


class TagOrder(msgspec.Struct, frozen=True):
    """What is checked of a tag; whatever else it carries is kept."""

    order: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None


class AccountDataEndpoints:
    def __init__(self, account_data: AccountDataService, tags: RoomTags) -> None:
        self._account_data = account_data
        self._tags = tags

    @get(f"{USER}/account_data/{{type}}", auth=Auth.GUEST)
    async def get_global(self, request: Request) -> Answer:
        content = await self._account_data.get(_owner(request), None, request.path["type"])
        return Response(bytes(content))

    @put(
        f"{USER}/account_data/{{type}}",
        auth=Auth.GUEST,
        limit="other",
        body_bytes_max=BODY_BYTES_MAX,
    )
    async def put_global(self, request: Request) -> Answer:
        content = request.json(dict[str, Any])
        await self._account_data.put(_owner(request), None, request.path["type"], content)
        return {}

    @get(f"{ROOM}/account_data/{{type}}", auth=Auth.GUEST)
    async def get_of_room(self, request: Request) -> Answer:
        owner, room, type = _owner(request), _room(request), request.path["type"]
        return Response(bytes(await self._account_data.get(owner, room, type)))

    @put(
        f"{ROOM}/account_data/{{type}}",
        auth=Auth.GUEST,
        limit="other",
        body_bytes_max=BODY_BYTES_MAX,
    )
    async def put_of_room(self, request: Request) -> Answer:
        owner, room, type = _owner(request), _room(request), request.path["type"]
        await self._account_data.put(owner, room, type, request.json(dict[str, Any]))
        return {}

    @get(f"{ROOM}/tags", auth=Auth.GUEST)
    async def list_tags(self, request: Request) -> Answer:
        return {"tags": await self._tags.list_tags(_owner(request), _room(request))}

    @put(f"{ROOM}/tags/{{tag}}", limit="other", body_bytes_max=TAG_BODY_BYTES_MAX)
    async def put_tag(self, request: Request) -> Answer:
        request.json(TagOrder)
        info = request.json(dict[str, Any])
        await self._tags.put(_owner(request), _room(request), request.path["tag"], info)
        return {}

    @delete(f"{ROOM}/tags/{{tag}}", limit="other")
    async def delete_tag(self, request: Request) -> Answer:
        await self._tags.delete(_owner(request), _room(request), request.path["tag"])
        return {}


def _owner(request: Request) -> UserId:
    """The user in the path, who must be the one asking."""
    if request.path["user_id"] != request.requester.user_id:
        raise Forbidden("Account data is its owner's alone")
    return request.requester.user_id


def _room(request: Request) -> RoomId:
    return room_id(request.path["room_id"])
