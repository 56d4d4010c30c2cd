"""Brings a proposal to its sequencer, wherever that is, and waits out a change of owner.

A gateway holds a proposal while nobody owns its partition (the primary's site may just have been
lost), and asks again when an answer was lost: the request id makes both safe. What is held is
bounded in number, bytes and seconds; past that the answer is `Unavailable`: unknown, retry with the
same id. What was accepted is applied here before the caller hears of it, so that whoever reads at
this node reads his own writes.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Sequence
from time import monotonic

import msgspec
import structlog

from bongsu.errors import BadJson, Refused, TooLarge, Unavailable
from bongsu.log.bus import MESSAGE_BYTES_MAX, Bus, BusUnavailable, NobodyServes
from bongsu.log.entry import Entry
from bongsu.log.follower import Follower, Frame
from bongsu.log.ownership import Ownership
from bongsu.log.placement import OnlySite, Placement
from bongsu.log.position import PARTITIONS, partition_of
from bongsu.log.proposal import (
    Accepted,
    NotOwner,
    Outcome,
    OwnershipLost,
    Proposal,
    outcome_of,
)
from bongsu.log.sequencer import Sequencer
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

PROPOSE_SECONDS_MAX = 15.0
REQUEST_SECONDS_MAX = 1.5  # for one question to an owner elsewhere: asking again joins the first
RETRY_SECONDS = 0.05  # after a "not me": who else is known in a moment
WAIT_SECONDS_MAX = 1.0  # for word of an owner, before looking by oneself
PROPOSALS_MAX = 10_000  # at once, answered promptly or held
HELD_BYTES_MAX = 64 * 1024 * 1024
ASKED_BYTES_MAX = 64 * 1024 * 1024  # of other gateways' proposals, until they are answered
RETRY_AFTER_MS = 2000
OWN_WRITE_SECONDS_MAX = 3.0
PROPOSAL_BYTES_MAX = MESSAGE_BYTES_MAX - 1_000  # on the bus, with its envelope
FRAME_BYTES_MAX = 700_000

ENTRIES = "entries"


class RemoteProposal(msgspec.Struct, frozen=True, array_like=True):
    """A proposal on the bus; `timeout_seconds` is what is left of its time."""

    timeout_seconds: float
    proposal: bytes


class Log:
    """The one door to the log for every service: `propose`, and read through `follower`."""

    def __init__(
        self,
        sequencer: Sequencer,
        ownership: Ownership,
        follower: Follower,
        bus: Bus,
        encode: Callable[[Proposal], bytes],
        decode: Callable[[bytes], Proposal],
    ) -> None:
        self.follower = follower
        self._sequencer = sequencer
        self._ownership = ownership
        self._bus = bus
        self._encode = encode
        self._decode = decode
        self._running = 0
        self._held_bytes = 0
        self._asked_bytes = 0

    @property
    def held_bytes(self) -> int:
        """How much waits for an owner."""
        return self._held_bytes

    async def start(self) -> None:
        await self._bus.serve(_subject(self._ownership.node), self._on_proposal)

    async def propose(
        self, proposal: Proposal, timeout_seconds: float = PROPOSE_SECONDS_MAX
    ) -> Accepted:
        """Append; answer once durable at two sites and applied here.

        Raises `Refused` if the rules forbid it, `Unavailable` if the outcome is unknown.
        """
        deadline = monotonic() + timeout_seconds
        if self._running >= PROPOSALS_MAX:
            raise _too_many()
        self._running += 1
        try:
            accepted = await self._try_once(proposal, timeout_seconds)
            if accepted is None:
                accepted = await self._hold(proposal, deadline)
        finally:
            self._running -= 1
        await self.follower.wait_for_position(
            accepted.partition, accepted.position, OWN_WRITE_SECONDS_MAX
        )
        return accepted

    async def _hold(self, proposal: Proposal, deadline: float) -> Accepted:
        """Try again and again, as owners come and go, until the deadline."""
        size = len(self._encoded(proposal))
        if self._held_bytes + size > HELD_BYTES_MAX:
            raise _too_many()
        self._held_bytes += size
        try:
            partition = partition_of(proposal.key)
            while (left := deadline - monotonic()) > 0:
                is_owned = self._ownership.owner_of(partition) is not None
                await self._ownership.changed(
                    min(left, RETRY_SECONDS if is_owned else WAIT_SECONDS_MAX)
                )
                accepted = await self._try_once(proposal, deadline - monotonic())
                if accepted is not None:
                    return accepted
        finally:
            self._held_bytes -= size
        message = "No owner could confirm this in time"
        raise Unavailable(message, retry_after_ms=RETRY_AFTER_MS)

    async def _try_once(self, proposal: Proposal, left: float) -> Accepted | None:
        """Ask the owner; None when there is none, or no answer."""
        partition = partition_of(proposal.key)
        owner = self._ownership.owner_of(partition)
        try:
            if owner == self._ownership.node:
                return await self._sequencer.submit(proposal, left)
            if owner is not None:
                return await self._ask(owner, proposal, left)
        except NotOwner:
            if owner is not None:
                self._ownership.disown(partition, owner)
        except NobodyServes:
            if owner is not None:
                self._ownership.missed(owner)
        except (OwnershipLost, BusUnavailable) as error:
            log.debug("proposal to be asked again", reason=str(error))
        return None

    async def _ask(self, owner: str, proposal: Proposal, left: float) -> Accepted:
        encoded = self._encoded(proposal)
        if len(encoded) > PROPOSAL_BYTES_MAX:
            raise TooLarge("The request is too large")
        payload = msgspec.msgpack.encode(RemoteProposal(left, encoded))
        seconds = min(left, REQUEST_SECONDS_MAX)
        asking = asyncio.ensure_future(self._bus.request(_subject(owner), payload, seconds))
        asking.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        deposed = self._ownership.deposed(owner)
        try:
            await asyncio.wait({asking, deposed}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                raise BusUnavailable(f"{owner} was deposed before it answered")
            return msgspec.msgpack.decode(asking.result(), type=Outcome).unwrap()
        finally:
            asking.cancel()

    def _encoded(self, proposal: Proposal) -> bytes:
        try:
            return self._encode(proposal)
        except (OverflowError, UnicodeEncodeError, RecursionError) as error:
            raise BadJson(f"Not canonical JSON: {error}") from None

    async def _on_proposal(self, payload: bytes) -> bytes:
        """Another gateway's proposal. What is not answered is asked again with the same id."""
        asked = msgspec.msgpack.decode(payload, type=RemoteProposal)
        if self._asked_bytes + len(payload) > ASKED_BYTES_MAX:
            return msgspec.msgpack.encode(Outcome(unavailable=_too_many().message))
        self._asked_bytes += len(payload)
        try:
            accepted = await self._sequencer.submit(
                self._decode(asked.proposal), asked.timeout_seconds
            )
            outcome = Outcome(accepted=accepted)
        except Refused as refused:
            outcome = outcome_of(refused)
        except Unavailable as unavailable:
            outcome = Outcome(unavailable=unavailable.message)
        except (NotOwner, OwnershipLost):
            outcome = Outcome()
        finally:
            self._asked_bytes -= len(payload)
        return msgspec.msgpack.encode(outcome)


class Tally:
    """How often a value fell at or below each bound; the last count is of those above all."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def count(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Share:
    """What one partition had of the commits: how many, with how many entries, for how long."""

    __slots__ = ("commits", "entries", "seconds")

    def __init__(self) -> None:
        self.commits = 0
        self.entries = 0
        self.seconds = 0.0


class Publisher:
    """Tells this node's follower first, then the bus, of every batch that is durable."""

    def __init__(
        self, follower: Follower, bus: Bus | None, placement: Placement | None = None
    ) -> None:
        self._follower = follower
        self._placement = placement or OnlySite()
        self._bus = bus
        self._tasks = TaskOwner("publisher", limit=10_000)
        self.batch_sizes = Tally((1, 2, 5, 10, 20, 50, 100, 200, 500, 1000))
        self.commit_seconds = Tally((0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5))
        self.shares = [Share() for _ in range(PARTITIONS)]

    def committed(self, entries: Sequence[Entry], epochs: dict[int, int], seconds: float) -> None:
        self.batch_sizes.count(len(entries))
        self.commit_seconds.count(seconds)
        for partition in epochs:
            share = self.shares[partition]
            share.commits += 1
            share.seconds += seconds
        for entry in entries:
            self.shares[entry.partition].entries += 1
        self._follower.deliver(epochs, entries)
        if self._bus is not None:
            for frame in _frames(entries, epochs, self._placement.generation):
                self._tasks.start(self._publish(frame))

    async def _publish(self, frame: bytes) -> None:
        assert self._bus is not None
        try:
            await self._bus.publish(ENTRIES, frame)
        except BusUnavailable as error:
            log.debug("entries not published", reason=str(error))  # followers read the log

    async def follow(self) -> None:
        """Deliver what other nodes publish."""
        if self._bus is None:
            return
        await self._bus.subscribe(ENTRIES, self._on_frame)

    def _on_frame(self, payload: bytes) -> None:
        try:
            frame = msgspec.msgpack.decode(payload, type=Frame)
        except msgspec.DecodeError:
            log.error("unreadable frame on the bus")
            return
        self._placement.heard_of(frame.generation)  # before a gap is filled from the own server
        self._follower.deliver(frame.epochs, frame.entries)

    async def stop(self) -> None:
        await self._tasks.stop()


def _frames(entries: Sequence[Entry], epochs: dict[int, int], generation: int) -> list[bytes]:
    """Entries as messages within the bus's limit. An oversized rest is left to the log."""
    frames: list[bytes] = []
    part: list[Entry] = []
    size = 0
    for entry in entries:
        weight = len(entry.body) + len(entry.facts) + 400
        if part and size + weight > FRAME_BYTES_MAX:
            frames.append(msgspec.msgpack.encode(Frame(epochs, part, generation)))
            part, size = [], 0
        part.append(entry)
        size += weight
    frames.append(msgspec.msgpack.encode(Frame(epochs, part, generation)))
    return frames


def _too_many() -> Unavailable:
    return Unavailable("Too many requests are waiting", retry_after_ms=RETRY_AFTER_MS)


def _subject(node: str) -> str:
    return f"node.{node}.propose"
