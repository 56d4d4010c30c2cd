"""PostgreSQL dies under load; the server stays up, answers 503 and recovers alone."""

import asyncio
import contextlib
import os
import random
import signal

import pytest
from crew import MakeCrew
from harness.bongsu import StartServer
from harness.postgres import Postgres

LIFE_SECONDS = (0.3, 2.0)
pytestmark = pytest.mark.timeout(900)


async def test_postmaster_killed(
    engine: Postgres,
    start_server: StartServer,
    make_crew: MakeCrew,
    chance: random.Random,
    rounds: int,
) -> None:
    bongsu = start_server(database_url=engine.create_database("bongsu"))
    crew = await make_crew(bongsu)
    crew.start()
    for _ in range(rounds):
        await asyncio.sleep(chance.uniform(*LIFE_SECONDS))
        await asyncio.to_thread(engine.kill)
        await asyncio.sleep(chance.uniform(0.0, 2.0))
        await asyncio.to_thread(engine.start)
        await crew.probe()
    assert bongsu.running
    verdict = await crew.finish()
    print(f"{verdict}; {crew.retries} retries")
    assert verdict.clean, str(verdict)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "terminated"])
async def test_backend(
    number: signal.Signals,
    engine: Postgres,
    start_server: StartServer,
    make_crew: MakeCrew,
    chance: random.Random,
    rounds: int,
) -> None:
    """SIGKILL of a backend makes PostgreSQL restart them all; SIGTERM ends that one alone."""
    bongsu = start_server(database_url=engine.create_database("bongsu"))
    crew = await make_crew(bongsu)
    crew.start()
    for _ in range(rounds):
        await asyncio.sleep(chance.uniform(*LIFE_SECONDS))
        backends = await asyncio.to_thread(engine.backends)
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(backends), number)
        await crew.probe()
    assert bongsu.running
    verdict = await crew.finish()
    print(f"{verdict}; {crew.retries} retries")
    assert verdict.clean, str(verdict)
