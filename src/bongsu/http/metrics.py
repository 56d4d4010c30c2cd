"""What an operator looks at: counts per route, `/metrics` for Prometheus, `/health`, `/ready`.

The hot path counts into plain numbers (`RouteStats`); Prometheus' objects are made of them only
when somebody asks.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bongsu.http.message import Request, Response, json_response
from bongsu.http.routing import Auth, get

BUCKETS_SECONDS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
)


class RouteStats:
    """Answers of one route: how many with each status, how long they took."""

    __slots__ = ("buckets", "seconds", "statuses")

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.seconds = 0.0
        self.buckets = [0] * (len(BUCKETS_SECONDS) + 1)

    def observe(self, status: int, seconds: float) -> None:
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.seconds += seconds
        self.buckets[bisect_left(BUCKETS_SECONDS, seconds)] += 1


Labelled = tuple[str, str, RouteStats]


class RouteCollector(Collector):
    """Shows the stats of routes, given as (verb, path pattern, stats)."""

    def __init__(self, routes: Callable[[], Iterable[Labelled]]) -> None:
        self._routes = routes

    def collect(self) -> Iterator[Metric]:
        labels = ["verb", "route"]
        answers = CounterMetricFamily(
            "bongsu_http_requests", "Requests answered.", labels=[*labels, "status"]
        )
        times = HistogramMetricFamily(
            "bongsu_http_request_seconds", "Time to an answer, long polls too.", labels=labels
        )
        for verb, route, stats in self._routes():
            for status, count in stats.statuses.items():
                answers.add_metric([verb, route, str(status)], count)
            if stats.statuses:
                times.add_metric(
                    [verb, route], cumulative(BUCKETS_SECONDS, stats.buckets), stats.seconds
                )
        yield answers
        yield times


def cumulative(bounds: tuple[float, ...], counts: list[int]) -> list[tuple[str, float]]:
    """Counts per bucket as Prometheus wants them: (upper bound, how many at or below it)."""
    total, rows = 0, list[tuple[str, float]]()
    for bound, count in zip((*map(str, bounds), "+Inf"), counts, strict=True):
        total += count
        rows.append((bound, total))
    return rows


class Monitoring:
    """`/health`: the process answers. `/ready`: it may be sent clients. `/metrics`: numbers."""

    def __init__(
        self,
        registry: CollectorRegistry,
        ready: Callable[[], list[str]],
        missing: Callable[[], list[str]] = list,
    ) -> None:
        """`ready` gives the reasons why this node is not ready; none if it is.

        `missing` tells what is lacking all the same, without keeping clients away.
        """
        self._registry = registry
        self._ready = ready
        self._missing = missing

    @get("/health", auth=Auth.NONE)
    async def health(self, request: Request) -> Response:
        return json_response({"status": "ok"})

    @get("/ready", auth=Auth.NONE)
    async def ready(self, request: Request) -> Response:
        reasons = self._ready()
        return json_response(
            {"ready": not reasons, "reasons": reasons, "missing": self._missing()},
            status=503 if reasons else 200,
        )

    @get("/metrics", auth=Auth.NONE)
    async def metrics(self, request: Request) -> Response:
        text = generate_latest(self._registry)
        return Response(text, content_type=CONTENT_TYPE_LATEST.encode())
