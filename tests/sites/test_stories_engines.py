"""One engine of one site dies, at each site in turn; alone, and together with the primary.

Whoever is killed on purpose stays dead until it is healed, so each loss lasts until clients at all
sites have been served without it. Nothing that was acknowledged may be lost, doubled or reordered.
"""

import asyncio

import pytest
from fixtures.stage import stage, stories
from harness.stage import Stage

__all__ = ["stage"]  # the fixture
pytestmark = stories
ENGINES = ("etcd", "nats", "seaweed", "witness")


@pytest.mark.parametrize("engine", ENGINES)
async def test_each_site_does_without_its(engine: str, stage: Stage) -> None:
    async with stage.under_load() as load:
        for site in stage.names:
            await stage.kill(site, engine)
            await load.goes_on(through=stage.others(site))
            await stage.heal(site)
            await stage.until_whole()


@pytest.mark.parametrize("engine", ENGINES)
async def test_the_primary_s_postgres_dies_with_a_site_s(engine: str, stage: Stage) -> None:
    """Patroni starts PostgreSQL again or another site takes over; either will do."""
    async with stage.under_load() as load:
        for site in stage.names:
            primary = await stage.primary()
            await asyncio.gather(stage.kill(site, engine), stage.kill(primary, "postgres"))
            await load.goes_on(through=stage.others(site))
            await stage.heal(site)
            await stage.until_whole()
