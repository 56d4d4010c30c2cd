"""A simulated node: the real sequencer, ownership, follower and gateway on modelled engines."""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from random import Random
from typing import Any

import msgspec
from simulation.engine import Engine, Gone, Session, Violation

from bongsu.log.batch import Batch, Head
from bongsu.log.bus import BusUnavailable, Listener, Responder
from bongsu.log.entry import Entry, Kind
from bongsu.log.follower import EntryReader, Follower
from bongsu.log.gateway import Log, Publisher
from bongsu.log.ownership import Ownership
from bongsu.log.placement import Placement
from bongsu.log.position import partition_of
from bongsu.log.proposal import Accepted, OwnershipLost, PoisonedBatch, Proposal
from bongsu.log.sequencer import Sequencer

STATEMENT_SECONDS_MAX = 10.0


class Say(Proposal, tag="say", frozen=True):
    """A message. A poisonous one passes the planner, and the engine refuses its row."""

    sender: str
    number: int
    poisonous: bool = False


class ChainPlanner:
    """Every entry names the one before it in its room, so that stale memory breaks the chain."""

    def __init__(self, engine: Engine, random: Random, *, forgetful: bool, undoes: bool) -> None:
        self._engine = engine
        self._random = random
        self._forgetful = forgetful
        self._undoes = undoes
        self._last: dict[str, str] = {}
        self._generation = 0

    def is_ready(self, proposal: Proposal) -> bool:
        return proposal.key in self._last

    async def load(self, proposal: Proposal) -> None:
        generation = self._generation
        last = await self._engine.last_of_room(proposal.key)
        if generation == self._generation:
            self._last.setdefault(proposal.key, last)

    def plan(self, proposal: Proposal, batch: Batch) -> Accepted:
        assert isinstance(proposal, Say)
        said = [self._last[proposal.key], proposal.sender, proposal.number, proposal.poisonous]
        event_id = f"{proposal.sender}/{proposal.number}"
        entry = batch.append(
            Kind.EVENT,
            proposal.key,
            msgspec.json.encode(said),
            event_id=event_id,
            request_id=proposal.request_id,
        )
        self._last[proposal.key] = event_id
        return Accepted(entry.partition, entry.position, proposal.key, event_id)

    def settle(self) -> None:
        if self._random.random() < 0.1:
            self._generation += 1
            self._last.clear()

    def forget(self, partitions: Collection[int]) -> None:
        if self._forgetful:
            self._generation += 1
            self._last = {k: v for k, v in self._last.items() if partition_of(k) not in partitions}

    def undo(self, key: str) -> None:
        if self._undoes:
            self._generation += 1
            self._last.pop(key, None)


class Pen:
    """What `postgres.pen` does, on the model. `hasty` acknowledges before the commit."""

    def __init__(self, node: "Node", engine: Engine, *, hasty: bool = False) -> None:
        self._node = node
        self._engine = engine
        self._hasty = hasty
        self.session: Session | None = None

    async def claim(self, partitions: Sequence[int]) -> dict[int, Head]:
        if self.session is None or self.session.ended.is_set():
            await self._node.hop()
            self.session = self._engine.connect(self._node.name)
        session = self.session
        locked = await self._ask(lambda: self._engine.lock(session, partitions))
        if not locked:
            return {}
        epochs = await self._ask(lambda: self._engine.bump(session, locked))
        heads = await self._ask(self._heads)
        if any(heads[p][0] != epochs[p] for p in locked):
            raise OwnershipLost("fence")
        return {p: Head(heads[p][0], heads[p][1]) for p in locked}

    async def release(self, partitions: Sequence[int]) -> None:
        session = self._open()
        await self._ask(lambda: self._engine.unlock(session, partitions))

    async def lookup(self, request_ids: Sequence[bytes]) -> dict[bytes, Accepted]:
        return await self._ask(lambda: self._engine.lookup(request_ids))

    async def write(self, batch: Batch) -> None:
        session = self._open()
        if any(msgspec.json.decode(entry.body)[3] for entry in batch.entries):
            raise PoisonedBatch
        if self._hasty:
            await self._node.hop()
            self._engine.spawn(
                self._engine.run(session, lambda: self._engine.append(session, batch))
            ).add_done_callback(lambda task: task.cancelled() or task.exception())
            return
        if not await self._ask(lambda: self._engine.append(session, batch)):
            raise OwnershipLost("fence")

    async def confirm(self, heads: dict[int, Head], unmarked: Sequence[int]) -> None:
        session = self._open()
        marks = {p: heads[p] for p in unmarked}
        if marks and not await self._ask(lambda: self._engine.mark(session, marks)):
            raise OwnershipLost("fence")
        standing = await self._ask(self._heads)
        if any(standing[p][0] != head.epoch for p, head in heads.items()):
            raise OwnershipLost("fence")

    async def abandon(self) -> None:
        session, self.session = self.session, None
        if session is not None:
            self._engine.hang_up(session)

    async def _heads(self) -> dict[int, tuple[int, int, int]]:
        return self._engine.heads()

    def _open(self) -> Session:
        if self.session is None or self.session.ended.is_set():
            raise OwnershipLost("no session")
        return self.session

    async def _ask(self, statement: Any) -> Any:
        """There, done to the end, and back; the socket may close at any moment in between."""
        session = self._open()
        try:
            await self._node.hop()
            running = self._engine.spawn(self._engine.run(session, statement))
            running.add_done_callback(lambda task: task.cancelled() or task.exception())
            closed = self._engine.spawn(session.ended.wait())
            await asyncio.wait(
                {running, closed},
                timeout=STATEMENT_SECONDS_MAX,
                return_when=asyncio.FIRST_COMPLETED,
            )
            closed.cancel()
            await self._node.hop()
        except asyncio.CancelledError:
            await self.abandon()
            raise
        if session.ended.is_set() or session.client_gone or not running.done():
            await self.abandon()
            raise OwnershipLost("connection lost")
        try:
            return running.result()
        except Gone:
            raise OwnershipLost("connection lost") from None


class Network:
    """The bus between nodes. It loses, delays, reorders and doubles messages."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.loss = 0.05
        self.nodes: list[NodeBus] = []

    def delays(self, sender: "Node", receiver: "Node") -> list[float]:
        """When the copies of a message arrive: mostly one, at times none or two."""
        if self.random.random() < self.loss:
            return []
        copies = 2 if self.random.random() < 0.03 else 1
        return [self.random.choice((0.0005, 0.001, 0.1)) for _ in range(copies)]


class NodeBus:
    def __init__(self, node: "Node", network: Network) -> None:
        self._node = node
        self._network = network
        self._listeners: list[tuple[str, Listener]] = []
        self._responders: dict[str, Responder] = {}
        network.nodes.append(self)

    async def publish(self, subject: str, payload: bytes) -> None:
        await self._node.hop()
        if self._node.dead.is_set():
            raise BusUnavailable
        loop = asyncio.get_running_loop()
        for other in self._network.nodes:
            for delay in [0.0] if other is self else self._network.delays(self._node, other._node):
                loop.call_later(delay, other.hear, subject, payload)

    def hear(self, subject: str, payload: bytes) -> None:
        if self._node.dead.is_set() or not self._node.thawed.is_set():
            return
        for heard, listener in self._listeners:
            if heard == subject:
                listener(payload)

    async def subscribe(self, subject: str, listener: Listener) -> None:
        self._listeners.append((subject, listener))

    async def serve(self, subject: str, responder: Responder) -> None:
        self._responders[subject] = responder

    async def request(self, subject: str, payload: bytes, timeout_seconds: float) -> bytes:
        asked = [n for n in self._network.nodes if subject in n._responders]
        if not asked or self._node.dead.is_set():
            raise BusUnavailable
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        for delay in self._network.delays(self._node, asked[0]._node):
            self._node.engine.spawn(asked[0]._answer(self._node, subject, payload, delay, answered))
        try:
            return await asyncio.wait_for(answered, timeout_seconds)
        except TimeoutError:
            raise BusUnavailable from None

    async def _answer(
        self,
        asker: "Node",
        subject: str,
        payload: bytes,
        delay: float,
        answered: "asyncio.Future[bytes]",
    ) -> None:
        await asyncio.sleep(delay)
        await self._node.hop()
        if self._node.dead.is_set():
            return
        reply = await self._responders[subject](payload)
        await self._node.hop()
        for delay in self._network.delays(self._node, asker)[:1]:
            await asyncio.sleep(delay)
            if not answered.done() and not self._node.dead.is_set():
                answered.set_result(reply)

    async def close(self) -> None:
        self._network.nodes.remove(self)


class Node:
    """`frozen` nodes neither send nor hear; what reaches `dead` ones is lost."""

    def __init__(
        self,
        name: str,
        engine: Engine,
        network: Network,
        *,
        hasty: bool,
        forgetful: bool,
        undoes: bool,
        placement: Placement | None = None,
        reader: EntryReader | None = None,
    ) -> None:
        self.name = name
        self.engine = engine
        self.dead = asyncio.Event()
        self.thawed = asyncio.Event()
        self.thawed.set()
        self._random = network.random
        self.bus = NodeBus(self, network)
        self.follower = Follower(reader or engine, "simulated")
        self.pen = Pen(self, engine, hasty=hasty)
        self.publisher = Publisher(self.follower, self.bus, placement)
        planner = ChainPlanner(engine, network.random, forgetful=forgetful, undoes=undoes)
        self.sequencer = Sequencer(self.pen, planner, self.publisher, lambda: self.ownership.lost())
        self.ownership = Ownership(
            name,
            self.sequencer,
            self.follower,
            self.bus,
            engine.end_silent_holders,
            placement=placement,
        )
        decode = msgspec.msgpack.Decoder(Say).decode
        self.log = Log(
            self.sequencer, self.ownership, self.follower, self.bus, msgspec.msgpack.encode, decode
        )
        self._shown: dict[int, int] = {}
        self._epochs = [0] * engine.partitions
        self.follower.listen(self._show)

    async def start(self) -> None:
        await self.publisher.follow()
        await self.follower.start()
        self._shown = dict(enumerate(self.follower.applied))
        await self.log.start()
        self.sequencer.start()
        await self.ownership.start()

    async def hop(self) -> None:
        """A message's way between this node and the engine; a frozen node takes its time."""
        await asyncio.sleep(self._random.choice((0.0002, 0.0005, 0.003)))
        await self.thawed.wait()

    async def stop(self) -> None:
        """Give everything back, as on a restart for an upgrade."""
        await self.sequencer.drain()
        await self.ownership.stop()
        await self._end()

    async def kill(self) -> None:
        """The process is gone: its sockets close, its requests are never answered."""
        self.dead.set()
        self.thawed.set()
        await self.pen.abandon()
        with suppress(OwnershipLost, BusUnavailable):
            await self.ownership.stop()
        await self._end()

    async def _end(self) -> None:
        self.dead.set()
        await self.sequencer.stop()
        await self.publisher.stop()
        await self.follower.stop()
        await self.bus.close()

    def _show(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.position != self._shown[entry.partition] + 1:
                raise_later(Violation(f"{self.name} shows {entry} out of order"))
            if not self.engine.is_durable(entry):
                raise_later(Violation(f"{self.name} shows {entry}, which is not durable"))
            self._shown[entry.partition] = entry.position


violations: list[Violation] = []


def raise_later(violation: Violation) -> None:
    """A listener's exception would only be logged."""
    violations.append(violation)
