"""Three real sites (etcd, Patroni, PostgreSQL, witness); the primary's is lost in several ways.

Each time: nothing acknowledged is missing afterwards, a retrying client commits again within
seconds, the lost site rejoins, and no standby stays fenced. The bound leaves a busy machine room,
yet is less than the 20 s of Patroni's lease; what was measured is printed, 2.6 to 3.3 s on an idle
one.
"""

import asyncio
import os
import shutil
import signal
import time
from collections.abc import Iterator

import pytest
from harness.trio import Trio, TrioSite, Writer, started_trio

from bongsu.witness.config import load
from bongsu.witness.model import HandOver
from bongsu.witness.store import Store

pytestmark = pytest.mark.skipif(shutil.which("etcd") is None, reason="etcd is not installed")

GAP_SECONDS_MAX = float(os.environ.get("WITNESS_GAP_SECONDS_MAX", "18"))
HOLDOFF_SECONDS = 30.0


@pytest.fixture(scope="module")
def trio() -> Iterator[Trio]:
    with started_trio() as trio:
        yield trio


@pytest.fixture(autouse=True)
async def witnesses(trio: Trio) -> None:
    """New ones for each test: those that deposed somebody just now wait before they do so again."""
    for site in trio.sites.values():
        site.kill("witness")
        site.start("witness")
    await trio.until(lambda: all(site.status() for site in trio.sites.values()))


async def verdict(trio: Trio, writer: Writer, what: str) -> None:
    """After everything is back: nothing lost, nobody fenced."""
    await trio.settled()
    await trio.until(lambda: all(is_unfenced(each) for each in trio.sites.values()))
    assert not await writer.lost(), trio.story()
    print(f"{what}: longest gap {writer.gap():.2f} s, {len(writer.acknowledged)} acknowledged")


async def test_the_primary_s_site_is_killed(trio: Trio) -> None:
    async with Writer(trio) as writer:
        lost = await trio.settled()
        lost.kill()
        await writer.until_acknowledged_by_another(lost)
        lost.start()
        await trio.settled()
    assert writer.gap() < GAP_SECONDS_MAX, trio.story()
    await verdict(trio, writer, "site killed")


async def test_the_primary_is_hung_while_its_backends_commit(trio: Trio) -> None:
    """Patroni and the postmaster stop; sessions that are open go on. They must lose their quorum
    before another is promoted."""
    async with Writer(trio) as writer:
        hung = await trio.settled()
        pids = hung.postmaster, hung.processes["patroni"].pid
        hung.freeze(*pids)
        await writer.until_acknowledged_by_another(hung)
        await asyncio.sleep(2.0)
        taken_over = writer.first_by_another(hung)
        after = [t for t, name in writer.confirmed if name == hung.name and t > taken_over]
        hung.thaw(*pids)
        await trio.settled()
    assert not after, f"{len(after)} commits by the old primary\n{trio.story()}"
    assert writer.gap() < GAP_SECONDS_MAX, trio.story()
    await verdict(trio, writer, "hung, backends alive")


async def test_the_whole_primary_is_hung(trio: Trio) -> None:
    async with Writer(trio) as writer:
        hung = await trio.settled()
        pids = [process.pid for process in hung.processes.values()] + hung.postgres_pids()
        hung.freeze(*pids)
        await writer.until_acknowledged_by_another(hung)
        await asyncio.sleep(2.0)
        hung.thaw(*pids)
        await trio.settled()
    assert writer.gap() < GAP_SECONDS_MAX, trio.story()
    await verdict(trio, writer, "site hung")


async def test_a_standby_s_site_is_killed(trio: Trio) -> None:
    async with Writer(trio) as writer:
        leader = await trio.settled()
        lost = (await asyncio.to_thread(trio.standbys))[0]
        lost.kill()
        await asyncio.sleep(5.0)
        lost.start()
        assert await trio.settled() is leader
    assert writer.gap() < GAP_SECONDS_MAX / 2, trio.story()
    await verdict(trio, writer, "standby's site killed")


async def test_a_witness_dies_between_fence_and_unfence(trio: Trio) -> None:
    """Its vote and its fence stand; the new life of it finds both and makes an end of them. Its
    Patroni stops as well, so that nobody can name a new leader before the witness is dead."""
    async with Writer(trio) as writer:
        hung = await trio.settled()
        victim = (await asyncio.to_thread(trio.standbys))[0]
        hung.freeze(hung.postmaster, hung.processes["patroni"].pid)
        victim.freeze(victim.processes["patroni"].pid)
        await trio.until(lambda: has_voted_lately(victim), 30)
        victim.kill("witness")
        assert await conninfo(victim) == "", trio.story()
        hung.thaw(hung.postmaster, hung.processes["patroni"].pid)
        victim.thaw(victim.processes["patroni"].pid)
        await asyncio.sleep(2.0)
        assert await conninfo(victim) == "", trio.story()
        victim.start("witness")
        await writer.until_acknowledged()
        await trio.settled()
    await verdict(trio, writer, "witness killed while fenced")


async def test_decisions_are_logged_with_their_evidence_and_counted(trio: Trio) -> None:
    """What was seen when it was decided, for whoever asks afterwards; and numbers for an alarm."""
    async with Writer(trio) as writer:
        lost = await trio.settled()
        survivors = [site for site in trio.sites.values() if site is not lost]
        begun, before = time.time(), {site.name: site.metrics() for site in survivors}
        lost.kill()
        await writer.until_acknowledged_by_another(lost)
        during = [site.metrics() for site in survivors]
        lost.start()
        await trio.settled()
    await verdict(trio, writer, "looked into")
    assert all(each["bongsu_witness_etcd_majority"] == 1 for each in during)
    for site in survivors:
        (fenced, *_) = [
            each for each in site.status()["decisions"]
            if each["action"] == "fence" and each["at"] > begun
        ]  # fmt: skip
        seen = fenced["evidence"]
        assert seen["leader"] == lost.name
        assert seen["in_recovery"] is True
        assert seen["silence"] >= trio.silence_seconds or "asks before" in fenced["reason"]
        assert {"revision", "voters", "quorum", "suspects", "votes", "position"} <= seen.keys()
        log = (site.folder / "witness.log").read_text()
        assert fenced["reason"] in log
        assert f"leader={lost.name}" in log
        counted = 'bongsu_witness_actions_total{action="fence"}'
        assert site.metrics()[counted] > before[site.name].get(counted, 0.0)
        assert site.metrics()["bongsu_witness_fenced"] == 0
        assert site.metrics()["bongsu_witness_room_bytes"] > 0
    assert any('action="depose"' in name for site in survivors for name in site.metrics())


async def test_of_two_sites_that_offer_themselves_at_once_one_is_taken(trio: Trio) -> None:
    """The request that both write would move a primary whose disk is full: see `handover`."""
    async with Writer(trio) as writer:
        first = await trio.settled()
        standbys = await asyncio.to_thread(trio.standbys)
        stores = {site.name: Store(load(site.folder / "witness.toml")) for site in standbys}
        asked = {name: await offered(store) for name, store in stores.items()}
        results = await asyncio.gather(
            *(store.hand_over(asked[name]) for name, store in stores.items())
        )
        assert sorted(results) == [False, True]
        (taken,) = [name for name, done in zip(stores, results, strict=True) if done]
        await writer.until_acknowledged_by_another(first)
        assert (await trio.settled()).name == taken

        (refused,) = set(stores) - {taken}
        cluster = await stores[refused].read()
        assert cluster.handover > 0, "nobody may ask again so soon"
        assert not cluster.switchover.is_open
        assert await stores[refused].hand_over(await offered(stores[refused])) is False
        while (await stores[refused].read()).handover:
            await asyncio.sleep(0.5)
        assert await stores[refused].hand_over(await offered(stores[refused])) is True
        await trio.until(lambda: trio.leader() is trio.sites[refused])
        taken_over = writer.first_by_another(first)
        after = [t for t, name in writer.confirmed if name == first.name and t > taken_over]
        assert not after, f"{len(after)} commits by the old primary\n{trio.story()}"
        for store in stores.values():
            store.close()
    await verdict(trio, writer, "handed over")


async def offered(store: Store) -> HandOver:
    """The request of a witness that reads etcd now."""
    cluster = await store.read()
    assert cluster.leader is not None
    assert cluster.sync is not None
    revisions = cluster.sync.mod_revision, cluster.switchover.mod_revision
    return HandOver(cluster.leader, *revisions, HOLDOFF_SECONDS)


async def test_a_fence_holds_against_patroni_and_outlives_its_witness(trio: Trio) -> None:
    """Patroni rewrites its configuration at once when it sees a foreign conninfo."""
    await trio.settled()
    victim = (await asyncio.to_thread(trio.standbys))[0]
    victim.kill("witness")
    await fence(victim)
    for _ in range(50):
        await asyncio.sleep(0.1)
        assert await conninfo(victim) == ""
    victim.start("witness")
    await trio.settled()
    assert await conninfo(victim) != ""


async def test_without_witnesses_patroni_fails_over_and_the_hook_guards_it(trio: Trio) -> None:
    """The slow road, after the leader key's lease: pre_promote must do without any witness."""
    async with Writer(trio) as writer:
        lost = await trio.settled()
        others = [site for site in trio.sites.values() if site is not lost]
        for site in others:
            site.kill("witness")
        lost.kill()
        await writer.until_acknowledged_by_another(lost, 90)
        for site in others:
            site.start("witness")
        lost.start()
        await trio.settled()
    logs = "".join((site.folder / "patroni.log").read_text() for site in others)
    assert "looking myself" in logs
    assert "pre-promote: agreed" in logs
    await verdict(trio, writer, "no witnesses")


def is_unfenced(site: TrioSite) -> bool:
    """False also while its witness cannot tell."""
    return site.status()["sees"].get("fenced") is False


def has_voted_lately(site: TrioSite) -> bool:
    return any(
        each["action"] == "cast" and each["at"] > time.time() - 5
        for each in site.status()["decisions"]
    )


async def fence(site: TrioSite) -> None:
    """By a witness that is killed right after."""
    code = (
        "import asyncio, os, pathlib\n"
        "from bongsu.witness.config import load\n"
        "from bongsu.witness.standby import LocalPostgres\n"
        f"config = load(pathlib.Path({str(site.folder)!r}) / 'witness.toml')\n"
        "asyncio.run(LocalPostgres(config).fence())\n"
        f"os.kill(os.getpid(), {int(signal.SIGKILL)})\n"
    )
    await site.run_python(code)


async def conninfo(site: TrioSite) -> str:
    return str(await site.fetchval("SELECT current_setting('primary_conninfo')"))
