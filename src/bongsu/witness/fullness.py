"""How long the leader's disk has been full, told by those who ask it to write. Pure."""

STALE_SECONDS = 3.0
"""Since the last refusal: longer, and we know nothing any more."""


class Fullness:
    """Refused and successful writes in one reign. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._revision = 0
        self._first_at = self._last_at = float("-inf")

    def refused(self, revision: int, now: float) -> None:
        """It said that no space is left."""
        if revision != self._revision or now - self._last_at > STALE_SECONDS:
            self._revision, self._first_at = revision, now
        self._last_at = now

    def wrote(self, revision: int) -> None:
        """It could write."""
        if revision == self._revision:
            self._revision = 0

    def seconds(self, revision: int, now: float) -> float:
        """From the first refusal to the last; 0 when it is not known to be full."""
        if revision != self._revision or now - self._last_at > STALE_SECONDS:
            return 0.0
        return self._last_at - self._first_at
