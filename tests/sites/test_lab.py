"""Three sites on one machine, started, killed, hung, cut and ended by the commands of the lab."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.lab import LabUnderTest, Status, needs_etcd, needs_isolation
from harness.postgres import _unprivileged_user  # pyright: ignore[reportPrivateUsage]
from harness.trio import as_user

from bongsu.lab import process_table

pytestmark = [needs_etcd, pytest.mark.timeout(600)]


@pytest.fixture
def lab() -> Iterator[LabUnderTest]:
    """A lab in a folder of its own that PostgreSQL's account may enter; ended after the test."""
    folder = Path(tempfile.mkdtemp(prefix="bongsu-"))
    folder.chmod(0o755)
    lab = LabUnderTest(folder / "lab")
    yield lab
    lab.run("down", "--delete")
    shutil.rmtree(folder)


async def test_sites_die_and_return(lab: LabUnderTest) -> None:
    # The first start is killed half-way. The next finishes it, and one more finds nothing to do.
    lab.start_and_die()
    lab.run("up")
    primary = (await lab.wait_until_whole())["primary"]
    lab.run("up")
    status = lab.status()
    assert status["primary"] == primary
    assert lab.serves_clients()
    await lab.write("all well")
    first, second = (name for name in status["sites"] if name != primary)

    # A replica's site dies: the primary stays and goes on.
    lab.run("kill", first)
    status = await lab.wait(lambda status: status["sites"][first]["state"] == "down")
    assert status["primary"] == primary
    await lab.write("a replica's site is dead")
    lab.run("heal", first)
    await lab.wait_until_whole()

    # The primary's site hangs, all of it: it is replaced, and follows when it wakes.
    lab.run("hang", primary)
    status = await lab.wait(lambda status: status["primary"] in (first, second))
    assert status["sites"][primary]["state"] == "hung"
    await lab.write("the primary's site is hung")
    lab.run("heal", primary)
    status = await lab.wait_until_whole()
    assert status["sites"][primary]["components"]["patroni"]["role"] == "replica"

    # A single engine that was killed on purpose stays dead until it is healed.
    lab.run("kill", first, "--what", "etcd")
    lab.run("kill", first, "--what", "nats")
    lab.run("heal", first)
    lab.run("kill", first, "--what", "etcd")
    status = await lab.wait(lambda status: _state(status, first, "nats") == "up")
    assert _state(status, first, "etcd") == "down"

    # The power fails everywhere at once. The command that starts the lab brings all of it back.
    for site in status["sites"]:
        lab.run("kill", site)
    assert lab.processes() == 0
    begun = time.monotonic()
    lab.run("up")
    print(f"served {time.monotonic() - begun:.1f} s after the power came back")
    await lab.wait_until_whole()
    assert await lab.read() == {
        "all well", "a replica's site is dead", "the primary's site is hung",
    }  # fmt: skip

    # Its end leaves nothing.
    lab.run("down", "--delete")
    assert lab.processes() == 0
    assert not lab.folder.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="nobody here is root anyway")
async def test_nobody_needs_to_be_root() -> None:
    """Addresses of loopback and folders of one's own are enough, unless sites are isolated."""
    user = _unprivileged_user()
    assert user is not None
    folder = Path(tempfile.mkdtemp(prefix="bongsu-"))
    shutil.chown(folder, user)
    lab = LabUnderTest(folder / "lab", as_user(user))
    try:
        lab.run("up")
        primary = (await lab.wait_until_whole())["primary"]
        assert json.loads(lab.run("status", "--json"))["primary"] == primary
        assert _owners(lab) == {user}
        await lab.write("all well")
        lab.run("kill", primary)
        await lab.wait(lambda status: status["primary"] not in (None, primary))
        assert await lab.read() == {"all well"}
        lab.run("heal", primary)
        await lab.wait_until_whole()
    finally:
        lab.run("down", "--delete")
        assert lab.processes() == 0
        shutil.rmtree(folder)


@needs_isolation
async def test_cut_off_primary_is_replaced(lab: LabUnderTest) -> None:
    lab.run("up", "--isolated", "--rtt-ms", "1")
    status = await lab.wait_until_whole()
    primary = status["primary"]
    await lab.write("before the cut")

    # Cut off from the other sites, but not from its clients, it still takes itself for a primary.
    lab.run("cut", primary)
    status = await lab.wait(lambda status: status["primary"] not in (None, primary))
    assert sorted(status["cuts"]) == status["cuts"]
    assert len(status["cuts"]) == 4
    lab.run("heal", primary)

    status = await lab.wait_until_whole()
    assert status["cuts"] == []
    assert status["sites"][primary]["components"]["patroni"]["role"] == "replica"
    assert await lab.read() == {"before the cut"}


def _owners(lab: LabUnderTest) -> set[str]:
    pids = [process.pid for process in process_table.processes(lab.folder)]
    return {Path(f"/proc/{pid}").owner() for pid in pids}


def _state(status: Status, site: str, component: str) -> str:
    return status["sites"][site]["components"][component]["state"]
