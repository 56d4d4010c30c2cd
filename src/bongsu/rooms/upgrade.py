"""Replacing a room by a new one of another version. Spec: "Room Upgrades"."""

from typing import Any, cast

from bongsu.errors import Forbidden, NotFound
from bongsu.ids import RoomId, UserId
from bongsu.rooms.creation import RoomCreator
from bongsu.rooms.event import EventDraft
from bongsu.rooms.power_levels import PowerLevels
from bongsu.rooms.presets import create_content
from bongsu.rooms.reading import Aliases, PublicRooms, RoomInfo, RoomReader
from bongsu.rooms.room_auth import creators_of
from bongsu.rooms.room_version import RoomVersion, room_version
from bongsu.rooms.sending import Sending
from bongsu.users.requester import Requester

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
BANS_MAX = 10_000


class RoomUpgrader:
    """The tombstone comes last but one: the new room stands before the old one points to it."""

    def __init__(
        self,
        creator: RoomCreator,
        sending: Sending,
        rooms: RoomReader,
        aliases: Aliases,
        public_rooms: PublicRooms,
    ) -> None:
        self._creator = creator
        self._sending = sending
        self._rooms = rooms
        self._aliases = aliases
        self._public_rooms = public_rooms

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
                types=[*COPIED_TYPES, "m.room.create", "m.room.power_levels", "m.room.member"],
            )
        }
        self._check_may_upgrade(requester, info, state)
        drafts = _drafts(requester, version, info, state, additional_creators or [])
        new_room = await self._creator.create_from(requester.user_id, version, drafts)
        await self._sending.send_state(
            requester,
            old_room,
            "m.room.tombstone",
            "",
            {"body": "This room has been replaced", "replacement_room": new_room},
        )
        await self._move_names(requester, old_room, new_room)
        await self._close_old_room(requester, info, state)
        return new_room

    def _check_may_upgrade(
        self, requester: Requester, info: RoomInfo, state: dict[Any, dict[str, Any]]
    ) -> None:
        member = state.get(("m.room.member", requester.user_id), {})
        levels = _levels(info, state)
        required = levels.required_for("m.room.tombstone", is_state=True)
        if member.get("membership") != "join" or levels.level_of(requester.user_id) < required:
            raise Forbidden(f"Upgrading this room needs power level {required}")

    async def _move_names(self, requester: Requester, old: RoomId, new: RoomId) -> None:
        """Local aliases and the place in the directory go to the new room."""
        moved = await self._aliases.move(old, new)
        canonical = await self._rooms.state_event(old, "m.room.canonical_alias", "")
        if canonical is not None and moved:
            await self._sending.send_state(requester, old, "m.room.canonical_alias", "", {})
            await self._sending.send_state(
                requester, new, "m.room.canonical_alias", "", canonical.content
            )
        await self._public_rooms.move(old, new)

    async def _close_old_room(
        self, requester: Requester, info: RoomInfo, state: dict[Any, dict[str, Any]]
    ) -> None:
        """Nobody should go on talking in the old room: raise the levels, as far as one may."""
        content = dict(state.get(("m.room.power_levels", ""), {}))
        quiet = max(50, int(content.get("users_default", 0)) + 1)
        if _levels(info, state).level_of(requester.user_id) < quiet:
            return
        content |= {
            "events_default": max(quiet, int(content.get("events_default", 0))),
            "invite": max(quiet, int(content.get("invite", 0))),
        }
        try:
            await self._sending.send_state(
                requester, RoomId(info.room_id), "m.room.power_levels", "", content
            )
        except Forbidden:
            return  # the spec: "if possible"


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
