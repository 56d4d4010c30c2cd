"""Server processes die under load, by SIGKILL or by a freeze: nothing acknowledged is touched."""

import asyncio
import contextlib
import os
import random
import signal

import psutil
import pytest
from crew import UnderLoad, lives
from harness.bongsu import Bongsu
from harness.postgres import Postgres

FREEZE_SECONDS = 6.0
# The promise is 3 s; a busy machine shared with other tests gets more.
TAKEOVER_SECONDS_MAX = 60.0
pytestmark = pytest.mark.timeout(900)


async def test_whole_server_killed(
    engine: Postgres, under_load: UnderLoad, chance: random.Random, rounds: int
) -> None:
    async with under_load(database_url=engine.create_database("bongsu")) as (bongsu, _):
        async for _ in lives(chance, rounds):
            await asyncio.to_thread(bongsu.kill)
            await asyncio.to_thread(bongsu.start)


async def test_whole_server_killed_with_its_own_engine(
    under_load: UnderLoad, chance: random.Random, rounds: int
) -> None:
    """The embedded PostgreSQL goes down with its server and comes back with it."""
    async with under_load() as (bongsu, _):
        async for _ in lives(chance, rounds):
            await asyncio.to_thread(bongsu.kill)
            await asyncio.to_thread(bongsu.start)


async def test_embedded_engine_killed(
    under_load: UnderLoad, chance: random.Random, rounds: int
) -> None:
    """The server stays and brings its PostgreSQL back."""
    async with under_load() as (bongsu, crew):
        async for _ in lives(chance, rounds):
            (postmaster,) = bongsu.database_pids
            os.kill(postmaster, signal.SIGKILL)
            await asyncio.to_thread(bongsu.wait_ready)
            await crew.probe()


async def test_any_process_of_two_killed(
    engine: Postgres, under_load: UnderLoad, chance: random.Random, rounds: int
) -> None:
    url = engine.create_database("bongsu")
    async with under_load(database_url=url, processes=2) as (bongsu, _):
        async for _ in lives(chance, rounds):
            _signal(chance.choice(bongsu.gateway_pids), signal.SIGKILL)
            await _until_two(bongsu)


async def test_sequencers_process_of_two_killed(
    engine: Postgres, under_load: UnderLoad, chance: random.Random, rounds: int
) -> None:
    """The other goes on serving and takes the partitions over; how soon is printed."""
    url = engine.create_database("bongsu")
    async with under_load(database_url=url, processes=2) as (bongsu, crew):
        async for _ in lives(chance, rounds):
            _signal(owner_of_most(bongsu, engine), signal.SIGKILL)
            seconds = max((await crew.probe()).values())
            print(f"every room took a message again after {seconds:.2f} s")
            assert seconds < TAKEOVER_SECONDS_MAX
            await _until_both_own(engine)


async def test_sequencers_process_of_two_frozen(
    engine: Postgres, under_load: UnderLoad, chance: random.Random
) -> None:
    """A stopped process keeps its sockets and its locks, and wakes up believing that it owns."""
    url = engine.create_database("bongsu")
    async with under_load(database_url=url, processes=2) as (bongsu, crew):
        async for _ in lives(chance, 2):
            victim = owner_of_most(bongsu, engine)
            _signal(victim, signal.SIGSTOP)
            await asyncio.sleep(FREEZE_SECONDS)
            _signal(victim, signal.SIGCONT)
            await crew.probe()


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


async def _until_both_own(engine: Postgres) -> None:
    """Until the process in place of the dead one has its share, ready to take over in its turn."""
    holders = "SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
    async with asyncio.timeout(120):
        while int(await asyncio.to_thread(engine.sql, holders, "bongsu")) < 2:
            await asyncio.sleep(0.2)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
