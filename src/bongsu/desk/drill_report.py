"""The JSON that `bongsu drill --report` writes: read as a witness, not as a friend.

A report says itself whether every promise held. It is believed only where its own figures say so
too: each promise is judged anew from the value that was measured and its limit, and a drill in
which nothing was lost or nothing was sent proves nothing, whatever it says.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct, field

from bongsu.desk.sentences import Sentence
from bongsu.errors import InvalidParam

REPORT_BYTES_MAX = 32 * 1024 * 1024
DRILLS_MAX = 1_000


class Promise(Struct, frozen=True):
    """`value` None: it never came about (JSON has no infinity)."""

    name: str
    limit: float
    kept: bool
    value: float | None = None
    unit: str = ""

    @property
    def is_kept(self) -> bool:
        return self.kept and self.value is not None and self.value <= self.limit


class DrillEvent(Struct, frozen=True):
    """`at`: seconds since the drill began."""

    at: float
    site: str
    part: str
    what: str
    is_turn: bool = False


class Stall(Struct, frozen=True):
    """For so many seconds the drill itself did not get to run: it saw nothing."""

    at: float
    seconds: float


class Media(Struct, frozen=True):
    lost: list[str] = field(default_factory=list[str])


class Drill(Struct, frozen=True):
    """One drill. `began` is Unix time; all other times are seconds since then."""

    kept: bool
    site: str
    how: str
    began: float
    acknowledged: int
    promises: tuple[Promise, ...]
    was_primary: bool | None = None
    lost: list[str] = field(default_factory=list[str])
    not_shown: list[str] = field(default_factory=list[str])
    doubled: list[str] = field(default_factory=list[str])
    reordered: list[str] = field(default_factory=list[str])
    changed: list[str] = field(default_factory=list[str])
    stream_faults: list[str] = field(default_factory=list[str])
    unfinished: list[str] = field(default_factory=list[str])
    media: Media = Media()
    lost_at: float | None = None
    replaced_at: float | None = None
    healed_at: float | None = None
    back_at: float | None = None
    stalls: tuple[Stall, ...] = ()
    events: tuple[DrillEvent, ...] = ()

    @property
    def began_ts(self) -> int:
        return int(self.began * 1000)

    def at_ts(self, seconds: float) -> int:
        """A time of this drill in ms since 1970."""
        return int((self.began + seconds) * 1000)


_COUNTED = ("lost", "not_shown", "doubled", "reordered", "changed", "stream_faults", "unfinished")
_DECODER = msgspec.json.Decoder(tuple[Drill, ...] | Drill)


def parse(body: bytes) -> tuple[Drill, ...]:
    """Every drill of a report; `InvalidParam` for what is none."""
    if len(body) > REPORT_BYTES_MAX:
        raise InvalidParam(
            Sentence("A drill's report has {count} bytes at most", count=REPORT_BYTES_MAX)
        )
    try:
        found = _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidParam(Sentence("This is no report of a drill: {error}", error=error)) from None
    drills = (found,) if isinstance(found, Drill) else found
    if not drills or len(drills) > DRILLS_MAX:
        raise InvalidParam(Sentence("A report holds from 1 to {count} drills", count=DRILLS_MAX))
    if not all(0 < drill.began < 2**40 for drill in drills):
        raise InvalidParam("This is no report of a drill: it does not say when it began")
    return drills


def faults(drill: Drill) -> list[str]:
    """Why the drill does not show that every promise holds; empty if it does."""
    found: list[str] = []
    if drill.lost_at is None or not drill.site:
        found.append("no site was lost in it")
    if drill.acknowledged <= 0:
        found.append("no message was acknowledged in it")
    if not drill.promises:
        found.append("it names no promise")
    found += [f"broken: {_told(one)}" for one in drill.promises if not one.is_kept]
    found += [f"{name}: {count}" for name in _COUNTED if (count := len(getattr(drill, name)))]
    if drill.media.lost:
        found.append(f"media lost: {len(drill.media.lost)}")
    if not drill.kept and not found:
        found.append("it says itself that a promise was broken")
    return found


def headline(drills: Sequence[Drill]) -> str:
    """One line for people who have not seen the report."""
    held = sum(not faults(drill) for drill in drills)
    lost = sorted({f"{drill.site} {drill.how}".strip() for drill in drills})
    told = sum(drill.acknowledged for drill in drills)
    return f"{held} of {len(drills)} drills held ({', '.join(lost)}); {told} messages acknowledged"


def _told(promise: Promise) -> str:
    value = "never" if promise.value is None else f"{promise.value:g} {promise.unit}".strip()
    return f"{promise.name} {value}, at most {promise.limit:g} {promise.unit}".strip()
