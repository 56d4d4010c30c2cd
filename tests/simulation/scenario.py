"""One run: nodes, clients who retry, and everything that can fail, drawn from one seed."""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Any

import msgspec
from simulation.engine import Engine, Violation
from simulation.node import Network, Node, Say, violations

from bongsu.errors import Refused, Unavailable
from bongsu.log.position import partition_of
from bongsu.log.proposal import Accepted

PARTITIONS = 4
ROOMS = [key for n in range(400) if partition_of(key := f"!{n}:test") < PARTITIONS][:6]
TROUBLE_SECONDS = 10.0
CALM_SECONDS_MAX = 120.0
MESSAGES_MAX = 20
TROUBLES = (
    "kill", "restart", "start", "freeze", "freeze", "hang up", "hang up", "terminate", "terminate",
    "stall", "fail over", "deaf", "deaf", "locks slip", "no reads",
)  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """A promise broken on purpose."""

    ignore_fence: bool = False
    hasty: bool = False  # acknowledge before the commit
    forgetful: bool = True  # False: keep memory over a loss of ownership
    undoes: bool = True  # False: believe what a refused batch was to write


class Scenario:
    trouble_seconds = TROUBLE_SECONDS
    troubles_per_second = 1.5

    def __init__(self, seed: int, mutation: Mutation) -> None:
        self.random = Random(seed)
        self._mutation = mutation
        self.engine = self._make_engine()
        self.network = self._make_network()
        self.nodes: list[Node] = []
        self._started = 0
        self.said: dict[bytes, tuple[Say, Accepted]] = {}
        self.refused: set[bytes] = set()

    def _make_engine(self) -> Any:
        return Engine(self.random, PARTITIONS, ignore_fence=self._mutation.ignore_fence)

    def _make_network(self) -> Network:
        return Network(self.random)

    async def run(self) -> None:
        violations.clear()
        for _ in range(self.random.randint(2, 4)):
            await self._start_node()
        loop = asyncio.get_running_loop()
        clients = [
            loop.create_task(self._talk(f"@{n}:test", self.random.choice(ROOMS)))
            for n in range(self.random.randint(3, 6))
        ]
        calm_at = loop.time() + self.trouble_seconds
        while loop.time() < calm_at:
            await asyncio.sleep(self.random.expovariate(self.troubles_per_second))
            await self._trouble()
            self._check_so_far()
        await self._end_trouble()
        done, late = await asyncio.wait(clients, timeout=CALM_SECONDS_MAX)
        for client in done:
            client.result()
        if late:
            raise Violation("clients are not answered although all is calm")
        await self._let_followers_catch_up()
        self._check_at_the_end()
        for node in list(self.nodes):
            await node.stop()

    # -- clients -----------------------------------------------------------------------------

    async def _talk(self, sender: str, room: str) -> None:
        """Messages one after the other, each asked until it is answered, at any node."""
        for number in range(self.random.randint(5, MESSAGES_MAX)):
            await asyncio.sleep(self.random.choice((0.0, 0.05, 0.6)))
            message = Say(
                key=room,
                request_id=self.random.randbytes(16),
                sender=sender,
                number=number,
                poisonous=self.random.random() < 0.02,
            )
            while not await self._ask(message):
                await asyncio.sleep(self.random.uniform(0.01, 0.3))

    async def _ask(self, message: Say) -> bool:
        node = self.random.choice(self.nodes) if self.nodes else None
        if node is None:
            return False
        loop = asyncio.get_running_loop()
        asking = loop.create_task(node.log.propose(message, self.random.choice((0.3, 3.0, 15.0))))
        killed = loop.create_task(node.dead.wait())
        patience = self.random.choice((None, None, None, 0.01, 0.5))
        await asyncio.wait({asking, killed}, timeout=patience, return_when="FIRST_COMPLETED")
        killed.cancel()
        if not asking.done() or node.dead.is_set():
            asking.cancel()  # the client went away, or its node did
            await asyncio.wait({asking})
            return False
        try:
            self._heard(message, asking.result())
        except Unavailable:
            return False
        except Refused:
            if not message.poisonous:
                raise Violation(f"refused: {message}") from None
            self.refused.add(message.request_id)
        return True

    def _heard(self, message: Say, accepted: Accepted) -> None:
        entry = self.engine.request(message.request_id)
        if entry is None or not self.engine.is_durable(entry):
            raise Violation(f"acknowledged and not durable: {message}")
        if entry.position != accepted.position:
            raise Violation(f"acknowledged at another place: {message}")
        self.said[message.request_id] = (message, accepted)

    # -- trouble -----------------------------------------------------------------------------

    async def _start_node(self) -> None:
        self._started += 1
        node = Node(
            f"node-{self._started}",
            self.engine,
            self.network,
            hasty=self._mutation.hasty,
            forgetful=self._mutation.forgetful,
            undoes=self._mutation.undoes,
        )
        try:
            await node.start()
        except Unavailable:
            await node.kill()
            return
        self.nodes.append(node)

    async def _trouble(self) -> None:
        what = self.random.choice(TROUBLES)
        node = self.random.choice(self.nodes) if self.nodes else None
        spawn = self.engine.spawn
        if what in ("kill", "restart") and node is not None:
            self.nodes.remove(node)
            await (node.kill() if what == "kill" else node.stop())
            await self._start_node()
        elif what == "start" and len(self.nodes) < 4:
            await self._start_node()
        elif what == "freeze" and node is not None:
            node.thawed.clear()
            asyncio.get_running_loop().call_later(self.random.uniform(0.2, 8.0), node.thawed.set)
        elif what == "hang up" and node is not None and node.pen.session is not None:
            session = node.pen.session
            session.ended.set()
            self.engine.hang_up(session)
        elif what == "terminate" and self.engine.sessions:
            sessions = sorted(self.engine.sessions, key=lambda s: (s.node, s.changed_at))
            self.engine.terminate(self.random.choice(sessions))
        elif what == "fail over":
            self.engine.fail_over()
        elif what == "stall":
            spawn(self._for_a_while(self.engine, "stalled", True, False))
        elif what == "deaf":
            spawn(self._for_a_while(self.network, "loss", 1.0, 0.05))
        elif what == "locks slip":  # as they may on a distributed engine: only the fence is left
            self.engine.locks.clear()
            spawn(self._for_a_while(self.network, "loss", 1.0, 0.05))
        elif what == "no reads":
            spawn(self._for_a_while(self.engine, "reads_fail", True, False))

    async def _for_a_while(self, thing: object, name: str, value: object, after: object) -> None:
        setattr(thing, name, value)
        await asyncio.sleep(self.random.uniform(0.1, 4.0))
        setattr(thing, name, after)

    async def _end_trouble(self) -> None:
        self.engine.stalled = self.engine.reads_fail = False
        self.network.loss = 0.0
        for node in self.nodes:
            node.thawed.set()
        while len(self.nodes) < 2:
            await self._start_node()

    # -- promises ----------------------------------------------------------------------------

    def _check_so_far(self) -> None:
        if violations:
            raise violations[0]

    async def _let_followers_catch_up(self) -> None:
        await asyncio.sleep(6.0)  # idle marks, announcements, a poll
        heads = {p: head for p, (_, head, _) in self.engine.heads().items()}
        for node in self.nodes:
            behind = {p: h for p, h in heads.items() if node.follower.applied[p] != h}
            if behind:
                raise Violation(f"{node.name} stands at {node.follower.applied}, heads {heads}")

    def _check_at_the_end(self) -> None:
        self._check_so_far()
        entries = self.engine.entries()
        last_of_room: dict[str, str] = {}
        heard: dict[tuple[str, str], int] = {}
        next_position = dict.fromkeys(range(PARTITIONS), 1)
        for entry in entries:
            if entry.position != next_position[entry.partition]:
                raise Violation(f"a gap before {entry}")
            next_position[entry.partition] += 1
            before, sender, number, _ = msgspec.json.decode(entry.body)
            if before != last_of_room.get(entry.key, ""):
                raise Violation(f"{entry} was decided on stale memory")
            last_of_room[entry.key] = entry.event_id
            if number <= heard.get((sender, entry.key), -1):
                raise Violation(f"{entry} is out of its sender's order, or doubled")
            heard[sender, entry.key] = number
        for message, accepted in self.said.values():
            entry = self.engine.request(message.request_id)
            if entry is None or entry.position != accepted.position:
                raise Violation(f"acknowledged and lost: {message}")
        if lost := [r for r in self.refused if self.engine.request(r) is not None]:
            raise Violation(f"refused and kept: {lost}")
