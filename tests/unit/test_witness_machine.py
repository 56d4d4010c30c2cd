"""The witness' decisions, one look at a time."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bongsu.witness.candidate import Found, RefusedPromotion, check, check_room
from bongsu.witness.fullness import STALE_SECONDS, Fullness
from bongsu.witness.machine import decide
from bongsu.witness.memory import MIB, Limits, Memory
from bongsu.witness.model import (
    Action,
    Answer,
    Cast,
    Cluster,
    Depose,
    Fence,
    HandOver,
    Hold,
    Leader,
    Request,
    Standby,
    Suspect,
    Switchover,
    Sync,
    Trust,
    Unfence,
    View,
    Vote,
    Withdraw,
)
from bongsu.witness.pulse import Pulse
from bongsu.witness.standby import conninfo_address, position_of

LIMITS = Limits()
ADDRESSES = {"a": ("a", 5432), "b": ("b", 5432), "c": ("c", 5432)}
A_LEADS = Cluster(
    leader=Leader("a", 7, 1), sync=Sync("a", frozenset("bc"), 1, 5), addresses=ADDRESSES
)
FOLLOWING = Standby(
    in_recovery=True, follows=ADDRESSES["a"], position=100, timeline=3, room=1024 * MIB
)
FENCED = replace(FOLLOWING, has_fence=True, is_cut=True)
SILENT = LIMITS.silence + 0.1


def look(
    cluster: Cluster | None = A_LEADS,
    standby: Standby | None = FOLLOWING,
    *,
    silence: float = SILENT,
    full: float = 0.0,
    memory: Memory | None = None,
    site: str = "b",
    now: float = 1000.0,
) -> tuple[Memory, Action]:
    memory, decision = decide(
        site, memory or Memory(), View(now, silence, cluster, standby, full), LIMITS, 3
    )
    return memory, decision.action


def voted(*sites: str, against: int = 7) -> dict[str, Vote]:
    return {site: Vote(against, 10 + number) for number, site in enumerate(sites)}


ATTEMPTING = Memory(suspecting=7, suspected_at=999.0, attempt=7, attempt_at=999.5)


# -- the road to a deposal -----------------------------------------------------------------------


def test_from_silence_to_a_deleted_leader_key() -> None:
    memory, action = look()
    assert action == Suspect(7)
    memory, action = look(memory=memory)
    assert action == Hold(), "one suspect is none"
    both = replace(A_LEADS, suspects={"b": 7, "c": 7})
    memory, action = look(both, memory=memory)
    assert action == Fence()
    memory, action = look(both, replace(FENCED, is_cut=False), memory=memory)
    assert action == Hold(), "the receiver still runs"
    memory, action = look(both, FENCED, memory=memory)
    assert action == Cast(7, 0, 100)
    memory, action = look(replace(both, votes=voted("b")), FENCED, memory=memory)
    assert action == Hold()
    memory, action = look(replace(both, votes=voted("b", "c")), FENCED, memory=memory)
    assert action == Depose(Leader("a", 7, 1), 5, {"b": 10, "c": 11})


def test_a_suspicion_is_renewed_before_its_lease_ends() -> None:
    memory, _ = look()
    assert look(memory=memory, now=1000.5)[1] == Hold()
    assert look(memory=memory, now=1001.1)[1] == Suspect(7)


def test_a_leader_that_answers_is_trusted_again() -> None:
    memory, _ = look()
    memory, action = look(memory=memory, silence=0.1)
    assert action == Trust()
    assert look(memory=memory, silence=0.1)[1] == Hold()


@pytest.mark.parametrize(
    "cluster",
    [
        replace(A_LEADS, suspects={"b": 7, "c": 6}),  # of another reign
        replace(A_LEADS, suspects={"b": 7, "a": 7}),  # the leader's own witness
        replace(A_LEADS, suspects={"b": 7, "c": 7}, sync=None),
        replace(A_LEADS, suspects={"b": 7, "c": 7}, sync=Sync("c", frozenset("ab"), 1, 5)),
        replace(A_LEADS, suspects={"b": 7, "c": 7}, sync=Sync("a", frozenset("bcde"), 3, 5)),
        replace(A_LEADS, suspects={"b": 7, "c": 7}, is_paused=True),
    ],
)
def test_no_fence_without_enough_suspects_of_this_reign(cluster: Cluster) -> None:
    memory = Memory(suspecting=7, suspected_at=999.9)
    assert look(cluster, memory=memory)[1] == Hold()


def test_the_primary_s_own_witness_and_one_without_etcd_do_nothing() -> None:
    both = replace(A_LEADS, suspects={"b": 7, "c": 7})
    primary = Standby(in_recovery=False)
    assert look(both, primary, site="a")[1] == Hold()
    assert look(both, primary)[1] == Hold()
    assert look(None)[1] == Hold()
    assert look(both, None)[1] == Hold()


def test_failovers_back_off_and_calm_forgives() -> None:
    both = replace(A_LEADS, suspects={"b": 7, "c": 7})
    memory, now, waits = Memory(), 1000.0, list[float]()
    for _ in range(7):
        memory = replace(memory, suspecting=7, suspected_at=now)
        memory, action = look(both, memory=memory, now=now)
        assert action == Fence()
        assert look(both, memory=replace(memory, suspected_at=now), now=now + 1)[1] == Hold()
        waits.append(memory.hold_until - now)
        now = memory.hold_until
    assert waits == [10, 20, 40, 80, 160, LIMITS.holdoff_max, LIMITS.holdoff_max]
    # Primaries that are lost half a minute apart, as in drills, are each replaced at once.
    regular = Memory()
    for now_lost in range(2000, 2300, 30):
        regular = replace(regular, suspecting=7, suspected_at=float(now_lost))
        regular, action = look(both, memory=regular, now=float(now_lost))
        assert action == Fence()
        assert regular.hold_until - now_lost == LIMITS.holdoff_first
    memory = replace(memory, suspecting=7, suspected_at=now + 3000)
    memory, _ = look(both, memory=memory, now=now + 3000)
    assert memory.hold_until == now + 3000 + LIMITS.holdoff_first


# -- and back ------------------------------------------------------------------------------------


def test_giving_up_withdraws_the_vote_before_the_fence() -> None:
    cluster = replace(A_LEADS, votes=voted("b"))
    memory, action = look(cluster, FENCED, silence=0.0, memory=ATTEMPTING)
    assert action == Withdraw(10, 7)
    gone = replace(cluster, votes={"b": Vote(0, 20)})
    # Its answer was lost: the vote might be a later one still under way, so once more.
    memory, action = look(gone, FENCED, silence=0.0, memory=memory)
    assert action == Withdraw(20, 7)
    memory, action = look(gone, FENCED, silence=0.0, memory=replace(memory, vote_may_arrive=False))
    assert action == Unfence()


def test_patience_ends() -> None:
    cluster = replace(A_LEADS, votes=voted("b"))
    assert look(cluster, FENCED, memory=ATTEMPTING)[1] == Hold()
    assert look(cluster, FENCED, memory=ATTEMPTING, now=1010.0)[1] == Withdraw(10, 7)


def test_a_fence_holds_while_nobody_leads() -> None:
    nobody = replace(A_LEADS, leader=None)
    assert look(nobody, FENCED)[1] == Hold()
    assert look(replace(nobody, votes=voted("b")), FENCED)[1] == Hold()
    assert look(replace(nobody, votes=voted("b")), FOLLOWING)[1] == Fence(), "mended if broken"


@pytest.mark.parametrize("name", ["c", "a"])
def test_unfenced_when_patroni_names_the_newer_leader_whoever_that_is(name: str) -> None:
    newer = replace(A_LEADS, leader=Leader(name, 9, 2), votes=voted("b"))
    memory, action = look(newer, FENCED)
    assert action == Withdraw(10, 9)
    newer = replace(newer, votes={"b": Vote(0, 20)})
    memory = replace(memory, vote_may_arrive=False)
    other = replace(FENCED, follows=ADDRESSES["a" if name == "c" else "c"])
    assert look(newer, other, memory=memory)[1] == Hold()
    assert look(newer, replace(FENCED, follows=ADDRESSES[name]), memory=memory)[1] == Unfence()


def test_the_promoted_site_unfences_once_it_is_primary() -> None:
    own = replace(A_LEADS, leader=Leader("b", 9, 2), votes=voted("b"))
    assert look(own, FENCED)[1] == Hold()
    assert look(own, replace(FENCED, in_recovery=False))[1] == Unfence()
    assert look(own, Standby(in_recovery=False))[1] == Withdraw(10, 9)


def test_a_restart_while_fenced_withdraws_then_unfences() -> None:
    """A new witness has seen no silence yet, and its predecessor's vote may still count."""
    cluster = replace(A_LEADS, votes=voted("b", "c"))
    assert look(cluster, replace(FENCED, is_cut=False), silence=0.0)[1] == Withdraw(10, 7)
    assert look(A_LEADS, FENCED, silence=0.0)[1] == Withdraw(0, 7)


# -- candidates ----------------------------------------------------------------------------------


def test_a_candidate_with_the_key_gets_a_fence_and_an_answer() -> None:
    asked = replace(A_LEADS, leader=Leader("c", 9, 2), requests=(Request("x", "c", 9),))
    assert look(asked, silence=0.0)[1] == Fence()
    assert look(asked, replace(FENCED, position=None), silence=0.0)[1] == Hold()
    answer = Answer(Request("x", "c", 9), 100, 3)
    assert look(asked, FENCED, silence=0.0)[1] == answer
    answered = replace(asked, answers={"b": "x"})
    assert look(answered, FOLLOWING, silence=0.0)[1] == Hold()


@pytest.mark.parametrize("request_", [Request("x", "c", 8), Request("x", "a", 9)])
def test_who_has_not_the_key_is_not_answered(request_: Request) -> None:
    asked = replace(A_LEADS, leader=Leader("c", 9, 2), requests=(request_,))
    assert look(asked, silence=0.0)[1] == Hold()


def at(position: int | None, timeline: int = 1) -> Standby:
    return Standby(in_recovery=True, position=position, timeline=timeline)


def test_a_candidate_is_refused_when_another_is_ahead_or_unknown() -> None:
    sync = Sync("a", frozenset("bc"), 1, 5)
    assert check(at(100), {"c": Found(100, 1, "fenced")}, "b", sync)
    with pytest.raises(RefusedPromotion, match="ahead by 1"):
        check(at(100), {"c": Found(101, 1, "fenced")}, "b", sync)
    with pytest.raises(RefusedPromotion, match="may hold commits"):
        check(at(100), {}, "b", sync)
    with pytest.raises(RefusedPromotion, match="own position"):
        check(at(None), {"c": Found(100, 1, "fenced")}, "b", sync)
    assert check(at(100), {}, "b", Sync("a", frozenset("b"), 0, 5)) == ""


def test_who_missed_a_promotion_is_refused_however_far_it_is() -> None:
    """The leader that /sync names too: one after it may be known to the others alone."""
    sync = Sync("a", frozenset("bc"), 1, 5)
    for site in "ab":
        with pytest.raises(RefusedPromotion, match="c followed a promotion that we have missed"):
            check(at(200, 1), {"c": Found(100, 2, "fenced")}, site, sync)
    assert check(at(None, 2), {"c": Found(100, 2, "fenced")}, "a", sync)
    assert check(at(100, 2), {"c": Found(100, 0, "fenced")}, "b", sync), "of the release before"
    with pytest.raises(RefusedPromotion, match="may hold commits"):
        check(at(200, 1), {}, "a", sync)


# -- full disks ----------------------------------------------------------------------------------

FULL = LIMITS.full + 1.0


def test_a_full_leader_is_asked_to_hand_over_once_and_the_next_wait_is_longer() -> None:
    assert look(silence=0.0, full=FULL - 2.0)[1] == Hold()
    memory, action = look(silence=0.0, full=FULL)
    assert action == HandOver(Leader("a", 7, 1), 5, 0, 10)
    assert look(silence=0.0, full=FULL, memory=memory)[1] == Hold(), "its answer may be under way"
    asked = replace(A_LEADS, switchover=Switchover(True, 30), handover=30)
    memory, action = look(asked, silence=0.0, full=FULL, memory=memory, now=1005.0)
    assert action == Hold()
    again = replace(A_LEADS, leader=Leader("c", 9, 2), sync=Sync("c", frozenset("ab"), 1, 6))
    again = replace(again, switchover=Switchover(False, 31))
    memory, action = look(again, silence=0.0, full=FULL, memory=memory, now=1020.0)
    assert action == HandOver(Leader("c", 9, 2), 6, 31, 20)


@pytest.mark.parametrize(
    ("cluster", "standby"),
    [
        (A_LEADS, replace(FOLLOWING, room=LIMITS.room - 1)),
        (A_LEADS, replace(FOLLOWING, room=None)),
        (replace(A_LEADS, sync=None), FOLLOWING),
        (replace(A_LEADS, sync=Sync("a", frozenset("c"), 0, 5)), FOLLOWING),
        (replace(A_LEADS, sync=Sync("c", frozenset("ab"), 1, 5)), FOLLOWING),
        (replace(A_LEADS, is_paused=True), FOLLOWING),
        (replace(A_LEADS, switchover=Switchover(True, 30)), FOLLOWING),
        (replace(A_LEADS, handover=30), FOLLOWING),
        (replace(A_LEADS, leader=None), FOLLOWING),
        (replace(A_LEADS, leader=Leader("b", 7, 1)), FOLLOWING),
        (A_LEADS, Standby(in_recovery=False, room=1024 * MIB)),
    ],
)
def test_who_may_not_or_cannot_take_over_does_not_offer(cluster: Cluster, standby: Standby) -> None:
    assert look(cluster, standby, silence=0.0, full=FULL)[1] == Hold()


def test_nobody_is_promoted_without_room_and_unknown_room_forbids_nothing() -> None:
    check_room(None)
    check_room(64 * MIB)
    with pytest.raises(RefusedPromotion, match="our disk is full"):
        check_room(64 * MIB - 1)


def test_a_disk_is_full_only_by_refusals_without_a_break() -> None:
    fullness = Fullness()
    for second in range(4):
        fullness.refused(7, 100.0 + second)
    assert fullness.seconds(7, 103.5) == 3.0
    assert fullness.seconds(9, 103.5) == 0.0, "of another reign"
    assert fullness.seconds(7, 103.1 + STALE_SECONDS) == 0.0, "nobody answers any more"
    fullness.refused(7, 103.1 + STALE_SECONDS)
    assert fullness.seconds(7, 103.1 + STALE_SECONDS) == 0.0, "and what was before does not count"
    fullness.refused(7, 107.0)
    fullness.wrote(9)
    assert fullness.seconds(7, 107.0) > 0.0
    fullness.wrote(7)
    assert fullness.seconds(7, 107.0) == 0.0


# -- any view whatever ---------------------------------------------------------------------------

revisions = st.sampled_from([0, 7, 9])
names = st.sampled_from("abc")
votes = st.builds(Vote, revisions, st.integers(0, 30))
clusters = st.builds(
    Cluster,
    leader=st.none() | st.builds(Leader, names, st.sampled_from([7, 9]), st.just(1)),
    sync=st.none()
    | st.builds(Sync, names, st.frozensets(names), st.integers(0, 2), st.integers(1, 9)),
    addresses=st.just(ADDRESSES),
    suspects=st.dictionaries(names, revisions),
    votes=st.dictionaries(names, votes),
    requests=st.lists(st.builds(Request, st.just("x"), names, revisions), max_size=2).map(tuple),
    answers=st.dictionaries(names, st.just("x")),
    switchover=st.builds(Switchover, st.booleans(), st.integers(0, 30)),
    handover=st.sampled_from([0, 30]),
)
standbys = st.builds(
    Standby,
    in_recovery=st.booleans(),
    has_fence=st.booleans(),
    is_cut=st.booleans(),
    follows=st.none() | st.sampled_from(list(ADDRESSES.values())),
    position=st.none() | st.just(100),
    room=st.none() | st.sampled_from([0, LIMITS.room - 1, LIMITS.room]),
)
memories = st.builds(
    Memory,
    suspecting=revisions,
    suspected_at=st.floats(990, 1000),
    attempt=revisions,
    attempt_at=st.floats(990, 1000),
    strikes=st.integers(0, 9),
    hold_until=st.floats(990, 1010),
    vote_may_arrive=st.booleans(),
)


@given(clusters, standbys, memories, st.floats(0, 10), st.floats(0, 10))
def test_every_decision_keeps_the_rules(
    cluster: Cluster, standby: Standby, memory: Memory, silence: float, full: float
) -> None:
    _, action = look(cluster, standby, memory=memory, silence=silence, full=full)
    leader, vote = cluster.leader, cluster.votes.get("b", Vote())
    match action:
        case Depose():
            assert leader == action.leader
            assert cluster.sync is not None
            assert cluster.sync.leader == action.leader.name
            assert standby.in_recovery
            assert standby.is_fenced
            voters = frozenset(action.vote_mod_revisions) - {action.leader.name}
            assert all(cluster.votes[site].against == action.leader.revision for site in voters)
            assert len(voters) >= 2
            assert cluster.sync.is_covered_by(voters)
        case Cast():
            assert standby.in_recovery
            assert standby.is_fenced
            assert silence >= LIMITS.silence
            assert leader is not None
            assert leader.revision == action.revision
            assert leader.name != "b"
        case Unfence():
            assert leader is not None
            assert vote.against != leader.revision or not standby.in_recovery
            if standby.in_recovery:
                assert not vote.against
                assert not memory.vote_may_arrive
                assert standby.follows == ADDRESSES[leader.name]
        case Withdraw():
            assert leader is not None
            assert (action.mod_revision, action.revision) == (vote.mod_revision, leader.revision)
        case HandOver():
            assert standby.in_recovery
            assert full >= LIMITS.full
            assert silence < LIMITS.silence
            assert standby.room is not None
            assert standby.room >= LIMITS.room
            assert cluster.sync is not None
            assert "b" in cluster.sync.voters
            assert cluster.sync.leader == action.leader.name != "b"
            assert not cluster.switchover.is_open
            assert not cluster.handover
        case Answer():
            assert standby.is_fenced
            assert leader is not None
            assert leader.name == action.request.by != "b"
        case Suspect():
            assert standby.in_recovery
            assert silence >= LIMITS.silence
        case _:
            pass


# -- the senses ----------------------------------------------------------------------------------


def test_silence_counts_only_while_we_were_awake() -> None:
    pulse = Pulse()
    pulse.beat(7, 100.0)
    assert pulse.silence(100.5) == 0.5
    pulse.beat(7, 100.75)
    assert pulse.silence(100.75) == 0.75
    pulse.beat(7, 110.0)  # it was we who slept
    assert pulse.silence(110.0) == 0.0
    pulse.beat(7, 110.5)
    pulse.answered(6, 110.5)  # of a reign before
    assert pulse.silence(110.5) == 0.5
    pulse.answered(7, 110.5)
    assert pulse.silence(110.6) == pytest.approx(0.1)
    pulse.beat(9, 110.9)
    assert pulse.silence(110.9) == 0.0


def test_a_position_is_known_only_when_nothing_received_is_missing() -> None:
    row = {"received": None, "replayed": 50, "has_replayed_all": False}
    assert position_of(row) is None
    assert position_of(row | {"has_replayed_all": True}) == 50
    assert position_of(row | {"received": 70}) == 70
    assert position_of(row | {"received": 40}) == 50


def test_the_primary_is_read_from_a_conninfo() -> None:
    text = "user=replicator passfile='/x y/pgpass' host=10.0.0.1 port=5433 sslmode=prefer"
    assert conninfo_address(text) == ("10.0.0.1", 5433)
    assert conninfo_address("dbname='postgres' host='db.example'") == ("db.example", 5432)
    assert conninfo_address("") is None
