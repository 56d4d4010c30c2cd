"""Who writes which partition.

Every node announces itself on the bus about twice a second: who it is, what it owns, how far that
is durable. From the announcements each node knows the live ones and, by rendezvous hashing, which
of them should own a partition: no vote is needed, because a wrong guess costs a failed lock at
worst. A node that should own an unowned partition claims it; the others wait rank x 100 ms longer.
An owner that sees a better placed node live for a while hands over by releasing in good order.

Owners sit in the site of the PostgreSQL primary. When the primary is somewhere else, a node gives
up what it owns and claims nothing; where it is, nobody of another site counts as an owner, however
loudly it says so: what such a node writes can no longer be acknowledged. A node that is cut off
cannot hear of the new primary. It sees that it hears nobody, and that its commits find no quorum.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from time import monotonic

import msgspec
import structlog

from bongsu.errors import Unavailable
from bongsu.log.bus import Bus, BusUnavailable
from bongsu.log.follower import DurableHead, Follower
from bongsu.log.placement import OnlySite, Placement
from bongsu.log.position import PARTITIONS
from bongsu.log.proposal import FEATURE_LEVEL, OwnershipLost
from bongsu.log.sequencer import Sequencer
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

ANNOUNCE_SECONDS = 0.5
SILENT_SECONDS = 2.0  # a node not heard for so long is taken for dead
RANK_SECONDS = 0.1
SETTLE_SECONDS = 3.0  # how long a better placed node must have been live before a handover
FROZEN_SECONDS = 3.0  # a silent holder's session is ended after this
UNCONFIRMED_SECONDS = 3.0  # no commit confirmed for so long, and nobody heard: it owns nothing
TICK_SECONDS = 0.1
RETRY_SECONDS = 0.5
UNABLE_SECONDS = 10.0  # how long a node whose claim failed is handed nothing

SUBJECT = "heads"


class Announcement(msgspec.Struct, frozen=True):
    """A node's word on itself."""

    node: str
    heads: list[DurableHead]
    may_own: bool = True  # false while stopping, and after a claim failed
    level: int = 1  # the highest feature level it understands
    site: str = ""
    generation: int = 0  # of the primary that it owns by; 0: it owns nothing, or does not say


@lru_cache(maxsize=4 * PARTITIONS)
def rendezvous(partition: int, nodes: tuple[str, ...]) -> list[str]:
    """The nodes by their claim on a partition, best first: stable as nodes come and go."""

    def weight(node: str) -> bytes:
        return blake2b(f"{partition}/{node}".encode(), digest_size=8).digest()

    return sorted(nodes, key=weight, reverse=True)


class Ownership:
    """Claims, keeps and hands over partitions for one node, and knows who owns the others."""

    def __init__(
        self,
        node: str,
        sequencer: Sequencer,
        follower: Follower,
        bus: Bus,
        end_silent_holders: Callable[[Sequence[int]], Awaitable[None]],
        *,
        alone: bool = False,
        placement: Placement | None = None,
        is_doubtful: Callable[[], bool] = lambda: False,
    ) -> None:
        """`is_doubtful`: the site may be cut off. Then only confirmed commits show that it owns."""
        self.node = node
        self._is_doubtful = is_doubtful
        self._doubted_at: float | None = None
        self._placement = placement or OnlySite()
        self._generation = self._placement.generation
        self._alone = alone
        self._sequencer = sequencer
        self._follower = follower
        self._bus = bus
        self._end_silent_holders = end_silent_holders
        self._may_own = True
        self._unable_until = 0.0
        self._heard: dict[str, float] = {}
        self._first_heard: dict[str, float] = {}
        self._eligible: dict[str, bool] = {}
        self._sites: dict[str, str] = {}
        self._levels: dict[str, int] = {}
        self._asked: dict[str, asyncio.Future[None]] = {}  # done when a node may own less
        self._owners: dict[int, tuple[int, str]] = {}  # partition: (epoch, node)
        self._unowned_since: dict[int, float] = {}
        self._changed = asyncio.Event()
        self._tasks = TaskOwner("ownership")
        self._prod = asyncio.Event()

    def owner_of(self, partition: int) -> str | None:
        """The node that owns a partition, as far as this one knows; None for nobody alive."""
        if partition in self._sequencer.heads:
            return self.node
        known = self._owners.get(partition)
        if known is None or known[1] == self.node or not self._is_live(known[1]):
            return None
        is_elsewhere = self._sites.get(known[1]) != self._placement.site
        return None if is_elsewhere and self._placement.is_primary else known[1]

    def deposed(self, node: str) -> "asyncio.Future[None]":
        """Done when something that `node` owned may have another owner. Not to be cancelled."""
        future = self._asked.get(node)
        if future is None or future.done():
            future = self._asked[node] = asyncio.get_running_loop().create_future()
        return future

    @property
    def level(self) -> int:
        """The feature level that every live node understands."""
        return min([FEATURE_LEVEL, *(v for n, v in self._levels.items() if self._is_live(n))])

    async def changed(self, timeout_seconds: float) -> None:
        """Return when some owner may have changed, or after the time."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._changed.wait()
        except TimeoutError:
            return

    def count_unowned(self) -> int:
        """How many partitions nobody alive is known to own."""
        return sum(self.owner_of(partition) is None for partition in range(PARTITIONS))

    async def settled(self, timeout_seconds: float) -> bool:
        """Whether every partition found an owner within the time."""
        deadline = monotonic() + timeout_seconds
        while self.count_unowned():
            if monotonic() > deadline:
                return False
            await self.changed(TICK_SECONDS)
        return True

    def disown(self, partition: int, node: str) -> None:
        """Forget that `node` owns `partition`: it said no, or did not answer."""
        known = self._owners.get(partition)
        if known is not None and known[1] == node:
            del self._owners[partition]

    def missed(self, node: str) -> None:
        """Nobody answers in the name of `node`: it is taken for dead until it is heard again. A
        wrong guess costs a failed lock."""
        if self._heard.pop(node, None) is not None:
            self._depose(node)
            self._prod.set()

    def look(self) -> None:
        """Something may have changed about the primary: look again at once."""
        placement = self._placement
        if placement.generation != self._generation or self._must_give_up():
            self._prod.set()

    def lost(self) -> None:
        """The sequencer gave everything up: look again at once."""
        self._prod.set()

    async def start(self) -> None:
        await self._bus.subscribe(SUBJECT, self._on_announcement)
        self._tasks.start(self._announce_for_ever())
        self._tasks.start(self._run())

    async def stop(self) -> None:
        """Release everything in good order, and say so, so that others need not wait."""
        self._may_own = False
        await self._tasks.stop()
        with suppress(OwnershipLost):  # then locks fall free with the connection
            await self._sequencer.release(list(self._sequencer.heads))
        await self._announce()

    # -- announcements -----------------------------------------------------------------------

    async def _announce_for_ever(self) -> None:
        while True:
            await self._announce()
            await asyncio.sleep(ANNOUNCE_SECONDS)

    async def _announce(self) -> None:
        """Say it if the bus is there; else others notice by the silence."""
        heads = [
            DurableHead(p, head.epoch, head.position) for p, head in self._sequencer.heads.items()
        ]
        may_own = self._may_own and monotonic() >= self._unable_until
        announcement = Announcement(
            self.node, heads, may_own, FEATURE_LEVEL, self._placement.site,
            self._placement.generation if heads else 0,
        )  # fmt: skip
        try:
            await self._bus.publish(SUBJECT, msgspec.msgpack.encode(announcement))
        except BusUnavailable as error:
            log.debug("announcement not sent", reason=str(error))

    def _on_announcement(self, payload: bytes) -> None:
        try:
            said = msgspec.msgpack.decode(payload, type=Announcement)
        except msgspec.DecodeError:
            log.error("unreadable announcement")
            return
        self._placement.heard_of(said.generation)  # before anything is read up to these heads
        self._follow_generation()
        now = monotonic()
        if not self._is_live(said.node):
            self._first_heard[said.node] = now
        self._heard[said.node] = now
        self._eligible[said.node] = said.may_own
        self._sites[said.node] = said.site
        self._levels[said.node] = said.level
        owned = {head.partition for head in said.heads}
        for partition, (_, node) in list(self._owners.items()):
            if node == said.node and partition not in owned:
                del self._owners[partition]
        for head in said.heads:
            known = self._owners.get(head.partition)
            if known is None or head.epoch >= known[0]:
                if known is None or known[1] != said.node:
                    self._signal()
                    if known is not None:
                        self._depose(known[1])
                self._owners[head.partition] = (head.epoch, said.node)
        self._follower.announce(said.heads)

    def _signal(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _depose(self, node: str) -> None:
        future = self._asked.pop(node, None)
        if future is not None and not future.done():
            future.set_result(None)

    def _is_live(self, node: str) -> bool:
        return monotonic() - self._heard.get(node, float("-inf")) < SILENT_SECONDS

    # -- claims ------------------------------------------------------------------------------

    async def _run(self) -> None:
        await self._listen_first()
        while True:
            try:
                await self._tick()
            except (OwnershipLost, Unavailable) as error:
                log.warning("no partitions could be claimed", reason=str(error))
                self._unable_until = monotonic() + UNABLE_SECONDS
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:  # whatever it was: a node that stops claiming stops for ever
                log.exception("claiming failed")
                self._unable_until = monotonic() + UNABLE_SECONDS
                await asyncio.sleep(RETRY_SECONDS)
            try:
                async with asyncio.timeout(self._pause_seconds):
                    await self._prod.wait()
            except TimeoutError:
                continue
            self._prod.clear()

    @property
    def _pause_seconds(self) -> float:
        """Until the next tick. Who owns everything and has no rival is prodded if that changes."""
        is_settled = self._alone and len(self._sequencer.heads) == PARTITIONS
        return ANNOUNCE_SECONDS if is_settled else TICK_SECONDS

    async def _listen_first(self) -> None:
        """Hear who is there before claiming, unless this node is known to be alone."""
        if not self._alone:
            await asyncio.sleep(ANNOUNCE_SECONDS * 1.5)

    def _must_give_up(self) -> bool:
        """Whether what it owns rests on a server that is no primary, or that finds no quorum."""
        if not self._sequencer.heads:
            return False
        return self._placement.is_primary is False or self._finds_no_quorum()

    def _finds_no_quorum(self) -> bool:
        """Counted from the doubt: an idle owner's last commit may be old, and it begins to try."""
        now = monotonic()
        if not self._is_doubtful():
            self._doubted_at = None
            return False
        self._doubted_at = now if self._doubted_at is None else self._doubted_at
        confirmed_at = max(self._doubted_at, self._sequencer.confirmed_at)
        return now - confirmed_at > UNCONFIRMED_SECONDS

    async def _look_for_primary(self) -> None:
        """Give up what rests on a server that is no primary; forget who owned by the last one."""
        if self._must_give_up():
            log.warning("the primary is elsewhere, or out of reach: partitions given up")
            await self._sequencer.give_up()
            await self._announce()
        self._follow_generation()

    def _follow_generation(self) -> None:
        if self._placement.generation != self._generation:
            self._generation = self._placement.generation
            for node in {node for _, node in self._owners.values()}:
                self._depose(node)
            self._owners.clear()
            self._unable_until = 0.0
            self._signal()

    async def _tick(self) -> None:
        await self._look_for_primary()
        site = self._placement.site
        live = {
            n
            for n in self._heard
            if self._is_live(n) and self._eligible.get(n) and self._sites.get(n) == site
        }
        nodes = tuple(sorted(live | {self.node}))
        if len(nodes) == 1 and len(self._sequencer.heads) == PARTITIONS:
            self._unowned_since.clear()
            return  # alone, with everything: as on every tick of a single machine
        claims: dict[str, list[int]] = defaultdict(list)
        for partition in range(PARTITIONS):
            claims[self._consider(partition, nodes)].append(partition)
        if claims["claim"]:
            await self._claim(claims["claim"])
        if claims["hand over"]:
            log.info("partitions handed over", partitions=claims["hand over"])
            await self._sequencer.release(claims["hand over"])
            await self._announce()

    def _consider(self, partition: int, nodes: tuple[str, ...]) -> str:
        """What to do about a partition now: `claim`, `hand over` or `nothing`."""
        ranking = rendezvous(partition, nodes)
        now = monotonic()
        owner = self.owner_of(partition)
        if owner == self.node:
            self._unowned_since.pop(partition, None)
            best = ranking[0]
            settled = now - self._first_heard.get(best, now) > SETTLE_SECONDS
            return "hand over" if best != self.node and settled else "nothing"
        if owner is not None:
            self._unowned_since.pop(partition, None)
            return "nothing"
        since = self._unowned_since.setdefault(partition, now)
        due = now - since >= ranking.index(self.node) * RANK_SECONDS
        return "claim" if due and self._may_own and self._placement.is_primary else "nothing"

    async def _claim(self, partitions: list[int]) -> None:
        before = len(self._sequencer.heads)
        await self._sequencer.claim(partitions)
        gained = len(self._sequencer.heads) - before
        if gained:
            log.info("partitions claimed", count=gained)
            self._signal()
            await self._announce()
        now = monotonic()
        held = [
            p
            for p in partitions
            if p not in self._sequencer.heads
            and now - self._unowned_since.get(p, now) > FROZEN_SECONDS
        ]
        if held:
            log.warning("ending the session of a silent holder", partitions=held)
            await self._end_silent_holders(held)
            for partition in held:
                self._unowned_since[partition] = now
