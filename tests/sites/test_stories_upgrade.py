"""One site after the other changes from release N-1 to N under load.

N is this source tree. N-1 is the newest tag `v…` before it; while nothing has been released, the
last commit without a migration: the oldest schema from which there is a road to this one.
"""

import io
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.stage import open_folder_for_lab, open_stage, stories
from harness.stage import Stage

from bongsu.postgres.migrate import check, migrate

pytestmark = stories
ROOT = Path(__file__).parents[2]
NODE = "node0"


@pytest.fixture(scope="module")
def previous() -> Iterator[Path]:
    """The source folder of N-1."""
    with open_folder_for_lab() as folder:
        packed = subprocess.run(
            ["git", "-C", str(ROOT), "archive", _previous_commit(), "src"],
            capture_output=True, check=True,
        ).stdout  # fmt: skip
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        yield folder / "src"


@pytest.fixture(scope="module")
def stage(previous: Path) -> Iterator[Stage]:
    """A lab all of whose nodes are of N-1, and so is its schema."""
    with open_folder_for_lab() as folder:
        for name in ("a", "b", "c"):
            (folder / "lab" / name / NODE).mkdir(parents=True)
            _choose(folder / "lab" / name, previous)
        with open_stage(folder) as stage:
            yield stage


async def test_each_site_in_turn_and_one_of_them_back_and_forth(
    stage: Stage, previous: Path
) -> None:
    async with stage.under_load() as load:
        primary = await stage.primary()
        order = [*stage.others(primary), primary]
        assert all(_is_of(stage, name, previous) for name in order)
        for name in order:
            _choose(Path(stage.site(name).folder), None)
            await stage.restart(name, NODE)
            assert not _is_of(stage, name, previous)
            await load.goes_on()
        # Until the steps that N-1 could not live with, there is a way back.
        _choose(Path(stage.site(primary).folder), previous)
        await stage.restart(primary, NODE)
        await load.goes_on()
        _choose(Path(stage.site(primary).folder), None)
        await stage.restart(primary, NODE)
        await load.goes_on()

        dsn = stage.lab.database_url([stage.site(await stage.primary())])
        await migrate(dsn, post=True)
        await load.goes_on()
        assert not await check(dsn)


def _previous_commit() -> str:
    """The commit of N-1; skips where history is missing."""
    if shutil.which("git") is None or _git("rev-parse", "--is-shallow-repository") != "false":
        pytest.skip("needs git and the whole history: this clone is shallow, or none")
    tag = _git("describe", "--tags", "--abbrev=0", "--match=v*", "HEAD^")
    if tag:
        return tag
    steps = "src/bongsu/postgres/migrations/*.sql"
    first = _git("log", "--format=%H", "--diff-filter=A", "--reverse", "--", steps).split()
    if not first:
        pytest.skip("nothing is released and nothing migrates: there is no N-1")
    return f"{first[0]}^"


def _git(*arguments: str) -> str:
    """What git says; empty when it refuses."""
    command = ["git", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def _choose(site: Path, source: Path | None) -> None:
    """Of which source the site's node is from its next start on; None: of this one."""
    file = site / NODE / "environment"
    if source is None:
        file.unlink()
    else:
        file.write_text(f"PYTHONPATH={source}\n")


def _is_of(stage: Stage, name: str, source: Path) -> bool:
    (pid,) = stage.processes(name, NODE)
    return f"PYTHONPATH={source}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes()
