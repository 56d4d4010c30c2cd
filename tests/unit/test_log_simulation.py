"""Whole clusters in virtual time: real sequencers, ownership, followers and gateways on a model of
PostgreSQL and of the bus, under every trouble that one seed draws.

    BONGSU_SEEDS=5000 pytest tests/unit/test_log_simulation.py      more of it
    BONGSU_SEED=17    pytest tests/unit/test_log_simulation.py      one run again, with its log

What is checked stands in `simulation.scenario`: acknowledged means durable, once, at one place;
positions are dense; followers show each durable entry once and in order; memory is never stale;
each sender's order in a room is kept; and once the trouble is over everybody is answered. That the
checks see something is checked by breaking a promise on purpose.
"""

import logging
import os
from collections.abc import Iterator

import pytest
import structlog
from simulation import scenario
from simulation.engine import Violation
from simulation.scenario import Mutation, Scenario
from simulation.virtual_loop import run, virtual_monotonic

from bongsu.log import follower, gateway, ownership, pending, sequencer

SEEDS = int(os.environ.get("BONGSU_SEEDS", "200"))
ONE_SEED = os.environ.get("BONGSU_SEED")
CHUNKS = 10  # tests that share the seeds, so that one shows how far they are
MUTANT_SEEDS_MAX = 60


@pytest.fixture(autouse=True)
def virtual_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for module in (follower, gateway, ownership, pending, sequencer):
        monkeypatch.setattr(module, "monotonic", virtual_monotonic)
    for module in (follower, ownership, sequencer):
        monkeypatch.setattr(module, "PARTITIONS", scenario.PARTITIONS)
    ownership.rendezvous.cache_clear()
    if ONE_SEED is None:
        quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
        for module in (follower, gateway, ownership, sequencer):
            monkeypatch.setattr(module, "log", structlog.wrap_logger(None, wrapper_class=quiet))
    yield
    ownership.rendezvous.cache_clear()


def simulate(seed: int, mutation: Mutation = Mutation()) -> Scenario:  # noqa: B008
    made: list[Scenario] = []

    async def main() -> None:
        made.append(Scenario(seed, mutation))
        await made[0].run()

    try:
        run(main())
    except Violation as violation:
        raise Violation(f"BONGSU_SEED={seed}: {violation}") from violation
    return made[0]


@pytest.mark.parametrize("chunk", range(1 if ONE_SEED else CHUNKS))
def test_every_promise_is_kept_in_every_trouble(chunk: int) -> None:
    seeds = [int(ONE_SEED)] if ONE_SEED else range(chunk, SEEDS, CHUNKS)
    said = sum(len(simulate(seed).said) for seed in seeds)
    assert said > 0


def test_a_seed_tells_the_same_story_again() -> None:
    one, two = simulate(3), simulate(3)
    assert [e.body for e in one.engine.entries()] == [e.body for e in two.engine.entries()]
    assert list(one.said) == list(two.said)


@pytest.mark.parametrize(
    "mutation",
    [
        Mutation(ignore_fence=True),
        Mutation(hasty=True),
        Mutation(forgetful=False),
        Mutation(undoes=False),
    ],
    ids=[
        "the fence is ignored",
        "acknowledged before the commit",
        "memory outlives ownership",
        "memory outlives a refused batch",
    ],
)
def test_a_broken_promise_is_found(mutation: Mutation) -> None:
    with pytest.raises(Violation):
        _simulate_many(mutation)


def _simulate_many(mutation: Mutation) -> None:
    for seed in range(MUTANT_SEEDS_MAX):
        simulate(seed, mutation)
