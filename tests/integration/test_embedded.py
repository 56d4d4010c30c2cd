"""The embedded PostgreSQL through its life: started, orphaned, killed, stopped, refused."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import asyncpg
import pytest

from bongsu.engines import any_database, own_database, up
from bongsu.errors import OperatorError
from bongsu.host.accounts import Account, untraversable_parent
from bongsu.host.folder_lock import FolderLock
from bongsu.postgres.cluster import SOCKET_PATH_BYTES_MAX, Cluster, EngineSettings, run_as
from bongsu.postgres.embedded import EmbeddedPostgres, running_dsn
from bongsu.settings import Settings

SMALL = EngineSettings(memory_mb=16, connections_max=20)
DYING = (  # what an engine says that is killed, or not up yet
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.OperatorInterventionError,
)
SETTINGS_THAT_SAVE = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "data_checksums": "on",
    "wal_log_hints": "on",
    "server_encoding": "UTF8",
    "listen_addresses": "",
    "client_connection_check_interval": "1s",
}


async def test_first_start_second_start(data_folder: Path) -> None:
    engine = EmbeddedPostgres(data_folder, SMALL)
    async with up(engine) as dsn:
        connection = await asyncpg.connect(dsn)
        for name, value in SETTINGS_THAT_SAVE.items():
            assert await connection.fetchval("SELECT current_setting($1)", name) == value
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        await connection.close()
        assert running_dsn(data_folder) == dsn
    assert running_dsn(data_folder) is None
    async with up(EmbeddedPostgres(data_folder, SMALL)) as dsn:
        connection = await asyncpg.connect(dsn)
        assert await connection.fetchval("SELECT one FROM kept") == 1
        await connection.close()


async def test_killed_postmaster_comes_back(data_folder: Path) -> None:
    """SIGKILL it under an open transaction: what was committed is there again, by itself."""
    engine = EmbeddedPostgres(data_folder, SMALL)
    async with up(engine) as dsn:
        connection = await asyncpg.connect(dsn)
        await connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
        killed = engine.pid
        os.kill(killed, signal.SIGKILL)
        connection.terminate()
        assert await _eventually_fetch(dsn, "SELECT one FROM kept") == 1
        assert engine.pid != killed


async def test_orphan_is_stopped_by_the_next_start(data_folder: Path) -> None:
    """Goal: an engine whose Bongsu was killed never blocks or shadows the next one.

    Method: leave a postmaster alive without a keeper, as where no kernel tells it of the death.
    """
    orphan = EmbeddedPostgres(data_folder, SMALL)
    await orphan.start()
    async with up(EmbeddedPostgres(data_folder, SMALL)) as dsn:
        assert await _eventually_fetch(dsn, "SELECT 1") == 1
    await orphan.stop()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a promise of the Linux kernel")
async def test_engine_ends_with_its_killed_parent(data_folder: Path) -> None:
    script = (
        "import asyncio, sys; from pathlib import Path\n"
        "from bongsu.postgres.embedded import EmbeddedPostgres\n"
        "async def main():\n"
        "    engine = EmbeddedPostgres(Path(sys.argv[1])); await engine.start()\n"
        "    print(engine.pid, flush=True); await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(data_folder), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    assert int(await parent.stdout.readline()) > 0
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(60):
        while running_dsn(data_folder) is not None:
            await asyncio.sleep(0.05)


async def test_long_path_gets_a_short_socket(data_folder: Path) -> None:
    deep = data_folder / ("d" * 90)
    deep.mkdir()
    engine = EmbeddedPostgres(deep, SMALL)
    async with up(engine) as dsn:
        folder = Cluster(deep).running_socket_folder()
        assert folder is not None
        assert len(str(folder / ".s.PGSQL.5432")) <= SOCKET_PATH_BYTES_MAX
        assert folder.stat().st_mode & 0o077 == 0
        assert await _eventually_fetch(dsn, "SELECT 1") == 1
    assert not folder.exists()


async def test_two_on_one_folder_are_refused(data_folder: Path) -> None:
    settings = Settings(data=data_folder)
    lock = FolderLock(data_folder)
    with pytest.raises(OperatorError, match=f"process {os.getpid()}"):
        async with own_database(settings):
            pass
    lock.release()


async def test_a_command_finds_the_running_engine(data_folder: Path) -> None:
    settings = Settings(data=data_folder, postgres_memory_mb=16)
    async with own_database(settings) as dsn, any_database(settings) as found:
        assert found == dsn
    async with any_database(settings) as own:
        assert await _eventually_fetch(own, "SELECT 1") == 1


async def test_start_that_fails_says_why(data_folder: Path) -> None:
    broken = EngineSettings(extra={"shared_buffers": "nonsense"})
    with pytest.raises(OperatorError, match=r"PostgreSQL does not start: .*shared_buffers"):
        await EmbeddedPostgres(data_folder, broken).start()


async def test_foreign_version_is_refused(data_folder: Path) -> None:
    pgdata = data_folder / "postgres" / "cluster"
    pgdata.mkdir(parents=True)
    (pgdata / "PG_VERSION").write_text("17\n")
    with pytest.raises(OperatorError, match="was made by PostgreSQL 17, this is 18"):
        await EmbeddedPostgres(data_folder, SMALL).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends PostgreSQL another account")
async def test_untraversable_folder_is_told_in_one_line(data_folder: Path) -> None:
    closed = data_folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(OperatorError, match=f"run `chmod o\\+x {closed}`"):
        await EmbeddedPostgres(closed / "data", SMALL).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends PostgreSQL another account")
async def test_unreachable_wheel_is_copied(
    data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: a clone under root's closed home starts. Method: say that the wheel is unreachable."""

    def blocked(path: Path, account: Account) -> Path | None:
        return path.parent if "site-packages" in str(path) else untraversable_parent(path, account)

    monkeypatch.setattr("bongsu.postgres.cluster.untraversable_parent", blocked)
    cluster = Cluster(data_folder)
    cluster.prepare(SMALL)
    assert str(data_folder) in cluster.binary("postgres")
    run_as([cluster.binary("postgres"), "--version"], cluster.account, 10)


async def _eventually_fetch(dsn: str, query: str) -> object:
    async with asyncio.timeout(60):
        while True:
            try:
                connection = await asyncpg.connect(dsn)
                try:
                    return await connection.fetchval(query)
                finally:
                    await connection.close()
            except (OSError, *DYING):
                await asyncio.sleep(0.1)
