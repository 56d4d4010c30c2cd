"""What an operator sees of a desk: requests, the intake and its spool, what waits to be sent."""

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TypeVar, runtime_checkable

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from bongsu.errors import Unavailable
from bongsu.http.desk.request_counts import RequestCounts
from bongsu.http.metrics import RouteCollector

T = TypeVar("T")

ASKED_SECONDS_MAX = 2.0  # for one number of the database


@runtime_checkable
class Measured(Protocol):
    """An area that has numbers. The database may be out of reach: then those of it are left out."""

    async def measure(self) -> Iterable[Metric]: ...


class DeskMetrics:
    def __init__(self, counts: RequestCounts, areas: Sequence[object]) -> None:
        self._counts = counts
        self._areas = [area for area in areas if isinstance(area, Measured)]

    async def measure(self) -> list[Metric]:
        found = list(RouteCollector(self._counts.routes).collect())
        found += _from_memory(self._counts.from_memory)
        for area in self._areas:
            found += await area.measure()
        return found


async def known(asked: Awaitable[T]) -> T | None:
    """None when the database does not say."""
    try:
        async with asyncio.timeout(ASKED_SECONDS_MAX):
            return await asked
    except (Unavailable, TimeoutError):
        return None


def counter(name: str, meaning: str, values: Mapping[str, int], label: str) -> Metric:
    family = CounterMetricFamily(name, meaning, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family


def gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)


def gauges(name: str, meaning: str, values: Mapping[str, float], label: str) -> Metric:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for value, count in values.items():
        family.add_metric([value], count)
    return family


def _from_memory(counts: Mapping[int, int]) -> Iterator[Metric]:
    yield counter(
        "bongsu_desk_pages_from_memory", "Public pages answered without a route or a database.",
        {str(status): count for status, count in counts.items()}, "status",
    )  # fmt: skip
