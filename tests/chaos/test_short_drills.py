"""The promise itself, shortly: three sites, the primary's is lost under load, nothing else is.

Goal: not one acknowledged message or upload is lost, doubled or reordered, and the site that was
replaced acknowledges nothing more. Method: a drill for each way to lose a site, judged by what can
be counted; how long things take is for machines that do nothing else (`make drill`).
"""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.lab import LabUnderTest, is_isolation_possible, needs_etcd, needs_patroni

pytestmark = [needs_etcd, needs_patroni, pytest.mark.timeout(1200)]

COUNTED = ("lost", "not_shown", "doubled", "reordered", "changed", "stream_faults")


@pytest.fixture(scope="module")
def lab() -> Iterator[LabUnderTest]:
    """Isolated sites where that is possible. One lab for all drills: each leaves it whole."""
    folder = Path(tempfile.mkdtemp(prefix="bongsu-"))
    folder.chmod(0o755)
    lab = LabUnderTest(folder / "lab")
    try:
        lab.run("up", *(["--isolated"] if is_isolation_possible else []))
        yield lab
    finally:
        lab.run("down", "--delete")
        shutil.rmtree(folder)


@pytest.mark.parametrize("how", ["kill", "cut", "hang"])
def test_the_primary_s_site_is_lost(lab: LabUnderTest, how: str, tmp_path: Path) -> None:
    if how != "kill" and not is_isolation_possible:
        pytest.skip("sites can be cut off only by root, with /dev/net/tun")
    outcome = lab.drill("primary", how, tmp_path, seconds=6.0)
    wrong = {name: outcome[name] for name in COUNTED if outcome[name]}
    assert not wrong, wrong
    assert not outcome["media"]["lost"]
    assert outcome["late_acknowledgements"] == 0
    assert outcome["was_primary"] is True
    assert outcome["replaced_at"] is not None
    assert outcome["acknowledged"] > 50, "too little was sent to prove anything"
