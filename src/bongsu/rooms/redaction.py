"""The redaction algorithm: what survives of an event. Spec: rooms/v10 and v11, "Redactions"."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from bongsu.rooms.room_version import RoomVersion

Content = Mapping[str, Any]

_EVENT_KEYS_V11 = frozenset({
    "event_id", "type", "room_id", "sender", "state_key", "content", "hashes", "signatures",
    "depth", "prev_events", "auth_events", "origin_server_ts",
})  # fmt: skip
_EVENT_KEYS_V10 = _EVENT_KEYS_V11 | {"prev_state", "origin", "membership"}

_POWER_LEVELS_V10 = (
    "ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default",
)  # fmt: skip


def redact(event: Mapping[str, Any], version: RoomVersion) -> dict[str, Any]:
    """What remains of `event`, a PDU as a dict, once redacted; the given dict stays as it was."""
    updated = version.updated_redaction_rules
    event_keys = _EVENT_KEYS_V11 if updated else _EVENT_KEYS_V10
    kept = {key: value for key, value in event.items() if key in event_keys}
    keep_content = (_CONTENT_V11 if updated else _CONTENT_V10).get(event["type"])
    kept["content"] = keep_content(event["content"]) if keep_content else {}
    return kept


def _only(*keys: str) -> Callable[[Content], dict[str, Any]]:
    return lambda content: {key: content[key] for key in keys if key in content}


def _member_v11(content: Content) -> dict[str, Any]:
    """Of `third_party_invite` the key `signed` stays: the rules check it again and again."""
    kept = _MEMBER_V10(content)
    invite = content.get("third_party_invite")
    if isinstance(invite, dict):
        kept["third_party_invite"] = _only("signed")(cast("Content", invite))
    return kept


_MEMBER_V10 = _only("membership", "join_authorised_via_users_server")

_CONTENT_V10: dict[str, Callable[[Content], dict[str, Any]]] = {
    "m.room.member": _MEMBER_V10,
    "m.room.create": _only("creator"),
    "m.room.join_rules": _only("join_rule", "allow"),
    "m.room.power_levels": _only(*_POWER_LEVELS_V10),
    "m.room.history_visibility": _only("history_visibility"),
}
_CONTENT_V11 = _CONTENT_V10 | {
    "m.room.member": _member_v11,
    "m.room.create": dict,
    "m.room.power_levels": _only(*_POWER_LEVELS_V10, "invite"),
    "m.room.redaction": _only("redacts"),
}
