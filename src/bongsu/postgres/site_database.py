"""The database of a node in one of several sites.

Reads come from the site's own server, else from the primary, in bounded number; if they `may_lag`,
the own server has the last word, too, though it may lack the latest. What needs the primary waits
while there is none: a statement that certainly had no effect is carried out anew at the next
primary; a COMMIT whose outcome is unknown is not, unless it may be.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic
from typing import Any, TypeVar

import asyncpg

from bongsu.errors import Unavailable
from bongsu.log.position import ORIGIN, Vector, covers, latest
from bongsu.postgres.database import (
    LOST,
    CommitUnknown,
    Connection,
    Database,
    connection_errors,
    read,
    transact,
)
from bongsu.postgres.followed_pool import FollowedPool, Prepare, own_of, primary_of
from bongsu.postgres.servers import Servers

T = TypeVar("T")

HOLD_SECONDS_MAX = 15.0  # how long what needs the primary waits for one: late is no error
LAG_AFTER_SECONDS = 1.0  # how long, where something older is better than nothing
RETRY_SECONDS = 0.1
FALLBACK_READS_MAX = 8  # at once; they must leave the primary to its writers
FALLBACK_READS_WAITING_MAX = 500
RETRY_AFTER_MS = 2000


HEADS = "SELECT head FROM partition ORDER BY partition"
REACH_SECONDS = 0.02
REACH_SECONDS_MAX = 0.5  # then the primary is asked
REACH_ALONE_SECONDS_MAX = 5.0  # the same, while there is none


class SiteDatabase(Database):
    """`size` bounds the connections to each of the two servers.

    `session` and `prepare` are for every connection: PostgreSQL's settings, what is done first.
    """

    def __init__(
        self,
        servers: Servers,
        size: int,
        session: Mapping[str, str] | None = None,
        prepare: Prepare | None = None,
        may_lag: bool = False,
    ) -> None:
        self._servers = servers
        self._may_lag = may_lag
        self._pool = FollowedPool(
            servers, primary_of(servers), size=size, patient=True, session=session, prepare=prepare
        )
        self._own = FollowedPool(
            servers, own_of(servers), size=size, patient=False, session=session, prepare=prepare
        )
        self._reach = ReplicaReach(self)
        self._falling_back = asyncio.Semaphore(FALLBACK_READS_MAX)
        self._fallbacks = 0
        super().__init__(self._pool)

    @property
    def has_replica(self) -> bool:
        return self._servers.primary is not self._servers.own

    @property
    def replica_life(self) -> int:
        """Grows when this site's server may be another one: what it had, it may lack now."""
        return self._own.life

    @property
    def fallbacks(self) -> int:
        """Reads that run at the primary, or wait to, for want of this site's server."""
        return self._fallbacks

    @property
    def has_primary(self) -> bool:
        return self._pool.is_known

    async def reach(self, vector: Vector) -> None:
        if self.has_replica:
            await self._reach.reach(vector)

    async def fetch(
        self, query: str, *arguments: Any, confirmed: bool = False
    ) -> Sequence[asyncpg.Record]:
        if confirmed:
            return await self._hold(lambda: read(self._pool, query, *arguments), HOLD_SECONDS_MAX)
        if self._reach.is_trusted:
            rows = await self.fetch_replica(query, *arguments)
            if rows is not None:
                return rows
        return await self._fall_back(query, *arguments)

    async def fetch_replica(self, query: str, *arguments: Any) -> Sequence[asyncpg.Record] | None:
        """Rows as this site's server has them; None when it may not be read."""
        if not self._own.is_known:
            return None
        try:
            return await read(self._own, query, *arguments)
        except LOST:
            return None

    async def close(self) -> None:
        await super().close()
        self._own.terminate()

    async def _fall_back(self, query: str, *arguments: Any) -> Sequence[asyncpg.Record]:
        if self._fallbacks >= FALLBACK_READS_WAITING_MAX:
            raise Unavailable("This site's replica is out of reach", retry_after_ms=RETRY_AFTER_MS)
        self._fallbacks += 1
        deadline = monotonic() + (LAG_AFTER_SECONDS if self._may_lag else HOLD_SECONDS_MAX)
        try:
            while not self._pool.is_known and monotonic() < deadline:
                await asyncio.sleep(RETRY_SECONDS)
                if self._reach.is_trusted:  # the own server may be the first to be there again
                    rows = await self.fetch_replica(query, *arguments)
                    if rows is not None:
                        return rows
            async with self._falling_back:
                left = deadline - monotonic()
                return await self._hold(lambda: read(self._pool, query, *arguments), left)
        except Unavailable:
            rows = await self.fetch_replica(query, *arguments) if self._may_lag else None
            if rows is None:
                raise
            return rows
        finally:
            self._fallbacks -= 1

    async def _write(self, body: Callable[[Connection], Awaitable[T]], idempotent: bool) -> T:
        async def attempt() -> T:
            try:
                return await transact(self._pool, body)
            except CommitUnknown as error:
                if idempotent:
                    raise TimeoutError from error  # as good as never begun
                raise

        return await self._hold(attempt, HOLD_SECONDS_MAX)

    async def _hold(self, attempt: Callable[[], Awaitable[T]], seconds: float) -> T:
        """What `attempt` gives; made again as long as the primary is lost, for so many seconds."""
        deadline = monotonic() + seconds
        async with connection_errors():
            while True:
                try:
                    await self._pool.known(deadline - monotonic())
                    return await attempt()
                except LOST as error:
                    if monotonic() + RETRY_SECONDS > deadline:
                        raise Unavailable(
                            "No primary database", retry_after_ms=RETRY_AFTER_MS
                        ) from error
                await asyncio.sleep(RETRY_SECONDS)


class ReplicaReach:
    """Knows how far this site's server has come, and whether reads may go there.

    It is trusted from the moment that it has all that anybody asked for, until it keeps somebody
    waiting, or may have become another server.
    """

    def __init__(self, database: SiteDatabase) -> None:
        self._database = database
        self._reached: Vector = ORIGIN
        self._wanted: Vector = ORIGIN  # by those who found it behind
        self._trusted_life = 0  # the pool's lives begin at 1

    @property
    def is_trusted(self) -> bool:
        """Or there is nobody else to ask, and nothing that an answer must cover."""
        if self._trusted_life == self._database.replica_life:
            return True
        return not self._database.has_replica

    async def reach(self, vector: Vector) -> None:
        """Return once the replica has all of `vector`, or reads go to the primary."""
        if self.is_trusted and covers(self._reached, vector):
            return
        self._wanted = latest(self._wanted, vector)
        asked_at = monotonic()
        while True:
            life = self._database.replica_life
            rows = await self._database.fetch_replica(HEADS)
            if rows is None:
                break
            self._reached = tuple(row["head"] for row in rows)
            if covers(self._reached, vector if self.is_trusted else self._wanted):
                return self._trust(life)
            waited = monotonic() - asked_at
            patience = REACH_SECONDS_MAX if self.is_trusted else 0.0
            if waited > (patience if self._database.has_primary else REACH_ALONE_SECONDS_MAX):
                break
            await asyncio.sleep(REACH_SECONDS)
        self._trusted_life = 0

    def _trust(self, life: int) -> None:
        if self._trusted_life != life:
            self._wanted = ORIGIN
        self._trusted_life = life
