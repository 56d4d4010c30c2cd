"""Lets first answers through at a bounded rate: when a site is lost, no herd takes the others."""

import asyncio
from collections.abc import Callable
from time import monotonic

from bongsu.errors import LimitExceeded

FIRST_ANSWERS_PER_SECOND_MAX = 50  # of one process
BURST_MAX = 50
WAIT_SECONDS_MAX = 10.0  # so 500 wait at most; who comes later is told when to come again


class Admission:
    """Gives turns. A quiet process has saved up `burst` of them."""

    def __init__(
        self,
        per_second: float = FIRST_ANSWERS_PER_SECOND_MAX,
        burst: int = BURST_MAX,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._seconds_each = 1 / per_second
        self._saved_seconds_max = (burst - 1) / per_second
        self._clock = clock
        self._next = float("-inf")

    async def turn(self) -> None:
        """Return when it is one's turn. `LimitExceeded` if too many wait."""
        seconds = self.reserve()
        if seconds > 0:
            await asyncio.sleep(seconds)

    def reserve(self) -> float:
        """Seconds until the turn that is now one's own."""
        now = self._clock()
        at = max(self._next, now - self._saved_seconds_max)
        if at - now > WAIT_SECONDS_MAX:
            retry_after_ms = int((at - now) * 1000)
            raise LimitExceeded("Too many first syncs", retry_after_ms=retry_after_ms)
        self._next = at + self._seconds_each
        return max(0.0, at - now)
