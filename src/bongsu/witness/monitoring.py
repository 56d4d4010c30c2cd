"""`/status`: what this witness sees and what it decided; `/metrics`: the same as numbers;
`/pre-promote`: what Patroni's hook asks."""

from collections.abc import Iterator

import msgspec
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from bongsu.errors import OperatorError, UnknownToken
from bongsu.http.app import App
from bongsu.http.message import Request, Response, json_response
from bongsu.http.metrics import Monitoring
from bongsu.http.router import Router
from bongsu.http.routing import Auth, get, post
from bongsu.http.server import Server
from bongsu.users.requester import Requester
from bongsu.witness.agent import Agent, evidence_of
from bongsu.witness.candidate import RefusedPromotion, may_promote
from bongsu.witness.config import Config

log = structlog.get_logger()


class WitnessCollector(Collector):
    """Prometheus' view of an agent."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def collect(self) -> Iterator[Metric]:
        agent, view = self._agent, self._agent.view
        done = CounterMetricFamily(
            "bongsu_witness_actions", "Done, or failed to do.", labels=["action"]
        )
        for name, count in agent.counts.items():
            done.add_metric([name], count)
        yield done
        standby, cluster = view and view.standby, view and view.cluster
        yield _gauge("silence_seconds", "Since the leader last answered.", view and view.silence)
        yield _gauge("leader_full_seconds", "Its disk refuses to be written.", view and view.full)
        yield _gauge(
            "room_bytes", "Left on our PostgreSQL's disk; 0: unknown.", standby and standby.room
        )
        yield _gauge(
            "fenced", "1: our PostgreSQL receives from nobody.", standby and standby.has_fence
        )
        yield _gauge("etcd_majority", "1: a majority of etcd answers us.", cluster is not None)
        yield _gauge("postgres_up", "1: our PostgreSQL answers us.", standby is not None)


class Status:
    """The page for people and for drills."""

    def __init__(self, config: Config, agent: Agent) -> None:
        self._config = config
        self._agent = agent

    @get("/status", auth=Auth.NONE)
    async def status(self, request: Request) -> Response:
        agent = self._agent
        return json_response({
            "site": self._config.site,
            "action": type(agent.decision.action).__name__.lower(),
            "reason": agent.decision.reason,
            "sees": evidence_of(agent.view) if agent.view is not None else {},
            "decisions": [msgspec.to_builtins(record) for record in agent.records],
        })  # fmt: skip

    @post("/pre-promote", auth=Auth.NONE)
    async def pre_promote(self, request: Request) -> Response:
        """Asked by Patroni's hook. Whoever else asks learns something and changes nothing."""
        try:
            may, reason = True, await may_promote(self._config)
        except RefusedPromotion as error:
            may, reason = False, str(error)
        log.warning("promotion agreed" if may else "promotion refused", reason=reason)
        return json_response({"may_promote": may, "reason": reason})

    def reasons_not_ready(self) -> list[str]:
        view = self._agent.view
        reasons = ["etcd has no majority"] if view is None or view.cluster is None else []
        return reasons + (["no PostgreSQL"] if view is None or view.standby is None else [])


class _Nobody:
    """No route here takes a token."""

    def cached(self, token: str) -> Requester | None:
        return None

    async def requester(self, token: str) -> Requester:
        raise UnknownToken

    def service(self, token: str) -> Requester | None:
        return None

    async def act(self, requester: Requester, user: str | None, device: str | None) -> Requester:
        raise UnknownToken


async def serve(config: Config, agent: Agent) -> Server | None:
    """Start listening, if the configuration says where."""
    if config.listen is None:
        return None
    registry, router, status = CollectorRegistry(), Router(), Status(config, agent)
    registry.register(WitnessCollector(agent))
    router.add(status)
    router.add(Monitoring(registry, status.reasons_not_ready))
    server = Server(App(router, _Nobody()), *config.listen)
    try:
        await server.start()
    except OSError as error:
        raise OperatorError(
            f"listen: cannot listen on {config.listen}: {error.strerror}"
        ) from error
    return server


def _gauge(name: str, meaning: str, value: float | bool | None) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"bongsu_witness_{name}", meaning, value=float(value or 0))
