"""Goal: no acknowledged row is lost, whatever hangs, crashes, is cut off or arrives late.
Method: thousands of steps in a world of three sites, each run from one seed, shown when it fails.
`WITNESS_SEED` repeats one run, `WITNESS_RUNS` asks for more.
"""

import os

import pytest
from simulation.witness_world import Lost, Mutation, World

RUNS = int(os.environ.get("WITNESS_RUNS", "40"))
FIRST = int(os.environ.get("WITNESS_SEED", "1"))
MUTANT_RUNS_MAX = 2000


def test_acknowledged_rows_are_kept_whatever_breaks() -> None:
    promotions = deposals = acknowledged = 0
    for seed in range(FIRST, FIRST + RUNS):
        world = World(seed)
        try:
            world.run()
            world.settle()
        except AssertionError as error:
            raise AssertionError(f"WITNESS_SEED={seed} WITNESS_RUNS=1: {error}") from error
        promotions += world.promotions
        deposals += world.deposals
        acknowledged += len(world.acknowledged)
    # The runs are worth something only if much happened in them.
    if RUNS > 1:
        assert min(deposals, promotions) >= RUNS // 8, (promotions, deposals, acknowledged)
    assert acknowledged >= RUNS * 100


@pytest.mark.parametrize(
    "mutation",
    [
        Mutation(fences=False, checks_candidate=False),
        Mutation(checks_candidate=False),
        Mutation(fences=False),
    ],
    ids=["no fence at all", "candidates unchecked", "witnesses that only say they are fenced"],
)
def test_a_broken_witness_is_found(mutation: Mutation) -> None:
    for seed in range(1, MUTANT_RUNS_MAX):
        try:
            World(seed, mutation).run()
        except Lost:
            return
    raise AssertionError("the simulation does not see it")
