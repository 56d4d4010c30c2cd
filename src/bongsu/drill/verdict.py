"""From what was written down to what was kept and what was broken. Pure.

Every promise has a name, a limit and the value that was measured. Gaps run over the whole time of
the load, from its start to its end: silence before the first and after the last acknowledgement
counts, and so does whatever the return of the site brings about. The part of a gap in which the
drill itself did not get to run is left out and told apart: on a crowded machine it sees late what
came early.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bongsu.drill.ledger import Verdict as Ledger
from bongsu.drill.notes import Acknowledgement, Arrival, Event, Stall, Trouble
from bongsu.drill.uploads import MediaVerdict

REPLACEMENT_GRACE_SECONDS = 1.0  # an answer may be under way, and the poll may see late or early


@dataclass(frozen=True)
class Limits:
    """What may be demanded, in seconds."""

    gap_primary: float = 5.0  # of acknowledgements, when the primary's site is lost
    gap_replica: float = 1.0  # when another site is
    back: float = 180.0  # from the heal until the site is whole again


@dataclass
class Run:
    """One drill as it happened. Times are seconds since it began; None: it did not happen."""

    sites: list[str]
    lost: str
    how: str
    was_primary: bool | None  # None: nobody could say
    began_wall: float = 0.0
    started: float = 0.0  # the load's time
    stopped: float = 0.0
    lost_at: float | None = None
    replaced_at: float | None = None  # another primary than the lost one was seen
    healed_at: float | None = None
    back_at: float | None = None
    stalls: list[Stall] = field(default_factory=list[Stall])
    retries: int = 0
    acknowledgements: list[Acknowledgement] = field(default_factory=list[Acknowledgement])
    arrivals: list[Arrival] = field(default_factory=list[Arrival])
    troubles: list[Trouble] = field(default_factory=list[Trouble])
    events: list[Event] = field(default_factory=list[Event])
    ledger: Ledger = field(default_factory=Ledger)
    stream_faults: list[str] = field(default_factory=list[str])
    media: MediaVerdict = field(default_factory=MediaVerdict)
    unfinished: list[str] = field(default_factory=list[str])  # what did not end in its time


@dataclass(frozen=True)
class Gap:
    """A silence that began `at`."""

    seconds: float
    at: float


@dataclass(frozen=True)
class SiteFigures:
    """What clients saw of one site. Times are seconds."""

    site: str
    is_lost: bool
    acknowledged: int
    gap: Gap
    slowest: float
    median: float
    reader_gap: Gap
    errors: int  # of clients at this site; at the lost one, those outside its absence


@dataclass(frozen=True)
class Promise:
    """`value` was measured, `limit` is the most that keeps the promise. `unit` "" is a count."""

    name: str
    value: float
    limit: float
    unit: str = ""

    @property
    def is_kept(self) -> bool:
        return self.value <= self.limit


@dataclass(frozen=True)
class Outcome:
    """The verdict on one drill."""

    run: Run
    gap: Gap
    sites: list[SiteFigures]
    late_acknowledgements: int  # by the lost site after its replacement
    promises: list[Promise]

    @property
    def is_kept(self) -> bool:
        return all(promise.is_kept for promise in self.promises)

    @property
    def broken(self) -> list[Promise]:
        return [promise for promise in self.promises if not promise.is_kept]


def judge_run(run: Run, limits: Limits) -> Outcome:
    """Everything that can be said of a run."""
    gap = longest_gap((one.at for one in run.acknowledgements), run)
    sites = [_figures(run, site) for site in run.sites]
    late = len(_late(run))
    return Outcome(run, gap, sites, late, _promises(run, limits, gap, sites, late))


def longest_gap(times: Iterable[float], run: Run) -> Gap:
    """The longest silence in the load's time, its edges included, our own stalls left out."""
    last, longest = run.started, Gap(0.0, run.started)
    inside = sorted(at for at in times if run.started <= at <= run.stopped)
    for at in [*inside, run.stopped]:
        if at - last > longest.seconds:
            seconds = at - last - stalled(run.stalls, last, at)
            longest = max(longest, Gap(seconds, last), key=lambda gap: gap.seconds)
        last = at
    return longest


def stalled(stalls: Iterable[Stall], begun: float, ended: float) -> float:
    """Seconds between `begun` and `ended` in which the drill itself did not get to run."""
    return sum(
        max(0.0, min(stall.at + stall.seconds, ended) - max(stall.at, begun)) for stall in stalls
    )


def gap_limit(run: Run, limits: Limits) -> float:
    """Who cannot say whether the primary's site was lost gets the benefit of the doubt."""
    return limits.gap_replica if run.was_primary is False else limits.gap_primary


def _promises(
    run: Run, limits: Limits, gap: Gap, sites: Sequence[SiteFigures], late: int
) -> list[Promise]:
    seconds = gap_limit(run, limits)
    surviving = [site for site in sites if not site.is_lost]
    ledger = run.ledger
    promises = [
        Promise("messages lost", len(ledger.lost), 0),
        Promise("messages stored but not shown", len(ledger.not_shown), 0),
        Promise("messages doubled", len(ledger.doubled), 0),
        Promise("messages reordered", len(ledger.reordered), 0),
        Promise("event ids changed", len(ledger.changed), 0),
        Promise("faults in readers' streams", len(run.stream_faults), 0),
        Promise("media lost", len(run.media.lost), 0),
        Promise("longest gap in acknowledgements", gap.seconds, seconds, "s"),
    ]
    for site in surviving:
        promises += [
            Promise(f"longest gap at site {site.site}", site.gap.seconds, seconds, "s"),
            Promise(f"reader's gap at site {site.site}", site.reader_gap.seconds, seconds, "s"),
        ]
    promises += [
        Promise("errors at surviving sites", sum(site.errors for site in surviving), 0),
        Promise("acknowledgements from the replaced site", late, 0),
    ]
    if run.healed_at is not None:
        back = (run.back_at if run.back_at is not None else float("inf")) - run.healed_at
        promises.append(Promise("lost site whole again", back, limits.back, "s"))
    return [*promises, Promise("unfinished work", len(run.unfinished), 0)]


def _figures(run: Run, site: str) -> SiteFigures:
    own = [one for one in run.acknowledgements if one.site == site]
    seconds = sorted(one.seconds for one in own)
    arrivals = (one.at for one in run.arrivals if one.home == site)
    return SiteFigures(
        site=site,
        is_lost=site == run.lost and run.lost_at is not None,
        acknowledged=len(own),
        gap=longest_gap((one.at for one in own), run),
        slowest=seconds[-1] if seconds else 0.0,
        median=seconds[len(seconds) // 2] if seconds else 0.0,
        reader_gap=longest_gap(arrivals, run),
        errors=sum(one.site == site and not _is_excused(run, one) for one in run.troubles),
    )


def _is_excused(run: Run, trouble: Trouble) -> bool:
    """At the lost site, while it was away: nobody promised anything there."""
    if trouble.site != run.lost or run.lost_at is None:
        return False
    back_at = run.back_at if run.back_at is not None else float("inf")
    return trouble.at >= run.lost_at and trouble.at - trouble.seconds <= back_at


def _late(run: Run) -> list[Acknowledgement]:
    """Acknowledgements through the lost site between its replacement and its return."""
    if run.replaced_at is None:
        return []
    begun = run.replaced_at + REPLACEMENT_GRACE_SECONDS
    ended = run.healed_at if run.healed_at is not None else run.stopped
    return [one for one in run.acknowledgements if one.site == run.lost and begun < one.at < ended]
