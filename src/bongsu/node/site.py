"""What joins a node to its site: the PostgreSQL servers it watches, and where owners may sit."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from time import monotonic

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bongsu.postgres.servers import Servers, split_dsn
from bongsu.postgres.site_database import SiteDatabase
from bongsu.settings import Settings

STALE_SECONDS_MAX = 5.0  # a standby that turns to a new primary is not read for a moment


class Site:
    """Implements `log.ownership.Placement`, and says what this site lacks."""

    def __init__(self, name: str, servers: Servers, database: SiteDatabase) -> None:
        self.site = name
        self.servers = servers
        self.database = database
        self._current_at = monotonic()
        servers.listen(self._look)

    @property
    def is_primary(self) -> bool | None:
        return self.servers.own_is_primary

    @property
    def generation(self) -> int:
        return self.servers.timeline

    def reasons_not_ready(self) -> list[str]:
        """Why clients should go to another site; none if they may come here."""
        if monotonic() - self._current_at > STALE_SECONDS_MAX:
            return ["this site's database is out of reach, or behind (or hides it: pg_monitor)"]
        return []

    def missing(self) -> list[str]:
        """What is lacking without keeping clients from being served here."""
        return [] if self.servers.primary else ["no primary database is known"]

    def _look(self) -> None:
        if self.servers.own_is_current:
            self._current_at = monotonic()


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
