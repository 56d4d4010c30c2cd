"""The primary answers, but its disk is full: a site that has room offers itself. Pure.

Such a primary is not silent. It gives each look an answer and each write an error, and nobody can
send. Nobody needs to be deposed either: its Patroni lives, so the standby with room asks it for an
orderly switchover to itself. (One that crashes for want of room is Patroni's affair, or silent.)
What must hold, each a check by name in the simulation:

1. *Nothing is lost.* The old primary is shut down before the new one begins, so it acknowledges
   nothing after; who offers itself is in /sync; and `pre_promote` fences and compares on this path
   as on all others. What stands here says only when: if it errs, seconds are lost and no row.
2. *No promotion without room.* Who offers itself has room for minutes of work, and `pre_promote`
   refuses, on every path, where there is none for the WAL file that a promotion itself begins. Are
   all disks full, then nobody moves: it would cost seconds and gain none.
3. *Those who would take over see it for themselves.* The evidence is that the primary's PostgreSQL,
   asked by a standby's witness to write, answers "no space left", again and again for `full`
   seconds. One write that succeeds ends it, no answer proves nothing. The primary's own witness has
   no word in this: neither a lie of it nor its error can move a primary.
4. *No flapping.* A key in etcd, made with the request in one transaction, forbids everybody the
   next one until its lease ends, crashed witnesses or not; each doubles that time.
"""

from dataclasses import replace

from bongsu.witness.memory import Limits, Memory, Outcome, hold
from bongsu.witness.model import Cluster, Decision, HandOver, Leader, Standby


def noticed(memory: Memory, cluster: Cluster, now: float, limits: Limits) -> Memory:
    """Each handover that is seen, whoever asked for it, makes the next one wait longer."""
    if not cluster.handover or cluster.handover == memory.handover:
        return memory
    return replace(
        memory, handover=cluster.handover, handover_at=now,
        handovers=limits.strikes(memory.handovers, now - memory.handover_at),
    )  # fmt: skip


def offer(
    site: str, memory: Memory, now: float, limits: Limits, cluster: Cluster, standby: Standby,
    leader: Leader,
) -> Outcome:  # fmt: skip
    """The leader has been full for long: take over from it, if we may and can."""
    sync = cluster.sync
    if sync is None or sync.leader != leader.name or site not in sync.voters:
        return hold(memory, "the leader's disk is full, but we may lack commits")
    if (obstacle := _obstacle(limits, cluster, standby)) is not None:
        return hold(memory, f"the leader's disk is full, but {obstacle}")
    if now - memory.offered_at < limits.offer_retry:
        return hold(memory, "the leader's disk is full, and we have offered ours")
    strikes = limits.strikes(memory.handovers, now - memory.handover_at)
    action = HandOver(
        leader, sync.mod_revision, cluster.switchover.mod_revision, limits.holdoff(strikes)
    )
    reason = f"the leader's disk has been full for {limits.full:g} s"
    return replace(memory, offered_at=now), Decision(action, reason)


def _obstacle(limits: Limits, cluster: Cluster, standby: Standby) -> str | None:
    if cluster.is_paused:
        return "Patroni is paused"
    if standby.room is None:
        return "it is not known how much room we have"
    if standby.room < limits.room:
        return "ours has too little room as well"
    if cluster.switchover.is_open:
        return "a switchover is under way"
    if cluster.handover:
        return "the last handover was too recent"
    return None
