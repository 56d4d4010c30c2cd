"""Making rooms. Spec: "Room Creation"."""

import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from bongsu.errors import Forbidden, Refused, Unavailable
from bongsu.ids import RoomId, UserId, domain_of, user_id
from bongsu.log.gateway import Log
from bongsu.log.intents import Intent, Intents
from bongsu.log.proposal import fresh_request_id
from bongsu.rooms.event import EventDraft, build_event
from bongsu.rooms.presets import RoomCreation, initial_events, requested_alias
from bongsu.rooms.proposals import CreateRoom, InitialEvent
from bongsu.rooms.reading import Aliases, InviteRules, Profiles, PublicRooms, ReservedAliases
from bongsu.rooms.room_version import ROOM_VERSIONS, RoomVersion
from bongsu.rooms.sending import invite_blocked
from bongsu.users.requester import Requester

ROOM_CREATION = "room_creation"
ROOM_IN_USE = "M_ROOM_IN_USE"
COLLISIONS_MAX = 5


class NamedRoom(msgspec.Struct, frozen=True):
    """The intent to make a room that is also to stand in tables outside its own partition."""

    room: CreateRoom
    alias: str | None
    is_public: bool


class RoomCreator:
    """Makes a room with all its first events in one transaction, or no room at all."""

    def __init__(
        self,
        log: Log,
        intents: Intents,
        profiles: Profiles,
        aliases: Aliases,
        public_rooms: PublicRooms,
        invite_rules: InviteRules,
        server_name: str,
        default_version: str,
        reserved: ReservedAliases | None = None,
    ) -> None:
        self._reserved = reserved
        self._log = log
        self._intents = intents
        self._profiles = profiles
        self._aliases = aliases
        self._public_rooms = public_rooms
        self._invite_rules = invite_rules
        self._server_name = server_name
        self._default_version = default_version
        self._last_created_at = 0
        intents.register(ROOM_CREATION, self.carry_out)

    async def create(self, requester: Requester, creation: RoomCreation) -> RoomId:
        """The id of the new room.

        The alias is claimed when the room is there: an alias never leads to no room. If it was
        taken meanwhile, the room stays without it and the request is refused (M_ROOM_IN_USE).
        """
        version = self.version(creation.room_version)
        alias = requested_alias(creation, self._server_name)
        if alias is not None and self._reserved:
            self._reserved.check_alias(alias, requester.appservice_id)
        if alias is not None and await self._aliases.room_of(alias) is not None:
            raise _alias_taken(alias)
        await self._check_invitees(requester, creation)
        drafts = initial_events(
            creation,
            version,
            requester.user_id,
            alias=alias,
            profiles=await self._member_profiles(requester, creation),
        )
        is_public = creation.visibility == "public"

        async def make(room: CreateRoom) -> None:
            if alias is None and not is_public:
                return await self.propose(room)
            named = NamedRoom(room, alias, is_public)
            await self._intents.carry_out(ROOM_CREATION, requester.user_id, named)

        return await self.create_from(requester.user_id, version, drafts, make)

    async def carry_out(self, intent: Intent) -> None:
        """Implements the intent of a `NamedRoom`."""
        named = msgspec.json.decode(intent.body, type=NamedRoom)
        room_id = named.room.key
        await self.propose(named.room)
        if named.is_public:
            await self._public_rooms.publish(room_id, True)
        if (
            named.alias is not None
            and not await self._aliases.create(named.alias, room_id, intent.key)
            and await self._aliases.room_of(named.alias) != room_id  # else: by an earlier try
        ):
            raise _alias_taken(named.alias)

    async def create_from(
        self,
        creator: UserId,
        version: RoomVersion,
        drafts: list[EventDraft],
        make: Callable[[CreateRoom], Awaitable[None]],
    ) -> RoomId:
        """A room of exactly these events, the create event first, made by `make`.

        `make` is asked again with another id if that of the room, a hash, is found to be in use:
        another server may have made the same room for the same user in the same millisecond.
        """
        for _ in range(COLLISIONS_MAX):
            room = self._room_of(creator, version, drafts)
            try:
                await make(room)
            except _RoomIdTaken:
                continue
            return RoomId(room.key)
        raise Unavailable("No free room ID was found")

    async def propose(self, room: CreateRoom) -> None:
        """Make the room, or see that it is made already."""
        try:
            await self._log.propose(room)
        except Refused as error:
            if error.code == ROOM_IN_USE:
                raise _RoomIdTaken(error.message, code=ROOM_IN_USE) from error
            if error.code == "M_FORBIDDEN":  # state that the rules forbid contradicts itself
                raise Refused(error.message, code="M_INVALID_ROOM_STATE") from error
            raise

    def _room_of(
        self, creator: UserId, version: RoomVersion, drafts: list[EventDraft]
    ) -> CreateRoom:
        created_at = self._next_created_at()
        create = build_event(
            version,
            drafts[0],
            room_id=None if version.room_id_is_create_hash else self._random_room_id(),
            origin_server_ts=created_at,
            depth=1,
            prev_events=(),
            auth_events=(),
        )
        return CreateRoom(
            key=create.room_id,
            request_id=fresh_request_id(),
            version=version.identifier,
            creator=creator,
            created_at=created_at,
            events=[InitialEvent(d.type, d.state_key or "", d.content) for d in drafts],
        )

    def version(self, identifier: str | None) -> RoomVersion:
        """A room version that this server makes rooms of."""
        version = ROOM_VERSIONS.get(identifier or self._default_version)
        if version is None:
            raise Refused("Unsupported room version", code="M_UNSUPPORTED_ROOM_VERSION")
        return version

    def _next_created_at(self) -> int:
        """Now in milliseconds, never twice: the hash of a v12 create event must be new."""
        self._last_created_at = max(time.time_ns() // 1_000_000, self._last_created_at + 1)
        return self._last_created_at

    def _random_room_id(self) -> RoomId:
        return RoomId(f"!{secrets.token_urlsafe(18)}:{self._server_name}")

    async def _check_invitees(self, requester: Requester, creation: RoomCreation) -> None:
        for user in map(user_id, creation.invite):
            if domain_of(user) != self._server_name:
                raise Forbidden("This server does not reach users of other servers")
            if await self._invite_rules.blocks(user, requester.user_id):
                raise invite_blocked()

    async def _member_profiles(
        self, requester: Requester, creation: RoomCreation
    ) -> dict[UserId, Mapping[str, Any]]:
        users = [requester.user_id, *map(UserId, creation.invite)]
        return {user: await self._profiles.member_profile(user) for user in users}


class _RoomIdTaken(Refused):
    """Another room has this id."""


def _alias_taken(alias: str) -> Refused:
    return Refused(f"{alias} is taken", code=ROOM_IN_USE)
