"""`/metrics` of the desk for Prometheus, on the desk's own address: for those who may know."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from ipaddress import ip_address, ip_network

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bongsu.http.desk.endpoints import Endpoint, get
from bongsu.http.desk.visit import Visit

PATH = "/metrics"
Measure = Callable[[], Awaitable[Sequence[Metric]]]


class MetricsPage:
    """Everybody else finds nothing here, and so does whoever comes through a proxy: the desk's
    address is the public's, and what it counts is not."""

    def __init__(self, measure: Measure, networks: Sequence[str]) -> None:
        self._measure = measure
        self._networks = [ip_network(each, strict=False) for each in networks]

    def endpoints(self) -> Iterator[Endpoint]:
        yield get(PATH, self.show)

    async def show(self, visit: Visit) -> Response:
        if "x-forwarded-for" in visit.request.headers or not self._may(visit.address):
            raise HTTPException(404)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Measured(await self._measure()))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    def _may(self, address: str) -> bool:
        try:
            known = ip_address(address)
        except ValueError:
            return False
        return any(known in network for network in self._networks)


class _Measured(Collector):
    """What was measured for this one answer."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        return self._metrics
