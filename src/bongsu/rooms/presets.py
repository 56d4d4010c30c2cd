"""What a new room is made of: the events that /createRoom implies, in the spec's order."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from bongsu.errors import BadJson, Refused, TooLarge
from bongsu.ids import RoomAlias, UserId, room_alias, user_id
from bongsu.rooms.auth_rules import check_additional_creators
from bongsu.rooms.event import EventDraft
from bongsu.rooms.power_levels import check_power_levels
from bongsu.rooms.room_auth import creators_of
from bongsu.rooms.room_version import RoomVersion

INVITES_MAX = 1_000
INITIAL_STATE_MAX = 1_000

PresetName = Literal["private_chat", "trusted_private_chat", "public_chat"]


class InitialState(msgspec.Struct, frozen=True):
    """A state event of `initial_state`."""

    type: str
    content: dict[str, Any]
    state_key: str = ""


class RoomCreation(msgspec.Struct, frozen=True):
    """The body of a /createRoom request. Spec: create_room.yaml."""

    visibility: Literal["public", "private"] | None = None
    room_alias_name: str | None = None
    name: str | None = None
    topic: str | None = None
    invite: list[str] = []
    invite_3pid: list[dict[str, Any]] = []
    room_version: str | None = None
    creation_content: dict[str, Any] | None = None
    initial_state: list[InitialState] = []
    preset: PresetName | None = None
    is_direct: bool = False
    power_level_content_override: dict[str, Any] | None = None


class _Preset(msgspec.Struct, frozen=True):
    join_rule: str
    guest_access: str
    invite_level: int
    trusts_invitees: bool = False


_PRESETS: dict[PresetName, _Preset] = {
    "private_chat": _Preset("invite", "can_join", invite_level=0),
    "trusted_private_chat": _Preset("invite", "can_join", invite_level=0, trusts_invitees=True),
    "public_chat": _Preset("public", "forbidden", invite_level=50),
}

_ADMIN_LEVEL = 100
_TOMBSTONE_LEVEL_V12 = 150
"""Above every level that the default power levels give: only creators replace a room."""

_EVENT_LEVELS = {
    "m.room.name": 50,
    "m.room.avatar": 50,
    "m.room.canonical_alias": 50,
    "m.room.power_levels": 100,
    "m.room.history_visibility": 100,
    "m.room.encryption": 100,
    "m.room.server_acl": 100,
    "m.room.tombstone": 100,
}


def requested_alias(creation: RoomCreation, server_name: str) -> RoomAlias | None:
    """The whole alias that `room_alias_name` asks for; `InvalidParam` if there can be no such."""
    name = creation.room_alias_name
    return room_alias(f"#{name}:{server_name}") if name else None


def initial_events(
    creation: RoomCreation,
    version: RoomVersion,
    creator: UserId,
    *,
    alias: RoomAlias | None = None,
    profiles: Mapping[UserId, Mapping[str, Any]] | None = None,
) -> list[EventDraft]:
    """The events of the new room, to be authorised and built one after the other.

    `alias` is `requested_alias`, `profiles` give displayname and avatar_url for member events.
    Raises `BadJson`, `InvalidParam` or `TooLarge` for what the request may not ask, and `Refused`
    M_INVALID_ROOM_STATE for power levels that the version rules out. A later `Forbidden` from
    `authorise` means the same: the implied state contradicts itself.
    """
    _check_bounds(creation)
    preset = _PRESETS[_preset_name(creation)]
    invitees = list(dict.fromkeys(user_id(text) for text in creation.invite))
    trusted = invitees if preset.trusts_invitees else []
    create = create_content(creation.creation_content or {}, version, creator, trusted)
    levels = _power_level_content(creation, version, creator, create, trusted, preset)

    def state(type: str, content: dict[str, Any], state_key: str = "") -> EventDraft:
        return EventDraft(type, creator, content, state_key)

    def member(user: UserId, content: dict[str, Any]) -> EventDraft:
        return state("m.room.member", {**(profiles or {}).get(user, {}), **content}, user)

    invite = {"membership": "invite", **({"is_direct": True} if creation.is_direct else {})}
    return [
        state("m.room.create", create),
        member(creator, {"membership": "join"}),
        state("m.room.power_levels", levels),
        *([state("m.room.canonical_alias", {"alias": alias})] if alias else []),
        *(state(type, content) for type, content in _preset_state(creation, preset)),
        *(state(given.type, given.content, given.state_key) for given in _later_state(creation)),
        *(state(type, content) for type, content in _named_state(creation)),
        *(member(user, invite) for user in invitees),
    ]


def create_content(
    given: Mapping[str, Any],
    version: RoomVersion,
    creator: UserId,
    trusted: Sequence[UserId] = (),
) -> dict[str, Any]:
    """The content of m.room.create: what the client gave, and what only the server may say."""
    content = {key: value for key, value in given.items() if key != "creator"}
    content["room_version"] = version.identifier
    if not isinstance(content.get("m.federate", True), bool):
        raise BadJson("m.federate is neither true nor false")
    if version.creator_in_content:
        content["creator"] = creator
    if version.privileged_creators:
        check_additional_creators(content)
        additional = dict.fromkeys([*content.pop("additional_creators", []), *trusted])
        additional.pop(creator, None)
        if additional:
            content["additional_creators"] = list(additional)
    return content


def _check_bounds(creation: RoomCreation) -> None:
    if len(creation.invite) > INVITES_MAX:
        raise TooLarge(f"More than {INVITES_MAX} invites")
    if len(creation.initial_state) > INITIAL_STATE_MAX:
        raise TooLarge(f"More than {INITIAL_STATE_MAX} events of initial state")
    if creation.invite_3pid:
        raise Refused(
            "This server has no identity server to ask", code="M_THREEPID_DENIED", status=403
        )


def _preset_name(creation: RoomCreation) -> PresetName:
    return creation.preset or ("public_chat" if creation.visibility == "public" else "private_chat")


def _power_level_content(
    creation: RoomCreation,
    version: RoomVersion,
    creator: UserId,
    create: Mapping[str, Any],
    trusted: Sequence[UserId],
    preset: _Preset,
) -> dict[str, Any]:
    """The first m.room.power_levels: that of `initial_state`, or the default with its override."""
    content = _given_content(creation, "m.room.power_levels")
    if content is None:
        users = () if version.privileged_creators else (creator, *trusted)
        content = _default_power_levels(version, users, preset)
        content |= creation.power_level_content_override or {}
    check_power_levels(content)
    if version.privileged_creators:
        _check_creators_unlisted(content, creators_of(version, creator, create))
        # The spec demands an explicit level for it, whatever the client overrides.
        levels = {"m.room.tombstone": _TOMBSTONE_LEVEL_V12, **content.get("events", {})}
        content = {**content, "events": levels}
    return content


def _default_power_levels(
    version: RoomVersion, users: Sequence[UserId], preset: _Preset
) -> dict[str, Any]:
    events = dict(_EVENT_LEVELS)
    if version.privileged_creators:
        events["m.room.tombstone"] = _TOMBSTONE_LEVEL_V12
    return {
        "users": dict.fromkeys(users, _ADMIN_LEVEL),
        "users_default": 0,
        "events": events,
        "events_default": 0,
        "state_default": 50,
        "ban": 50,
        "kick": 50,
        "redact": 50,
        "invite": preset.invite_level,
    }


def _check_creators_unlisted(content: Mapping[str, Any], creators: frozenset[UserId]) -> None:
    listed = creators & content.get("users", {}).keys()
    if listed:
        raise Refused(
            f"Power levels cannot list {min(listed)}, a creator of the room",
            code="M_INVALID_ROOM_STATE",
        )


def _preset_state(creation: RoomCreation, preset: _Preset) -> list[tuple[str, dict[str, Any]]]:
    """The preset's state, without what `initial_state` gives in its place."""
    state: list[tuple[str, dict[str, Any]]] = [
        ("m.room.join_rules", {"join_rule": preset.join_rule}),
        ("m.room.history_visibility", {"history_visibility": "shared"}),
        ("m.room.guest_access", {"guest_access": preset.guest_access}),
    ]
    return [piece for piece in state if _given_content(creation, piece[0]) is None]


def _later_state(creation: RoomCreation) -> list[InitialState]:
    """`initial_state` without the power levels, which come before all other state."""
    levels = ("m.room.power_levels", "")
    return [given for given in creation.initial_state if (given.type, given.state_key) != levels]


def _named_state(creation: RoomCreation) -> list[tuple[str, dict[str, Any]]]:
    state: list[tuple[str, dict[str, Any]]] = []
    if creation.name is not None:
        state.append(("m.room.name", {"name": creation.name}))
    if creation.topic is not None:
        state.append(("m.room.topic", topic_content(creation.topic)))
    return state


def topic_content(topic: str) -> dict[str, Any]:
    """The content of m.room.topic for a plain text, with its content block (since v1.15)."""
    block = [{"body": topic, "mimetype": "text/plain"}]
    return {"topic": topic, "m.topic": {"m.text": block}}


def _given_content(creation: RoomCreation, type: str) -> dict[str, Any] | None:
    """The content that `initial_state` gives for (type, ""), the last one if there are several."""
    given = [
        piece.content
        for piece in creation.initial_state
        if (piece.type, piece.state_key) == (type, "")
    ]
    return given[-1] if given else None
