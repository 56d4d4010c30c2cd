"""Where a new lab finds room on a machine that others use, too."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bongsu.lab import topology

NUMBER = topology.LABS_MAX - 1


@pytest.fixture
def left_behind() -> Iterator[Path]:
    """A socket of a SeaweedFS that was killed in site b of the last lab there can be."""
    site = topology._site(Path("/"), NUMBER, 2, isolated=False)
    path = Path(f"/tmp/seaweedfs-master-grpc-{site.seaweed_port + 4}.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    yield path
    path.unlink(missing_ok=True)


def test_sockets_of_another_user_s_store_make_a_lab_go_elsewhere(
    left_behind: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not topology._used_sockets(NUMBER, 3), "ours: it is removed before a start"
    monkeypatch.setattr(os, "geteuid", lambda: left_behind.stat().st_uid + 1)
    assert topology._used_sockets(NUMBER, 3) == {str(left_behind)}
    assert not topology._used_sockets(NUMBER, 1), "a lab of one site would not see it"
    assert not topology._used_sockets(NUMBER - 1, 3)


def test_what_a_killed_store_left_is_removed(left_behind: Path) -> None:
    topology.remove_seaweed_sockets(topology._site(Path("/"), NUMBER, 1, isolated=False))
    assert left_behind.exists(), "of another site, which may be alive"
    topology.remove_seaweed_sockets(topology._site(Path("/"), NUMBER, 2, isolated=False))
    assert not left_behind.exists()
