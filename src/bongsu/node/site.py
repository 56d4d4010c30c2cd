"""What joins a node to its site: the PostgreSQL servers it watches, and where owners may sit."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from time import monotonic

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bongsu.log.follower import Follower
from bongsu.postgres.servers import Servers, split_dsn
from bongsu.postgres.site_database import SiteDatabase
from bongsu.settings import Settings

STALE_SECONDS_MAX = 5.0  # a standby that turns to a new primary is not read for a moment
LEVEL_SECONDS = 0.5  # without a doubt, before clients may come back


class Site:
    """Implements `log.placement.Placement`, and says what this site lacks.

    A site that was away (started just now, hung, cut off from its database) is not ready again
    before its server and its follower have been level with the primary for a while. One that is
    there stays ready through the loss of a primary: it can serve readers, and holds proposals.
    """

    def __init__(self, name: str, servers: Servers, database: SiteDatabase) -> None:
        self.site = name
        self.servers = servers
        self.database = database
        self._follower: Follower | None = None
        self._current_at = float("-inf")
        self._level_since: float | None = None
        self._is_away = True
        servers.listen(self._look)

    def follow(self, follower: Follower) -> None:
        """Ask of `follower`, too, whether it is level when the site comes back."""
        self._follower = follower

    @property
    def is_primary(self) -> bool | None:
        return self.servers.own_is_primary

    @property
    def generation(self) -> int:
        return self.servers.timeline

    def heard_of(self, generation: int) -> None:
        self.servers.heard_of(generation)

    def is_doubtful(self) -> bool:
        """Whether this site may be cut off, so that the primary it has may be none any more."""
        return self.servers.is_alone

    def reasons_not_ready(self) -> list[str]:
        """Why clients should go to another site; none if they may come here."""
        if monotonic() - self._current_at > STALE_SECONDS_MAX:
            return ["this site's database is out of reach, or behind (or hides it: pg_monitor)"]
        return ["this site has been away and is catching up"] if self._is_away else []

    def missing(self) -> list[str]:
        """What is lacking without keeping clients from being served here."""
        return [] if self.servers.primary else ["no primary database is known"]

    def _look(self) -> None:
        now = monotonic()
        if now - self._current_at > STALE_SECONDS_MAX:
            self._is_away, self._level_since = True, None
        if self.servers.own_is_current:
            self._current_at = now
        if self._is_away:
            self._look_whether_level(now)

    def _look_whether_level(self, now: float) -> None:
        follower = self._follower
        if not self.servers.own_is_level or (follower is not None and not follower.is_level):
            self._level_since = None
            return
        self._level_since = now if self._level_since is None else self._level_since
        self._is_away = now - self._level_since < LEVEL_SECONDS


@asynccontextmanager
async def joined_site(settings: Settings) -> AsyncGenerator[Site]:
    """The site that `settings` names, its servers watched for as long as the block runs."""
    assert settings.database_url is not None, "checked with the settings"
    assert settings.replica_url is not None, "checked with the settings"
    servers = Servers(split_dsn(settings.database_url), settings.replica_url)
    database = SiteDatabase(servers, settings.database_connections)
    site = Site(settings.site, servers, database)
    await servers.start()
    try:
        yield site
    finally:
        await database.close()
        await servers.stop()


class SiteCollector(Collector):
    """Shows what this node sees of the servers."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def collect(self) -> Iterator[Metric]:
        servers = self._site.servers
        answers = GaugeMetricFamily(
            "bongsu_postgres_answers", "Whether a server answers this node.", labels=["server"]
        )
        primary = GaugeMetricFamily(
            "bongsu_postgres_primary", "Whether a server is the primary.", labels=["server"]
        )
        for server in servers.all:
            answers.add_metric([server.name], server.answers)
            primary.add_metric([server.name], server is servers.primary)
        yield answers
        yield primary
        yield GaugeMetricFamily(
            "bongsu_postgres_timeline", "Grows with every promotion.", servers.timeline
        )
        yield GaugeMetricFamily(
            "bongsu_replica_lag_seconds",
            "How far this site's server is behind the primary.",
            servers.own_lag_seconds,
        )
        yield GaugeMetricFamily(
            "bongsu_fallback_reads",
            "Reads at the primary for want of this site's server.",
            self._site.database.fallbacks,
        )
