"""The authorisation rules of room versions 10, 11 and 12, in the order of the spec.

Spec: rooms/v12, "Authorisation rules"; the numbers in the comments are those of v12. The rules on
`prev_events`, `auth_events` and signatures hold by construction for events built on this server;
who takes in events of other servers has to check those first.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

from bongsu.errors import BadJson, Forbidden
from bongsu.ids import RoomId, UserId, domain_of, is_user_id
from bongsu.rooms.event import Event, EventDraft
from bongsu.rooms.membership_rules import authorise_member
from bongsu.rooms.power_levels import check_power_level_change, check_power_levels
from bongsu.rooms.room_auth import RoomAuth, StateKey
from bongsu.rooms.room_version import RoomVersion

_TOKEN = re.compile(r"[^\x00\ud800-\udfff]{0,255}\Z")


def authorise(event: Event | EventDraft, auth: RoomAuth) -> None:
    """Return if the room lets `event` in, else raise `Forbidden`, or `BadJson` for a bad shape.

    A draft is judged as well as a built event, so that a refusal costs no hashing.
    The first event of a room is judged by `authorise_create`.
    """
    sender = event.sender
    if not auth.federate and domain_of(sender) != domain_of(auth.create_sender):  # 4
        raise Forbidden("This room does not federate with your server")
    if event.type == "m.room.member":  # 5
        authorise_member(event, auth)
        return
    if auth.membership(sender) != "join":  # 6
        raise Forbidden(f"{sender} is not in the room")

    levels = auth.power_levels
    level = levels.level_of(sender)
    if event.type == "m.room.third_party_invite":  # 7
        required = levels.invite
    else:  # 8
        required = levels.required_for(event.type, is_state=event.state_key is not None)
    if level < required:
        raise Forbidden(
            f"Sending {event.type} needs power level {required}, that of {sender} is {level}"
        )
    if event.state_key is not None:
        _authorise_state(event, auth, level)


def authorise_create(
    version: RoomVersion, event: Event | EventDraft, room_id: RoomId | None
) -> None:
    """Return if `event` may be the first of a room, else raise `Forbidden` or `BadJson` (rule 1).

    `room_id` is the id that the room shall have, None where the event itself gives it (v12).
    """
    content = event.content
    if event.type != "m.room.create" or event.state_key != "":
        raise Forbidden("The first event of a room is m.room.create")
    if version.room_id_is_create_hash != (room_id is None):
        raise Forbidden("The room ID does not fit the room version")
    if room_id is not None and domain_of(room_id) != domain_of(event.sender):
        raise Forbidden("The room ID is not of the creator's server")
    if content.get("room_version") != version.identifier:
        raise Forbidden("m.room.create names another room version")
    if version.creator_in_content and "creator" not in content:
        raise Forbidden("m.room.create names no creator")
    if version.privileged_creators:
        check_additional_creators(content)


def authorise_redaction(sender: UserId, target_sender: UserId, auth: RoomAuth) -> None:
    """Return if `sender` may redact an event of `target_sender`, else raise `Forbidden`.

    Own events need no more than the level to send m.room.redaction, which `authorise` checks.
    """
    levels = auth.power_levels
    if sender != target_sender and levels.level_of(sender) < levels.redact:
        raise Forbidden(f"Redacting others' events needs power level {levels.redact}")


def auth_event_keys(event: Event | EventDraft, version: RoomVersion) -> list[StateKey]:
    """The state that gives `event` its right to be sent, as (type, state_key), each once.

    Spec: server-server API, "Auth events selection". For m.room.create it is empty. The keys are
    safe to look up: what no piece of state can have as its key is left out, and refused later.
    """
    if event.type == "m.room.create":
        return []
    keys: list[StateKey] = [("m.room.power_levels", ""), ("m.room.member", event.sender)]
    if not version.room_id_is_create_hash:
        keys.insert(0, ("m.room.create", ""))
    target = event.state_key
    if event.type == "m.room.member" and target is not None and is_user_id(target):
        keys += _member_auth_keys(target, event.content)
    return list(dict.fromkeys(keys))


def check_additional_creators(content: Mapping[str, Any]) -> None:
    """Raise `BadJson` unless `additional_creators` is absent or a list of user ids (rule 1.4)."""
    additional = content.get("additional_creators", [])
    if not isinstance(additional, list):
        raise BadJson("additional_creators is not an array")
    for user in cast("list[Any]", additional):
        if not isinstance(user, str) or not is_user_id(user):
            raise BadJson("additional_creators holds something else than user IDs")


def _authorise_state(event: Event | EventDraft, auth: RoomAuth, level: int) -> None:
    if event.type == "m.room.create":
        raise Forbidden("The room has been created already")
    assert event.state_key is not None
    if event.state_key.startswith("@") and event.state_key != event.sender:  # 9
        raise Forbidden("State with another user's ID as its key is theirs to set")
    if event.type == "m.room.power_levels":  # 10
        check_power_levels(event.content)
        _check_creators_unlisted(event.content, auth)
        if auth.power_levels.content is not None:
            check_power_level_change(auth.power_levels.content, event.content, event.sender, level)


def _check_creators_unlisted(content: Mapping[str, Any], auth: RoomAuth) -> None:
    if auth.version.privileged_creators:
        listed = auth.creators & content.get("users", {}).keys()
        if listed:
            raise Forbidden(f"Power levels cannot list {min(listed)}, a creator of the room")


def _member_auth_keys(target: str, content: Mapping[str, Any]) -> list[StateKey]:
    membership = content.get("membership")
    keys: list[StateKey] = [("m.room.member", target)]
    if membership in ("join", "invite", "knock"):
        keys.append(("m.room.join_rules", ""))
    if membership == "invite":
        token = _third_party_token(content)
        if token is not None:
            keys.append(("m.room.third_party_invite", token))
    authoriser = content.get("join_authorised_via_users_server")
    if membership == "join" and isinstance(authoriser, str) and is_user_id(authoriser):
        keys.append(("m.room.member", authoriser))
    return keys


def _third_party_token(content: Mapping[str, Any]) -> str | None:
    """`content.third_party_invite.signed.token`, whatever the shape of the content."""
    value: Any = content
    for key in ("third_party_invite", "signed", "token"):
        if not isinstance(value, dict):
            return None
        value = cast("dict[str, Any]", value).get(key)
    return value if isinstance(value, str) and _TOKEN.match(value) else None
