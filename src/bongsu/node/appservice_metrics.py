"""What an operator sees of application services, on the node that delivers to them."""

from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bongsu.appservices.delivery import Delivery


class AppserviceCollector(Collector):
    def __init__(self, deliveries: Sequence[Delivery]) -> None:
        self._deliveries = deliveries

    def collect(self) -> Iterator[Metric]:
        lag = GaugeMetricFamily(
            "bongsu_appservice_lag_entries", "Entries not yet told of.", labels=["service"]
        )
        failures = GaugeMetricFamily(
            "bongsu_appservice_failures",
            "How often the present transaction failed in a row.",
            labels=["service"],
        )
        for delivery in self._deliveries:
            if delivery.lag is not None:
                lag.add_metric([delivery.service.id], delivery.lag)
                failures.add_metric([delivery.service.id], delivery.failures)
        yield lag
        yield failures
