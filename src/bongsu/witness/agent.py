"""The witness at work: look, decide, act, again."""

import asyncio
import time
from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass

import structlog

from bongsu.witness import machine
from bongsu.witness.config import Config
from bongsu.witness.disk import DiskProbe
from bongsu.witness.fullness import Fullness
from bongsu.witness.http_client import CallFailed
from bongsu.witness.machine import decide
from bongsu.witness.memory import Limits, Memory
from bongsu.witness.model import (
    Answer,
    Cast,
    Cluster,
    Decision,
    Depose,
    Fence,
    HandOver,
    Hold,
    Standby,
    Suspect,
    Trust,
    Unfence,
    View,
    Withdraw,
)
from bongsu.witness.probe import Probe
from bongsu.witness.pulse import Pulse
from bongsu.witness.standby import LocalPostgres, StandbyUnavailable
from bongsu.witness.store import Store

CALM_SECONDS = 0.25  # between two looks on ordinary days
TENSE_SECONDS = 0.05  # while the leader is silent or we are fenced
BUSY_SECONDS = 0.01  # after something was done
DECISIONS_KEPT = 100

_log = structlog.get_logger()


@dataclass(frozen=True)
class Record:
    """One decision as it was taken. `at` is seconds of the Unix epoch."""

    at: float
    action: str
    reason: str
    evidence: dict[str, object]


class Agent:
    """One site's witness."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._limits = Limits(silence=config.silence_seconds)
        self._store = Store(config)
        self._postgres = LocalPostgres(config)
        self._pulse = Pulse()
        self._probe = Probe(config, self._pulse)
        self._fullness = Fullness()
        self._disk_probe = DiskProbe(config, self._fullness)
        self._memory = Memory()
        self._said = ("", "")
        self.view: View | None = None
        self.decision = Decision(Hold(), "starting")
        self.counts: Counter[str] = Counter()  # actions done, and failures to look or act
        self.records: deque[Record] = deque(maxlen=DECISIONS_KEPT)

    async def run(self) -> None:
        """Watch until cancelled. A fence or a vote is left as it is: the next life sees to it."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._probe.run())
                group.create_task(self._disk_probe.run())
                group.create_task(self._watch())
        finally:
            self._postgres.close()
            self._store.close()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(await self._step())

    async def _step(self) -> float:
        """Look, decide, act; seconds to wait before the next look."""
        view = self.view = await self._look()
        sites = len(self._config.postgres)
        self._memory, self.decision = decide(
            self._config.site, self._memory, view, self._limits, sites
        )
        self._record(view)
        if not isinstance(self.decision.action, Hold):
            await self._act(self.decision)
            return BUSY_SECONDS
        is_tense = self._is_silent(view) or (view.standby is not None and view.standby.has_fence)
        return TENSE_SECONDS if is_tense else CALM_SECONDS

    async def _look(self) -> View:
        cluster, standby = await asyncio.gather(self._read_cluster(), self._read_standby())
        now, full = asyncio.get_running_loop().time(), 0.0
        leader = cluster and cluster.leader
        if leader is not None:
            self._probe.watch(leader.name, leader.revision)
            self._disk_probe.watch(leader.name, leader.revision)
            self._pulse.beat(leader.revision, now)
            full = self._fullness.seconds(leader.revision, now)
        is_known = leader is None or leader.name in self._config.postgres
        return View(now, self._pulse.silence(now) if is_known else 0.0, cluster, standby, full)

    async def _read_cluster(self) -> Cluster | None:
        try:
            return await self._store.read()
        except CallFailed as error:
            self._failed("reading etcd", error)
            return None

    async def _read_standby(self) -> Standby | None:
        try:
            return await self._postgres.read()
        except StandbyUnavailable as error:
            self._failed("reading PostgreSQL", error)
            return None

    async def _act(self, decision: Decision) -> None:
        name = type(decision.action).__name__.lower()
        try:
            await self._do(decision)
        except (CallFailed, StandbyUnavailable) as error:  # whether it was done, the next look says
            self._failed(name, error)
        else:
            self.counts[name] += 1

    async def _do(self, decision: Decision) -> None:
        match decision.action:
            case Suspect(revision):
                await self._store.suspect(revision)
            case Trust():
                await self._store.trust()
            case Fence():
                await self._postgres.fence()
            case Cast() as cast:
                await self._store.cast(cast)
            case Withdraw() as withdraw:
                if await self._store.withdraw(withdraw):
                    self._memory = machine.withdrawn(self._memory)
            case Depose() as depose:
                is_done = await self._store.depose(depose)
                _log.warning("leader deposed" if is_done else "leader not deposed by us")
            case HandOver() as handover:
                is_done = await self._store.hand_over(handover)
                _log.warning("handover asked for" if is_done else "handover not asked for by us")
            case Answer() as answer:
                await self._store.answer(answer)
            case Unfence():
                await self._postgres.unfence()
            case Hold():
                pass

    def _is_silent(self, view: View) -> bool:
        return view.silence > self._limits.silence / 2

    def _failed(self, what: str, error: Exception) -> None:
        self.counts[f"failed {what}"] += 1
        _log.debug("failed", what=what, error=str(error))

    def _record(self, view: View) -> None:
        """Keep and log a decision that is new."""
        name = type(self.decision.action).__name__.lower()
        if (name, self.decision.reason) == self._said:
            return
        self._said = (name, self.decision.reason)
        evidence = evidence_of(view)
        self.records.append(Record(time.time(), name, self.decision.reason, evidence))
        with suppress(BlockingIOError):  # a full log must not stop a failover
            _log.info(name, reason=self.decision.reason, **evidence)


def evidence_of(view: View) -> dict[str, object]:
    """What the decision was based on, flat, for one line of log."""
    cluster, standby = view.cluster, view.standby
    found: dict[str, object] = {"silence": round(view.silence, 2), "full": round(view.full, 2)}
    if cluster is not None:
        leader, sync = cluster.leader, cluster.sync
        found |= {
            "leader": leader and leader.name,
            "revision": leader and leader.revision,
            "voters": sync and sorted(sync.voters),
            "quorum": sync and sync.quorum,
            "suspects": dict(cluster.suspects),
            "votes": {site: vote.against for site, vote in cluster.votes.items() if vote.against},
        }
    if standby is not None:
        found |= {
            "in_recovery": standby.in_recovery,
            "fenced": standby.is_fenced,
            "follows": standby.follows,
            "position": standby.position,
            "room": standby.room,
        }
    return found
