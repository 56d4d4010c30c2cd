"""Nodes and clients in the sites of `simulation.sites`, which are hung, cut off and lost."""

import asyncio
from random import Random

from simulation import scenario
from simulation.engine import Violation
from simulation.node import Network, Node
from simulation.scenario import Scenario
from simulation.sites import Mutation, Town, Truth
from simulation.witness_world import SITES, STEP

from bongsu.errors import Unavailable
from bongsu.log.entry import Entry
from bongsu.log.follower import DurableHead
from bongsu.postgres import servers
from bongsu.postgres.servers import Servers, Sighting

TROUBLES = (
    "kill", "restart", "freeze", "hang up", "terminate", "deaf",
    "strike", "strike", "hang the primary", "lose a site", "fill a disk",
)  # fmt: skip
LOST_SECONDS_MAX = 25.0
LEVEL_SECONDS_MAX = 60.0  # followers, once all is calm
ASK_SECONDS = 0.25


class Place:
    """Where the primary is, by the real watch; the world answers its questions."""

    def __init__(self, site: str, world: Town) -> None:
        self.site = site
        self._world = world
        self._names = {_dsn(name): name for name in SITES}
        self.servers = Servers(list(self._names), _dsn(site))

    @property
    def is_primary(self) -> bool | None:
        return self.servers.own_is_primary

    @property
    def generation(self) -> int:
        return self.servers.timeline

    def heard_of(self, generation: int) -> None:
        self.servers.heard_of(generation)

    @property
    def readable(self) -> str:
        """The site whose server may be read."""
        if self.servers.own_is_current:
            return self.site
        if (primary := self.servers.primary) is None:
            raise Unavailable("No database")
        return self._names[primary.dsn]

    async def watch(self, node: Node) -> None:
        self.servers.listen(node.ownership.look)
        while not node.dead.is_set():
            self.look()
            await asyncio.sleep(ASK_SECONDS)
            await node.thawed.wait()

    def look(self) -> None:
        for server in self.servers.all:
            name = self._names[server.dsn]
            asked = self._world.sites[name]
            if asked.backends_up and self._world.reaches(self.site, name):
                at = servers.monotonic()
                seen = Sighting(not asked.is_primary, asked.term, len(asked.wal), at)
                self.servers._saw(server, seen)


class Reader:
    """A follower's reader: the own server while it may be read, else the primary."""

    def __init__(self, place: Place, truth: Truth, *, trusting: bool) -> None:
        self._place, self._servers, self._trusting = place, truth.servers, trusting

    async def durable_heads(self) -> list[DurableHead]:
        server = self._servers[self._place.readable]
        if self._trusting:
            return [DurableHead(p, epoch, head) for p, (epoch, head, _) in server.heads().items()]
        return await server.durable_heads()

    async def read(self, partition: int, after: int, through: int, limit: int) -> list[Entry]:
        server = self._servers[self._place.readable]
        return await server.read(partition, after, through, limit)


class SitesNetwork(Network):
    """The bus over the sites' links. It knows no way round."""

    def __init__(self, random: Random, world: Town) -> None:
        super().__init__(random)
        self._world = world

    def delays(self, sender: Node, receiver: Node) -> list[float]:
        if not self._world.links[site_of(sender), site_of(receiver)]:
            return []
        return super().delays(sender, receiver)


class SitesScenario(Scenario):
    """Nodes in three sites, which are hung, cut off and lost."""

    trouble_seconds = 40.0
    troubles_per_second = 0.6

    def __init__(self, seed: int, mutation: Mutation) -> None:
        self._seed, self._broken = seed, mutation
        self._watching: set[asyncio.Task[None]] = set()
        super().__init__(seed, scenario.Mutation(hasty=mutation.hasty))

    def _make_engine(self) -> Truth:
        return Truth(self.random, self._seed, self._broken)

    def _make_network(self) -> Network:
        return SitesNetwork(self.random, self.engine.world)

    async def _start_node(self) -> None:
        """In the site that has the fewest."""
        counts = {name: sum(site_of(node) == name for node in self.nodes) for name in SITES}
        site = min(SITES, key=lambda name: counts[name])
        self._started += 1
        place = Place(site, self.engine.world)
        place.look()
        node = Node(
            f"{site}-{self._started}", self.engine.servers[site], self.network,
            hasty=self._broken.hasty, forgetful=True, undoes=True, placement=place,
            reader=Reader(place, self.engine, trusting=self._broken.trusting),
        )  # fmt: skip
        try:
            await node.start()
        except Unavailable:
            return await node.kill()
        self.nodes.append(node)
        watching = asyncio.get_running_loop().create_task(place.watch(node))
        self._watching.add(watching)
        watching.add_done_callback(self._watching.discard)

    async def _trouble(self) -> None:
        what, world = self.random.choice(TROUBLES), self.engine.world
        node = self.random.choice(self.nodes) if self.nodes else None
        if what == "strike":
            world.strike()
        elif what == "hang the primary":  # its backends, and its nodes, live on
            world.hang(self.engine.primary.site, self.random.uniform(1.0, LOST_SECONDS_MAX))
        elif what == "fill a disk":
            until = world.step + int(self.random.uniform(1.0, LOST_SECONDS_MAX) / STEP)
            world.fill(self.engine.primary.site, until)
        elif what == "lose a site":
            seconds = self.random.uniform(1.0, LOST_SECONDS_MAX)
            site = self.random.choice(SITES)
            world.lose(world.sites[site], seconds)
            for lost in [node for node in self.nodes if site_of(node) == site]:
                self._freeze(lost, seconds)
        elif what == "deaf":
            self.engine.primary.spawn(self._for_a_while(self.network, "loss", 1.0, 0.05))
        elif node is None or len(self.nodes) < len(SITES):
            await self._start_node()
        elif what in ("kill", "restart"):
            self.nodes.remove(node)
            await (node.kill() if what == "kill" else node.stop())
        elif what == "freeze":
            self._freeze(node, self.random.uniform(0.2, 8.0))
        elif (session := node.pen.session) is not None:
            if what == "hang up":
                session.ended.set()
                node.engine.hang_up(session)
            else:
                node.engine.terminate(session)

    def _freeze(self, node: Node, seconds: float) -> None:
        node.thawed.clear()
        asyncio.get_running_loop().call_later(seconds, node.thawed.set)

    async def _end_trouble(self) -> None:
        self.engine.world.mend()
        self.network.loss = 0.0
        for node in self.nodes:
            node.thawed.set()
        for _ in range(100):
            if {site_of(node) for node in self.nodes} == set(SITES):
                return  # owners sit with the primary, wherever that is
            await self._start_node()
            await asyncio.sleep(1.0)
        raise Violation("no node can start although all is calm")

    async def _let_followers_catch_up(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LEVEL_SECONDS_MAX
        while True:
            await asyncio.sleep(1.0)
            heads = {p: head for p, (_, head, _) in self.engine.heads().items()}
            behind = [
                node.name for node in self.nodes
                if any(node.follower.applied[p] != head for p, head in heads.items())
            ]  # fmt: skip
            if not behind:
                return
            if loop.time() > deadline:
                raise Violation(f"followers stay behind although all is calm: {behind}")


def site_of(node: Node) -> str:
    return node.name[0]


def _dsn(site: str) -> str:
    return f"postgresql://{site}:5432/bongsu"
