"""Who may own what, by where the primary is; and what a gateway does while nobody does."""

import asyncio
from collections.abc import Collection, Sequence
from time import monotonic
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from bongsu.errors import Unavailable
from bongsu.log import gateway, ownership
from bongsu.log.batch import Batch, Head
from bongsu.log.entry import Entry, Kind
from bongsu.log.follower import DurableHead, Follower
from bongsu.log.gateway import Log, Publisher
from bongsu.log.ownership import SUBJECT, Announcement, Ownership, rendezvous
from bongsu.log.pending import Pending
from bongsu.log.proposal import FEATURE_LEVEL, Accepted, Outcome, Proposal, fresh_request_id
from bongsu.log.sequencer import Sequencer
from bongsu.memory.bus import MemoryBus


class Placement:
    def __init__(self, site: str, is_primary: bool | None) -> None:
        self.site, self.is_primary, self.generation = site, is_primary, 1

    def heard_of(self, generation: int) -> None:
        self.generation = max(self.generation, generation)


class Reader:
    async def durable_heads(self) -> list[DurableHead]:
        return []

    async def read(self, partition: int, after: int, through: int, limit: int) -> list[Entry]:
        return []


class Pen:
    """Grants everything, and counts what was dropped."""

    def __init__(self) -> None:
        self.abandoned = 0
        self.quorum = asyncio.Event()  # commits wait for it
        self.quorum.set()

    async def claim(self, partitions: Sequence[int]) -> dict[int, Head]:
        return {p: Head(2, 0) for p in partitions}

    async def release(self, partitions: Sequence[int]) -> None: ...

    async def lookup(self, request_ids: Sequence[bytes]) -> dict[bytes, Accepted]:
        return {}

    async def write(self, batch: Batch) -> None: ...

    async def confirm(self, heads: dict[int, Head], unmarked: Sequence[int]) -> None:
        if unmarked:
            await self.quorum.wait()

    async def abandon(self) -> None:
        self.abandoned += 1
        self.quorum.set()


class Planner:
    def is_ready(self, proposal: Proposal) -> bool:
        return True

    async def load(self, proposal: Proposal) -> None: ...

    def plan(self, proposal: Proposal, batch: Batch) -> Accepted:
        return Accepted(0, 0, proposal.key)

    def settle(self) -> None: ...

    def forget(self, partitions: Collection[int]) -> None: ...

    def undo(self, key: str) -> None: ...


class NewKind(Proposal, frozen=True, kw_only=True):
    level = FEATURE_LEVEL + 1


async def nobody(partitions: Sequence[int]) -> None: ...


class Node:
    def __init__(self, placement: Placement) -> None:
        self.bus, self.placement, self.pen = MemoryBus(), placement, Pen()
        self.follower = Follower(Reader(), "test")
        observer = SimpleNamespace(committed=lambda *_: None)
        self.is_alone = False
        self.sequencer = Sequencer(
            self.pen, Planner(), observer, lambda: None, lambda: self.ownership.level,
            lambda: self.is_alone,
        )  # fmt: skip
        self.ownership = Ownership(
            "me", self.sequencer, self.follower, self.bus, nobody, placement=placement, alone=True,
            is_doubtful=lambda: self.is_alone,
        )  # fmt: skip
        self.log = Log(
            self.sequencer, self.ownership, self.follower, self.bus, msgspec.msgpack.encode,
            lambda data: msgspec.msgpack.decode(data, type=Proposal),
        )  # fmt: skip

    async def hear(self, node: str, **fields: Any) -> None:
        heads = fields.pop("heads", [])
        said = Announcement(node, heads, **fields)
        await self.bus.publish(SUBJECT, msgspec.msgpack.encode(said))

    async def __aenter__(self) -> "Node":
        self.sequencer.start()
        await self.ownership.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.ownership.stop()
        await self.sequencer.stop()


async def until(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_partitions_are_claimed_with_the_primary_and_given_up_without() -> None:
    async with Node(Placement("b", False)) as node:
        await asyncio.sleep(0.3)
        assert not node.sequencer.heads
        node.placement.is_primary, node.placement.generation = True, 2
        node.ownership.look()
        await until(lambda: len(node.sequencer.heads) == 64)
        node.placement.is_primary = None  # nobody knows: that is no reason to give up
        node.ownership.look()
        await asyncio.sleep(0.3)
        assert len(node.sequencer.heads) == 64
        node.placement.is_primary, node.placement.generation = False, 3
        node.ownership.look()
        await until(lambda: not node.sequencer.heads)
        assert node.pen.abandoned


async def test_a_node_that_hears_nobody_owns_as_long_as_its_commits_find_a_quorum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ownership, "UNCONFIRMED_SECONDS", 1.0)
    async with Node(Placement("b", True)) as node:
        await until(lambda: len(node.sequencer.heads) == 64)
        node.is_alone = True
        await asyncio.sleep(2.0)
        assert not node.pen.abandoned
        node.placement.is_primary = None  # or it would claim again at once
        node.pen.quorum.clear()
        await until(lambda: not node.sequencer.heads)
        assert node.pen.abandoned


async def test_beside_the_primary_nobody_of_another_site_is_an_owner() -> None:
    node = Node(Placement("b", False))
    await node.bus.subscribe(SUBJECT, node.ownership._on_announcement)
    await node.hear("other", heads=[DurableHead(0, 7, 1)], site="a")
    assert node.ownership.owner_of(0) == "other"
    node.placement.is_primary = True
    assert node.ownership.owner_of(0) is None


async def test_who_asks_a_deposed_owner_hears_of_it() -> None:
    node = Node(Placement("c", False))
    await node.bus.subscribe(SUBJECT, node.ownership._on_announcement)
    await node.hear("old", heads=[DurableHead(0, 7, 1)], site="a")
    deposed = node.ownership.deposed("old")
    await node.hear("new", heads=[DurableHead(0, 8, 1)], site="b")
    assert deposed.done()
    assert node.ownership.owner_of(0) == "new"


async def test_who_comes_back_gets_its_partitions_once_it_has_stayed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A node that comes and goes moves nothing; one that stays gets its share, and no more."""
    monkeypatch.setattr(ownership, "SETTLE_SECONDS", 1.5)
    monkeypatch.setattr(ownership, "SILENT_SECONDS", 1.0)
    share = {p for p in range(64) if rendezvous(p, ("back", "me"))[0] == "back"}
    async with Node(Placement("b", True)) as node:
        await until(lambda: len(node.sequencer.heads) == 64)
        for _ in range(2):  # it is heard for a moment, and falls silent
            await node.hear("back", site="b")
            await asyncio.sleep(1.2)
        assert len(node.sequencer.heads) == 64
        given: set[int] = set()
        async with asyncio.timeout(20):
            while given != share:
                given = set(range(64)) - set(node.sequencer.heads)
                assert given <= share
                heads = [DurableHead(partition, 3, 0) for partition in given]
                await node.hear("back", site="b", heads=heads)
                await asyncio.sleep(0.05)


async def test_a_new_kind_waits_for_every_live_node() -> None:
    node = Node(Placement("a", True))
    await node.bus.subscribe(SUBJECT, node.ownership._on_announcement)
    await node.hear("newer", level=FEATURE_LEVEL + 5)
    assert node.ownership.level == FEATURE_LEVEL
    await node.hear("older", level=FEATURE_LEVEL - 1)
    assert node.ownership.level == FEATURE_LEVEL - 1
    pending = Pending(NewKind(key="!x", request_id=fresh_request_id()))
    pending.waiters, pending.deadline = 1, float("inf")
    await node.sequencer.claim(range(64))
    outcome = node.sequencer._decide(pending, {}, Batch(node.sequencer.heads))
    assert isinstance(outcome, Unavailable)


async def test_proposals_are_held_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(Placement("b", None))
    proposal = Proposal(key="!x", request_id=fresh_request_id())
    with pytest.raises(Unavailable) as late:
        await node.log.propose(proposal, 0.2)
    assert late.value.retry_after_ms == gateway.RETRY_AFTER_MS
    assert node.log.held_bytes == 0
    monkeypatch.setattr(gateway, "HELD_BYTES_MAX", 10)
    with pytest.raises(Unavailable, match="Too many"):
        await node.log.propose(proposal, 5)
    monkeypatch.setattr(gateway, "PROPOSALS_MAX", 0)
    with pytest.raises(Unavailable, match="Too many"):
        await node.log.propose(proposal, 5)


async def test_other_gateways_proposals_are_taken_within_bounds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    node = Node(Placement("b", None))
    proposal = Proposal(key="!x", request_id=fresh_request_id())
    asked = gateway.RemoteProposal(5.0, node.log._encode(proposal))
    payload = msgspec.msgpack.encode(asked)
    for limit, answer in ((len(payload), None), (len(payload) - 1, "Too many")):
        monkeypatch.setattr(gateway, "ASKED_BYTES_MAX", limit)
        for _ in range(2):  # what is answered counts no more
            given = msgspec.msgpack.decode(await node.log._on_proposal(payload), type=Outcome)
            assert (given.unavailable or "")[: len(answer or "")] == (answer or "")
            assert (given.unavailable is None) == (answer is None)


async def test_an_owner_in_whose_name_nobody_answers_is_followed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before its silence is long enough to tell; and what it says later counts again."""
    monkeypatch.setattr(ownership, "SILENT_SECONDS", 60.0)
    async with Node(Placement("b", True)) as node:
        node.ownership._may_own = False
        await node.hear("gone", heads=[DurableHead(p, 99, 0) for p in range(64)], site="b")
        assert node.ownership.owner_of(0) == "gone"
        node.ownership._may_own = True
        proposal = Proposal(key="!x", request_id=fresh_request_id())
        begun = monotonic()
        await node.log.propose(proposal)
        assert monotonic() - begun < ownership.SILENT_SECONDS
        assert node.ownership.owner_of(0) == "me"


async def test_a_held_proposal_is_answered_once_there_is_an_owner() -> None:
    async with Node(Placement("b", False)) as node:
        proposal = Proposal(key="!x", request_id=fresh_request_id())
        proposing = asyncio.create_task(node.log.propose(proposal))
        await asyncio.sleep(0.2)
        assert node.log.held_bytes > 0
        node.placement.is_primary, node.placement.generation = True, 2
        node.ownership.look()
        assert (await proposing).key == "!x"
        assert node.log.held_bytes == 0


async def test_of_a_later_primary_is_heard_before_anything_is_read_up_to_its_heads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By the announcement of who owns by it; who owns nothing proves nothing."""
    async with Node(Placement("b", False)) as node:
        heard: list[int] = []
        announce = node.follower.announce

        def noted(heads: Sequence[DurableHead]) -> None:
            heard.append(node.placement.generation)
            announce(heads)

        monkeypatch.setattr(node.follower, "announce", noted)
        await node.hear("there", heads=[DurableHead(0, 1, 0)], site="c", generation=1)
        assert node.ownership.owner_of(0) == "there"
        await node.hear("next", heads=[DurableHead(1, 2, 0)], site="c", generation=2)
        assert heard[-1] == 2
        assert node.ownership.owner_of(0) is None, "it owned by the primary before"
        assert node.ownership.owner_of(1) == "next"


async def test_who_owns_nothing_names_no_primary() -> None:
    async with Node(Placement("b", False)) as node:
        said: list[bytes] = []
        await node.bus.subscribe(SUBJECT, said.append)
        await node.ownership._announce()
        assert msgspec.msgpack.decode(said[-1], type=Announcement).generation == 0
        node.placement.is_primary = True
        node.ownership.look()
        await until(lambda: len(node.sequencer.heads) == 64)
        await node.ownership._announce()
        assert msgspec.msgpack.decode(said[-1], type=Announcement).generation == 1


async def test_the_generation_goes_with_the_entries() -> None:
    """A gap may be filled from the own server before the next announcement."""
    there, here, bus = Placement("c", True), Placement("b", False), MemoryBus()
    there.generation = 7
    follower = Follower(Reader(), "test")
    ours = Publisher(Follower(Reader(), "test"), bus, there)
    theirs = Publisher(follower, bus, here)
    await theirs.follow()
    ours.committed([Entry(0, 1, Kind.EVENT, "!x", "$e", b"{}", b"")], {0: 1}, 0.0)
    await until(lambda: follower.applied[0] == 1)
    assert here.generation == 7
    await ours.stop()
