"""Which PostgreSQL server is the primary: asked of all of them, all the time, each by itself.

A server that hangs or is cut off neither stalls the search nor is believed: what it said is
forgotten after `SILENT_SECONDS`. Of two that call themselves primary the one of the later timeline
is; the other was, and has not heard of it yet (nothing that it takes is acknowledged by a quorum).
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import NamedTuple

import asyncpg
import structlog

from bongsu.postgres.database import BROKEN, Connection
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

CONNECT_SECONDS_MAX = 3.0
START_SECONDS_MAX = 1.0
ASK_SECONDS = 0.25
SEARCH_SECONDS = 0.05  # while no primary is known
SILENT_SECONDS = 1.5
BROKEN_SECONDS = 5.0  # then it is asked over a new connection; until then it may only be slow
LAG_SAMPLES_MAX = 120  # of the primary's position, one each time that it is asked
LAG_SECONDS_MAX = 5.0  # a standby that is further behind is not read
LEVEL_SECONDS_MAX = 1.0  # one that comes back gets no clients before it is so near

# pg_walfile_name begins with the timeline, which every promotion raises; it fails in recovery. What
# a standby receives is shown to members of pg_monitor only.
ASK = """
SELECT pg_is_in_recovery(),
       CASE WHEN pg_is_in_recovery() THEN (SELECT received_tli FROM pg_stat_wal_receiver)
       ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint END,
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
       ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn
"""
SESSION = {"application_name": "bongsu watch", "jit": "off"}


class Sighting(NamedTuple):
    """What a server said. `timeline`: which it writes, or received last; 0: not known.

    `lsn`: how far it has written or replayed, bytes.
    """

    is_standby: bool
    timeline: int
    lsn: int
    at: float


NEVER = Sighting(True, 0, 0, float("-inf"))


class Server:
    """One server, and the last that was heard of it."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.name = address_of(dsn)
        self.seen = NEVER

    @property
    def answers(self) -> bool:
        return monotonic() - self.seen.at < SILENT_SECONDS


class Servers:
    """All servers of a deployment. `own` is this site's. Listeners are told of every look."""

    def __init__(self, dsns: Sequence[str], own: str) -> None:
        by_name = {address_of(dsn): Server(dsn) for dsn in [*dsns, own]}
        self.all = list(by_name.values())
        self.own = by_name[address_of(own)]
        self._timeline = 0  # the latest ever seen: no server of an earlier one is the primary
        self._written: deque[tuple[float, int]] = deque(maxlen=LAG_SAMPLES_MAX)
        self._primary: Server | None = None
        self._listeners: list[Callable[[], None]] = []
        self._tasks = TaskOwner("postgres servers")

    @property
    def primary(self) -> Server | None:
        """The primary, while it is known and answers."""
        primary = self._primary
        if primary is None or not primary.answers or primary.seen.timeline < self._timeline:
            return None
        return primary

    @property
    def timeline(self) -> int:
        """The latest that was seen: when it grows, there is another primary."""
        return self._timeline

    @property
    def own_is_primary(self) -> bool | None:
        """Whether this site's server is the primary; None while nobody knows."""
        if self.primary is not None:
            return self.primary is self.own
        is_past = self.own.seen.is_standby or self.own.seen.timeline < self._timeline
        return False if self.own.answers and is_past else None

    @property
    def own_is_current(self) -> bool:
        """Whether this site's server may be read.

        It answers, is not far behind the primary, and is on its timeline: one that is not (a past
        primary, a standby that still has to turn to the new one) may hold rows that the log has
        not, at positions that the log has given to others since.
        """
        if not self.own.answers or self.own.seen.timeline != self._timeline:
            return False
        return self.primary is None or self.own_lag_seconds <= LAG_SECONDS_MAX

    @property
    def is_alone(self) -> bool:
        """Whether none of the other servers answers: they are gone, or this site is cut off."""
        others = [server for server in self.all if server is not self.own]
        return bool(others) and not any(server.answers for server in others)

    @property
    def own_is_level(self) -> bool:
        """Whether this site's server may be read, and is as far as the primary is.

        Seen in company: one that hears no other server does not know what it has missed.
        """
        if self.is_alone or self.primary is None or not self.own_is_current:
            return False
        return self.own_lag_seconds <= LEVEL_SECONDS_MAX

    @property
    def own_lag_seconds(self) -> float:
        """How long ago the primary had no more than this site's server has replayed by now.

        Infinite when that was before the primary was first asked, or too long ago to be known.
        """
        if not self._written or self._written[-1][1] <= self.own.seen.lsn:
            return 0.0
        for at, lsn in reversed(self._written):
            if lsn <= self.own.seen.lsn:
                return monotonic() - at
        return math.inf

    def heard_of(self, timeline: int) -> None:
        """Commits reach a quorum on this timeline, though we may not reach its primary."""
        if timeline > self._timeline:
            self._timeline = timeline
            self._written.clear()
            self._tell()

    def listen(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    async def start(self) -> None:
        """Begin, and return when all have answered or had the time to."""
        self._tasks.start(self._look_at_clock())
        for server in self.all:
            self._tasks.start(self._watch(server))
        deadline = monotonic() + START_SECONDS_MAX
        while monotonic() < deadline and not all(server.answers for server in self.all):
            await asyncio.sleep(SEARCH_SECONDS)

    async def stop(self) -> None:
        await self._tasks.stop()

    async def _watch(self, server: Server) -> None:
        while True:
            try:
                await self._converse(server)
            except BROKEN:
                pass
            except Exception as error:  # asyncpg has more ways to fail when a server goes down
                log.warning("asking a server failed", server=server.name, reason=repr(error))
            self._tell()
            await asyncio.sleep(SEARCH_SECONDS if self.primary is None else ASK_SECONDS)

    async def _look_at_clock(self) -> None:
        """Silence is news too, and nobody else brings it."""
        while True:
            await asyncio.sleep(ASK_SECONDS)
            self._tell()

    async def _converse(self, server: Server) -> None:
        """Ask again and again over one connection, until it breaks or falls silent."""
        connection = await asyncpg.connect(
            server.dsn, timeout=CONNECT_SECONDS_MAX, server_settings=SESSION
        )
        try:
            timeline = 0
            while True:
                seen = await _asked(connection)
                # One that receives nothing just now is still on the line that it was on: only a
                # restart could change that, and would end this connection.
                timeline = seen.timeline or timeline
                self._saw(server, seen._replace(timeline=timeline))
                await asyncio.sleep(SEARCH_SECONDS if self.primary is None else ASK_SECONDS)
        finally:
            connection.terminate()

    def _saw(self, server: Server, seen: Sighting) -> None:
        server.seen = seen
        if not seen.is_standby and seen.timeline >= self._timeline:
            if server is not self._primary or seen.timeline > self._timeline:
                log.info("primary found", server=server.name, timeline=seen.timeline)
                self._written.clear()
            self._timeline, self._primary = seen.timeline, server
            self._written.append((seen.at, seen.lsn))
        self._tell()

    def _tell(self) -> None:
        for listener in self._listeners:
            try:
                listener()
            except Exception:  # the watch must go on, whoever stumbles over what it says
                log.exception("a listener of the servers failed")


def split_dsn(dsn: str) -> list[str]:
    """A DSN of each server that `dsn` names; itself if it names one, or a socket."""
    scheme, _, rest = dsn.partition("://")
    authority, slash, tail = rest.partition("/")
    credentials, at, hosts = authority.rpartition("@")
    return [f"{scheme}://{credentials}{at}{host}{slash}{tail}" for host in hosts.split(",")]


def address_of(dsn: str) -> str:
    """`host:port` of a DSN of one server."""
    host = dsn.partition("://")[2].partition("/")[0].rpartition("@")[2]
    return host if ":" in host.rpartition("]")[2] else f"{host}:5432"


async def find_primary(dsn: str, seconds_max: float) -> str | None:
    """The DSN of the primary among the servers of `dsn`; `dsn` itself if it names but one.

    None when there is none in time.
    """
    dsns = split_dsn(dsn)
    if len(dsns) == 1:
        return dsn
    deadline = monotonic() + seconds_max
    while True:
        found = await asyncio.gather(*map(_timeline_of, dsns))
        if max(found) > 0:
            return dsns[found.index(max(found))]
        if monotonic() > deadline:
            return None
        await asyncio.sleep(ASK_SECONDS)


async def _timeline_of(dsn: str) -> int:
    """0: a standby, or out of reach."""
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS_MAX)
    except BROKEN:
        return 0
    try:
        seen = await _asked(connection)
        return 0 if seen.is_standby else seen.timeline
    except BROKEN:
        return 0
    finally:
        connection.terminate()


async def _asked(connection: Connection) -> Sighting:
    """What it says; `TimeoutError` when it is silent.

    Not by asyncpg's own time-out, which would connect to the silent server to send a cancel.
    """
    asking = asyncio.ensure_future(connection.fetchrow(ASK))
    asking.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    done, _ = await asyncio.wait({asking}, timeout=BROKEN_SECONDS)
    if not done:
        raise TimeoutError
    row = asking.result()
    assert row is not None, "it has no condition"
    return Sighting(row[0], row[1] or 0, int(row[2] or 0), monotonic())
