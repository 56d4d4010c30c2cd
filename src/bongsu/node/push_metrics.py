"""What an operator sees of notifications, on the node that delivers them."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bongsu.pushing.courier import Courier


class PushCollector(Collector):
    def __init__(self, courier: Courier) -> None:
        self._courier = courier

    def collect(self) -> Iterator[Metric]:
        courier = self._courier
        yield CounterMetricFamily(
            "bongsu_push_delivered", "Notifications that were taken.", value=courier.delivered
        )
        yield CounterMetricFamily(
            "bongsu_push_failures", "Attempts to deliver that failed.", value=courier.failed
        )
        yield GaugeMetricFamily(
            "bongsu_push_queued", "Notifications that wait in memory.", value=courier.queued
        )
