"""What delivery reads and keeps, as it wants it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from bongsu.log.entry import Entry, LoggedEvent
from bongsu.pushing.audience import MembersReader
from bongsu.pushing.notice import Due, Names, PusherName, Target


class EntryReader(Protocol):
    async def read(self, partition: int, after: int, through: int, limit: int) -> list[Entry]: ...


class PushStore(MembersReader, Protocol):
    """Pushers and cursors are read confirmed: who logged out is told no more."""

    async def has_pushers(self) -> bool: ...

    async def latest_change(self) -> int:
        """When the last pusher was set, ms."""
        ...

    async def load_changed(self, after_ts: int) -> set[tuple[str, int]]:
        """Who set pushers since a time (ms), or a little before, and when."""
        ...

    async def load_cursors(self, partitions: Collection[int]) -> dict[int, int]: ...

    async def save_cursors(self, cursors: Mapping[int, int]) -> None:
        """Forwards only: one that was moved further by another node stays there."""
        ...

    async def load_targets(self, user_ids: Sequence[str]) -> list[Target]: ...

    async def load_target(self, name: PusherName) -> Target | None: ...

    async def reject(self, target: Target) -> None:
        """Delete a pusher, unless it was changed since it was loaded."""
        ...

    async def load_event(self, partition: int, position: int) -> LoggedEvent | None: ...

    async def load_names(self, room_id: str, sender: str, position: int) -> Names: ...

    async def keep(self, dues: Sequence[Due], per_pusher_max: int) -> None:
        """Store what could not be delivered; of each pusher the latest `per_pusher_max` stay."""
        ...

    async def load_kept_names(self, partitions: Collection[int]) -> dict[PusherName, int]:
        """Pushers with something kept in these partitions; the time of its oldest event, ms."""
        ...

    async def load_kept(self, name: PusherName, partitions: Collection[int]) -> list[Due]:
        """What is kept for a pusher, oldest first."""
        ...

    async def forget(self, dues: Sequence[Due]) -> None: ...
