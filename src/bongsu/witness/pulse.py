"""How long the leader has been silent, told by whoever watched all that time. Pure."""

STALL_SECONDS = 1.0
"""Between two beats of ours: longer, and it was we who slept; our silence proves nothing."""


class Pulse:
    """Signs of life of one reign. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._revision = 0
        self._sign_at = 0.0
        self._beat_at = 0.0

    def beat(self, revision: int, now: float) -> None:
        """Called while we are awake, several times a second. A new reign begins alive."""
        if revision != self._revision or now - self._beat_at > STALL_SECONDS:
            self._sign_at = now
        self._revision, self._beat_at = revision, now

    def answered(self, revision: int, now: float) -> None:
        """It gave a sign of life."""
        if revision == self._revision:
            self._sign_at = now

    def silence(self, now: float) -> float:
        return now - self._sign_at
