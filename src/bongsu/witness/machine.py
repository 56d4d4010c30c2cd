"""When to suspect, fence, vote, depose and unfence. No clock, no chance, no IO.

`decide(site, memory, view, limits)` looks at everything afresh and gives at most one action. What
an action did is never assumed: the next view shows it. So a lost answer needs no special case, and
neither does a crash: a new witness with an empty memory reads in etcd and PostgreSQL where the old
one stood. The life of a reign under suspicion, at one standby site:

    trusting ──T silent──▶ suspecting ──others too──▶ fencing ──receiver ended──▶ voting
        ▲                       │                                                   │
        ├───────answers─────────┘                      all votes stand: leader key deleted
        ├──unfenced◀──vote withdrawn◀──answers, or the others are not with us───────┤
        └──unfenced◀──Patroni names the new leader◀──newer leader key◀──────────────┘

A leader that answers but cannot write has a shorter story: see `handover`.

Rules that keep acknowledged rows (each is a property in the tests):

1. A vote stands only while this site is fenced: fence before `Cast`, `Withdraw` before `Unfence`.
   A write that timed out may still arrive, so a vote is written by comparing its mod_revision, and
   `Withdraw` (which changes it) precedes every unfencing under the reign that was voted against.
2. `Depose` compares in its own transaction all that it rests on: the reign, Patroni's /sync, and
   enough votes that no commit can gather its copies without one of the voters.
3. With no leader key the fence holds: whoever races for the key may be counting on it.
4. Only a standby votes, so the primary's own site never does.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from bongsu.witness import handover
from bongsu.witness.memory import Limits, Memory, Outcome, hold
from bongsu.witness.model import (
    Action,
    Answer,
    Cast,
    Cluster,
    Decision,
    Depose,
    Fence,
    Leader,
    Request,
    Standby,
    Suspect,
    Sync,
    Trust,
    Unfence,
    View,
    Vote,
    Withdraw,
)


def decide(site: str, memory: Memory, view: View, limits: Limits, sites: int) -> Outcome:
    """The next memory and action of the witness of `site`, one of so many `sites`."""
    cluster, standby = view.cluster, view.standby
    if cluster is None:
        return hold(memory, "no majority of etcd answers")
    memory = handover.noticed(memory, cluster, view.now, limits)
    if standby is None:
        return hold(memory, "our PostgreSQL does not answer")
    look = _Look(site, memory, view, limits, sites, cluster, standby)
    if not standby.in_recovery:
        return look.as_primary()
    if look.vote.against:
        return look.with_vote()
    if (request := look.open_request()) is not None:
        return look.for_candidate(request)
    return look.with_fence() if standby.has_fence else look.unfenced()


@dataclass(frozen=True)
class _Look:
    site: str
    memory: Memory
    view: View
    limits: Limits
    sites: int
    cluster: Cluster
    standby: Standby

    # -- what is so ------------------------------------------------------------------------------

    @property
    def leader(self) -> Leader | None:
        return self.cluster.leader

    @property
    def vote(self) -> Vote:
        return self.cluster.votes.get(self.site, Vote())

    @property
    def is_silent(self) -> bool:
        return self.view.silence >= self.limits.silence

    def sync_covered_by(self, against: Iterable[str], leader: Leader) -> Sync | None:
        """/sync, if the sites `against` are enough to depose `leader`: a majority of all sites,
        and no commit can do without them."""
        standbys, sync = frozenset(against) - {leader.name}, self.cluster.sync
        if sync is None or sync.leader != leader.name or len(standbys) <= self.sites // 2:
            return None
        return sync if sync.is_covered_by(standbys) else None

    def is_agreed(self, leader: Leader) -> bool:
        """Whether enough sites suspect this reign, ours now included."""
        suspects = {
            s for s, revision in self.cluster.suspects.items() if revision == leader.revision
        }
        voters = {s for s, vote in self.cluster.votes.items() if vote.against == leader.revision}
        return self.sync_covered_by(suspects | voters | {self.site}, leader) is not None

    def open_request(self) -> Request | None:
        """A candidate's request that we have not answered, if that candidate holds the key."""
        for request in self.cluster.requests:
            if (
                self.leader is not None
                and request.by == self.leader.name != self.site
                and request.revision == self.leader.revision
                and self.cluster.answers.get(self.site) != request.id
            ):
                return request
        return None

    # -- what to do ------------------------------------------------------------------------------

    def as_primary(self) -> Outcome:
        """Never a voter; tidies what it left from its time as a standby."""
        if self.leader is None or self.leader.name != self.site:
            return self.hold("not in recovery, but the leader key is not ours")
        if self.standby.has_fence:
            return self.act(Unfence(), "promoted: the fence has done its work")
        if self.vote.against:
            return self.withdraw(self.leader, "promoted: the vote has done its work")
        return self.trust() or self.hold("our own site leads")

    def with_vote(self) -> Outcome:
        """Our vote stands, so must the fence, until the vote is void or withdrawn."""
        leader, vote = self.leader, self.vote
        if leader is None:
            if not self.standby.is_fenced:
                return self.fence("a vote of ours stands without its fence")
            return self.hold("deposed: waiting for a new leader")
        if leader.revision != vote.against:
            if leader.name == self.site:
                return self.hold("promotion is under way")
            return self.withdraw(leader, "a newer leader reigns")
        if not self.standby.is_fenced:
            return self.withdraw(leader, "the fence is broken")
        if not self.is_silent:
            return self.withdraw(leader, "the leader answers")
        return self.depose(leader)

    def depose(self, leader: Leader) -> Outcome:
        votes = {
            site: vote.mod_revision
            for site, vote in self.cluster.votes.items()
            if vote.against == leader.revision
        }
        sync = self.sync_covered_by(votes, leader)
        if sync is not None:
            return self.act(Depose(leader, sync.mod_revision, votes), "every vote needed stands")
        if not self.is_attempting(leader):
            return self.withdraw(leader, "the other sites did not join in time")
        return self.hold("waiting for the other votes")

    def for_candidate(self, request: Request) -> Outcome:
        """A candidate waits for us, with the leader key in its hand."""
        if not self.standby.is_fenced:
            return self.fence(f"{request.by} asks before it promotes")
        position, timeline = self.standby.position, self.standby.timeline
        if position is None:
            return self.hold("still replaying what was received")
        return self.act(Answer(request, position, timeline), f"fenced for {request.by}")

    def with_fence(self) -> Outcome:
        """Fenced, and no vote of ours is known: go on, or go back."""
        leader = self.leader
        if leader is None:
            return self.hold("fenced: waiting for a leader")
        if self.is_silent and self.is_attempting(leader) and self.is_agreed(leader):
            if not self.standby.is_fenced:
                return self.fence("the WAL receiver still runs")
            cast = Cast(leader.revision, self.vote.mod_revision, self.standby.position)
            return self.act(cast, "fenced", vote_may_arrive=True)
        return self.release(leader)

    def release(self, leader: Leader) -> Outcome:
        """Back to a following standby, in an order that a crash or a lost answer cannot harm."""
        if leader.name == self.site:
            return self.hold("promotion is under way")
        if self.memory.vote_may_arrive:
            return self.withdraw(leader, "no vote may stand without a fence")
        if self.standby.follows != self.cluster.addresses.get(leader.name, ("", 0)):
            return self.hold(f"Patroni has not named {leader.name} yet")
        return self.act(Unfence(), f"Patroni follows {leader.name}")

    def unfenced(self) -> Outcome:
        """The ordinary days."""
        leader, now = self.leader, self.view.now
        if leader is None:
            return self.hold("no leader, and Patroni knows it")
        if leader.name == self.site:
            return self.trust() or self.hold("promotion is under way")
        if not self.is_silent:
            return self.trust() or self.take_over(leader) or self.hold("the leader answers")
        if self.cluster.is_paused:
            return self.hold("silent, but Patroni is paused")
        if now < self.memory.hold_until:
            return self.hold("silent, but tried too recently")
        if not self.is_suspicion_fresh(leader):
            reason = f"silent for {self.limits.silence:g} s"
            suspecting = leader.revision
            return self.act(Suspect(suspecting), reason, suspecting=suspecting, suspected_at=now)
        if self.is_agreed(leader):
            return self.attempt(leader)
        return self.hold("silent: waiting for the other sites to agree")

    def attempt(self, leader: Leader) -> Outcome:
        """Begin to depose; each beginning makes the next one wait longer."""
        memory, now, limits = self.memory, self.view.now, self.limits
        strikes = limits.strikes(memory.strikes, now - memory.attempt_at)
        begun = replace(
            memory, attempt=leader.revision, attempt_at=now, strikes=strikes,
            hold_until=now + limits.holdoff(strikes),
        )  # fmt: skip
        return replace(self, memory=begun).fence(f"the sites agree that {leader.name} is silent")

    def take_over(self, leader: Leader) -> Outcome | None:
        """From a leader that answers; None while its disk is not known to be full."""
        if self.view.full < self.limits.full:
            return None
        now, limits = self.view.now, self.limits
        return handover.offer(
            self.site, self.memory, now, limits, self.cluster, self.standby, leader
        )

    # -- steps -----------------------------------------------------------------------------------

    def is_attempting(self, leader: Leader) -> bool:
        memory = self.memory
        patient = self.view.now - memory.attempt_at < self.limits.patience
        return memory.attempt == leader.revision and patient

    def is_suspicion_fresh(self, leader: Leader) -> bool:
        memory = self.memory
        age = self.view.now - memory.suspected_at
        return memory.suspecting == leader.revision and age < self.limits.suspect_refresh

    def fence(self, reason: str) -> Outcome:
        """Write the override, unless that was just done and only waits to take effect."""
        now = self.view.now
        if self.standby.has_fence and now - self.memory.fence_at < self.limits.fence_retry:
            return self.hold("waiting for the WAL receiver to end")
        return self.act(Fence(), reason, fence_at=now)

    def withdraw(self, leader: Leader, reason: str) -> Outcome:
        return self.act(Withdraw(self.vote.mod_revision, leader.revision), reason, attempt=0)

    def trust(self) -> Outcome | None:
        if not self.memory.suspecting:
            return None
        return self.act(Trust(), "the leader answers", suspecting=0)

    def act(self, action: Action, reason: str, **changes: object) -> Outcome:
        return replace(self.memory, **changes), Decision(action, reason)  # type: ignore[arg-type]

    def hold(self, reason: str) -> Outcome:
        return hold(self.memory, reason)


def withdrawn(memory: Memory) -> Memory:
    """After a `Withdraw` that succeeded: every earlier vote is void wherever it is."""
    return replace(memory, vote_may_arrive=False)
