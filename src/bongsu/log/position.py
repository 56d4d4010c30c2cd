"""Partitions and positions: where a thing lives in the log, and how far a reader has come."""

from functools import lru_cache
from hashlib import sha256
from typing import TypeAlias

PARTITIONS = 64

# The state of a reader: for every partition the last position applied, 0 for none.
Vector: TypeAlias = tuple[int, ...]

ORIGIN: Vector = (0,) * PARTITIONS


@lru_cache(65_536)
def partition_of(key: str) -> int:
    """The partition, 0..63, of a room id or user id: the top six bits of its SHA-256."""
    return sha256(key.encode()).digest()[0] >> 2


def covers(reader: Vector, other: Vector) -> bool:
    """Whether `reader` has come at least as far as `other` in every partition."""
    return all(mine >= theirs for mine, theirs in zip(reader, other, strict=True))


def earliest(a: Vector, b: Vector) -> Vector:
    """The greatest vector that both cover."""
    return tuple(map(min, a, b))


def latest(a: Vector, b: Vector) -> Vector:
    """The least vector that covers both."""
    return tuple(map(max, a, b))
