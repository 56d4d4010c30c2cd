"""Three sites under one seed: a server, a witness and nodes in each, and clients of all of them.

Real are the sequencers, ownership, followers and gateways, the watch for the primary (`Servers`),
the witnesses and the check before a promotion. `World` models what lies between them: etcd,
Patroni, links that fail one way or both, WAL that is late, and quorum commit. Each server's tables
are what its own WAL says, so that there may be two primaries, of which one is cut off and alive,
replicas that show what nobody acknowledged, and a past primary that restarts with rows of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from simulation import witness_world
from simulation.engine import Engine, Gone, Session, Transaction, Violation
from simulation.node import raise_later
from simulation.scenario import PARTITIONS
from simulation.witness_world import STEP, World

from bongsu.errors import Unavailable
from bongsu.log.entry import Entry


@dataclass(frozen=True)
class Mutation:
    """A promise broken on purpose."""

    world: witness_world.Mutation = field(default_factory=witness_world.Mutation)
    hasty: bool = False  # the owner acknowledges before the quorum has it
    trusting: bool = False  # followers take what their replica shows for durable


class Book:
    """What was acknowledged by a quorum, for ever. It checks that for ever means that."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._transactions: dict[int, Transaction] = {}  # by row of the world
        self._places: dict[tuple[int, int], Entry] = {}
        self._requests: dict[bytes, Entry] = {}
        self._taken = 0

    def log(self, site: witness_world.Site, made: Transaction) -> int:
        """A new row at the end of a primary's WAL."""
        self._world.row += 1
        self._transactions[self._world.row] = made
        site.wal.append(self._world.row)
        return self._world.row

    def transaction(self, row: int) -> Transaction:
        return self._transactions[row]

    def take(self) -> None:
        """Take in what was acknowledged since."""
        rows = list(self._world.acknowledged)[self._taken :]
        self._taken += len(rows)
        for made in (self._transactions[row] for row in rows):
            for entry, request_id in made.entries:
                self._keep(entry, request_id)

    def is_durable(self, entry: Entry) -> bool:
        return self._places.get((entry.partition, entry.position)) == entry

    def request(self, request_id: bytes) -> Entry | None:
        return self._requests.get(request_id)

    def _keep(self, entry: Entry, request_id: bytes | None) -> None:
        known = self._places.setdefault((entry.partition, entry.position), entry)
        if known != entry:
            raise Violation(f"a position names one entry for ever: {known} and {entry}")
        if request_id is not None and self._requests.setdefault(request_id, entry) != entry:
            raise Violation(f"a request is carried out once: {entry}")


class Server(Engine):
    """A site's PostgreSQL: tables by its own WAL, which the world copies, confirms, rewinds."""

    def __init__(self, random: Random, book: Book, site: witness_world.Site) -> None:
        self.site = site
        self._book = book
        self._replayed: list[int] = []  # rows of the world, as in `wal`
        self._was_primary = site.is_primary
        super().__init__(random, PARTITIONS)

    async def _replicate(self) -> None:
        return  # the world does

    def _log(self, made: Transaction) -> None:
        self._replayed.append(self._book.log(self.site, made))
        super()._log(made)

    def catch_up(self) -> None:
        """Make the tables what the WAL says now, and answer what is confirmed."""
        rows, known = self.site.wal, len(self._replayed)
        is_rewound = len(rows) < known or (known > 0 and rows[known - 1] != self._replayed[-1])
        if is_rewound or (self._was_primary and not self.site.is_primary):
            self._restart(rows)
        elif self.site.is_primary and not self._was_primary:
            self.durable = 0
        self._was_primary = self.site.is_primary
        for row in rows[len(self._replayed) :]:
            self._replay(row)
        if self.site.is_primary:
            self._confirm(self.site.confirmed)

    def _restart(self, rows: Sequence[int]) -> None:
        """Sessions end; what stands in the WAL is visible, acknowledged or not."""
        for transaction in self.wal:
            if not transaction.resolved.is_set():
                transaction.gone = True
                transaction.resolved.set()
        for session in list(self.sessions):
            self._end(session)
        self.locks.clear()
        self.wal, self._replayed, self.durable = [], [], 0
        self._index()
        for row in rows:
            self._replay(row)

    def _replay(self, row: int) -> None:
        origin = self._book.transaction(row)
        copy = Transaction(visible=True, rows=origin.rows, entries=origin.entries)
        copy.resolved.set()
        self._replayed.append(row)
        self.wal.append(copy)
        self._take_in(copy)

    def is_durable(self, entry: Entry) -> bool:
        return self._book.is_durable(entry)

    async def run(self, session: Session, statement: Callable[[], Awaitable[Any]]) -> Any:
        await self._awake()
        result = await super().run(session, statement)
        await self._awake()
        return result

    async def _awake(self) -> None:
        while not self.site.backends_up:
            await asyncio.sleep(STEP)

    async def _commit(
        self, session: Session, partitions: Sequence[int], change: Callable[[Transaction], Any]
    ) -> Any:
        if not self.site.is_primary:
            raise Gone  # a standby grants locks, and writes nothing
        if self.site.is_full:
            raise Gone  # an error, to every writer, of a session that ends for it
        return await super()._commit(session, partitions, change)

    async def _read_hop(self) -> None:
        await super()._read_hop()
        if not self.site.backends_up:
            raise Unavailable("Database unavailable")


class Town(World):
    """The world whose rows are what the nodes write."""

    crashes = 0.001

    def write_rows(self) -> None:
        return

    def hang(self, site: witness_world.Site, seconds: float) -> None:
        """Patroni and postmaster, while sessions go on committing and streaming."""
        site.daemons_up = False
        self.later(self.step + int(seconds / STEP), lambda: setattr(site, "daemons_up", True))

    def lose(self, site: witness_world.Site, seconds: float) -> None:
        """All of a site, its links too, for a while."""
        until = self.step + int(seconds / STEP)
        site.daemons_up = site.backends_up = False
        self.crash_witness(site, until)
        pairs = [pair for pair in self.links if site.name in pair and pair[0] != pair[1]]
        for pair in pairs:
            self.links[pair] = False
        self.later(until, lambda: self._return(site, pairs))

    def _return(self, site: witness_world.Site, pairs: Sequence[tuple[str, str]]) -> None:
        site.daemons_up = site.backends_up = True
        for pair in pairs:
            self.links[pair] = True

    def mend(self) -> None:
        self.is_calm = True
        self.links = dict.fromkeys(self.links, True)
        for site in self.sites.values():
            site.daemons_up = site.backends_up = site.witness_up = site.etcd_link = True
            self.empty(site)

    def reaches(self, one: str, other: str) -> bool:
        return self.links[one, other] and self.links[other, one]


class Truth:
    """What the scenario asks of the engine: the book, and the primary's tables."""

    def __init__(self, random: Random, seed: int, mutation: Mutation) -> None:
        self.world = Town(seed, mutation.world)
        self.book = Book(self.world)
        self.servers = {
            name: Server(random, self.book, site) for name, site in self.world.sites.items()
        }
        self.request, self.is_durable = self.book.request, self.book.is_durable
        self._turning = asyncio.get_running_loop().create_task(self._turn())

    @property
    def primary(self) -> Server:
        return max(self.servers.values(), key=lambda s: (s.site.is_primary, s.site.term))

    def entries(self) -> list[Entry]:
        return self.primary.entries()

    def heads(self) -> dict[int, tuple[int, int, int]]:
        return self.primary.heads()

    async def _turn(self) -> None:
        """The world goes on, step by step, until it has broken a promise."""
        while True:
            await asyncio.sleep(STEP)
            try:
                self.world.advance()
                for server in self.servers.values():
                    server.catch_up()
                self.book.take()
            except AssertionError as error:
                return raise_later(Violation(str(error)))
