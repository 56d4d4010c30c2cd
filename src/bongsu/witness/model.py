"""What a witness sees: the cluster as etcd has it, its own standby, the primary's silence.

Sites go by the name of their Patroni member. A *revision* is the create_revision of Patroni's
leader key: it names one reign, and a later reign has a higher one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

Address = tuple[str, int]


@dataclass(frozen=True)
class Leader:
    """Patroni's leader key: who reigns, since when, under which lease of etcd."""

    name: str
    revision: int
    lease: int


@dataclass(frozen=True)
class Sync:
    """Patroni's /sync key: a commit of `leader` is on it and on `voters`, so many of them that any
    `quorum` + 1 voters hold at least one copy."""

    leader: str
    voters: frozenset[str]
    quorum: int
    mod_revision: int

    def is_covered_by(self, sites: frozenset[str]) -> bool:
        """Whether each commit needs one of `sites`: fenced together, they let none through."""
        return len(sites & self.voters) > self.quorum


@dataclass(frozen=True)
class Vote:
    """A site's word that it no longer receives from the reign `against`; 0: no word.

    It outlives its witness: a fence outlives it too. Every write compares `mod_revision`.
    """

    against: int = 0
    mod_revision: int = 0


@dataclass(frozen=True)
class Request:
    """A candidate that holds the leader key asks all others to fence before it promotes."""

    id: str
    by: str
    revision: int


@dataclass(frozen=True)
class Found:
    """What a site received; certainly no more of it comes from the old primary."""

    position: int
    timeline: int  # 0: a witness of the release before, which does not say
    how: str


@dataclass(frozen=True)
class Switchover:
    """Patroni's /failover key: an orderly change of the primary, asked for by whomever."""

    is_open: bool = False
    mod_revision: int = 0


@dataclass(frozen=True)
class Cluster:
    """One consistent reading of etcd, confirmed by a majority of it."""

    leader: Leader | None = None
    sync: Sync | None = None
    addresses: Mapping[str, Address] = field(default_factory=dict[str, Address])
    suspects: Mapping[str, int] = field(default_factory=dict[str, int])  # site: revision suspected
    votes: Mapping[str, Vote] = field(default_factory=dict[str, Vote])
    requests: tuple[Request, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict[str, str])  # site: request it answered
    is_paused: bool = False  # an operator's `patronictl pause`
    alone: str = ""  # the site that an operator lets go on without copies
    switchover: Switchover = Switchover()
    handover: int = 0  # mod_revision of the last one's key, while that forbids the next; 0: free


@dataclass(frozen=True)
class Standby:
    """The own PostgreSQL. `position` is the end of what it has received, in bytes of WAL; None as
    long as that is not sure. `timeline` is the latest of which it holds WAL: each promotion begins
    one, and positions tell who is ahead within one alone."""

    in_recovery: bool
    has_fence: bool = False  # the override of primary_conninfo is in its file
    is_cut: bool = False  # it is locked there, in force, and the WAL receiver has ended
    follows: Address | None = None  # the primary that Patroni's own postgresql.conf names
    position: int | None = None
    timeline: int = 0  # 0: not known
    room: int | None = None  # bytes that its disk has left; None: not known

    @property
    def is_fenced(self) -> bool:
        return self.has_fence and self.is_cut


@dataclass(frozen=True)
class View:
    """Everything at one moment. `now` is monotonic seconds; None: could not be read."""

    now: float
    silence: float  # seconds since the leader last gave a sign of life
    cluster: Cluster | None
    standby: Standby | None
    full: float = 0.0  # seconds for which the leader has refused to write: its disk is full


@dataclass(frozen=True)
class Hold:
    """Do nothing."""


@dataclass(frozen=True)
class Suspect:
    """Tell the others, under a short lease, that the reign `revision` is silent."""

    revision: int


@dataclass(frozen=True)
class Trust:
    """Take the suspicion back."""


@dataclass(frozen=True)
class Fence:
    """Stop receiving WAL: override primary_conninfo and let the WAL receiver end."""


@dataclass(frozen=True)
class Cast:
    """Vote against `revision`, if it still reigns and our vote is still at `mod_revision`."""

    revision: int
    mod_revision: int
    position: int | None


@dataclass(frozen=True)
class Withdraw:
    """Take the vote back, if it is still at `mod_revision` and the leader key is still `revision`.

    Once this succeeded no earlier `Cast` can arrive any more.
    """

    mod_revision: int
    revision: int


@dataclass(frozen=True)
class Depose:
    """Delete the leader key, if its revision, /sync and all votes are unchanged; end its lease."""

    leader: Leader
    sync_mod_revision: int
    vote_mod_revisions: Mapping[str, int]


@dataclass(frozen=True)
class HandOver:
    """Ask Patroni to move the primary from `leader` to our site, if leader and /sync are unchanged
    and nobody else asks; nobody may ask again for `holdoff` seconds."""

    leader: Leader
    sync_mod_revision: int
    switchover_mod_revision: int
    holdoff: float


@dataclass(frozen=True)
class Answer:
    """Tell a candidate that we are fenced, and how far we received."""

    request: Request
    position: int
    timeline: int


@dataclass(frozen=True)
class Unfence:
    """Follow again whom Patroni names."""


Action = Hold | Suspect | Trust | Fence | Cast | Withdraw | Depose | HandOver | Answer | Unfence


@dataclass(frozen=True)
class Decision:
    """What to do and why, in words for the log."""

    action: Action
    reason: str
