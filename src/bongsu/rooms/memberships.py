"""Joining, inviting, knocking, leaving, kicking, banning, forgetting."""

from collections.abc import Mapping
from typing import Any

from bongsu.errors import Forbidden, InvalidParam, NotFound, Refused
from bongsu.ids import EventId, RoomId, UserId, domain_of
from bongsu.log.gateway import Log
from bongsu.log.proposal import fresh_request_id
from bongsu.rooms.closed import ClosedRooms, check_open
from bongsu.rooms.join_rules import JoinRules, join_rules_from
from bongsu.rooms.proposals import SendEvent
from bongsu.rooms.reading import AliasReader, InviteRules, Member, Profiles, RoomInfo, RoomReader
from bongsu.rooms.sending import invite_blocked
from bongsu.rooms.standing_power import power_levels
from bongsu.users.proposals import ForgetRoom
from bongsu.users.requester import Requester

REASON_BYTES_MAX = 4096
AUTHORISERS_MAX = 1_000  # joined members looked at for one who may let another in


class Memberships:
    """Changes of membership. Each is one event of the room; the sequencer has the last word."""

    def __init__(
        self,
        log: Log,
        rooms: RoomReader,
        profiles: Profiles,
        aliases: AliasReader,
        invite_rules: InviteRules,
        server_name: str,
        closed: ClosedRooms | None = None,
    ) -> None:
        self._closed = closed
        self._log = log
        self._rooms = rooms
        self._profiles = profiles
        self._aliases = aliases
        self._invite_rules = invite_rules
        self._server_name = server_name

    async def resolve(self, room_id_or_alias: str) -> RoomId:
        """The room that an alias leads to, or the room id itself."""
        if not room_id_or_alias.startswith("#"):
            return RoomId(room_id_or_alias)
        room_id = await self._aliases.room_of(room_id_or_alias)
        if room_id is None:
            raise NotFound(f"No room has the alias {room_id_or_alias}")
        return RoomId(room_id)

    async def join(
        self,
        requester: Requester,
        room_id: RoomId,
        *,
        reason: str | None = None,
        third_party_signed: Mapping[str, Any] | None = None,
    ) -> None:
        """Join; nothing happens to who is joined already."""
        user = requester.user_id
        member = await self._rooms.member(room_id, user)
        if member is not None and member.membership == "join":
            return
        await check_open(self._closed, room_id)
        info = await self._known_room(room_id)
        if requester.is_guest:
            await self._check_guest(room_id)
        if third_party_signed is not None:
            await self._exchange_third_party(requester, info, third_party_signed)
        content = await self._member_content(user, "join", reason)
        rules = await self._join_rules(room_id)
        if rules.is_restricted and (member is None or member.membership != "invite"):
            content |= await self._authorised_by(info, rules, user)
        await self._set(requester, room_id, user, content)

    async def invite(
        self, requester: Requester, room_id: RoomId, user: UserId, reason: str | None = None
    ) -> None:
        if domain_of(user) != self._server_name:
            raise Forbidden("This server does not reach users of other servers")
        await check_open(self._closed, room_id)
        if await self._invite_rules.blocks(user, requester.user_id):
            raise invite_blocked()
        content = await self._member_content(user, "invite", reason)
        await self._set(requester, room_id, user, content)

    async def knock(self, requester: Requester, room_id: RoomId, reason: str | None) -> None:
        await check_open(self._closed, room_id)
        await self._known_room(room_id)
        content = await self._member_content(requester.user_id, "knock", reason)
        await self._set(requester, room_id, requester.user_id, content)

    async def leave(self, requester: Requester, room_id: RoomId, reason: str | None) -> None:
        """Leave, or reject an invitation, or take back a knock. Twice is no error."""
        member = await self._rooms.member(room_id, requester.user_id)
        if member is None:
            raise Forbidden("You are not in the room")
        if member.membership == "leave":
            return
        await self._set(requester, room_id, requester.user_id, _content("leave", reason))

    async def kick(
        self, requester: Requester, room_id: RoomId, user: UserId, reason: str | None
    ) -> None:
        member = await self._rooms.member(room_id, user)
        if member is None or member.membership not in ("join", "invite", "knock"):
            await self._check_inside(requester, room_id)
            raise Forbidden(f"{user} is not in the room")
        await self._set(requester, room_id, user, _content("leave", reason))

    async def ban(
        self, requester: Requester, room_id: RoomId, user: UserId, reason: str | None
    ) -> None:
        await self._set(requester, room_id, user, _content("ban", reason))

    async def unban(
        self, requester: Requester, room_id: RoomId, user: UserId, reason: str | None
    ) -> None:
        member = await self._rooms.member(room_id, user)
        if member is None or member.membership != "ban":
            await self._check_inside(requester, room_id)
            raise Forbidden(f"{user} is not banned")
        await self._set(requester, room_id, user, _content("leave", reason))

    async def forget(self, requester: Requester, room_id: RoomId) -> None:
        """Stop remembering a room one has left: its history goes out of reach."""
        member = await self._rooms.member(room_id, requester.user_id)
        if member is None:
            raise NotFound("You were never in that room")
        if member.membership not in ("leave", "ban"):
            raise Refused("Leave the room before you forget it", code="M_UNKNOWN")
        await self._log.propose(
            ForgetRoom(
                key=requester.user_id,
                request_id=fresh_request_id(),
                room_id=room_id,
                leave_position=member.position,
            )
        )

    # -- parts -------------------------------------------------------------------------------

    async def _set(
        self, requester: Requester, room_id: RoomId, user: str, content: dict[str, Any]
    ) -> EventId:
        proposal = SendEvent(
            key=room_id,
            request_id=fresh_request_id(),
            sender=requester.user_id,
            type="m.room.member",
            content=content,
            state_key=user,
            device_id=requester.device_id,
        )
        return EventId((await self._log.propose(proposal)).event_id)

    async def _member_content(
        self, user: str, membership: str, reason: str | None
    ) -> dict[str, Any]:
        profile = await self._profiles.member_profile(user)
        return {**profile, **_content(membership, reason)}

    async def _known_room(self, room_id: RoomId) -> RoomInfo:
        info = await self._rooms.room(room_id)
        if info is None:
            raise NotFound("Unknown room")
        return info

    async def _check_inside(self, requester: Requester, room_id: RoomId) -> Member:
        member = await self._rooms.member(room_id, requester.user_id)
        if member is None or member.membership != "join":
            raise Forbidden("You are not in the room")
        return member

    async def _check_guest(self, room_id: RoomId) -> None:
        event = await self._rooms.state_event(room_id, "m.room.guest_access", "")
        if event is None or event.content.get("guest_access") != "can_join":
            raise Forbidden("Guests may not join", code="M_GUEST_ACCESS_FORBIDDEN")

    async def _join_rules(self, room_id: RoomId) -> JoinRules:
        event = await self._rooms.state_event(room_id, "m.room.join_rules", "")
        return join_rules_from(event.content) if event else JoinRules()

    async def _authorised_by(self, info: RoomInfo, rules: JoinRules, user: str) -> dict[str, Any]:
        """Who vouches that `user` meets a restricted room's conditions; Forbidden if nobody can."""
        for allowed in rules.allow_rooms:
            member = await self._rooms.member(allowed, user)
            if member is not None and member.membership == "join":
                break
        else:
            return {}  # the rules say no in their own words
        levels = await power_levels(self._rooms, info)
        for candidate in levels.users_by_level():
            member = await self._rooms.member(info.room_id, candidate)
            if (
                member is not None
                and member.membership == "join"
                and levels.level_of(candidate) >= levels.invite
            ):
                return {"join_authorised_via_users_server": candidate}
        for anyone in await self._rooms.list_joined(info.room_id, AUTHORISERS_MAX):
            if levels.level_of(UserId(anyone)) >= levels.invite:
                return {"join_authorised_via_users_server": anyone}
        raise Forbidden("Nobody in the room may let you in", code="M_UNABLE_TO_GRANT_JOIN")

    async def _exchange_third_party(
        self, requester: Requester, info: RoomInfo, signed: Mapping[str, Any]
    ) -> None:
        """Turn a third-party invitation into one for this user; the rules check its signature."""
        token = signed.get("token")
        if not isinstance(token, str):
            raise InvalidParam("third_party_signed has no token")
        event = await self._rooms.state_event(info.room_id, "m.room.third_party_invite", token)
        if event is None:
            raise Forbidden("No such third-party invitation")
        content = {
            **await self._member_content(requester.user_id, "invite", None),
            "third_party_invite": {
                "display_name": event.content.get("display_name", ""),
                "signed": dict(signed),
            },
        }
        inviter = Requester(UserId(event.facts.sender), requester.device_id, requester.token_hash)
        await self._set(inviter, RoomId(info.room_id), requester.user_id, content)


def _content(membership: str, reason: str | None) -> dict[str, Any]:
    content: dict[str, Any] = {"membership": membership}
    if reason is not None:
        if len(reason) > REASON_BYTES_MAX:
            raise InvalidParam("The reason is too long")
        content["reason"] = reason
    return content
