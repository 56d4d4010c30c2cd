"""Replacing a room by a new one of another version. Spec: "Room Upgrades"."""

from typing import Any, cast

import msgspec
import structlog

from bongsu.errors import Forbidden, InvalidParam, NotFound, Refused
from bongsu.ids import RoomId, UserId
from bongsu.log.gateway import Log
from bongsu.log.intents import Intent, Intents
from bongsu.rooms.aliases import canonical_aliases
from bongsu.rooms.creation import RoomCreator
from bongsu.rooms.event import EventDraft
from bongsu.rooms.power_levels import PowerLevels
from bongsu.rooms.presets import create_content
from bongsu.rooms.proposals import CreateRoom, SendEvent
from bongsu.rooms.reading import Aliases, PublicRooms, RoomInfo, RoomReader
from bongsu.rooms.room_auth import creators_of
from bongsu.rooms.room_version import RoomVersion, room_version
from bongsu.users.requester import Requester

log = structlog.get_logger()

# Carried over as they are (spec: "the following events are recommended to be copied").
COPIED_TYPES = (
    "m.room.join_rules",
    "m.room.history_visibility",
    "m.room.guest_access",
    "m.room.server_acl",
    "m.room.encryption",
    "m.room.name",
    "m.room.avatar",
    "m.room.topic",
)
_OTHER_TYPES = (
    "m.room.create",
    "m.room.power_levels",
    "m.room.member",
    "m.room.canonical_alias",
)
BANS_MAX = 10_000
UPGRADE = "upgrade"


class Upgrade(msgspec.Struct, frozen=True):
    """The intent of an upgrade: all that depends on how the old room was when it was asked for."""

    old_room: RoomId
    new_room: CreateRoom
    canonical_alias: dict[str, Any] | None  # content, to move with the aliases
    quiet_levels: dict[str, Any] | None  # power levels to close the old room with


class RoomUpgrader:
    """The new room stands before the old one points to it, and what must not be lost comes first:
    the tombstone, then the names, at last the old room's closing."""

    def __init__(
        self,
        log: Log,
        intents: Intents,
        creator: RoomCreator,
        rooms: RoomReader,
        aliases: Aliases,
        public_rooms: PublicRooms,
    ) -> None:
        self._log = log
        self._intents = intents
        self._creator = creator
        self._rooms = rooms
        self._aliases = aliases
        self._public_rooms = public_rooms
        intents.register(UPGRADE, self.carry_out)

    async def upgrade(
        self,
        requester: Requester,
        old_room: RoomId,
        version_id: str,
        additional_creators: list[str] | None = None,
    ) -> RoomId:
        """The id of the room that replaces `old_room`."""
        version = self._creator.version(version_id)
        info = await self._rooms.room(old_room)
        if info is None:
            raise NotFound("Unknown room")
        state = {
            (event.facts.type, event.facts.state_key): event.content
            for event in await self._rooms.list_state(
                old_room,
                types=[*COPIED_TYPES, *_OTHER_TYPES],
            )
        }
        self._check_may_upgrade(requester, info, state)
        drafts = _drafts(requester, version, info, state, additional_creators or [])
        canonical = state.get(("m.room.canonical_alias", ""))
        quiet = _quiet_levels(requester, info, state)

        async def make(new_room: CreateRoom) -> None:
            upgrade = Upgrade(old_room, new_room, canonical, quiet)
            await self._intents.carry_out(UPGRADE, requester.user_id, upgrade)

        return await self._creator.create_from(requester.user_id, version, drafts, make)

    async def carry_out(self, intent: Intent) -> None:
        """Implements the intent of an `Upgrade`; its key is the upgrader."""
        upgrade = msgspec.json.decode(intent.body, type=Upgrade)
        old, new = upgrade.old_room, RoomId(upgrade.new_room.key)
        await self._creator.propose(upgrade.new_room)
        tombstone = {"body": "This room has been replaced", "replacement_room": new}
        await self._set_state(intent, old, "m.room.tombstone", tombstone)
        await self._aliases.move(old, new)
        if upgrade.canonical_alias and await self._lead_to(new, upgrade.canonical_alias):
            await self._try_state(intent, old, "m.room.canonical_alias", {})
            await self._try_state(intent, new, "m.room.canonical_alias", upgrade.canonical_alias)
        await self._public_rooms.move(old, new)
        if upgrade.quiet_levels:
            await self._try_state(intent, old, "m.room.power_levels", upgrade.quiet_levels)

    def _check_may_upgrade(
        self, requester: Requester, info: RoomInfo, state: dict[Any, dict[str, Any]]
    ) -> None:
        member = state.get(("m.room.member", requester.user_id), {})
        levels = _levels(info, state)
        required = levels.required_for("m.room.tombstone", is_state=True)
        if member.get("membership") != "join" or levels.level_of(requester.user_id) < required:
            raise Forbidden(f"Upgrading this room needs power level {required}")

    async def _lead_to(self, room: RoomId, canonical_alias: dict[str, Any]) -> bool:
        """Whether aliases of the content of m.room.canonical_alias moved to `room`, every one."""
        try:
            aliases = canonical_aliases(canonical_alias)
        except InvalidParam:
            return False
        rooms = [await self._aliases.room_of(alias) for alias in aliases]
        return bool(rooms) and all(each == room for each in rooms)

    async def _set_state(
        self, intent: Intent, room: RoomId, type: str, content: dict[str, Any]
    ) -> None:
        await self._log.propose(
            SendEvent(
                key=room,
                request_id=intent.request_id("state", room, type),
                sender=intent.key,
                type=type,
                content=content,
                state_key="",
            )
        )

    async def _try_state(
        self, intent: Intent, room: RoomId, type: str, content: dict[str, Any]
    ) -> None:
        """The spec: "if possible". The upgrader may lack the power, or have lost it."""
        try:
            await self._set_state(intent, room, type, content)
        except Refused as refused:
            log.info("not upgraded", room_id=room, type=type, reason=refused.message)


def _quiet_levels(
    requester: Requester, info: RoomInfo, state: dict[Any, dict[str, Any]]
) -> dict[str, Any] | None:
    """Power levels by which nobody goes on talking in the old room; None if they are not one's
    to set."""
    content = dict(state.get(("m.room.power_levels", ""), {}))
    quiet = max(50, int(content.get("users_default", 0)) + 1)
    if _levels(info, state).level_of(requester.user_id) < quiet:
        return None
    return content | {
        "events_default": max(quiet, int(content.get("events_default", 0))),
        "invite": max(quiet, int(content.get("invite", 0))),
    }


def _levels(info: RoomInfo, state: dict[Any, dict[str, Any]]) -> PowerLevels:
    version = room_version(info.version)
    create = state.get(("m.room.create", ""), {})
    creators = creators_of(version, UserId(info.creator), create)
    return PowerLevels(version, creators, state.get(("m.room.power_levels", "")))


def _drafts(
    requester: Requester,
    version: RoomVersion,
    info: RoomInfo,
    state: dict[Any, dict[str, Any]],
    additional_creators: list[str],
) -> list[EventDraft]:
    """The first events of the new room, from the state of the old one."""
    user = requester.user_id
    old_create = state.get(("m.room.create", ""), {})
    dropped = ("room_version", "creator", "predecessor", "additional_creators")
    given = {key: value for key, value in old_create.items() if key not in dropped}
    if version.privileged_creators and additional_creators:
        given["additional_creators"] = additional_creators
    create = create_content(given, version, user)
    create["predecessor"] = {"room_id": info.room_id}
    drafts = [
        EventDraft("m.room.create", user, create, ""),
        EventDraft("m.room.member", user, state["m.room.member", user], user),
        EventDraft("m.room.power_levels", user, _power_levels(version, user, create, state), ""),
    ]
    drafts += [
        EventDraft(type, user, state[type, ""], "") for type in COPIED_TYPES if (type, "") in state
    ]
    bans = [
        EventDraft("m.room.member", user, content, key)
        for (type, key), content in state.items()
        if type == "m.room.member" and content.get("membership") == "ban"
    ]
    return drafts + bans[:BANS_MAX]


def _power_levels(
    version: RoomVersion, user: UserId, create: dict[str, Any], state: dict[Any, dict[str, Any]]
) -> dict[str, Any]:
    """The old levels, with the upgrader able to build the room; no creator listed from v12 on."""
    content = dict(state.get(("m.room.power_levels", ""), {}))
    users = dict(cast(dict[str, int], content.get("users", {})))
    if version.privileged_creators:
        for creator in creators_of(version, user, create):
            users.pop(creator, None)
    else:
        users[user] = max(100, users.get(user, 0))
    return {**content, "users": users}
