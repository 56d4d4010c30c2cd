"""What somebody was notified of lately: `GET /notifications`, derived like the unread counts.

Nothing is stored for it: the latest events of the rooms one is in are judged by one's rules when
asked. Looked at are `ROOMS_MAX` rooms at most, and the latest `EVENTS_PER_ROOM_MAX` of each.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

from bongsu.errors import InvalidParam
from bongsu.ids import UserId
from bongsu.log.entry import LoggedEvent
from bongsu.log.position import partition_of
from bongsu.push.notifications import Notification, NotificationPage
from bongsu.rooms.client_event import render
from bongsu.sync.sources import FollowerLike
from bongsu.sync.unread import Rules

ROOMS_MAX = 500
EVENTS_PER_ROOM_MAX = 100
TOKEN_DIGITS_MAX = 16


class Candidates(NamedTuple):
    """Others' latest events in rooms one is joined to, since joining, and how far one has read."""

    events: Sequence[LoggedEvent]
    read_positions: dict[str, int]  # by room
    push_rules: bytes | None


class CandidateReader(Protocol):
    async def load_candidates(
        self, user_id: str, before_ts: int | None, rooms: int, events_per_room: int
    ) -> Candidates: ...


class Notifications:
    """Implements `push.notifications.NotificationReader`. A token is a time in milliseconds."""

    def __init__(self, follower: FollowerLike, reader: CandidateReader) -> None:
        self._follower = follower
        self._reader = reader

    async def list_notifications(
        self, user_id: UserId, *, from_token: str | None, limit: int, only_highlight: bool
    ) -> NotificationPage:
        applied = self._follower.applied  # what is after it may still vanish
        candidates = await self._reader.load_candidates(
            user_id, _time_of(from_token), ROOMS_MAX, EVENTS_PER_ROOM_MAX
        )
        rules = Rules(user_id, candidates.push_rules)
        which = 1 if only_highlight else 0
        notifying = [
            event
            for event in candidates.events
            if event.position <= applied[partition_of(event.room_id)] and rules.count(event)[which]
        ]
        notifying.sort(key=_ts, reverse=True)
        page = [_notification(event, rules, candidates) for event in notifying[:limit]]
        if len(notifying) <= limit:
            return NotificationPage(page)
        return NotificationPage(page, next_token=str(page[-1].ts))


def _notification(event: LoggedEvent, rules: Rules, candidates: Candidates) -> Notification:
    _, highlights = rules.count(event)
    return Notification(
        room_id=event.room_id,
        event=msgspec.json.decode(render(event, membership="join")),
        actions=["notify", {"set_tweak": "highlight"}] if highlights else ["notify"],
        read=event.position <= candidates.read_positions.get(event.room_id, 0),
        ts=_ts(event),
    )


def _ts(event: LoggedEvent) -> int:
    return event.pdu["origin_server_ts"]


def _time_of(token: str | None) -> int | None:
    if token is None:
        return None
    if not (token.isascii() and token.isdigit() and len(token) <= TOKEN_DIGITS_MAX):
        raise InvalidParam("from is not a token of this endpoint")
    return int(token)
