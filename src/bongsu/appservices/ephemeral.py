"""Typing and presence for one service: what changed, told as it stands when it is told.

Neither is in the log, so it may be lost with this process, and only the latest counts.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from bongsu.appservices.draft import Draft
from bongsu.appservices.interest import Interest
from bongsu.log.position import Vector, partition_of

CHANGES_MAX = 1_000  # waiting; beyond it the oldest is not told

Listener = Callable[[str], None]


class TypingSource(Protocol):
    def users(self, room_id: str) -> Sequence[str]: ...

    def listen(self, listener: Listener) -> None: ...


class PresenceSource(Protocol):
    def event(self, user_id: str) -> bytes | None: ...

    def listen(self, listener: Listener) -> None: ...


class EphemeralNews:
    """`news` is called with every change; `gather` tells those that concern the service."""

    def __init__(
        self,
        typing: TypingSource,
        presence: PresenceSource,
        interest: Interest,
        news: Callable[[], None],
    ) -> None:
        self._typing = typing
        self._presence = presence
        self._interest = interest
        self._news = news
        self._rooms: dict[str, None] = {}
        self._users: dict[str, None] = {}
        typing.listen(lambda room_id: self._changed(self._rooms, room_id))
        presence.listen(lambda user_id: self._changed(self._users, user_id))

    async def gather(self, draft: Draft, vector: Vector) -> None:
        """Add what changed, up to where the draft is full."""
        while self._rooms and not draft.is_full:
            room_id = next(iter(self._rooms))
            del self._rooms[room_id]
            if await self._interest.of_room(room_id, vector[partition_of(room_id)]):
                draft.add_ephemeral(self._typing_event(room_id))
        while self._users and not draft.is_full:
            user_id = next(iter(self._users))
            del self._users[user_id]
            event = self._presence.event(user_id)
            if event is not None and await self._interest.of_user(user_id, vector):
                draft.add_ephemeral(event)

    def forget(self) -> None:
        """Another node tells the service now."""
        self._rooms.clear()
        self._users.clear()

    def _typing_event(self, room_id: str) -> bytes:
        content = {"user_ids": self._typing.users(room_id)}
        return msgspec.json.encode({"type": "m.typing", "room_id": room_id, "content": content})

    def _changed(self, waiting: dict[str, None], key: str) -> None:
        waiting.pop(key, None)
        waiting[key] = None
        if len(waiting) > CHANGES_MAX:
            del waiting[next(iter(waiting))]
        self._news()
