"""The sites of `simulation.witness_world`, what may be broken on purpose, and what must not be."""

from dataclasses import dataclass, field
from typing import Any

from bongsu.witness.fullness import Fullness
from bongsu.witness.memory import Memory
from bongsu.witness.model import Request
from bongsu.witness.pulse import Pulse

PLENTY = 1 << 40
LITTLE = 100 << 20  # enough for a promotion, too little to offer oneself


class Lost(AssertionError):
    """An acknowledged row is, or may now be, gone."""


class PromotedFull(AssertionError):
    """A site without room was promoted."""


class Flapped(AssertionError):
    """The primary was handed over again too soon."""


@dataclass
class Mutation:
    """What to break on purpose."""

    fences: bool = True  # a fence ends the WAL receiver
    holds_fence: bool = True  # Patroni cannot undo a fence
    checks_candidate: bool = True  # pre_promote fences and compares
    asks_receiver: bool = True  # and believes no conninfo that its receiver does not obey yet
    minds_timelines: bool = True  # and whoever missed a promotion is refused
    compares: bool = True  # Patroni asks how far the others are before it races for the key
    checks_timeline: bool = True  # and who missed a promotion does not race
    hands_over: bool = True  # a full primary is noticed
    minds_room: bool = True  # who would take over looks at its own disk
    waits: bool = True  # one handover forbids the next for a while


@dataclass
class Site:
    name: str
    wal: list[int] = field(default_factory=list[int])
    term: int = 0  # of the promotion that its WAL belongs to
    is_primary: bool = False
    synchronous: frozenset[str] = frozenset()  # whose confirmation counts, one is enough
    heard: dict[str, int] = field(default_factory=dict[str, int])  # standby: step of its last word
    confirmed: int = 0  # up to here its commits are acknowledged, or were looked at
    backends_up: bool = True  # they commit and stream
    daemons_up: bool = True  # postmaster and Patroni
    witness_up: bool = True
    etcd_link: bool = True
    follows: str = ""  # the running conninfo, if no override
    before: str = ""  # whom the receiver obeys until `turns_at`
    turns_at: int = 0
    named: str = ""  # Patroni's own file
    override: bool = False
    cut_at: int = -1  # step from which a fresh override is in force
    memory: Memory = field(default_factory=Memory)
    pulse: Pulse = field(default_factory=Pulse)
    races: int = -1  # step at which a race, won on paper, takes the key
    asked_at: int = -1  # pre_promote began
    request: Request | None = None
    patroni_at: int = 0
    backoff_until: int = 0
    room: int = PLENTY
    fullness: Fullness = field(default_factory=Fullness)

    @property
    def is_full(self) -> bool:
        return self.room == 0

    @property
    def is_up(self) -> bool:
        return self.backends_up and self.daemons_up

    def is_behind(self, source: "Site") -> bool:
        """Whether our WAL is the beginning of the source's: a row stands in one history only, so
        equal ends have equal beginnings."""
        end = len(self.wal)
        return not end or (end <= len(source.wal) and self.wal[-1] == source.wal[end - 1])

    def receives_from(self, step: int) -> str:
        if self.is_primary or not self.backends_up or (self.override and 0 <= self.cut_at <= step):
            return ""
        return self.follows if self.turns_at <= step else self.before

    def follow(self, leader: str, step: int, delay: int) -> None:
        """A new conninfo is in force at once; a server that is busy replaying turns later."""
        if leader != self.follows:
            self.before, self.turns_at = self.receives_from(step), step + delay
            self.follows = leader

    @property
    def conninfo(self) -> str:
        return "" if self.override else self.follows


@dataclass
class Key:
    value: object
    create: int
    mod: int
    expires: int | None


class Keys(dict[str, Key]):
    """All of etcd; `changes` counts what was done to it."""

    changes = 0

    def __setitem__(self, name: str, key: Key) -> None:
        self.changes += 1
        super().__setitem__(name, key)

    def __delitem__(self, name: str) -> None:
        self.changes += 1
        super().__delitem__(name)

    def pop(self, name: str, *default: Any) -> Any:
        self.changes += 1
        return super().pop(name, *default)
