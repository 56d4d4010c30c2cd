"""Links between the sites fail as links do: one way only, now and then, all at once.

Whom a client finds at a half-connected site may be slow or unable to serve; clients then go to
another site. Nothing that was acknowledged anywhere may be lost, doubled or reordered.
"""

import asyncio
from itertools import product

import pytest
from fixtures.stage import stage, stories
from harness.stage import Stage

from bongsu.lab.isolation import Link

__all__ = ["stage"]  # the fixture
pytestmark = stories
FLAPS = 20
FLAP_SECONDS = 1.0  # a cut and a heal
GONE_SECONDS = 12.0
UNDER_WAY_SECONDS = 2.0  # what was committed before a loss may be answered a little later


@pytest.mark.parametrize("deaf", ["the primary", "one replica", "both replicas"])
async def test_one_sees_the_other_but_is_not_seen(deaf: str, stage: Stage) -> None:
    """What is sent to the deaf is lost, what they send arrives."""
    async with stage.under_load() as load:
        primary = await stage.primary()
        replicas = stage.others(primary)
        hears_nothing: dict[str, list[Link]] = {
            "the primary": list(product(replicas, [primary])),
            "one replica": [(primary, replicas[0])],
            "both replicas": list(product([primary], replicas)),
        }
        stage.cut(*hears_nothing[deaf])
        await load.goes_on(through=[replicas[1]])
        stage.cut()


async def test_two_replicas_lose_sight_of_one_another(stage: Stage) -> None:
    async with stage.under_load() as load:
        primary = await stage.primary()
        one, other = stage.others(primary)
        stage.cut((one, other))
        await load.goes_on(through=[primary])
        stage.cut((one, other), (other, one))
        await load.goes_on(through=[primary])
        stage.cut()


@pytest.mark.parametrize("far", ["from one replica", "from both"])
async def test_a_link_of_the_primary_flaps(far: str, stage: Stage) -> None:
    async with stage.under_load() as load:
        primary = await stage.primary()
        replicas = stage.others(primary)[: 1 if far == "from one replica" else 2]
        links = [*product([primary], replicas), *product(replicas, [primary])]
        for _ in range(FLAPS):
            stage.cut(*links)
            await asyncio.sleep(FLAP_SECONDS / 2)
            stage.cut()
            await asyncio.sleep(FLAP_SECONDS / 2)
        await load.goes_on()


async def test_nobody_sees_anybody_for_a_while(stage: Stage) -> None:
    """Each site is alone: none may acknowledge, whoever takes itself for the primary."""
    async with stage.under_load() as load:
        stage.cut(*((a, b) for a, b in product(stage.names, stage.names) if a != b))
        alone_at = load.now
        await asyncio.sleep(GONE_SECONDS)
        late = load.acknowledged_after(alone_at + UNDER_WAY_SECONDS)
        assert not late, f"acknowledged by one site alone: {late[:3]}"
        stage.cut()
        await load.goes_on()


@pytest.mark.parametrize("left", ["the primary", "a replica"])
@pytest.mark.parametrize("how", ["killed", "hung"])
async def test_two_sites_gone_and_back(left: str, how: str, stage: Stage) -> None:
    """The one that is left acknowledges nothing: nobody else would have it."""
    async with stage.under_load() as load:
        primary = await stage.primary()
        stays = primary if left == "the primary" else stage.others(primary)[0]
        gone = stage.others(stays)
        lose = stage.kill if how == "killed" else stage.hang
        await asyncio.gather(*(lose(name) for name in gone))
        gone_at = load.now
        await asyncio.sleep(GONE_SECONDS)
        late = load.acknowledged_after(gone_at + UNDER_WAY_SECONDS)
        assert not late, f"acknowledged by one site alone: {late[:3]}"
        await stage.heal(*gone)
        await load.goes_on()
