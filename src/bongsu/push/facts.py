"""What rules look at: one event and the room around it, prepared once for all its readers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from bongsu.push.glob import TEXT_CHARS_MAX, contains_words

# The answer for a property that an event does not have; null is a value.
ABSENT: Any = object()

# Power needed for a kind of notification that m.room.power_levels says nothing of.
NOTIFICATION_LEVEL_DEFAULT = 50

_BODY = ("content", "body")
_MENTIONED_USERS = ("content", "m.mentions", "user_ids")


@dataclass(frozen=True)
class RoomFacts:
    """The room when the event was sent.

    `sender_power_level` is infinite for a creator (room version 12); `notification_levels` is
    `notifications` of m.room.power_levels, values that are no whole numbers left out.
    """

    room_id: str
    member_count: int
    sender_power_level: float = 0
    notification_levels: Mapping[str, int] = field(default_factory=dict[str, int])

    def sender_may_notify(self, key: str) -> bool:
        """Whether the sender's power suffices to notify, for example, the whole `room`."""
        needed = self.notification_levels.get(key, NOTIFICATION_LEVEL_DEFAULT)
        return self.sender_power_level >= needed


class EventFacts:
    """One event with its room: make one an event, and evaluate everybody's rules against it."""

    __slots__ = (
        "_event", "_lowered", "mentioned_users", "room", "room_key", "sender", "state_key_lowered",
        "verdicts",
    )  # fmt: skip

    def __init__(self, event: dict[str, Any], room: RoomFacts) -> None:
        self._event = event
        self._lowered: dict[tuple[str, ...], str | None] = {}
        self.room = room
        self.room_key = room.room_id.lower()
        self.sender: object = event.get("sender")
        self.mentioned_users = self._mentioned_users()
        self.state_key_lowered = self.lowered(("state_key",))
        # Verdicts already found, by class of rules and what sets its user apart.
        self.verdicts: dict[tuple[bytes, int], Any] = {}

    def value(self, path: tuple[str, ...]) -> Any:
        """The property at a path, or `ABSENT`."""
        if path == ("room_id",):
            return self.room.room_id
        value: Any = self._event
        for name in path:
            if not isinstance(value, dict):
                return ABSENT
            value = cast(dict[str, Any], value).get(name, ABSENT)
        return value

    def lowered(self, path: tuple[str, ...]) -> str | None:
        """The beginning of a text property in lower case; None if it is absent or no text."""
        try:
            return self._lowered[path]
        except KeyError:
            value = self.value(path)
            text = value[:TEXT_CHARS_MAX].lower() if isinstance(value, str) else None
            self._lowered[path] = text
            return text

    def body_names(self, display_name: str | None) -> bool:
        """Whether the body holds that display name as words."""
        body = self.lowered(_BODY)
        return bool(display_name) and body is not None and contains_words(body, display_name)

    def _mentioned_users(self) -> frozenset[str]:
        users = self.value(_MENTIONED_USERS)
        if not isinstance(users, list):
            return frozenset()
        return frozenset(user for user in cast(list[Any], users) if isinstance(user, str))
