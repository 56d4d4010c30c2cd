"""Who waits for news: requests with a deadline. Ten thousand cost four timers a second."""

import asyncio

from bongsu.sync.hot_user import HotUser, Waiter

TICK_SECONDS = 0.25


class Waiters:
    """Deadlines in coarse buckets: those of one tick share one timer."""

    def __init__(self) -> None:
        self._buckets: dict[int, set[Waiter]] = {}
        self.count = 0
        self.is_closing = False

    def close(self) -> None:
        """Let everybody go: each poll answers with the token it came with."""
        self.is_closing = True
        for tick in list(self._buckets):
            self._expire(tick)

    def add(self, waiter: Waiter, user: HotUser, deadline: float) -> int:
        """Wake `waiter` when `user` is touched, and about `deadline` (seconds of the loop's clock).

        Gives what `remove` wants.
        """
        tick = int(deadline / TICK_SECONDS) + 1
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = set()
            asyncio.get_running_loop().call_at(tick * TICK_SECONDS, self._expire, tick)
        bucket.add(waiter)
        user.add_waiting(waiter)
        self.count += 1
        return tick

    def remove(self, waiter: Waiter, user: HotUser, tick: int) -> None:
        """Undo `add`, once."""
        self.count -= 1
        user.discard_waiting(waiter)
        bucket = self._buckets.get(tick)
        if bucket is not None:
            bucket.discard(waiter)

    async def wait(self, user: HotUser, deadline: float) -> None:
        """Return when `user` is touched, or about `deadline`."""
        sleeper = _Sleeper()
        tick = self.add(sleeper, user, deadline)
        try:
            await sleeper.future  # cancelled when the client goes away: then nothing is left behind
        finally:
            self.remove(sleeper, user, tick)

    def _expire(self, tick: int) -> None:
        loop, due = asyncio.get_running_loop(), tick * TICK_SECONDS
        if loop.time() < due and not self.is_closing:  # a timer may go off a hair too early
            loop.call_at(due, self._expire, tick)
            return
        for waiter in self._buckets.pop(tick, ()):
            waiter.wake()


class _Sleeper:
    """A task that waits."""

    __slots__ = ("future",)

    def __init__(self) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake(self) -> None:
        if not self.future.done():
            self.future.set_result(None)
