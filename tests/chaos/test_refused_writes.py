"""The database takes no writes: sends get a retryable refusal, and all heals by itself."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from crew import Crew, MakeCrew, Pace
from harness.bongsu import Bongsu, StartServer
from harness.http import Answer
from harness.postgres import Postgres
from harness.synapse import answers

DISK_MB = 500
REFUSAL_SECONDS_MAX = 120.0
REFUSED_SECONDS = 5.0
pytestmark = pytest.mark.timeout(900)


async def test_read_only_database(
    engine: Postgres, start_server: StartServer, make_crew: MakeCrew
) -> None:
    bongsu = start_server(database_url=engine.create_database("bongsu"))
    crew = await make_crew(bongsu)
    crew.start()
    await asyncio.sleep(1)
    engine.sql("ALTER SYSTEM SET default_transaction_read_only = on")
    engine.sql("SELECT pg_reload_conf()")
    await _until_refused(crew)
    await _expect_reads(crew)
    await asyncio.sleep(REFUSED_SECONDS)
    assert bongsu.running
    engine.sql("ALTER SYSTEM RESET default_transaction_read_only")
    engine.sql("SELECT pg_reload_conf()")
    await _expect_recovery(crew, bongsu)


async def test_full_disk(small_disk: Path, make_crew: MakeCrew) -> None:
    """The embedded engine on a small disk that a stranger's file fills to the last byte; media and
    the server's own log are on it, too."""
    bongsu = Bongsu(
        small_disk / "data",
        settings={"BONGSU_POSTGRES_MEMORY_MB": "32"},
        log=small_disk / "bongsu.log",
    )
    bongsu.start()
    filler = small_disk / "filler"
    try:
        crew = await make_crew(bongsu, Pace(senders=8, rooms=8, readers=2, body_bytes=20_000))
        crew.start()
        await asyncio.sleep(1)
        await asyncio.to_thread(_fill, filler)
        await _until_refused(crew)
        assert (await _upload(crew)).status in (429, 503, 507)
        await asyncio.sleep(REFUSED_SECONDS)
        assert bongsu.running, bongsu.log_tail()
        assert await asyncio.to_thread(answers, f"{bongsu.url}/health")
        crew.pace.body_bytes = 20
        filler.unlink()
        await _expect_recovery(crew, bongsu)
        assert (await _upload(crew)).status == 200
    finally:
        filler.unlink(missing_ok=True)
        print(bongsu.log_tail())
        bongsu.stop()


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of `DISK_MB` in memory."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system to fill takes root")
    disk = folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}M,mode=755", "bongsu", str(disk)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no tmpfs may be mounted here: {done.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


async def _until_refused(crew: Crew) -> None:
    """Until sends get a retryable refusal: 5xx or 429 with a Matrix errcode."""
    async with asyncio.timeout(REFUSAL_SECONDS_MAX):
        while True:
            status = await crew.try_send()
            if status != 200:
                assert status == 429 or status >= 500, f"refused for good: {status}"
                return
            await asyncio.sleep(0.05)


async def _upload(crew: Crew) -> Answer:
    """Send a picture of a megabyte, once."""
    user = crew.anybody
    path = "/_matrix/media/v3/upload"
    async with asyncio.timeout(REFUSAL_SECONDS_MAX):
        return await user.client.request("POST", path, bytes(1 << 20), token=user.token)


async def _expect_reads(crew: Crew) -> None:
    history = await crew.history()
    assert any(history.values())


async def _expect_recovery(crew: Crew, bongsu: Bongsu) -> None:
    """Sends flow again without a hand's turn, and nothing acknowledged was touched."""
    seconds = max((await crew.probe(seconds_max=120)).values())
    print(f"every room took a message again after {seconds:.2f} s")
    verdict = await crew.finish()
    print(f"{verdict}; {crew.retries} retries")
    assert verdict.clean, str(verdict)
    assert bongsu.running


def _fill(path: Path) -> None:
    """Write zeros until no byte is left."""
    block = bytes(1 << 20)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            try:
                os.write(descriptor, block)
            except OSError:
                if len(block) == 1:
                    return
                block = block[: len(block) // 16] or b"\0"
    finally:
        os.close(descriptor)
