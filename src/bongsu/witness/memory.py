"""What the decisions remember, and the limits they keep to. Pure."""

from dataclasses import dataclass

from bongsu.witness.model import Decision, Hold

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """In seconds, and `room` in bytes."""

    silence: float = 2.0  # T: so long without a sign of life makes a suspect
    suspect_refresh: float = 1.0  # well within the lease of a suspicion
    fence_retry: float = 1.0  # the override was written, the receiver still runs: again
    patience: float = 3.0  # fenced and waiting for the others' votes
    holdoff_first: float = 10.0  # from one attempt to the next; doubles with each
    holdoff_max: float = 300.0
    calm: float = 20.0  # so much longer without an attempt than one had to wait forgives one
    full: float = 5.0  # so long without a successful write makes a disk full
    offer_retry: float = 2.0  # a handover was asked for, nothing shows: again
    room: int = 256 * MIB  # what a site must have left to offer itself: minutes of work

    def holdoff(self, strikes: int) -> float:
        """How long to wait after so many attempts in a row."""
        return min(self.holdoff_first * 2 ** (strikes - 1), self.holdoff_max)

    def strikes(self, before: int, since: float) -> int:
        """With one more attempt, `since` seconds after the last one. To have waited as long as one
        must is no calm: else the waits would stop growing."""
        if not before:
            return 1
        forgiven = int(max(0.0, since - self.holdoff(before)) / self.calm)
        return max(0, before - forgiven) + 1


@dataclass(frozen=True)
class Memory:
    """What is worth knowing between two looks, and harmless to lose."""

    suspecting: int = 0  # the revision our suspicion names
    suspected_at: float = 0.0
    attempt: int = 0  # the revision we are fenced against
    attempt_at: float = 0.0
    strikes: int = 0  # recent attempts, forgiven with time
    hold_until: float = 0.0
    fence_at: float = float("-inf")
    vote_may_arrive: bool = (
        True  # a vote of ours, or of the witness before us, is perhaps under way
    )
    offered_at: float = float("-inf")
    handover: int = 0  # the last one that we saw, whoever asked for it
    handover_at: float = 0.0
    handovers: int = 0  # recent ones, forgiven with time


Outcome = tuple[Memory, Decision]


def hold(memory: Memory, reason: str) -> Outcome:
    return memory, Decision(Hold(), reason)
