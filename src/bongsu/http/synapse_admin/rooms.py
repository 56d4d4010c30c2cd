"""Rooms, their blocking and their deletion. Synapse: "Rooms", "Delete Room API"."""

from typing import Any, get_args

import msgspec

from bongsu import ids
from bongsu.errors import Forbidden, InvalidParam
from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, delete, get, put
from bongsu.http.synapse_admin.parameters import flag_of, is_backwards, page_of, room_of
from bongsu.rooms.administration import Order, RoomAdministration, RoomFilter
from bongsu.rooms.deletion import DeleteOptions, Deletion, RoomDeletions
from bongsu.users.accounts import Accounts
from bongsu.users.tokens import now_ms

ROOMS = "/_synapse/admin/v1/rooms"
ROOM = ROOMS + "/{room_id}"
ROOMS_V2 = "/_synapse/admin/v2/rooms"

_OLDER_ORDERS: dict[str, Order] = {"alphabetical": "name", "size": "joined_members"}
ORDERS: dict[str, Order] = {**{order: order for order in get_args(Order)}, **_OLDER_ORDERS}


class BlockBody(msgspec.Struct, frozen=True):
    block: bool


class AdminRooms:
    def __init__(
        self,
        rooms: RoomAdministration,
        deletions: RoomDeletions,
        accounts: Accounts,
        *,
        server_name: str,
    ) -> None:
        self._rooms = rooms
        self._deletions = deletions
        self._accounts = accounts
        self._server_name = server_name

    @get(ROOMS, auth=Auth.ADMIN)
    async def list_rooms(self, request: Request) -> Answer:
        offset, limit = page_of(request)
        order = ORDERS.get(request.query_text("order_by", "name") or "")
        if order is None:
            raise InvalidParam("Query parameter order_by is none of the columns")
        term = request.query_text("search_term")
        if term == "":
            raise InvalidParam("search_term cannot be an empty string")
        wanted = RoomFilter(term, flag_of(request, "public_rooms"), flag_of(request, "empty_rooms"))
        rooms, total = await self._rooms.list_rooms(
            wanted, order, backwards=is_backwards(request), offset=offset, limit=limit
        )
        answer: dict[str, Any] = {"rooms": rooms, "offset": offset, "total_rooms": total}
        if rooms and offset + len(rooms) < total:
            answer["next_batch"] = offset + len(rooms)
        if offset > 0:
            answer["prev_batch"] = max(0, offset - limit)
        return answer

    @get(ROOM, auth=Auth.ADMIN)
    async def get_room(self, request: Request) -> Answer:
        return await self._rooms.get(room_of(request))

    @get(ROOM + "/members", auth=Auth.ADMIN)
    async def members(self, request: Request) -> Answer:
        members = await self._rooms.list_members(room_of(request))
        return {"members": members, "total": len(members)}

    @get(ROOM + "/state", auth=Auth.ADMIN)
    async def state(self, request: Request) -> Answer:
        type = request.query_text("type")
        return {"state": await self._rooms.list_state(room_of(request), type)}

    @get(ROOM + "/block", auth=Auth.ADMIN)
    async def get_block(self, request: Request) -> Answer:
        block = await self._rooms.get_block(room_of(request))
        return {"block": False} if block is None else {"block": True, "user_id": block.user_id}

    @put(ROOM + "/block", auth=Auth.ADMIN)
    async def set_block(self, request: Request) -> Answer:
        room_id, block = room_of(request), request.json(BlockBody).block
        await self._rooms.set_block(room_id, request.requester.user_id, block, now_ms())
        return {"block": block}

    @delete(ROOM, auth=Auth.ADMIN)
    async def delete_now(self, request: Request) -> Answer:
        """The older way: the answer comes when all is done."""
        room_id, options = room_of(request), await self._options(request)
        if options.block and not await self._rooms.exists(room_id):
            await self._rooms.set_block(room_id, request.requester.user_id, True, now_ms())
            return _NOTHING_DONE
        return await self._deletions.delete(request.requester.user_id, room_id, options)

    @delete(ROOMS_V2 + "/{room_id}", auth=Auth.ADMIN)
    async def delete_later(self, request: Request) -> Answer:
        room_id, options = room_of(request), await self._options(request)
        admin = request.requester.user_id
        return {"delete_id": await self._deletions.schedule(admin, room_id, options)}

    @get(ROOMS_V2 + "/{room_id}/delete_status", auth=Auth.ADMIN)
    async def list_status(self, request: Request) -> Answer:
        found = await self._deletions.list_of(room_of(request))
        return {"results": [_status(each) for each in found]}

    @get(ROOMS_V2 + "/delete_status/{delete_id}", auth=Auth.ADMIN)
    async def get_status(self, request: Request) -> Answer:
        return _status(await self._deletions.get(request.path["delete_id"]))

    async def _options(self, request: Request) -> DeleteOptions:
        """What is asked for. The owner of a new room must have an account, unlike in Synapse."""
        options = request.json(DeleteOptions)
        owner = options.new_room_user_id
        if owner is not None:
            user_id = ids.user_id(owner)
            if ids.domain_of(user_id) != self._server_name:
                raise InvalidParam(f"User must be our own: {owner}")
            account = await self._accounts.get(user_id)
            if account is None or account.deactivated_at is not None:
                raise Forbidden("The owner of the new room has no account")
        return options


_NOTHING_DONE: dict[str, Any] = {
    "kicked_users": [], "failed_to_kick_users": [], "local_aliases": [], "new_room_id": None,
}  # fmt: skip


def _status(deletion: Deletion) -> dict[str, Any]:
    status: dict[str, Any] = {
        "delete_id": deletion.delete_id,
        "room_id": deletion.room_id,
        "status": deletion.status,
        "shutdown_room": deletion.shutdown,
    }
    return status if deletion.error is None else {**status, "error": deletion.error}
