"""The power fails everywhere at once, and comes back."""

import asyncio
import time

from fixtures.stage import stage, stories
from harness.stage import Stage

__all__ = ["stage"]  # the fixture
pytestmark = stories


async def test_every_process_of_every_site_is_killed_at_once(stage: Stage) -> None:
    async with stage.under_load() as load:
        await asyncio.gather(*(stage.kill(name) for name in stage.names))
        assert stage.under_test.processes() == 1, "only the switch is left: it is no site's"
        begun = time.monotonic()
        await asyncio.to_thread(stage.under_test.run, "up")
        up = time.monotonic()
        await load.goes_on()
        print(f"power back: up after {up - begun:.1f} s, serves {time.monotonic() - begun:.1f} s")


async def test_the_power_fails_again_while_it_comes_back(stage: Stage) -> None:
    """A site after the other, as breakers go, and once more in the middle of the return."""
    async with stage.under_load() as load:
        for seconds in (4.0, 9.0):
            for name in stage.names:
                await stage.kill(name)
            await stage.heal()
            await asyncio.sleep(seconds)
        for name in stage.names:
            await stage.kill(name)
        await asyncio.to_thread(stage.under_test.run, "up")
        await load.goes_on()
