"""Witnesses that die in the middle of what they do."""

import asyncio
import json
import time
from typing import Any

import asyncpg
from fixtures.stage import stage, stories
from harness.stage import Stage

from bongsu.lab.probe import ask
from bongsu.lab.topology import WITNESS_PORT

__all__ = ["stage"]  # the fixture
pytestmark = stories


async def test_a_witness_is_killed_between_fence_and_unfence(stage: Stage) -> None:
    """Its site's Patroni hangs, so that nobody there can follow a new leader before it is dead.

    The fence it leaves must stand while nobody is there to lift it, and its next life lifts it.
    """
    async with stage.under_load() as load:
        primary = await stage.primary()
        victim = stage.others(primary)[0]
        begun = time.time()
        await stage.hang(victim, "patroni")
        await stage.hang(primary, "postmaster")
        while not await _has_voted(stage, victim, begun):
            assert time.time() < begun + 60, "it does not vote"
            await asyncio.sleep(0.02)
        await stage.kill(victim, "witness")
        assert await _conninfo(stage, victim) == "", "dead before it had fenced"
        await asyncio.sleep(3.0)
        assert await _conninfo(stage, victim) == "", "who lifted the fence?"
        await stage.heal(primary, victim)
        await load.goes_on()
        await stage.until_whole()
        assert await _conninfo(stage, victim) != "" or await stage.primary() == victim


async def test_all_witnesses_are_dead_when_the_primary_s_site_dies(stage: Stage) -> None:
    """The slow road: the leader key's own lease ends, and the hook before a promotion decides."""
    async with stage.under_load() as load:
        primary = await stage.primary()
        for name in stage.names:
            await stage.kill(name, "witness")
        await stage.kill(primary)
        await load.goes_on(through=stage.others(primary))


async def test_the_witnesses_die_again_and_again_while_the_primary_hangs(stage: Stage) -> None:
    async with stage.under_load() as load:
        primary = await stage.primary()
        replicas = stage.others(primary)
        await stage.hang(primary)
        for _ in range(6):
            await asyncio.gather(*(stage.kill(name, "witness") for name in replicas))
            await stage.heal(*replicas)
            await asyncio.sleep(1.7)
        await load.goes_on(through=replicas)


async def _has_voted(stage: Stage, name: str, since: float) -> bool:
    answer = await ask(stage.site(name).url(WITNESS_PORT) + "/status")
    said: dict[str, Any] = json.loads(answer.body) if answer.status == 200 else {}
    decisions = said.get("decisions", [])
    return any(one["action"] == "cast" and one["at"] > since for one in decisions)


async def _conninfo(stage: Stage, name: str) -> str:
    connection = await asyncpg.connect(stage.lab.superuser_url(stage.site(name)), timeout=10)
    try:
        return await connection.fetchval("SELECT current_setting('primary_conninfo')")
    finally:
        await connection.close()
