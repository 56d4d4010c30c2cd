"""Walks the index from the newest segments to the older ones, as far as an answer needs.

Every hit is dear, for its row is read to see when it was said and how long it is; a look that finds
nothing is cheap. So a walk takes few segments at first, and once it has what was asked for, only
those that may hold something newer: what is common comes from the last segments, what is rare
takes a look into each. Ranks are given by what the index holds, among the newest hits only, so that
a word that stands in every message costs no more than any other.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from bongsu.rooms.visibility import Stretches
from bongsu.search.criteria import Place, Spot
from bongsu.search.documents import Segment

RANKED_MAX = 1_000  # the newest hits, among which ranks are given
SEGMENTS_FIRST = 32  # looked at at once, then ever more
SEGMENTS_GROWTH = 4
SEGMENTS_AT_ONCE_MAX = 1_024


class Hit(NamedTuple):
    """A document with all terms. `terms` counts those that it has, sought or not."""

    ts: int
    partition: int
    position: int
    terms: int

    @property
    def spot(self) -> Spot:
        return Spot(self.ts, self.partition, self.position)


class Found(NamedTuple):
    """A hit in the order asked for. `rank` is there whatever the order is."""

    place: Place
    rank: float


class Span(NamedTuple):
    """A segment, and what of its room the reader may see."""

    segment: Segment
    visible: Stretches


class Wish(NamedTuple):
    """What a hit must have; `senders`: one of these, None for any."""

    hashes: Sequence[int]
    senders: Sequence[int] | None
    kinds: Sequence[int]


class Hits(NamedTuple):
    """The newest hits first; `total` counts also those beyond the limit."""

    hits: list[Hit]
    total: int


class HitReader(Protocol):
    async def find(self, spans: Sequence[Span], wish: Wish, below: Spot | None, limit: int) -> Hits:
        """The newest `limit` hits in these segments, those older than `below`."""
        ...


class Walk:
    """One search's way through the segments that its reader may see."""

    def __init__(
        self, reader: HitReader, spans: Sequence[Span], wish: Wish, ceiling: Spot | None
    ) -> None:
        """`ceiling` is where an earlier page's walk began: what was said since moves no ranks."""
        self._reader = reader
        self._spans = sorted(spans, key=lambda span: span.segment.newest_ts, reverse=True)
        self._wish = wish
        self._ranked: list[Found] | None = None
        self.ceiling = ceiling
        self.count = 0  # of all hits: an estimate unless the first walk went all the way

    async def next(self, after: Place | None, wanted: int, *, by_rank: bool) -> list[Found]:
        """What comes next in order after `after`; fewer than `wanted` only at the end."""
        if not by_rank:
            hits = await self._newest(None if after is None else after.spot, wanted)
            return [Found(Place(0.0, *hit.spot), self._rank(hit)) for hit in hits]
        if self._ranked is None:
            self._ranked = await self._rank_newest()
        return [each for each in self._ranked if after is None or each.place < after][:wanted]

    async def _rank_newest(self) -> list[Found]:
        hits = await self._newest(self.ceiling, RANKED_MAX)
        if hits and self.ceiling is None:
            self.ceiling = hits[0].spot.following
        ranked = [(self._rank(hit), hit.spot) for hit in hits]
        return sorted((Found(Place(rank, *spot), rank) for rank, spot in ranked), reverse=True)

    def _rank(self, hit: Hit) -> float:
        """The share of a document's terms that were sought: a short message says it best."""
        return round(len(self._wish.hashes) / max(hit.terms, 1), 6)

    async def _newest(self, below: Spot | None, wanted: int) -> list[Hit]:
        spans = self._spans
        if below is not None:
            spans = [span for span in spans if span.segment.oldest_ts <= below.ts]
        found: list[Hit] = []
        total, at, size = 0, 0, SEGMENTS_FIRST
        while step := _promising(spans[at : at + size], found, wanted):
            hits, more = await self._reader.find(step, self._wish, below, wanted)
            found = sorted([*found, *hits], reverse=True)[:wanted]
            total += more
            at, size = at + len(step), min(size * SEGMENTS_GROWTH, SEGMENTS_AT_ONCE_MAX)
        if below is None:
            self.count = estimate(total, spans[:at], spans[at:])
        return found


def _promising(spans: Sequence[Span], found: Sequence[Hit], wanted: int) -> Sequence[Span]:
    """Those that may hold something as new as what was found, all of them until that is enough."""
    if len(found) < wanted:
        return spans
    return [span for span in spans if span.segment.newest_ts >= found[-1].ts]


def estimate(total: int, seen: Sequence[Span], unseen: Sequence[Span]) -> int:
    """How many hits there are, if the unseen segments have their share."""
    documents = sum(span.segment.documents for span in seen)
    others = sum(span.segment.documents for span in unseen)
    return total + (round(total * others / documents) if documents else 0)
