"""The walk from new segments to old ones, against looking at everything."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.errors import InvalidParam
from bongsu.search.criteria import Criteria, Place, Search, Spot
from bongsu.search.documents import Placing, Segment
from bongsu.search.finding import Hit, Hits, Span, Walk, Wish

WISH = Wish([1, 2], None, [1])


class Everything:
    """An index in memory: hits by segment."""

    def __init__(self, hits: dict[int, list[Hit]]) -> None:
        self.hits = hits
        self.looked_at = 0

    async def find(self, spans: Sequence[Span], wish: Wish, below: Spot | None, limit: int) -> Hits:
        self.looked_at += len(spans)
        found = [hit for span in spans for hit in self.hits[span.segment.segment]]
        found = [hit for hit in found if below is None or hit.spot < below]
        return Hits(sorted(found, reverse=True)[:limit], len(found))


def walk_over(hits: dict[int, list[Hit]]) -> tuple[Walk, Everything]:
    index = Everything(hits)
    spans = [
        Span(Segment("!r:x", n, 10, min(h.ts for h in each), max(h.ts for h in each)), ())
        for n, each in hits.items()
        if each
    ]
    return Walk(index, spans, WISH, None), index


SEGMENTS = st.lists(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 3), st.integers(2, 9)), max_size=8),
    max_size=80,
)


@given(SEGMENTS, st.integers(1, 12), st.booleans())
async def test_pages_of_a_walk_are_everything_in_order(
    segments: list[list[tuple[int, int, int]]], wanted: int, by_rank: bool
) -> None:
    hits = {
        n: [Hit(ts, partition, n * 100 + m, terms) for m, (ts, partition, terms) in enumerate(each)]
        for n, each in enumerate(segments)
    }
    walk, _ = walk_over(hits)
    places: list[Place] = []
    while page := await walk.next(places[-1] if places else None, wanted, by_rank=by_rank):
        assert len(page) <= wanted
        places += [each.place for each in page]
    everything = [hit for each in hits.values() for hit in each]
    if by_rank:
        expected = [Place(round(2 / hit.terms, 6), *hit[:3]) for hit in everything]
    else:
        expected = [Place(0.0, *hit[:3]) for hit in everything]
    assert places == sorted(expected, reverse=True)


async def test_what_is_common_takes_few_looks_and_a_rough_count() -> None:
    hits = {n: [Hit(1000 - n, 0, n * 10 + m, 5) for m in range(10)] for n in range(1000)}
    walk, index = walk_over(hits)
    page = await walk.next(None, 11, by_rank=False)
    assert [each.place.ts for each in page] == [1000] * 10 + [999]
    assert index.looked_at == 32
    assert walk.count == 10_000


async def test_once_a_page_is_full_only_what_may_be_newer_is_looked_at() -> None:
    """Lively rooms: their last segments all reach into the present, others are of the past."""
    lively = {n: [Hit(1000 - m, 0, n * 10 + m, 5) for m in range(10)] for n in range(50)}
    past = {n: [Hit(900, 0, n * 10 + m, 5) for m in range(10)] for n in range(50, 900)}
    walk, index = walk_over(lively | past)
    page = await walk.next(None, 40, by_rank=False)
    assert [each.place.ts for each in page] == [1000] * 40
    assert index.looked_at == 50


async def test_ranks_are_given_below_the_ceiling_of_the_first_page() -> None:
    hits = {n: [Hit(n, 0, n, 5)] for n in range(10)}
    first, index = walk_over(hits)
    page = await first.next(None, 3, by_rank=True)
    assert first.ceiling == Spot(9, 0, 10)
    index.hits[9] += [Hit(9, 0, 99, 1)]
    spans = [Span(Segment("!r:x", n, 10, n, n), ()) for n in hits]
    later = Walk(index, spans, WISH, first.ceiling)
    rest = await later.next(page[-1].place, 50, by_rank=True)
    assert [each.place.position for each in page + rest] == list(range(9, -1, -1))


def test_segments_fill_one_after_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bongsu.search.documents.SEGMENT_DOCUMENTS_MAX", 2)
    placing = Placing([Segment("!a", 4, 1, 10, 10)], 7)
    given_out: list[int] = []
    for room, ts in (("!a", 5), ("!a", 20), ("!b", 30), ("!a", 40), ("!a", 50)):
        given_out.append(placing.segment_for(room))
        placing.add(room, ts)
    assert given_out == [4, 7, 8, 7, 9]
    assert sorted(placing.changed) == [
        Segment("!a", 4, 2, 5, 10), Segment("!a", 7, 2, 20, 40), Segment("!a", 9, 1, 50, 50),
        Segment("!b", 8, 1, 30, 30),
    ]  # fmt: skip
    assert placing.segments == 10


def test_tokens_come_back_as_they_went() -> None:
    search = Search(Criteria("x"), None)
    place = Place(0.25, 2**60, 63, 2**62)
    ceiling = Spot(2**60, 63, 2**62 + 1)
    again = Search(Criteria("x"), search.token(place, 7, ceiling, "sender", "@a:b"))
    assert again.cursor is not None
    assert (again.cursor.place, again.cursor.count, again.cursor.ceiling) == (place, 7, ceiling)
    assert again.senders == ["@a:b"]
    further = Search(Criteria("x"), again.token(place, 7, None))
    assert further.senders == ["@a:b"], "what goes on within a group stays there"


@given(st.text(max_size=80))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    try:
        Search(Criteria("x"), text)
    except InvalidParam:
        return
