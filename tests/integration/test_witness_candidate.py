"""What a candidate believes of a standby whose witness is dead."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from fixtures.two_sites import TwoSites

from bongsu.witness.candidate import judged
from bongsu.witness.config import Config, Login
from bongsu.witness.standby import read_site

pytestmark = pytest.mark.timeout(120)
SECONDS_MAX = 60.0
STREAMING = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"
REPLAY_IS_PAUSED = "SELECT pg_get_wal_replay_pause_state() = 'paused'"


@pytest.fixture
async def sites(data_folder: Path) -> AsyncIterator[TwoSites]:
    sites = await asyncio.to_thread(TwoSites, data_folder)
    yield sites
    await asyncio.to_thread(sites.stop)


async def test_a_standby_that_still_receives_from_the_old_primary_is_not_judged(
    sites: TwoSites,
) -> None:
    """Goal: its word counts only when it can let no commit of the old primary through any more.
    Method: Patroni has named the candidate `c` to `b`, and `b` is too busy replaying to obey."""
    sites.b.sql("SELECT pg_wal_replay_pause()")
    await until(lambda: sites.b.sql(REPLAY_IS_PAUSED) == "t")
    sites.b.sql("ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=1 user=postgres'")
    sites.b.sql("SELECT pg_reload_conf()")
    await until(lambda: "port=1 " in sites.b.sql("SHOW primary_conninfo"))
    sites.a.sql("CREATE TABLE acknowledged ()")  # by `b` alone: it was the quorum
    acknowledged = int(sites.a.sql("SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn"))
    assert await judged(config(sites), frozenset("b")) == {}

    sites.b.sql("SELECT pg_wal_replay_resume()")
    await until(lambda: sites.a.sql(STREAMING) == "0")
    found = await judged(config(sites), frozenset("b"))
    assert found["b"].position >= acknowledged


async def test_a_standby_that_receives_from_the_candidate_is_judged(sites: TwoSites) -> None:
    """It follows whom Patroni names; a candidate sends what it has before it is promoted."""
    as_candidate = config(sites, site="a")
    found = await judged(as_candidate, frozenset("b"))
    assert found["b"].position > 0


async def test_a_timeline_counts_for_those_alone_who_followed_it(sites: TwoSites) -> None:
    """The old primary, started as a standby of the new one, gets as far as asking for the history
    of its timeline; its own tail keeps it from following."""
    sites.b.promote()
    await until(lambda: sites.b.sql("SELECT pg_is_in_recovery()") == "f")
    sites.a.sql("SET synchronous_commit = local; CREATE TABLE tail ()")
    conninfo = f"host=127.0.0.1 port={sites.b.port} user=postgres"
    sites.a.sql(f"ALTER SYSTEM SET primary_conninfo = '{conninfo}'")
    sites.a.kill()
    (sites.a.directory / "data" / "standby.signal").touch()
    sites.a.start()
    history = "SELECT count(*) FROM pg_ls_waldir() WHERE name = '00000002.history'"
    await until(lambda: sites.a.sql(history) == "1")
    as_candidate = config(sites, site="a")
    assert (await read_site(as_candidate, "a")).timeline == 1
    assert (await read_site(as_candidate, "b")).timeline == 2


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        while not await asyncio.to_thread(is_so):
            await asyncio.sleep(0.05)


def config(sites: TwoSites, site: str = "c") -> Config:
    """Of the candidate. Nobody listens where `c` is said to be."""
    ports = {"a": sites.a.port, "b": sites.b.port, "c": 1}
    return Config(
        site=site,
        scope="bongsu",
        namespace="/service",
        etcd=(),
        postgres={name: ("127.0.0.1", port) for name, port in ports.items()},
        patroni={},
        login=Login("postgres", None, "postgres", "127.0.0.1", ports["b"]),
    )
