"""The list of what somebody was notified of, as GET /notifications shows it."""

from typing import Any, Protocol

from msgspec import UNSET, Struct, UnsetType

from bongsu.ids import UserId
from bongsu.push.rules import Action

PAGE_EVENTS_MAX = 100


class Notification(Struct, frozen=True):
    """One event that notified. `read`: a receipt of the user stands at or after it."""

    room_id: str
    event: dict[str, Any]  # client format, without room_id
    actions: list[Action]
    read: bool
    ts: int  # when the notification was made, ms since the epoch


class NotificationPage(Struct, frozen=True):
    """Newest first; `next_token` is unset on the last page."""

    notifications: list[Notification]
    next_token: str | UnsetType = UNSET


class NotificationReader(Protocol):
    async def list_notifications(
        self, user_id: UserId, *, from_token: str | None, limit: int, only_highlight: bool
    ) -> NotificationPage:
        """At most `limit` of them, older than `from_token`; `InvalidParam` for a foreign token."""
        ...
