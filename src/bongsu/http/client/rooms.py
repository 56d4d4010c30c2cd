"""Making rooms and changing memberships. Spec: "Room Creation", "Room Membership"."""

from typing import Any

import msgspec

from bongsu.http.message import Request
from bongsu.http.routing import Answer, Auth, post
from bongsu.ids import RoomId, UserId, room_alias, room_id, user_id
from bongsu.rooms.creation import RoomCreator
from bongsu.rooms.memberships import Memberships
from bongsu.rooms.presets import RoomCreation
from bongsu.rooms.upgrade import RoomUpgrader

ROOM = "/_matrix/client/v3/rooms/{room_id}"


class JoinBody(msgspec.Struct, frozen=True):
    reason: str | None = None
    third_party_signed: dict[str, Any] | None = None


class ReasonBody(msgspec.Struct, frozen=True):
    reason: str | None = None


class TargetBody(msgspec.Struct, frozen=True):
    user_id: str
    reason: str | None = None


class UpgradeBody(msgspec.Struct, frozen=True):
    new_version: str
    additional_creators: list[str] | None = None


class RoomEndpoints:
    def __init__(
        self, creator: RoomCreator, memberships: Memberships, upgrader: RoomUpgrader
    ) -> None:
        self._creator = creator
        self._memberships = memberships
        self._upgrader = upgrader

    @post("/_matrix/client/v3/createRoom", limit="create_room", body_bytes_max=1024 * 1024)
    async def create_room(self, request: Request) -> Answer:
        creation = request.json(RoomCreation)
        return {"room_id": await self._creator.create(request.requester, creation)}

    @post("/_matrix/client/v3/join/{room_id_or_alias}", auth=Auth.GUEST, limit="join")
    async def join_by_id_or_alias(self, request: Request) -> Answer:
        return await self._join(request, await self._resolve(request))

    @post(f"{ROOM}/join", auth=Auth.GUEST, limit="join")
    async def join(self, request: Request) -> Answer:
        return await self._join(request, _room(request))

    @post("/_matrix/client/v3/knock/{room_id_or_alias}", limit="join")
    async def knock(self, request: Request) -> Answer:
        body = request.json(ReasonBody)
        room = await self._resolve(request)
        await self._memberships.knock(request.requester, room, body.reason)
        return {"room_id": room}

    @post(f"{ROOM}/invite", limit="invite")
    async def invite(self, request: Request) -> Answer:
        target = _target(request)
        await self._memberships.invite(
            request.requester, _room(request), UserId(target.user_id), target.reason
        )
        return {}

    @post(f"{ROOM}/leave", auth=Auth.GUEST)
    async def leave(self, request: Request) -> Answer:
        body = request.json(ReasonBody)
        await self._memberships.leave(request.requester, _room(request), body.reason)
        return {}

    @post(f"{ROOM}/kick")
    async def kick(self, request: Request) -> Answer:
        target = _target(request)
        await self._memberships.kick(
            request.requester, _room(request), UserId(target.user_id), target.reason
        )
        return {}

    @post(f"{ROOM}/ban")
    async def ban(self, request: Request) -> Answer:
        target = _target(request)
        await self._memberships.ban(
            request.requester, _room(request), UserId(target.user_id), target.reason
        )
        return {}

    @post(f"{ROOM}/unban")
    async def unban(self, request: Request) -> Answer:
        target = _target(request)
        await self._memberships.unban(
            request.requester, _room(request), UserId(target.user_id), target.reason
        )
        return {}

    @post(f"{ROOM}/forget", auth=Auth.GUEST)
    async def forget(self, request: Request) -> Answer:
        await self._memberships.forget(request.requester, _room(request))
        return {}

    @post(f"{ROOM}/upgrade")
    async def upgrade(self, request: Request) -> Answer:
        body = request.json(UpgradeBody)
        replacement = await self._upgrader.upgrade(
            request.requester, _room(request), body.new_version, body.additional_creators
        )
        return {"replacement_room": replacement}

    async def _join(self, request: Request, room: RoomId) -> Answer:
        body = request.json(JoinBody)
        await self._memberships.join(
            request.requester,
            room,
            reason=body.reason,
            third_party_signed=body.third_party_signed,
        )
        return {"room_id": room}

    async def _resolve(self, request: Request) -> RoomId:
        text = request.path["room_id_or_alias"]
        if text.startswith("#"):
            return await self._memberships.resolve(room_alias(text))
        return room_id(text)


def _room(request: Request) -> RoomId:
    return room_id(request.path["room_id"])


def _target(request: Request) -> TargetBody:
    body = request.json(TargetBody)
    user_id(body.user_id)
    return body
