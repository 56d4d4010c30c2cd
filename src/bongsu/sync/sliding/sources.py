"""What sliding sync reads beside what every sync does."""

from collections.abc import Sequence
from typing import Protocol

from bongsu.log.entry import LoggedEvent
from bongsu.sync.sliding.threads import ThreadStore


class SlidingStore(ThreadStore, Protocol):
    """Reads of the log's tables, each at a position of the room's partition."""

    async def load_state_of(
        self, rooms: Sequence[tuple[str, int]], types: Sequence[str]
    ) -> Sequence[LoggedEvent]:
        """State events of (room id, at position) with these types and an empty state key."""
        ...

    async def load_children(self, spaces: Sequence[tuple[str, int]]) -> set[str]:
        """Room ids that any of these spaces names as its children."""
        ...

    async def load_bumps(
        self, rooms: Sequence[tuple[str, int]], types: Sequence[str]
    ) -> dict[str, bytes]:
        """By room, the JSON of its last event of these types; of an older one if there is none
        among the latest."""
        ...
