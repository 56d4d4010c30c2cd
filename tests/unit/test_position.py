"""Where things live in the log: vectors that must never change, and comparisons of positions."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.log.position import ORIGIN, PARTITIONS, Vector, covers, latest, partition_of

VECTORS = {
    "@alice:example.org": 33,  # 86…
    "@bob:example.org": 44,  # b3…
    "!room:example.org": 0,  # 03…
    "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM": 12,  # 30…
    "": 56,  # e3…
    "봉수": 9,  # 27…
    "@a:b": 8,  # 21…
    "!😀:example.org": 19,  # 4e…
}


@pytest.mark.parametrize(("key", "partition"), VECTORS.items(), ids=range(len(VECTORS)))
def test_partitions_are_the_top_six_bits_of_sha256(key: str, partition: int) -> None:
    """Computed once with `printf KEY | sha256sum`: a change would orphan every stored entry."""
    assert partition_of(key) == partition


def test_keys_spread_over_all_partitions() -> None:
    counts = Counter(partition_of(f"!room{n}:example.org") for n in range(64_000))
    assert set(counts) == set(range(PARTITIONS))
    assert max(counts.values()) < 1_200


positions = st.lists(st.integers(0, 5), min_size=PARTITIONS, max_size=PARTITIONS).map(tuple)


@given(positions, positions)
def test_the_latest_of_two_vectors_covers_both_and_no_more(a: Vector, b: Vector) -> None:
    both = latest(a, b)
    assert covers(both, a)
    assert covers(both, b)
    assert all(p in (x, y) for p, x, y in zip(both, a, b, strict=True))
    assert covers(a, ORIGIN)
    assert (covers(a, b) and covers(b, a)) == (a == b)
