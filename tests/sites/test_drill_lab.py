"""Drills in a lab of isolated sites: a replica's site killed, cut off and hung."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.lab import LabUnderTest, needs_etcd, needs_isolation, needs_patroni

pytestmark = [needs_etcd, needs_isolation, needs_patroni, pytest.mark.timeout(1200)]


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


@pytest.mark.parametrize("how", ["kill", "cut", "hang"])
def test_nobody_but_its_own_clients_notices_the_loss_of_a_replica(
    lab: LabUnderTest, how: str, tmp_path: Path
) -> None:
    outcome = lab.drill("replica", how, tmp_path)
    broken = [promise for promise in outcome["promises"] if not promise["kept"]]
    assert not broken, f"{broken}: see {tmp_path / 'drill.html'}"
    assert outcome["acknowledged"] > 100, "too little was sent to prove anything"
    assert outcome["was_primary"] is False
    assert (tmp_path / "drill.html").stat().st_size > 10_000
