"""Short drills in a lab: the primary's site killed and hung, a replica's site cut off."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from harness.lab import LabUnderTest, needs_etcd, needs_isolation

from bongsu.lab.patroni import require_patroni

DRILL_SECONDS_MAX = 420.0
# Gaps in time are promised for machines that do nothing else: here only what is counted is judged.
PATIENT = ("--gap-primary", "60", "--gap-replica", "60")

try:
    require_patroni()
    _missing = ""
except Exception as error:
    _missing = str(error)
pytestmark = [
    needs_etcd,
    needs_isolation,
    pytest.mark.skipif(bool(_missing), reason=_missing),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def lab() -> Iterator[LabUnderTest]:
    """One lab for all drills: each leaves it whole, or the next one says so."""
    folder = Path(tempfile.mkdtemp(prefix="bongsu-"))
    folder.chmod(0o755)
    lab = LabUnderTest(folder / "lab")
    lab.run("up", "--isolated")
    yield lab
    lab.run("down", "--delete")
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("lose", "how"), [("primary", "kill"), ("replica", "cut"), ("primary", "hang")]
)
def test_short_drill(lab: LabUnderTest, lose: str, how: str, tmp_path: Path) -> None:
    outcome = _drill(lab, "--lose", lose, "--how", how, "--seconds", "8", "--report", str(tmp_path))
    broken = [promise for promise in outcome["promises"] if not promise["kept"]]
    assert not broken, f"{broken}: see {tmp_path / 'drill.html'}"
    assert outcome["acknowledged"] > 100, "too little was sent to prove anything"
    assert outcome["was_primary"] is (lose == "primary")
    assert (tmp_path / "drill.html").stat().st_size > 10_000


def _drill(lab: LabUnderTest, *arguments: str) -> Any:
    """Run `bongsu drill --json`; the verdict on its only drill."""
    command = [sys.executable, "-m", "bongsu.cli", "drill", "--data", str(lab.folder), "--json"]
    done = subprocess.run(
        [*command, *arguments, *PATIENT], capture_output=True, text=True, check=False,
        timeout=DRILL_SECONDS_MAX, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    print(done.stderr)
    assert done.returncode in (0, 1), done.stderr
    (outcome,) = msgspec.json.decode(done.stdout)
    assert outcome["kept"] is (done.returncode == 0)
    return outcome
