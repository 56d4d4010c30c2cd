"""The walk from new segments to old ones, against looking at everything."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.errors import InvalidParam
from bongsu.search.criteria import Criteria, Place, Search
from bongsu.search.documents import Placing, Segment
from bongsu.search.finding import Hit, Hits, Span, Walk, Wish

WISH = Wish([1, 2], None, [1])


class Everything:
    """An index in memory: hits by segment."""

    def __init__(self, hits: dict[int, list[Hit]]) -> None:
        self.hits = hits
        self.looked_at = 0

    async def find(
        self, spans: Sequence[Span], wish: Wish, below: Place | None, limit: int
    ) -> Hits:
        self.looked_at += len(spans)
        found = [hit for span in spans for hit in self.hits[span.segment.segment]]
        found = [hit for hit in found if below is None or hit[:3] < below[1:]]
        return Hits(sorted(found, reverse=True)[:limit], len(found))


def walk_over(hits: dict[int, list[Hit]]) -> tuple[Walk, Everything]:
    index = Everything(hits)
    spans = [
        Span(Segment("!r:x", n, 10, min(h.ts for h in each), max(h.ts for h in each)), 99)
        for n, each in hits.items()
        if each
    ]
    return Walk(index, spans, WISH), index


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
    again = Search(Criteria("x"), search.token(place, 7, "sender", "@a:b"))
    assert again.cursor is not None
    assert (again.cursor.place, again.cursor.count) == (place, 7)
    assert again.senders == ["@a:b"]
    further = Search(Criteria("x"), again.token(place, 7))
    assert further.senders == ["@a:b"], "what goes on within a group stays there"


@given(st.text(max_size=80))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    try:
        Search(Criteria("x"), text)
    except InvalidParam:
        return
