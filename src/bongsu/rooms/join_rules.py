"""Who may join a room. Spec: m.room.join_rules."""

from collections.abc import Mapping
from typing import Any, cast

import msgspec

from bongsu.ids import RoomId, is_room_id

ALLOW_MAX = 1_000
"""Conditions of a restricted room that are looked at: about what an event has room for."""


class JoinRules(msgspec.Struct, frozen=True):
    """The join rule in force. `allow_rooms` matter to `restricted` and `knock_restricted` rooms."""

    join_rule: str = "invite"
    allow_rooms: tuple[RoomId, ...] = ()

    @property
    def is_restricted(self) -> bool:
        return self.join_rule in ("restricted", "knock_restricted")

    @property
    def may_knock(self) -> bool:
        return self.join_rule in ("knock", "knock_restricted")


def join_rules_from(content: Mapping[str, Any]) -> JoinRules:
    """The rules in `content` of m.room.join_rules. Any shape is taken; nonsense lets nobody in."""
    rule = content.get("join_rule", "invite")
    if not isinstance(rule, str):
        return JoinRules(join_rule="")
    return JoinRules(join_rule=rule, allow_rooms=_allow_rooms(content.get("allow")))


def _allow_rooms(allow: Any) -> tuple[RoomId, ...]:
    if not isinstance(allow, list):
        return ()
    rooms: list[RoomId] = []
    for condition in cast("list[Any]", allow)[:ALLOW_MAX]:
        if not isinstance(condition, dict):
            continue
        fields = cast("dict[str, Any]", condition)
        room = fields.get("room_id")
        is_membership = fields.get("type") == "m.room_membership"
        if is_membership and isinstance(room, str) and is_room_id(room):
            rooms.append(RoomId(room))
    return tuple(rooms)
