"""Server processes die under load, by SIGKILL or by a freeze: nothing acknowledged is touched."""

import asyncio
import contextlib
import os
import random
import signal

import psutil
import pytest
from crew import Crew, MakeCrew
from harness.bongsu import Bongsu, StartServer
from harness.postgres import Postgres

LIFE_SECONDS = (0.3, 2.0)  # how long a victim may live between two deaths
FREEZE_SECONDS = 6.0
# The promise is 3 s; a busy machine shared with other tests gets more.
TAKEOVER_SECONDS_MAX = 20.0
pytestmark = pytest.mark.timeout(900)


async def test_whole_server_killed(
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
        await asyncio.to_thread(bongsu.kill)
        await asyncio.to_thread(bongsu.start)
    await _expect_clean(crew)


async def test_whole_server_killed_with_its_own_engine(
    start_server: StartServer, make_crew: MakeCrew, chance: random.Random, rounds: int
) -> None:
    """The embedded PostgreSQL goes down with its server and comes back with it."""
    bongsu = start_server()
    crew = await make_crew(bongsu)
    crew.start()
    for _ in range(rounds):
        await asyncio.sleep(chance.uniform(*LIFE_SECONDS))
        await asyncio.to_thread(bongsu.kill)
        await asyncio.to_thread(bongsu.start)
    await _expect_clean(crew)


async def test_embedded_engine_killed(
    start_server: StartServer, make_crew: MakeCrew, chance: random.Random, rounds: int
) -> None:
    """The server stays and brings its PostgreSQL back."""
    bongsu = start_server()
    crew = await make_crew(bongsu)
    crew.start()
    for _ in range(rounds):
        await asyncio.sleep(chance.uniform(*LIFE_SECONDS))
        (postmaster,) = bongsu.database_pids
        os.kill(postmaster, signal.SIGKILL)
        await asyncio.to_thread(bongsu.wait_ready)
        await crew.probe()
    assert bongsu.running
    await _expect_clean(crew)


async def test_any_process_of_two_killed(
    engine: Postgres,
    start_server: StartServer,
    make_crew: MakeCrew,
    chance: random.Random,
    rounds: int,
) -> None:
    bongsu = start_server(database_url=engine.create_database("bongsu"), processes=2)
    crew = await make_crew(bongsu)
    crew.start()
    for _ in range(rounds):
        await asyncio.sleep(chance.uniform(*LIFE_SECONDS))
        victim = chance.choice(bongsu.gateway_pids)
        _signal(victim, signal.SIGKILL)
        await _until_two(bongsu)
    await _expect_clean(crew)


async def test_sequencers_process_of_two_killed(
    engine: Postgres,
    start_server: StartServer,
    make_crew: MakeCrew,
    chance: random.Random,
    rounds: int,
) -> None:
    """The other goes on serving and takes the partitions over; how soon is printed."""
    bongsu = start_server(database_url=engine.create_database("bongsu"), processes=2)
    crew = await make_crew(bongsu)
    crew.start()
    for _ in range(rounds):
        await asyncio.sleep(chance.uniform(*LIFE_SECONDS))
        _signal(owner_of_most(bongsu, engine), signal.SIGKILL)
        seconds = max((await crew.probe()).values())
        print(f"every room took a message again after {seconds:.2f} s")
        assert seconds < TAKEOVER_SECONDS_MAX
        await _until_two(bongsu)
    await _expect_clean(crew)


async def test_sequencers_process_of_two_frozen(
    engine: Postgres, start_server: StartServer, make_crew: MakeCrew, chance: random.Random
) -> None:
    """A stopped process keeps its sockets and its locks, and wakes up believing that it owns."""
    bongsu = start_server(database_url=engine.create_database("bongsu"), processes=2)
    crew = await make_crew(bongsu)
    crew.start()
    for _ in range(2):
        await asyncio.sleep(chance.uniform(*LIFE_SECONDS))
        victim = owner_of_most(bongsu, engine)
        _signal(victim, signal.SIGSTOP)
        await asyncio.sleep(FREEZE_SECONDS)
        _signal(victim, signal.SIGCONT)
        await crew.probe()
    await _expect_clean(crew)


def owner_of_most(bongsu: Bongsu, engine: Postgres) -> int:
    """The process behind the connection that holds the most advisory locks."""
    rows = engine.sql(
        "SELECT client_port, count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE locktype = 'advisory' AND granted GROUP BY 1 ORDER BY 2 DESC",
        database="bongsu",
    )
    ports = [int(row.split("|")[0]) for row in rows.splitlines()]
    for port in ports:
        for pid in bongsu.server_pids:
            with contextlib.suppress(psutil.NoSuchProcess):
                if any(c.laddr.port == port for c in psutil.Process(pid).net_connections("tcp")):
                    return pid
    raise AssertionError(f"no process of the server holds a lock: {rows!r}")


async def _until_two(bongsu: Bongsu) -> None:
    """Until the parent has started a process in place of the dead one."""
    async with asyncio.timeout(60):
        while len(bongsu.gateway_pids) < 2:
            await asyncio.sleep(0.1)


async def _expect_clean(crew: Crew) -> None:
    verdict = await crew.finish()
    print(f"{verdict}; {crew.retries} retries")
    assert verdict.clean, str(verdict)
    assert verdict.acknowledged > 50, "too little was sent to prove anything"


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
