"""Searching: the index's follower, and the endpoint that asks the index."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bongsu.http.client.search import SearchEndpoints
from bongsu.node.heart import Heart
from bongsu.postgres.database import Database
from bongsu.postgres.history_store import PostgresHistoryStore
from bongsu.postgres.search_store import PostgresIndexStore, PostgresSearchStore
from bongsu.postgres.sync_store import PostgresSyncStore
from bongsu.rooms.access import RoomAccess
from bongsu.rooms.history import History
from bongsu.rooms.presenting import Presenter
from bongsu.rooms.room_state import RoomStates
from bongsu.search.answering import Answering
from bongsu.search.indexer import Indexer
from bongsu.search.service import SearchService
from bongsu.sync.token import TokenCodec


class Searching:
    """Indexes what this node owns, and searches what all nodes indexed."""

    def __init__(self, database: Database, heart: Heart, tokens: TokenCodec) -> None:
        store, snapshots = PostgresHistoryStore(database), PostgresSyncStore(database)
        access, presenter = RoomAccess(heart.follower, store, snapshots), Presenter(snapshots)
        self.indexer = Indexer(PostgresIndexStore(database), heart.follower, heart.sequencer)
        self._endpoints = SearchEndpoints(
            SearchService(access, PostgresSearchStore(database)),
            Answering(History(access, store, presenter, tokens), presenter),
            RoomStates(access, store, tokens),
        )

    def endpoints(self) -> list[object]:
        return [self._endpoints]

    def collectors(self) -> list[Collector]:
        """What shows the index in `/metrics`."""
        return [SearchCollector(self.indexer)]

    def start(self) -> None:
        self.indexer.start()

    async def stop(self) -> None:
        await self.indexer.stop()


class SearchCollector(Collector):
    """Shows how far the index is behind the log."""

    def __init__(self, indexer: Indexer) -> None:
        self._indexer = indexer

    def collect(self) -> Iterator[Metric]:
        positions = GaugeMetricFamily(
            "bongsu_search_position",
            "Last entry indexed of a partition owned here.",
            labels=["partition"],
        )
        for partition, progress in sorted(self._indexer.progress.items()):
            positions.add_metric([str(partition)], progress.position)
        yield positions
        yield GaugeMetricFamily(
            "bongsu_search_lag_entries",
            "Entries of the partitions owned here that are not indexed yet.",
            self._indexer.lag,
        )
        yield CounterMetricFamily(
            "bongsu_search_documents",
            "Documents written into the search index.",
            self._indexer.documents_total,
        )
