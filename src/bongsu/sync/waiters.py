"""Long polls that wait. Ten thousand of them cost a future each, and four timers a second."""

import asyncio

from bongsu.sync.hot_user import HotUser

TICK_SECONDS = 0.25


class Waiters:
    """Deadlines in coarse buckets: those of one tick share one timer."""

    def __init__(self) -> None:
        self._buckets: dict[int, set[asyncio.Future[None]]] = {}
        self.count = 0
        self.is_closing = False

    def close(self) -> None:
        """Let everybody go: each poll answers with the token it came with."""
        self.is_closing = True
        for tick in list(self._buckets):
            self._expire(tick)

    async def wait(self, user: HotUser, deadline: float) -> None:
        """Return when `user` is touched, or about `deadline` (seconds of the loop's clock)."""
        loop = asyncio.get_running_loop()
        tick = int(deadline / TICK_SECONDS) + 1
        bucket = self._buckets.get(tick)
        if bucket is None:
            bucket = self._buckets[tick] = set()
            loop.call_at(tick * TICK_SECONDS, self._expire, tick)
        future: asyncio.Future[None] = loop.create_future()
        bucket.add(future)
        user.add_waiting(future)
        self.count += 1
        try:
            await future  # cancelled when the client goes away: then nothing is left behind
        finally:
            self.count -= 1
            user.discard_waiting(future)
            bucket.discard(future)

    def _expire(self, tick: int) -> None:
        for future in self._buckets.pop(tick, ()):
            if not future.done():
                future.set_result(None)
