"""Three sites in virtual time, from their witnesses to their clients, under what one seed draws.

    BONGSU_SEEDS=5000 pytest tests/unit/test_sites_simulation.py      more of it
    BONGSU_SEED=17    pytest tests/unit/test_sites_simulation.py      one run again, with its log

Checked, by name: what is acknowledged is on a quorum, and in every later primary (1, 5); a position
names one entry for ever (7); a request is carried out once, at one place (10); each sender's order
is kept (9); followers show what is acknowledged, once, without a gap (6); nothing is decided on
stale memory (2, 3); and when all is calm, everybody is answered. The numbers are the invariants'.
"""

import logging
import os
import re
from collections.abc import Iterator

import pytest
import structlog
from simulation import scenario, witness_world
from simulation.engine import Violation
from simulation.sites import Mutation
from simulation.sites_scenario import SitesScenario
from simulation.virtual_loop import run, virtual_monotonic

from bongsu.log import follower, gateway, ownership, pending, sequencer
from bongsu.postgres import servers

SEEDS = int(os.environ.get("BONGSU_SEEDS", "60"))
ONE_SEED = os.environ.get("BONGSU_SEED")
CHUNKS = 10  # tests that share the seeds, so that one shows how far they are
MUTANT_SEEDS_MAX = 300


@pytest.fixture(autouse=True)
def virtual_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in (follower, gateway, ownership, pending, sequencer, servers):
        monkeypatch.setattr(module, "monotonic", virtual_monotonic)
    for module in (follower, ownership, sequencer):
        monkeypatch.setattr(module, "PARTITIONS", scenario.PARTITIONS)
    ownership.rendezvous.cache_clear()
    if ONE_SEED is None:
        quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
        for module in (follower, gateway, ownership, sequencer, servers):
            monkeypatch.setattr(module, "log", structlog.wrap_logger(None, wrapper_class=quiet))
    yield
    ownership.rendezvous.cache_clear()


def simulate(seed: int, mutation: Mutation = Mutation()) -> SitesScenario:  # noqa: B008
    made: list[SitesScenario] = []

    async def main() -> None:
        made.append(SitesScenario(seed, mutation))
        await made[0].run()

    try:
        run(main())
    except Violation as violation:
        raise Violation(f"BONGSU_SEED={seed}: {violation}") from violation
    return made[0]


@pytest.mark.parametrize("chunk", range(1 if ONE_SEED else CHUNKS))
def test_every_promise_is_kept_whatever_becomes_of_the_sites(chunk: int) -> None:
    seeds = [int(ONE_SEED)] if ONE_SEED else range(chunk, SEEDS, CHUNKS)
    runs = [simulate(seed) for seed in seeds]
    assert sum(len(one.said) for one in runs) > 0
    promotions = sum(one.engine.world.promotions for one in runs)
    print(f"{len(runs)} runs, {promotions} promotions, {sum(len(r.said) for r in runs)} answers")


def test_a_seed_tells_the_same_story_again() -> None:
    one, two = simulate(3), simulate(3)
    assert [e.body for e in one.engine.entries()] == [e.body for e in two.engine.entries()]
    assert one.engine.world.promotions == two.engine.world.promotions


@pytest.mark.parametrize(
    ("mutation", "promise"),
    [
        (
            Mutation(world=witness_world.Mutation(compares=False, checks_candidate=False)),
            "promoted without",
        ),
        (
            Mutation(world=witness_world.Mutation(fences=False, checks_candidate=False)),
            "promoted without|acknowledged .* after",
        ),
        (Mutation(hasty=True), "not durable"),
        (Mutation(trusting=True), "not durable"),
    ],
    ids=[
        "a replica that lacks acknowledged commits is promoted",
        "no fence",
        "acknowledged before the quorum",
        "followers trust what their replica shows",
    ],
)
def test_a_broken_promise_is_found(mutation: Mutation, promise: str) -> None:
    for seed in range(MUTANT_SEEDS_MAX):
        try:
            simulate(seed, mutation)
        except Violation as violation:
            if re.search(promise, str(violation)):
                print(violation)
                return
    raise AssertionError("the simulation does not see it")
