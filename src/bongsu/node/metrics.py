"""What an operator sees of the log: heads, batches, commits, lag, and who waits for news."""

from collections.abc import Callable, Iterator

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bongsu.http.metrics import cumulative
from bongsu.log.gateway import Share, Tally
from bongsu.log.position import PARTITIONS
from bongsu.node.heart import Heart


class LogCollector(Collector):
    """Reads the numbers of one node's log when somebody asks for them."""

    def __init__(self, heart: Heart, waiters: Callable[[], int]) -> None:
        """`waiters` counts the long polls that wait here."""
        self._heart = heart
        self._waiters = waiters

    def collect(self) -> Iterator[Metric]:
        applied = GaugeMetricFamily(
            "bongsu_applied_position", "Last entry applied here.", labels=["partition"]
        )
        for partition in range(PARTITIONS):
            applied.add_metric([str(partition)], self._heart.follower.applied[partition])
        yield applied
        heads = GaugeMetricFamily(
            "bongsu_head", "Durable head of a partition owned here.", labels=["partition"]
        )
        epochs = GaugeMetricFamily(
            "bongsu_epoch", "Epoch of a partition owned here.", labels=["partition"]
        )
        for partition, head in sorted(self._heart.sequencer.heads.items()):
            heads.add_metric([str(partition)], head.position)
            epochs.add_metric([str(partition)], head.epoch)
        yield heads
        yield epochs
        yield GaugeMetricFamily(
            "bongsu_lag_entries", "Durable entries not applied here.", self._heart.follower.lag
        )
        yield GaugeMetricFamily("bongsu_waiters", "Long polls that wait here.", self._waiters())
        publisher = self._heart.publisher
        yield from _shares(publisher.shares)
        yield _histogram("bongsu_batch_entries", "Entries of a commit.", publisher.batch_sizes)
        yield _histogram("bongsu_commit_seconds", "From plan to durable.", publisher.commit_seconds)


def _shares(shares: list[Share]) -> Iterator[Metric]:
    """Per partition: entries over commits is its batch size, seconds over commits its latency."""
    labels = ["partition"]
    commits = CounterMetricFamily(
        "bongsu_partition_commits", "Commits with entries of a partition.", labels=labels
    )
    entries = CounterMetricFamily(
        "bongsu_partition_entries", "Entries committed of a partition.", labels=labels
    )
    seconds = CounterMetricFamily(
        "bongsu_partition_commit_seconds", "Time of these commits.", labels=labels
    )
    for partition, share in enumerate(shares):
        if share.commits:
            commits.add_metric([str(partition)], share.commits)
            entries.add_metric([str(partition)], share.entries)
            seconds.add_metric([str(partition)], share.seconds)
    yield commits
    yield entries
    yield seconds


def _histogram(name: str, meaning: str, tally: Tally) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, meaning)
    buckets = cumulative(tally.bounds, tally.counts)
    family.add_metric([], buckets, tally.total)
    return family
