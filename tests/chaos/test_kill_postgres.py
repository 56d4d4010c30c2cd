"""PostgreSQL dies under load; the server stays up, answers 503 and recovers alone."""

import asyncio
import contextlib
import os
import random
import signal

import pytest
from crew import UnderLoad, lives
from harness.postgres import Postgres

pytestmark = pytest.mark.timeout(900)


async def test_postmaster_killed(
    engine: Postgres, under_load: UnderLoad, chance: random.Random, rounds: int
) -> None:
    async with under_load(database_url=engine.create_database("bongsu")) as (_, crew):
        async for _ in lives(chance, rounds):
            await asyncio.to_thread(engine.kill)
            await asyncio.sleep(chance.uniform(0.0, 2.0))
            await asyncio.to_thread(engine.start)
            await crew.probe()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "terminated"])
async def test_backend(
    number: signal.Signals,
    engine: Postgres,
    under_load: UnderLoad,
    chance: random.Random,
    rounds: int,
) -> None:
    """SIGKILL of a backend makes PostgreSQL restart them all; SIGTERM ends that one alone."""
    async with under_load(database_url=engine.create_database("bongsu")) as (_, crew):
        async for _ in lives(chance, rounds):
            backends = await asyncio.to_thread(engine.backends)
            with contextlib.suppress(ProcessLookupError):
                os.kill(chance.choice(backends), number)
            await crew.probe()
