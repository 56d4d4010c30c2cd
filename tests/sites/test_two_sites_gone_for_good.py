"""What an operator types when two sites are gone for good (docs/operate/two-sites-gone.md)."""

import asyncio
import contextlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.trio import LOST_CONNECTION, READY_SECONDS_MAX, Trio, TrioSite, Writer, started_trio

pytestmark = pytest.mark.skipif(shutil.which("etcd") is None, reason="etcd is not installed")

OFF = ("-s", "synchronous_mode=off", "-s", "synchronous_mode_strict=false")
REFUSED_SECONDS = 10.0


@pytest.fixture
def trio() -> Iterator[Trio]:
    with started_trio() as trio:
        yield trio


async def test_one_site_goes_on_alone_when_an_operator_says_so_and_not_before(trio: Trio) -> None:
    """Goal: the commands of the page work, at a standby too. Method: the site that is left has its
    etcd and its Patroni; it promotes itself once synchronous_mode is off and it is named."""
    async with Writer(trio) as writer:
        await writer.until_acknowledged()
    left = (await asyncio.to_thread(trio.standbys))[0]
    await until_it_is_primary(left, False, rows=len(writer.acknowledged))
    for site in trio.sites.values():
        site.kill()
    left.start_etcd_alone()
    left.start("patroni")
    await until_it_is_primary(left, False)
    await asyncio.sleep(REFUSED_SECONDS)
    await until_it_is_primary(left, False)
    await patronictl(left, "edit-config", "trio", "--force", *OFF)
    await asyncio.sleep(REFUSED_SECONDS)
    await until_it_is_primary(left, False)  # it has to be named: another may hold more
    named = "-s", f"bongsu_alone={left.name}"
    await patronictl(left, "edit-config", "trio", "--force", *named)
    await until_it_is_primary(left, True, rows=len(writer.acknowledged))


async def until_it_is_primary(site: TrioSite, is_primary: bool, rows: int = 0) -> None:
    """Or a standby; with so many rows at least."""
    async with asyncio.timeout(READY_SECONDS_MAX):
        while True:
            with contextlib.suppress(*LOST_CONNECTION):
                if await site.fetchval("SELECT pg_is_in_recovery()") != is_primary and (
                    await site.fetchval("SELECT count(*) FROM ledger") >= rows
                ):
                    return
            await asyncio.sleep(0.2)


async def patronictl(site: TrioSite, *words: str) -> None:
    """As Patroni's page says; prints what it did."""
    program = Path(sys.executable).with_name("patronictl")
    command = [str(program), "-c", str(site.folder / "patroni.yml"), *words]
    process = await asyncio.create_subprocess_exec(*command)
    assert await process.wait() == 0
