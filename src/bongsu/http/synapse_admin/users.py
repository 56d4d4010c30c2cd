"""Accounts. Synapse: "User Admin API"."""

from collections.abc import Sequence
from typing import Any, get_args

import msgspec

from bongsu import ids
from bongsu.errors import InvalidParam
from bongsu.http.message import Request, json_response
from bongsu.http.routing import Answer, Auth, get, post, put
from bongsu.http.synapse_admin.parameters import Local, flag_of, is_backwards, page_of
from bongsu.rooms.reading import RoomReader
from bongsu.users.accounts import Accounts
from bongsu.users.administration import (
    AccountFilter,
    Change,
    Order,
    Person,
    UserAdministration,
)
from bongsu.users.devices import Devices

V1, V2 = "/_synapse/admin/v1", "/_synapse/admin/v2"
USER = V2 + "/users/{user_id}"
ORDERS: dict[str, Order] = {order: order for order in get_args(Order)}


class Threepid(msgspec.Struct, frozen=True):
    medium: str
    address: str


class PutBody(Change, frozen=True):
    external_ids: Sequence[dict[str, Any]] | None = None
    user_type: str | None = None


class DeactivateBody(msgspec.Struct, frozen=True):
    erase: bool = False


class ResetBody(msgspec.Struct, frozen=True):
    new_password: str
    logout_devices: bool = True


class AdminBody(msgspec.Struct, frozen=True):
    admin: bool


class SuspendBody(msgspec.Struct, frozen=True):
    suspend: bool


class AdminUsers:
    def __init__(
        self,
        administration: UserAdministration,
        accounts: Accounts,
        devices: Devices,
        rooms: RoomReader,
        *,
        server_name: str,
    ) -> None:
        self._administration = administration
        self._accounts = accounts
        self._devices = devices
        self._rooms = rooms
        self._local = Local(server_name)

    @get(V2 + "/users", auth=Auth.ADMIN)
    async def list_v2(self, request: Request) -> Answer:
        """Here `deactivated=true` shows the deactivated too."""
        return await self._list(request, None if request.query_bool("deactivated") else False)

    @get("/_synapse/admin/v3/users", auth=Auth.ADMIN)
    async def list_v3(self, request: Request) -> Answer:
        """Here `deactivated=true` shows the deactivated alone."""
        return await self._list(request, flag_of(request, "deactivated"))

    @get(USER, auth=Auth.ADMIN)
    async def get_user(self, request: Request) -> Answer:
        return whole(await self._administration.get(self._local.user(request)))

    @put(USER, auth=Auth.ADMIN)
    async def put_user(self, request: Request) -> Answer:
        user_id, body = self._local.user(request), request.json(PutBody)
        if body.external_ids or body.user_type:
            raise InvalidParam("There are no external ids and no user types here")
        made = await self._administration.put(request.requester, user_id, body)
        person = await self._administration.get(user_id)
        return json_response(whole(person), status=201 if made else 200)

    @post(V1 + "/deactivate/{user_id}", auth=Auth.ADMIN)
    async def deactivate(self, request: Request) -> Answer:
        erase = request.json(DeactivateBody).erase
        await self._administration.deactivate(self._local.user(request), erase=erase)
        return {"id_server_unbind_result": "success"}

    @post(V1 + "/reset_password/{user_id}", auth=Auth.ADMIN)
    async def reset_password(self, request: Request) -> Answer:
        user_id, body = self._local.user(request), request.json(ResetBody)
        await self._administration.set_password(
            user_id, body.new_password, end_devices=body.logout_devices
        )
        return {}

    @get(V1 + "/users/{user_id}/admin", auth=Auth.ADMIN)
    async def get_admin(self, request: Request) -> Answer:
        person = await self._administration.get(self._local.user(request))
        return {"admin": person.account.is_admin}

    @put(V1 + "/users/{user_id}/admin", auth=Auth.ADMIN)
    async def set_admin(self, request: Request) -> Answer:
        user_id, body = self._local.user(request), request.json(AdminBody)
        await self._administration.set_admin(request.requester, user_id, body.admin)
        return {}

    @put(V1 + "/suspend/{user_id}", auth=Auth.ADMIN)
    async def suspend(self, request: Request) -> Answer:
        user_id, body = self._local.user(request), request.json(SuspendBody)
        await self._administration.suspend(user_id, body.suspend)
        return {f"user_{user_id}_suspended": body.suspend}

    @get(V1 + "/whois/{user_id}", auth=Auth.ADMIN)
    async def whois(self, request: Request) -> Answer:
        user_id = self._local.user(request)
        await self._administration.get(user_id)
        devices = {
            each.device_id: {"sessions": [{"connections": [
                {"ip": each.address, "last_seen": each.at, "user_agent": each.user_agent or ""}
            ]}]}
            for each in await self._devices.list_sightings(user_id)
        }  # fmt: skip
        return {"user_id": user_id, "devices": devices}

    @get(V1 + "/users/{user_id}/joined_rooms", auth=Auth.ADMIN)
    async def joined_rooms(self, request: Request) -> Answer:
        found = await self._memberships(request)
        joined = [room for room, membership in found.items() if membership == "join"]
        return {"joined_rooms": joined, "total": len(joined)}

    @get(V1 + "/users/{user_id}/memberships", auth=Auth.ADMIN)
    async def memberships(self, request: Request) -> Answer:
        return {"memberships": await self._memberships(request)}

    @get(V1 + "/username_available", auth=Auth.ADMIN)
    async def available(self, request: Request) -> Answer:
        await self._accounts.check_available(request.query_required("username"))
        return {"available": True}

    async def _list(self, request: Request, deactivated: bool | None) -> Answer:
        offset, limit = page_of(request)
        order = ORDERS.get(request.query_text("order_by", "name") or "")
        if order is None:
            raise InvalidParam("Query parameter order_by is none of the columns")
        wanted = AccountFilter(
            user_id=request.query_text("user_id"),
            name=request.query_text("name"),
            guests=None if request.query_bool("guests", True) else False,
            admins=flag_of(request, "admins"),
            deactivated=deactivated,
            locked=None if request.query_bool("locked") else False,
        )
        people, total = await self._administration.list_people(
            wanted, order, backwards=is_backwards(request), offset=offset, limit=limit
        )
        answer: dict[str, Any] = {"users": [brief(each) for each in people], "total": total}
        if people and offset + len(people) < total:
            answer["next_token"] = str(offset + len(people))
        return answer

    async def _memberships(self, request: Request) -> dict[str, str]:
        user_id = ids.user_id(request.path["user_id"])
        found = await self._rooms.list_rooms_of(user_id)
        return {room_id: member.membership for room_id, member in found}


def brief(person: Person) -> dict[str, Any]:
    """An account as the list shows it."""
    account = person.account
    return {
        "name": account.user_id,
        "user_type": None,
        "is_guest": account.is_guest,
        "admin": account.is_admin,
        "deactivated": account.deactivated_at is not None,
        "shadow_banned": False,
        "displayname": person.display_name,
        "avatar_url": person.avatar_url,
        "creation_ts": account.created_at,
        "approved": True,
        "erased": account.is_erased,
        "last_seen_ts": person.last_seen_ts,
        "locked": account.locked_at is not None,
        "suspended": account.suspended_at is not None,
    }


def whole(person: Person, threepids: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    """An account looked at by itself; here its time of creation is in seconds."""
    return {
        **brief(person),
        "creation_ts": person.account.created_at // 1000,
        "appservice_id": None,
        "consent_server_notice_sent": None,
        "consent_version": None,
        "consent_ts": None,
        "external_ids": [],
        "threepids": threepids,
    }
