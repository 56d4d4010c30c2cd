"""When to look at what again: one entry a key, however often its time is put off."""

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Generic, TypeVar

Key = TypeVar("Key")


class Deadlines(Generic[Key]):
    """A key comes due at the earliest time set for it; whoever looks then sets the next.

    Putting a time off costs nothing: the key comes due at the earlier time and is set anew.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Key]] = []
        self._times: dict[Key, float] = {}
        self._count = 0  # breaks ties, so that keys are never compared

    def __len__(self) -> int:
        return len(self._times)

    def set(self, key: Key, at: float) -> None:
        """Look at `key` at `at`, or earlier if that was set before."""
        if at < self._times.get(key, float("inf")):
            self._times[key] = at
            self._count += 1
            heappush(self._heap, (at, self._count, key))

    def pop_due(self, now: float) -> Iterator[Key]:
        """Keys whose time has come, each once."""
        while self._heap and self._heap[0][0] <= now:
            at, _, key = heappop(self._heap)
            if self._times.get(key) == at:
                del self._times[key]
                yield key
