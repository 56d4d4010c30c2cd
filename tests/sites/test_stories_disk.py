"""The disk of one site is full, and is given room again. Each site's folder is a small tmpfs."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from fixtures.stage import open_folder_for_lab, open_stage, stories
from harness.stage import Stage

pytestmark = stories  # isolated sites need root, and so does mounting
DISK_BYTES = 1_500_000_000
BLOCK_BYTES = 1 << 20
FILL_EVERY_SECONDS = 0.2
FULL_SECONDS = 20.0  # longer than a witness looks before it offers its site


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with open_folder_for_lab() as folder, ExitStack() as disks:
        for name in ("a", "b", "c"):
            disks.enter_context(_disk(folder / "lab" / name))
        with open_stage(folder) as stage:
            yield stage


@pytest.mark.parametrize("where", ["a replica", "the primary"])
async def test_a_site_s_disk_is_full_and_has_room_again(where: str, stage: Stage) -> None:
    """PostgreSQL, etcd and SeaweedFS of that site cannot write; the others' can."""
    async with stage.under_load() as load:
        primary = await stage.primary()
        full = primary if where == "the primary" else stage.others(primary)[0]
        async with _kept_full(Path(stage.site(full).folder) / "ballast"):
            if where == "the primary":
                moved = await stage.until_primary_is_one_of(stage.others(full))
                print(f"the primary moved from {full} to {moved}")
            await load.goes_on(through=stage.others(full))
            # As long as it takes until its PostgreSQL must begin a new WAL file, and cannot.
            for _ in range(3):
                await stage.switch_wal()
                await load.goes_on(through=stage.others(full))


async def test_the_disks_of_all_sites_are_full(stage: Stage) -> None:
    """They hold the same, so they fill together. What was acknowledged stays, nobody needs a hand
    but the room, and who leads afterwards is one of those who have it."""
    async with stage.under_load() as load:
        async with AsyncExitStack() as disks:
            for name in stage.names:
                ballast = Path(stage.site(name).folder) / "ballast"
                await disks.enter_async_context(_kept_full(ballast))
            await asyncio.sleep(FULL_SECONDS)
        await load.goes_on()


@asynccontextmanager
async def _kept_full(ballast: Path) -> AsyncIterator[None]:
    """What engines give back when they die or tidy up is taken again, as by their neighbours."""
    filling = asyncio.create_task(_fill_again_and_again(ballast))
    try:
        yield
    finally:
        filling.cancel()
        await asyncio.wait({filling})
        await asyncio.to_thread(ballast.unlink)


async def _fill_again_and_again(ballast: Path) -> None:
    while True:
        await asyncio.to_thread(_fill, ballast)
        await asyncio.sleep(FILL_EVERY_SECONDS)


def _fill(ballast: Path) -> None:
    """Write until nothing more goes in."""
    with ballast.open("ab", buffering=0) as file:
        for size in (BLOCK_BYTES, 4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=755", "lab-disk", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
