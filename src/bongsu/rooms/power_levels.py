"""Power levels, parsed once into an object that answers quickly. Spec: m.room.power_levels."""

from collections.abc import Collection, Mapping
from typing import Any, cast

from bongsu.errors import BadJson, Forbidden
from bongsu.ids import UserId, is_user_id
from bongsu.rooms.canonical_json import INTEGER_MAX
from bongsu.rooms.room_version import RoomVersion

CREATOR_LEVEL = INTEGER_MAX + 1
"""The infinite level of v12 creators: above every level that an event can hold."""

LEVEL_DEFAULTS = {
    "users_default": 0,
    "events_default": 0,
    "state_default": 50,
    "ban": 50,
    "kick": 50,
    "redact": 50,
    "invite": 0,
}
_NOTIFICATION_DEFAULT = 50
_CREATOR_LEVEL_WITHOUT_EVENT = 100


class PowerLevels:
    """Who may do what. `content` is that of m.room.power_levels, None while the room has none.

    The content must have passed `check_power_levels`, as every accepted event has; a redacted one
    lacks keys, for which the defaults stand. `creators` are those of the room.
    """

    __slots__ = (
        "_events", "_notifications", "_users", "ban", "content", "events_default", "invite",
        "kick", "redact", "state_default", "users_default",
    )  # fmt: skip

    def __init__(
        self,
        version: RoomVersion,
        creators: Collection[UserId],
        content: Mapping[str, Any] | None = None,
    ) -> None:
        self.content = content
        values: dict[str, Any] = {**LEVEL_DEFAULTS, **(content or {})}
        self.users_default: int = values["users_default"]
        self.events_default: int = values["events_default"]
        self.state_default: int = values["state_default"]
        self.ban: int = values["ban"]
        self.kick: int = values["kick"]
        self.redact: int = values["redact"]
        self.invite: int = values["invite"]
        self._events: dict[str, int] = values.get("events", {})
        self._notifications: dict[str, int] = values.get("notifications", {})
        users: dict[str, int] = values.get("users", {})
        if version.privileged_creators:
            users = users | dict.fromkeys(creators, CREATOR_LEVEL)
        elif content is None:
            users = dict.fromkeys(creators, _CREATOR_LEVEL_WITHOUT_EVENT)
        self._users = users

    def level_of(self, user_id: UserId) -> int:
        """The user's level; CREATOR_LEVEL for a creator of a v12 room."""
        return self._users.get(user_id, self.users_default)

    def required_for(self, type: str, *, is_state: bool) -> int:
        """The level needed to send an event of `type`."""
        default = self.state_default if is_state else self.events_default
        return self._events.get(type, default)

    def required_for_notification(self, key: str) -> int:
        """The level needed to notify everybody, as `room` does by @room."""
        return self._notifications.get(key, _NOTIFICATION_DEFAULT)

    def users_by_level(self) -> list[UserId]:
        """Users with a level of their own, the mightiest first."""
        return cast("list[UserId]", sorted(self._users, key=lambda user: -self._users[user]))


def check_power_levels(content: Mapping[str, Any]) -> None:
    """Raise `BadJson` unless every level is an integer and every user a user id (10.1-3)."""
    for name in LEVEL_DEFAULTS:
        if name in content and not _is_level(content[name]):
            raise BadJson(f"Power level {name} is not an integer")
    for name in ("events", "notifications", "users"):
        levels = content.get(name, {})
        if not isinstance(levels, dict):
            raise BadJson(f"{name} of power levels is not an object")
        for key, level in cast("dict[str, Any]", levels).items():
            if not _is_level(level):
                raise BadJson(f"Power level of {key[:255]} in {name} is not an integer")
            if name == "users" and not is_user_id(key):
                raise BadJson(f"{key[:255]} in users of power levels is not a user ID")


def check_power_level_change(
    old: Mapping[str, Any], new: Mapping[str, Any], sender: UserId, level: int
) -> None:
    """Raise `Forbidden` if `sender`, whose level is `level`, may not turn `old` into `new`.

    Nobody changes what stands above them, gives more than they have, or demotes their equals.
    """
    for name in LEVEL_DEFAULTS:
        _check_entry(name, old.get(name), new.get(name), level)
    for group in ("events", "notifications"):
        before, after = old.get(group, {}), new.get(group, {})
        for key in before.keys() | after.keys():
            _check_entry(f"{group}.{key}", before.get(key), after.get(key), level)
    before, after = old.get("users", {}), new.get("users", {})
    for user in before.keys() | after.keys():
        current, wanted = before.get(user), after.get(user)
        _check_entry(user, current, wanted, level)
        if current != wanted and current is not None and current >= level and user != sender:
            raise Forbidden(
                f"You cannot change the power level of {user}, which is not below yours"
            )


def _is_level(value: Any) -> bool:
    """An integer within canonical JSON's range: hence below CREATOR_LEVEL. A bool is none."""
    return type(value) is int and abs(value) <= INTEGER_MAX


def _check_entry(name: str, current: int | None, wanted: int | None, level: int) -> None:
    if current == wanted:
        return
    if current is not None and current > level:
        raise Forbidden(f"You cannot change {name} from {current}: your power level is {level}")
    if wanted is not None and wanted > level:
        raise Forbidden(f"You cannot set {name} to {wanted}: your power level is {level}")
