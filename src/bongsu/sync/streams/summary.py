"""Room summaries: counts of members, and heroes by whom a room without a name is called."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import NamedTuple

from bongsu.sync.sources import Counts, SyncStore
from bongsu.sync.view import View, encode

HEROES_MAX = 5
SUMMARIES_CACHED_MAX = 10_000


class Summary(NamedTuple):
    counts: Counts
    heroes: list[str]


class SummaryWish(NamedTuple):
    """A room as it is at a position. `changed` is the position of its last member event by then."""

    room_id: str
    changed: int
    at: int


class Summaries:
    """One query serves all members who are shown the same change."""

    def __init__(self, store: SyncStore) -> None:
        self._store = store
        self._known: OrderedDict[tuple[str, int], Summary] = OrderedDict()

    def known(self, room_id: str, changed: int) -> Summary | None:
        """What is in memory of a room whose last member event is at `changed`."""
        return self._known.get((room_id, changed))

    async def load(self, wishes: Sequence[SummaryWish]) -> dict[str, Summary]:
        """Summaries by room."""
        found: dict[str, Summary] = {}
        missing: list[SummaryWish] = []
        for wish in wishes:
            known = self.known(wish.room_id, wish.changed)
            if known is None:
                missing.append(wish)
            else:
                found[wish.room_id] = known
        if missing:
            await self._load(missing, found)
        return found

    async def _load(self, wishes: Sequence[SummaryWish], found: dict[str, Summary]) -> None:
        rooms = [(wish.room_id, wish.at) for wish in wishes]
        counts = await self._store.load_counts(rooms)
        heroes = await self._store.load_heroes(rooms)
        for room_id, changed, _ in wishes:
            summary = Summary(counts.get(room_id, Counts(0, 0)), heroes.get(room_id, []))
            found[room_id] = self._known[room_id, changed] = summary
        while len(self._known) > SUMMARIES_CACHED_MAX:
            self._known.popitem(last=False)


def heroes_of(summary: Summary, user_id: str) -> list[str]:
    """The heroes as `user_id` sees them: never themselves."""
    return [each for each in summary.heroes if each != user_id][:HEROES_MAX]


def render_summary(summary: Summary, view: View) -> bytes:
    return b'"summary":' + encode(
        {
            "m.heroes": heroes_of(summary, view.user.user_id),
            "m.joined_member_count": summary.counts.joined,
            "m.invited_member_count": summary.counts.invited,
        }
    )
