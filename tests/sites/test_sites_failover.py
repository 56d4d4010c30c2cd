"""The log over two sites: the primary is killed or hung, its standby promoted by hand."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

import asyncpg
import pytest
from fixtures.sync_house import ALICE, SyncHouse
from fixtures.two_sites import DATABASE, SiteNode, TwoSites, node_in, two_sites
from harness.postgres import Postgres
from harness.quorum import until_commits_wait

from bongsu.errors import Unavailable
from bongsu.log.proposal import Accepted, fresh_request_id
from bongsu.log.sequencer import HEARTBEAT_SECONDS
from bongsu.memory.bus import MemoryBus
from bongsu.rooms.proposals import SendEvent

__all__ = ["two_sites"]  # the fixture
WRITE = "DELETE FROM media"  # there is none, and it may be said any number of times
pytestmark = pytest.mark.timeout(120)


def message(room: str, body: str) -> SendEvent:
    return SendEvent(
        key=room, request_id=fresh_request_id(), sender=ALICE, type="m.room.message",
        content={"msgtype": "m.text", "body": body},
    )  # fmt: skip


class Town:
    """A node in each site, and a room that Alice made through `b`."""

    def __init__(self, sites: TwoSites, a: SiteNode, b: SiteNode) -> None:
        self.sites, self.a, self.b = sites, a, b
        self.house = SyncHouse(b.heart, b.site.database)
        self.room = ""
        self.sent: dict[str, Accepted] = {}
        self.sent_at: list[float] = []

    async def send_for_ever(self) -> None:
        """One message after the other through `b`, each until it is accepted."""
        for n in range(1_000_000):
            proposal = message(self.room, f"{n}")
            while True:
                try:
                    accepted = await self.b.heart.log.propose(proposal)
                except Unavailable:
                    continue
                break
            self.sent[accepted.event_id] = accepted
            self.sent_at.append(monotonic())

    async def read_for_ever(self, gaps: list[float]) -> None:
        """First syncs of somebody new to the node at `b`; how long each took."""
        while True:
            started = monotonic()
            sync = self.house.new_sync()
            answer = await self.house.get(ALICE, sync=sync)
            assert self.room in answer["rooms"]["join"]
            gaps.append(monotonic() - started)
            await sync.stop()
            await asyncio.sleep(0.02)

    async def rows(self, url: str) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetch(
                "SELECT event_id, position FROM entry WHERE key = $1 ORDER BY position", self.room
            )
        finally:
            await connection.close()


@asynccontextmanager
async def open_town(sites: TwoSites) -> AsyncIterator[Town]:
    bus = MemoryBus()
    async with node_in(sites, "a", bus) as a, node_in(sites, "b", bus) as b:
        town = Town(sites, a, b)
        assert await b.heart.ownership.settled(10)
        town.room = await town.house.room(ALICE)
        yield town
        await town.house.sync.stop()


async def lose(sites: TwoSites, postgres: Postgres, how: str) -> None:
    if how == "killed":
        await asyncio.to_thread(postgres.kill)
    else:
        sites.hang(postgres)


async def check_exactly_once(town: Town, url: str) -> None:
    rows = [row["event_id"] for row in await town.rows(url)]
    assert len(rows) == len(set(rows))
    sent = list(town.sent)
    assert [event_id for event_id in rows if event_id in town.sent] == sent
    assert set(sent) <= set(rows)


async def test_owners_sit_beside_the_primary(two_sites: TwoSites) -> None:
    async with open_town(two_sites) as town:
        assert len(town.a.heart.sequencer.heads) == 64
        assert not town.b.heart.sequencer.heads
        assert town.b.heart.ownership.owner_of(0) == "node-a"
        assert town.b.site.database.has_replica
        assert not town.a.site.database.has_replica


@pytest.mark.parametrize("how", ["killed", "hung"])
async def test_sends_go_on_after_a_promotion_and_reads_never_stop(
    two_sites: TwoSites, how: str
) -> None:
    """Goal: nothing lost, doubled or reordered; sends come late, not back as errors.
    Method: send and read through `b`, lose the primary at `a`, promote `b` after two seconds."""
    gaps: list[float] = []
    async with open_town(two_sites) as town:
        sending = asyncio.create_task(town.send_for_ever())
        reading = asyncio.create_task(town.read_for_ever(gaps))
        await asyncio.sleep(1.0)
        lost_at = monotonic()
        await lose(two_sites, two_sites.a, how)
        await asyncio.sleep(0.5)
        writing = asyncio.create_task(town.b.site.database.execute(WRITE))
        await asyncio.sleep(1.5)
        promoted_at = monotonic()
        await asyncio.to_thread(two_sites.b.promote)
        while town.sent_at[-1] < promoted_at:
            assert monotonic() < promoted_at + 120, "no send after the promotion"
            await asyncio.sleep(0.05)
        assert await writing == "DELETE 0"
        first = next(at for at in town.sent_at if at > promoted_at)
        await asyncio.sleep(0.5)
        for task in (sending, reading):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        print(f"{how}: {first - lost_at:.2f} s, {first - promoted_at:.2f} s after the promotion,")
        print(f"longest read {max(gaps):.2f} s of {len(gaps)}")
        assert max(gaps) < 2.0
        assert len(town.b.heart.sequencer.heads) == 64
        assert not town.a.heart.sequencer.heads
        await check_exactly_once(town, two_sites.b.url(DATABASE))
        two_sites.thaw()
        await asyncio.sleep(1.0)
        again = await town.b.heart.log.propose(message(town.room, "after the thaw"))
        assert again.position > max(accepted.position for accepted in town.sent.values())
        assert town.b.heart.ownership.owner_of(again.partition) == "node-b"


async def test_a_row_that_is_not_acknowledged_is_shown_by_no_replica(two_sites: TwoSites) -> None:
    """Goal: what the standby has is not yet true. Method: let commits wait for a standby that does
    not exist, look at the other one's reader until it has polled, then let them go."""
    async with open_town(two_sites) as town:
        await town.b.heart.log.propose(message(town.room, "acknowledged"))
        before = len(await town.rows(two_sites.b.url(DATABASE)))
        await asyncio.sleep(2 * HEARTBEAT_SECONDS)  # or the mark of the last head would wait first
        await asyncio.to_thread(two_sites.wait_for, "nobody")
        await until_commits_wait(two_sites.a.url(DATABASE))
        sending = asyncio.create_task(town.b.heart.log.propose(message(town.room, "not yet")))
        while len(await town.rows(two_sites.b.url(DATABASE))) == before:
            await asyncio.sleep(0.05)
        for _ in range(30):
            answer = await town.house.get(ALICE, sync=town.house.new_sync())
            events = answer["rooms"]["join"][town.room]["timeline"]["events"]
            assert "not yet" not in [event["content"].get("body") for event in events]
            await asyncio.sleep(0.1)
        assert not sending.done()
        await asyncio.to_thread(two_sites.wait_for, "b")
        accepted = await sending
        answer = await town.house.get(ALICE)
        events = answer["rooms"]["join"][town.room]["timeline"]["events"]
        assert accepted.event_id in [event["event_id"] for event in events]


@pytest.mark.parametrize("how", ["killed", "hung"])
async def test_reads_fall_back_on_the_primary_when_the_own_server_is_gone(
    two_sites: TwoSites, how: str
) -> None:
    async with open_town(two_sites) as town:
        await town.house.get(ALICE)
        two_sites.a.sql("ALTER SYSTEM SET synchronous_standby_names = ''")
        two_sites.a.sql("SELECT pg_reload_conf()")
        await lose(two_sites, two_sites.b, how)
        started = monotonic()
        answer = await town.house.get(ALICE, sync=town.house.new_sync())
        assert town.room in answer["rooms"]["join"]
        print(f"own server {how}: read after {monotonic() - started:.2f} s")
        assert monotonic() - started < 5.0
        if how == "killed":
            await asyncio.to_thread(two_sites.b.start)
        two_sites.thaw()
        while not town.b.site.servers.own_is_current:
            await asyncio.sleep(0.1)
        accepted = await town.b.heart.log.propose(message(town.room, "back"))
        assert accepted.position
        while town.b.site.reasons_not_ready():
            await asyncio.sleep(0.1)
