"""Aliases of rooms. Spec: "Room aliases"."""

import msgspec

from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, delete, get, put
from bongsu.ids import RoomAlias, room_alias, room_id
from bongsu.rooms.alias_directory import AliasDirectory

ALIAS = "/_matrix/client/v3/directory/room/{room_alias}"


class AliasBody(msgspec.Struct, frozen=True):
    room_id: str


class AliasEndpoints:
    def __init__(self, aliases: AliasDirectory) -> None:
        self._aliases = aliases

    @get(ALIAS, auth=Auth.NONE)
    async def resolve(self, request: Request) -> Answer:
        room = await self._aliases.resolve(_alias(request))
        return {"room_id": room, "servers": [self._aliases.server_name]}

    @put(ALIAS)
    async def create(self, request: Request) -> Answer:
        alias, body = _alias(request), request.json(AliasBody)
        await self._aliases.create(request.requester, alias, room_id(body.room_id))
        return {}

    @delete(ALIAS)
    async def delete(self, request: Request) -> Answer:
        await self._aliases.delete(request.requester, _alias(request))
        return {}

    @get("/_matrix/client/v3/rooms/{room_id}/aliases", auth=Auth.GUEST)
    async def list_of(self, request: Request) -> Answer:
        room = room_id(request.path["room_id"])
        return {"aliases": await self._aliases.list_of(request.requester, room)}


def _alias(request: Request) -> RoomAlias:
    return room_alias(request.path["room_alias"])
