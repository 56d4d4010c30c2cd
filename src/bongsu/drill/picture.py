"""A drill as one SVG: acknowledgements and their latency at each site, readers, marked events."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from bongsu.drill.notes import Event
from bongsu.drill.summary import relative
from bongsu.drill.verdict import Outcome, Run, SiteFigures

WIDTH, LEFT, RIGHT = 1100, 110, 20
EVENTS_HEIGHT, LANE_HEIGHT, LANE_GAP, AXIS_HEIGHT = 42, 110, 14, 30
READER_HEIGHT = 8
BIN_SECONDS = 0.2
LATENCY_MIN, LATENCY_MAX = 0.001, 10.0  # of the logarithmic scale, in seconds
LATENCY_LINES = (0.01, 0.1, 1.0)
MARKS_MAX = 60
MARK_ROWS, MARK_ROW_HEIGHT, MARK_WIDTH = 3, 12, 15
_TICKS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600)


@dataclass(frozen=True)
class Scale:
    """Seconds of the drill to the picture's x."""

    begun: float
    ended: float

    def x(self, at: float) -> float:
        share = (min(max(at, self.begun), self.ended) - self.begun) / (self.ended - self.begun)
        return round(LEFT + share * (WIDTH - LEFT - RIGHT), 1)


def picture(outcome: Outcome) -> str:
    """The whole SVG; colours are classes, which the page's style gives."""
    run = outcome.run
    scale = Scale(run.started, max(run.stopped, run.started + 1.0))
    height = EVENTS_HEIGHT + len(run.sites) * (LANE_HEIGHT + LANE_GAP) + AXIS_HEIGHT
    rate_max = max((max(_rates(run, site), default=0) for site in run.sites), default=0) or 1
    tops = [EVENTS_HEIGHT + n * (LANE_HEIGHT + LANE_GAP) for n in range(len(run.sites))]
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="drill">',
        *map(_ground, tops),
        _absence(run, scale, height),
        *_marks(run, scale, height),
    ]
    for site, top in zip(outcome.sites, tops, strict=True):
        parts += _lane(run, site, scale, top, rate_max)
    return "".join([*parts, *_axis(run, scale, height), "</svg>"])


def turns(run: Run) -> list[Event]:
    """The events that have a mark in the picture, in its numbering."""
    return [event for event in run.events if event.is_turn and event.at <= run.stopped][:MARKS_MAX]


def _ground(top: float) -> str:
    width = WIDTH - LEFT - RIGHT
    return f'<rect class="lane" x="{LEFT}" y="{top}" width="{width}" height="{LANE_HEIGHT}"/>'


def _lane(run: Run, site: SiteFigures, scale: Scale, top: float, rate_max: int) -> Iterable[str]:
    bottom = top + LANE_HEIGHT - READER_HEIGHT
    yield from _labels(site, top)
    gap = site.gap
    if not site.is_lost and gap.seconds > 0:
        yield (
            f'<rect class="gap" x="{scale.x(gap.at)}" y="{top}" height="{LANE_HEIGHT}"'
            f' width="{scale.x(gap.at + gap.seconds) - scale.x(gap.at):.1f}">'
            f"<title>{gap.seconds:.2f} s</title></rect>"
        )
    yield _area(_rates(run, site.site), scale, bottom, rate_max)
    yield from _latency_lines(top, bottom)
    yield _dots(run, site.site, scale, top, bottom)
    yield _reader(run, site.site, scale, bottom)


def _labels(site: SiteFigures, top: float) -> Iterable[str]:
    role = "잃음 lost" if site.is_lost else ""
    yield f'<text class="site" x="8" y="{top + 22}">{escape(site.site)}</text>'
    yield f'<text class="small bad" x="30" y="{top + 22}">{role}</text>'
    rows = [f"{site.acknowledged} acks", f"gap {site.gap.seconds:.2f} s",
            f"max {site.slowest:.2f} s", f"{site.errors} errors"]  # fmt: skip
    for number, row in enumerate(rows):
        yield f'<text class="small" x="8" y="{top + 42 + number * 16}">{row}</text>'


def _rates(run: Run, site: str) -> list[int]:
    """Acknowledgements in each bin of the load's time."""
    bins = [0] * (int((run.stopped - run.started) / BIN_SECONDS) + 1)
    for one in run.acknowledgements:
        if one.site == site and run.started <= one.at <= run.stopped:
            bins[int((one.at - run.started) / BIN_SECONDS)] += 1
    return bins


def _area(rates: Sequence[int], scale: Scale, bottom: float, rate_max: int) -> str:
    """Acknowledgements over time as steps from the lane's bottom to half its height."""
    unit = (LANE_HEIGHT - READER_HEIGHT) / 2 / rate_max
    path, level = [f"M{LEFT} {bottom}"], 0
    for number, rate in enumerate(rates):
        if rate != level:
            x = scale.x(scale.begun + number * BIN_SECONDS)
            path.append(f"H{x}V{bottom - rate * unit:.1f}")
            level = rate
    return f'<path class="rate" d="{"".join(path)}H{scale.x(scale.ended)}V{bottom}Z"/>'


def _dots(run: Run, site: str, scale: Scale, top: float, bottom: float) -> str:
    """The slowest acknowledgement of each bin, on a logarithmic scale."""
    slowest: dict[int, float] = {}
    for one in run.acknowledgements:
        if one.site == site and run.started <= one.at <= run.stopped:
            number = int((one.at - run.started) / BIN_SECONDS)
            slowest[number] = max(slowest.get(number, 0.0), one.seconds)
    dots = [
        f"M{scale.x(scale.begun + number * BIN_SECONDS)} {_height(seconds, top, bottom):.1f}h1.6"
        for number, seconds in sorted(slowest.items())
    ]
    return f'<path class="latency" d="{"".join(dots)}"/>'


def _latency_lines(top: float, bottom: float) -> Iterable[str]:
    for seconds in LATENCY_LINES:
        y = round(_height(seconds, top, bottom), 1)
        label = f"{seconds:g} s" if seconds >= 1 else f"{seconds * 1000:g} ms"
        yield f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>'
        yield f'<text class="tiny" x="{LEFT - 4}" y="{y + 3}">{label}</text>'


def _height(seconds: float, top: float, bottom: float) -> float:
    within = min(max(seconds, LATENCY_MIN), LATENCY_MAX)
    share = math.log(within / LATENCY_MIN) / math.log(LATENCY_MAX / LATENCY_MIN)
    return bottom - share * (bottom - top - 4)


def _reader(run: Run, site: str, scale: Scale, top: float) -> str:
    """A tick for each bin in which the site's reader got messages."""
    bins = {
        int((one.at - run.started) / BIN_SECONDS)
        for one in run.arrivals
        if one.home == site and run.started <= one.at <= run.stopped
    }
    ticks = [
        f"M{scale.x(scale.begun + number * BIN_SECONDS)} {top + 1}v{READER_HEIGHT - 2}"
        for number in sorted(bins)
    ]
    return f'<path class="reader" d="{"".join(ticks)}"/>'


def _absence(run: Run, scale: Scale, height: float) -> str:
    if run.lost_at is None:
        return ""
    begun = scale.x(run.lost_at)
    ended = scale.x(run.healed_at if run.healed_at is not None else run.stopped)
    return (
        f'<rect class="absence" x="{begun}" y="{EVENTS_HEIGHT}" width="{ended - begun:.1f}"'
        f' height="{height - EVENTS_HEIGHT - AXIS_HEIGHT}"/>'
    )


def _marks(run: Run, scale: Scale, height: float) -> Iterable[str]:
    ends = [0.0] * MARK_ROWS  # where the last number of each row ends
    for number, event in enumerate(turns(run), 1):
        x = scale.x(event.at)
        row = next((row for row in range(MARK_ROWS) if ends[row] <= x), number % MARK_ROWS)
        ends[row], y = x + MARK_WIDTH, 12 + row * MARK_ROW_HEIGHT
        said = f"{relative(event.at, run):+.2f} s {event.site} {event.part}: {event.what}"
        yield (
            f'<g class="mark"><title>{escape(said)}</title>'
            f'<path d="M{x} {y}V{height - AXIS_HEIGHT}"/>'
            f'<text x="{x}" y="{y}">{number}</text></g>'
        )


def _axis(run: Run, scale: Scale, height: float) -> Iterable[str]:
    seconds = scale.ended - scale.begun
    step = next((tick for tick in _TICKS if seconds / tick <= 15), _TICKS[-1])
    zero = run.lost_at if run.lost_at is not None else run.started
    first = math.ceil((scale.begun - zero) / step) * step
    for number in range(int(seconds / step) + 1):
        at = zero + first + number * step
        if at <= scale.ended:
            yield (
                f'<text class="tick" x="{scale.x(at)}" y="{height - 10}">'
                f"{first + number * step:+g} s</text>"
            )
