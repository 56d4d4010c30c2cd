"""Goal: no acknowledged row is lost, whatever hangs, crashes, is cut off, fills up or arrives late;
and a primary without room moves where there is some, there alone and not to and fro.
Method: thousands of steps in a world of three sites, each run from one seed, shown when it fails.
`WITNESS_SEED` repeats one run, `WITNESS_RUNS` asks for more.
"""

import os
from itertools import pairwise

import pytest
from simulation.witness_parts import LITTLE, PLENTY, Flapped, Lost, Mutation, PromotedFull
from simulation.witness_world import NEVER, STEP, World

RUNS = int(os.environ.get("WITNESS_RUNS", "1750"))
FIRST = int(os.environ.get("WITNESS_SEED", "1"))
CHUNKS = 10  # tests that share the seeds, so that one shows how far they are
MUTANT_RUNS_MAX = 2000
DIRECTED_RUNS = 30
STAYS_FULL_EVERY = 4  # runs, after which the disk of the primary of that moment gets no room
A_WHILE_SECONDS = 120.0
A_WHILE_STEPS = int(A_WHILE_SECONDS / STEP)


def play(world: World, seed: int) -> None:
    """Trouble, and then calm; in some runs the primary's disk stays full and it must move."""
    world.run()
    if seed % STAYS_FULL_EVERY == 0 and world.leader is not None:
        world.settle(3 * A_WHILE_STEPS // 2, full=world.leader.name)
    else:
        world.settle()


@pytest.mark.parametrize("chunk", range(CHUNKS if RUNS >= CHUNKS else 1))
def test_acknowledged_rows_are_kept_whatever_breaks(chunk: int) -> None:
    seeds = range(FIRST + chunk, FIRST + RUNS, CHUNKS if RUNS >= CHUNKS else 1)
    promotions = deposals = handovers = acknowledged = 0
    for seed in seeds:
        world = World(seed)
        try:
            play(world, seed)
        except AssertionError as error:
            raise AssertionError(f"WITNESS_SEED={seed} WITNESS_RUNS=1: {error}") from error
        promotions += world.promotions
        deposals += world.deposals
        acknowledged += len(world.acknowledged)
        handovers += len(world.handovers)
    print(
        f"{promotions} promotions, {deposals} deposals, {handovers} handovers, {acknowledged} rows"
    )
    # The runs are worth something only if much happened in them.
    if len(seeds) > 1:
        assert min(deposals, promotions, 2 * handovers) >= len(seeds) // 8
    assert acknowledged >= len(seeds) * 100


@pytest.mark.parametrize(
    ("mutation", "found"),
    [
        (Mutation(fences=False, checks_candidate=False), Lost),
        (Mutation(checks_candidate=False), Lost),
        (Mutation(fences=False), Lost),
        (Mutation(checks_timeline=False, minds_timelines=False), Lost),
        (Mutation(minds_room=False), PromotedFull),
    ],
    ids=[
        "no fence at all",
        "candidates unchecked",
        "witnesses that only say they are fenced",
        "nobody minds who missed a promotion",
        "nobody looks at the own disk",
    ],
)
def test_a_broken_witness_is_found(mutation: Mutation, found: type[AssertionError]) -> None:
    for seed in range(1, MUTANT_RUNS_MAX):
        try:
            World(seed, mutation).run()
        except found:
            return
    raise AssertionError("the simulation does not see it")


# -- no witnesses --------------------------------------------------------------------------------


def hang_without_witnesses(seed: int, mutation: Mutation | None = None) -> World:
    """The primary hangs, its backends do not, and `pre_promote` has to look for itself."""
    world = World(seed, mutation)
    world.is_calm = True
    for name in "bc":
        world.crash_witness(world.sites[name], NEVER)
    world.sites["a"].daemons_up = False
    for _ in range(A_WHILE_STEPS):
        world.advance()
    return world


def test_a_candidate_does_without_witnesses() -> None:
    for seed in range(1, DIRECTED_RUNS):
        assert hang_without_witnesses(seed).promotions == 1, seed


def test_that_a_receiver_is_taken_to_obey_at_once_is_found() -> None:
    def run_all() -> None:
        for seed in range(1, DIRECTED_RUNS):
            hang_without_witnesses(seed, Mutation(asks_receiver=False))

    with pytest.raises(Lost):
        run_all()


# -- two promotions ------------------------------------------------------------------------------


def promote_and_vanish(seed: int, mutation: Mutation | None = None) -> World:
    """The old primary is cut off, and writes on in vain; the new one acknowledges rows and is gone
    before etcd knows of it; and then the old one is back, with the longest WAL of all."""
    world = World(seed, mutation)
    world.is_calm = True
    old = world.sites["a"]
    old.etcd_link, old.daemons_up = False, False
    for other in "bc":
        world.links["a", other] = world.links[other, "a"] = False
    while not world.promotions:
        world.advance()
    new = next(site for site in world.sites.values() if site.is_primary and site is not old)
    new.patroni_at = NEVER
    before = len(world.acknowledged)
    while len(world.acknowledged) < before + 10:
        world.advance()
    new.daemons_up = new.backends_up = new.witness_up = new.etcd_link = False
    old.etcd_link = old.daemons_up = True
    world.links = dict.fromkeys(world.links, True)
    old.wal += range(-1, -100, -1)
    for _ in range(A_WHILE_STEPS):
        world.advance()
    new.patroni_at = 0
    return world


def test_the_old_primary_does_not_follow_a_new_one_that_etcd_never_knew() -> None:
    for seed in range(1, DIRECTED_RUNS):
        world = promote_and_vanish(seed)
        assert world.promotions == 1, seed
        world.settle()


def test_that_the_old_primary_is_believed_for_its_position_is_found() -> None:
    def run_all() -> None:
        for seed in range(1, DIRECTED_RUNS):
            promote_and_vanish(seed, Mutation(minds_timelines=False))

    with pytest.raises(Lost):
        run_all()


# -- full disks ----------------------------------------------------------------------------------


def quiet_world(mutation: Mutation | None = None) -> World:
    """Nothing breaks but what the test breaks."""
    world = World(1, mutation)
    world.is_calm = True
    world.advance()
    return world


def fill(world: World, rooms: dict[str, int], seconds: float) -> None:
    for name, room in rooms.items():
        world.sites[name].room = room
    for _ in range(int(seconds / STEP)):
        world.advance()


def fill_whoever_leads(world: World, seconds: float) -> None:
    for _ in range(int(seconds / STEP)):
        for site in world.sites.values():
            site.room = 0 if site.is_primary else PLENTY
        world.advance()


@pytest.mark.parametrize(
    "rooms",
    [{"a": 0, "b": 0, "c": 0}, {"a": 0, "b": 0, "c": LITTLE}, {"a": 0, "b": LITTLE, "c": LITTLE}],
    ids=["all are full", "one has a little left", "two have a little left"],
)
def test_nobody_moves_when_no_disk_has_room(rooms: dict[str, int]) -> None:
    world = quiet_world()
    fill(world, rooms, A_WHILE_SECONDS)
    assert (world.promotions, world.deposals, world.handovers) == (0, 0, [])
    before = len(world.acknowledged)
    fill(world, dict.fromkeys(rooms, PLENTY), 5.0)
    assert len(world.acknowledged) > before


@pytest.mark.parametrize("also_full", ["b", "c"])
def test_a_full_primary_moves_to_the_standby_that_has_room(also_full: str) -> None:
    world = quiet_world()
    fill(world, {"a": 0, also_full: 0}, A_WHILE_SECONDS)
    (only,) = {"b", "c"} - {also_full}
    assert world.sites[only].is_primary
    assert world.promotions == len(world.handovers) == 1


def test_that_nobody_asks_a_full_primary_to_write_is_found() -> None:
    world = quiet_world(Mutation(hands_over=False))
    with pytest.raises(AssertionError, match="no commit is acknowledged"):
        world.settle(A_WHILE_STEPS, full="a")


def test_a_disk_that_fills_wherever_the_primary_is_makes_it_move_ever_more_rarely() -> None:
    world = quiet_world()
    fill_whoever_leads(world, 5 * A_WHILE_SECONDS)
    gaps = [STEP * (b - a) for a, b in pairwise(world.handovers)]
    first = world.limits.holdoff_first
    assert all(gap >= first * 2**n for n, gap in enumerate(gaps[:4])), gaps
    assert 4 <= len(gaps) <= 8, gaps


def test_that_handovers_do_not_wait_for_one_another_is_found() -> None:
    with pytest.raises(Flapped):
        fill_whoever_leads(quiet_world(Mutation(waits=False)), A_WHILE_SECONDS)
