"""What the clients of one drill write down, in seconds since it began."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], float]


@dataclass(frozen=True)
class Acknowledgement:
    """A message was acknowledged through `site`, `seconds` after it was asked for it there.

    `waited`: since the first try, wherever that was.
    """

    at: float
    site: str
    seconds: float
    waited: float


@dataclass(frozen=True)
class Arrival:
    """An answer of /sync brought `count` of the drill's messages to the reader of `home`."""

    at: float
    home: str
    site: str
    count: int


@dataclass(frozen=True)
class Trouble:
    """A request through `site` failed after `seconds`. `status` 0: no whole answer came."""

    at: float
    site: str
    what: str
    status: int
    seconds: float
    detail: str


@dataclass(frozen=True)
class Stall:
    """For so many seconds from `at` the drill itself did not get to run: it saw nothing."""

    at: float
    seconds: float


@dataclass(frozen=True)
class Event:
    """What a part of the deployment did. `is_turn`: worth a mark in the picture."""

    at: float
    site: str
    part: str
    what: str
    is_turn: bool = False


@dataclass
class Notes:
    """Everything that was seen, in the order of its arrival. The clock is the drill's own."""

    began: float = field(default_factory=time.monotonic)
    began_wall: float = field(default_factory=time.time)
    acknowledgements: list[Acknowledgement] = field(default_factory=list[Acknowledgement])
    arrivals: list[Arrival] = field(default_factory=list[Arrival])
    troubles: list[Trouble] = field(default_factory=list[Trouble])
    events: list[Event] = field(default_factory=list[Event])
    stalls: list[Stall] = field(default_factory=list[Stall])

    def now(self) -> float:
        return time.monotonic() - self.began

    def at_wall(self, seconds: float) -> float:
        """The drill's time of a moment of the Unix epoch, as logs have it."""
        return seconds - self.began_wall

    def event(self, site: str, part: str, what: str, *, is_turn: bool = False) -> float:
        """Write down that something happens now; gives the time."""
        at = self.now()
        self.events.append(Event(at, site, part, what, is_turn))
        return at
