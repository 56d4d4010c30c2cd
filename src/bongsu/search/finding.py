"""Walks the index from the newest segments to the older ones, as far as an answer needs.

Hits of what is common come from a few segments, and the walk ends there; what is rare takes a look
into each, which is cheap. Ranks are given among the newest hits only, so that a word that
stands in every message costs no more than any other.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from bongsu.search.criteria import Place
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


class Found(NamedTuple):
    """A hit in the order asked for. `rank` is there whatever the order is."""

    place: Place
    rank: float


class Span(NamedTuple):
    """A segment, and the position up to which the reader may see the room."""

    segment: Segment
    through: int


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
    async def find(
        self, spans: Sequence[Span], wish: Wish, below: Place | None, limit: int
    ) -> Hits:
        """The newest `limit` hits in these segments, those older than `below`."""
        ...


class Walk:
    """One search's way through the segments that its reader may see."""

    def __init__(self, reader: HitReader, spans: Sequence[Span], wish: Wish) -> None:
        self._reader = reader
        self._spans = sorted(spans, key=lambda span: span.segment.newest_ts, reverse=True)
        self._wish = wish
        self._ranked: list[Found] | None = None
        self.count = 0  # of all hits: an estimate unless the first walk went all the way

    async def next(self, after: Place | None, wanted: int, *, by_rank: bool) -> list[Found]:
        """What comes next in order after `after`; fewer than `wanted` only at the end."""
        if not by_rank:
            hits = await self._newest(after, wanted)
            return [Found(Place(0.0, *hit[:3]), self._rank(hit)) for hit in hits]
        if self._ranked is None:
            ranked = [(self._rank(hit), hit) for hit in await self._newest(None, RANKED_MAX)]
            places = [Found(Place(rank, *hit[:3]), rank) for rank, hit in ranked]
            self._ranked = sorted(places, reverse=True)
        return [each for each in self._ranked if after is None or each.place < after][:wanted]

    def _rank(self, hit: Hit) -> float:
        """The share of a document's terms that were sought: a short message says it best."""
        return round(len(self._wish.hashes) / max(hit.terms, 1), 6)

    async def _newest(self, below: Place | None, wanted: int) -> list[Hit]:
        spans = self._spans
        if below is not None:
            spans = [span for span in spans if span.segment.oldest_ts <= below.ts]
        found: list[Hit] = []
        total, at, size = 0, 0, SEGMENTS_FIRST
        while at < len(spans) and not _is_enough(found, wanted, spans[at]):
            hits, more = await self._reader.find(spans[at : at + size], self._wish, below, wanted)
            found = sorted([*found, *hits], reverse=True)[:wanted]
            total += more
            at, size = at + size, min(size * SEGMENTS_GROWTH, SEGMENTS_AT_ONCE_MAX)
        if below is None:
            self.count = estimate(total, spans[:at], spans[at:])
        return found


def _is_enough(found: Sequence[Hit], wanted: int, following: Span) -> bool:
    """Whether nothing in the segments from `following` on is as new as what was found."""
    return len(found) >= wanted and found[-1].ts > following.segment.newest_ts


def estimate(total: int, seen: Sequence[Span], unseen: Sequence[Span]) -> int:
    """How many hits there are, if the unseen segments have their share."""
    documents = sum(span.segment.documents for span in seen)
    others = sum(span.segment.documents for span in unseen)
    return total + (round(total * others / documents) if documents else 0)
