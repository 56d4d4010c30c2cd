"""Aliases: names that lead to rooms. Spec: "Room aliases"."""

from typing import Any, Protocol, cast

from bongsu.errors import Forbidden, InvalidParam, NotFound, Refused
from bongsu.ids import RoomAlias, RoomId, domain_of
from bongsu.log.entry import LoggedEvent
from bongsu.rooms.access import RoomAccess
from bongsu.rooms.reading import AliasReader, ReservedAliases, RoomInfo, RoomReader
from bongsu.rooms.sending import Sending
from bongsu.rooms.standing_power import check_joined, may_send_state
from bongsu.rooms.visibility import WORLD_READABLE
from bongsu.users.requester import Requester

CANONICAL_ALIAS = "m.room.canonical_alias"


class AliasStore(Protocol):
    """Asked of the primary: no stale "free", and none that leads to where it led."""

    async def room_of(self, alias: str) -> str | None: ...
    async def creator_of(self, alias: str) -> str | None: ...
    async def list_of(self, room_id: str) -> list[str]: ...
    async def create(self, alias: str, room_id: str, creator: str) -> bool: ...
    async def delete(self, alias: str) -> None: ...


class AliasDirectory:
    def __init__(
        self,
        store: AliasStore,
        rooms: RoomReader,
        access: RoomAccess,
        sending: Sending,
        server_name: str,
        reserved: ReservedAliases | None = None,
        finder: AliasReader | None = None,
    ) -> None:
        """`finder` is asked where an alias leads, if looking it up is not all."""
        self._reserved = reserved
        self._finder = finder or store
        self._store = store
        self._rooms = rooms
        self._access = access
        self._sending = sending
        self.server_name = server_name

    async def resolve(self, alias: RoomAlias) -> RoomId:
        room_id = await self._finder.room_of(alias)
        if room_id is None:
            raise NotFound(f"Room alias {alias} not found")
        return RoomId(room_id)

    async def create(self, requester: Requester, alias: RoomAlias, room_id: RoomId) -> None:
        """Let a free alias of this server lead to a room that the requester is in."""
        if domain_of(alias) != self.server_name:
            raise InvalidParam("The alias is not one of this server")
        if self._reserved:
            self._reserved.check_alias(alias, requester.appservice_id)
        info = await self._rooms.room(room_id)
        if info is None:
            raise NotFound("Unknown room")
        await check_joined(self._rooms, info, requester.user_id)
        if not await self._store.create(alias, room_id, requester.user_id):
            raise Refused(f"Room alias {alias} already exists.", status=409)

    async def delete(self, requester: Requester, alias: RoomAlias) -> None:
        """For who made it, who may set the room's canonical alias, and administrators; and of
        those only for the application service that has reserved it."""
        if self._reserved:
            self._reserved.check_alias(alias, requester.appservice_id)
        room_id = await self.resolve(alias)
        info = await self._rooms.room(room_id)
        if not await self._may_delete(requester, alias, info):
            raise Forbidden("This alias is not yours to delete")
        await self._store.delete(alias)
        if info is not None:
            await self._withdraw(requester, room_id, alias)

    async def list_of(self, requester: Requester, room_id: RoomId) -> list[str]:
        """For who is joined, for anybody if the room is world_readable, for administrators."""
        if requester.is_admin:
            return await self._store.list_of(room_id)
        view, through = await self._access.state_view(requester, room_id)
        if view.membership != "join":
            state = await self._rooms.list_state(
                room_id, types=["m.room.history_visibility"], at=through
            )
            if not any(_is_world_readable(event) for event in state):
                raise Forbidden("You are not in the room")
        return await self._store.list_of(room_id)

    async def _may_delete(
        self, requester: Requester, alias: RoomAlias, info: RoomInfo | None
    ) -> bool:
        if requester.is_admin or requester.appservice_id is not None:
            return True  # what is in a service's namespace is the service's
        if await self._store.creator_of(alias) == requester.user_id:
            return True
        return info is not None and await may_send_state(
            self._rooms, info, requester.user_id, CANONICAL_ALIAS
        )

    async def _withdraw(self, requester: Requester, room_id: RoomId, alias: str) -> None:
        """Take a deleted alias out of m.room.canonical_alias, if the requester may."""
        current = await self._rooms.state_event(room_id, CANONICAL_ALIAS, "")
        content = current.content if current else {}
        without = without_alias(content, alias)
        if without == content:
            return
        try:
            await self._sending.send_state(requester, room_id, CANONICAL_ALIAS, "", without)
        except Refused:
            return  # the spec: the deletion stands even if this is not theirs to change


def without_alias(content: dict[str, Any], alias: str) -> dict[str, Any]:
    """The content of m.room.canonical_alias with every mention of `alias` left out."""
    others = {key: value for key, value in content.items() if key != "alias" or value != alias}
    listed: Any = others.get("alt_aliases")
    if isinstance(listed, list):
        others["alt_aliases"] = [each for each in cast("list[Any]", listed) if each != alias]
    return others


def _is_world_readable(event: LoggedEvent) -> bool:
    key = event.facts.state_key
    return key == "" and event.content.get("history_visibility") == WORLD_READABLE
