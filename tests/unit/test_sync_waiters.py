"""Nobody who waits is woken by the clock before their time: a poll would then wait for ever."""

import asyncio

from bongsu.sync.hot_user import HotUser
from bongsu.sync.waiters import TICK_SECONDS, Waiters

EARLY_SECONDS = 0.1


class Sleeper:
    def __init__(self) -> None:
        self.woken_at: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def wake(self) -> None:
        self.woken_at.set_result(asyncio.get_running_loop().time())


def test_a_timer_that_goes_off_early_wakes_nobody_early() -> None:
    """Goal: the time is up when it is said to be. Method: a loop whose timers are hasty."""

    async def wait() -> None:
        waiters, user = Waiters(), HotUser("@alice:test")
        tick = int(asyncio.get_running_loop().time() / TICK_SECONDS) + 2
        deadline = tick * TICK_SECONDS - 0.001
        sleeper = Sleeper()
        waiters.add(sleeper, user, deadline)
        while not sleeper.woken_at.done():
            await asyncio.sleep(0)  # the loop looks at its timers again and again
        assert sleeper.woken_at.result() >= deadline

    loop = asyncio.SelectorEventLoop()
    loop._clock_resolution = EARLY_SECONDS  # type: ignore[attr-defined]  # how early it may be
    loop.run_until_complete(wait())
    loop.close()
