"""The verdict for a terminal, and as JSON."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from bongsu.drill.notes import Event
from bongsu.drill.verdict import Gap, Outcome, Promise, Run, SiteFigures

EVENTS_SHOWN = 40
OFFENDERS_SHOWN = 10
KINDS_SHOWN = 5


def summary(outcome: Outcome, title: str) -> str:
    """One drill in a screenful."""
    run = outcome.run
    lines = [
        f"{title}: {headline(run)}  {'KEPT' if outcome.is_kept else 'BROKEN'}",
        f"  messages  {run.ledger}; {run.retries} retries",
        f"  media     uploaded {run.media.uploaded}, downloaded {run.media.downloaded}, "
        f"lost {len(run.media.lost)}",
        f"  gap       {_gap(outcome.gap, run)} over all; left out: {_stalls(run)}",
    ]
    lines += ["", *_indented(table([_HEADINGS, *(_row(site, run) for site in outcome.sites)]))]
    lines += [f"  {count} × {kind}" for kind, count in _errors(run).most_common(KINDS_SHOWN)]
    turns = [event for event in run.events if event.is_turn][:EVENTS_SHOWN]
    lines += ["", *(_event(event, run) for event in turns)]
    lines += ["", *_indented(table([_promise(promise) for promise in outcome.promises]))]
    for name, offenders in _offenders(run).items():
        lines += [f"  ! {name}: {offender}" for offender in offenders[:OFFENDERS_SHOWN]]
    return "\n".join(lines)


def series_summary(outcomes: Sequence[Outcome]) -> str:
    """Many drills, a line each, and the sums that matter."""
    heads = ("", "site", "how", "lost", "not shown", "doubled", "reordered", "media lost", "gap",
             "slowest", "errors", "back")  # fmt: skip
    rows = [heads, *(_series_row(number, one) for number, one in enumerate(outcomes, 1))]
    kept = sum(outcome.is_kept for outcome in outcomes)
    return "\n".join([*table(rows), f"{kept} of {len(outcomes)} drills kept every promise"])


def headline(run: Run) -> str:
    role = {True: " (primary)", False: " (replica)", None: ""}[run.was_primary]
    return f"site {run.lost}{role}, {run.how}" if run.lost else f"no loss, {run.how}"


def as_json(outcome: Outcome, *, whole: bool) -> dict[str, Any]:
    """What a program wants to know; `whole`: every acknowledgement and arrival too."""
    run = outcome.run
    told: dict[str, Any] = {
        "kept": outcome.is_kept,
        "site": run.lost, "how": run.how, "was_primary": run.was_primary,
        "acknowledged": run.ledger.acknowledged, "found": run.ledger.found,
        "lost": run.ledger.lost, "not_shown": run.ledger.not_shown, "doubled": run.ledger.doubled,
        "reordered": run.ledger.reordered, "changed": run.ledger.changed,
        "stream_faults": run.stream_faults, "media": run.media, "retries": run.retries,
        "gap": outcome.gap, "sites": outcome.sites,
        "late_acknowledgements": outcome.late_acknowledgements,
        "promises": [{"name": one.name, "value": one.value, "limit": one.limit, "unit": one.unit,
                      "kept": one.is_kept} for one in outcome.promises],
        "began": run.began_wall, "started": run.started, "stopped": run.stopped,
        "lost_at": run.lost_at, "replaced_at": run.replaced_at, "healed_at": run.healed_at,
        "back_at": run.back_at, "stalls": run.stalls,
        "unfinished": run.unfinished, "events": run.events, "troubles": run.troubles,
    }  # fmt: skip
    if whole:
        told["acknowledgements"] = run.acknowledgements
        told["arrivals"] = run.arrivals
    return told


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def relative(at: float, run: Run) -> float:
    """Seconds since the loss, by which everything is told; since the load's start without one."""
    return at - (run.lost_at if run.lost_at is not None else run.started)


def _offenders(run: Run) -> dict[str, list[str]]:
    """What should not be there, by name."""
    ledger = run.ledger
    return {
        "lost": ledger.lost, "not shown": ledger.not_shown, "doubled": ledger.doubled,
        "reordered": ledger.reordered, "changed": ledger.changed, "stream": run.stream_faults,
        "media": run.media.lost, "unfinished": run.unfinished,
    }  # fmt: skip


_HEADINGS = ("site", "", "acknowledged", "longest gap", "slowest", "median", "reader's gap",
             "errors")  # fmt: skip


def _row(site: SiteFigures, run: Run) -> tuple[str, ...]:
    return (
        site.site,
        "lost" if site.is_lost else "survives",
        str(site.acknowledged),
        _gap(site.gap, run),
        f"{site.slowest:.2f} s",
        f"{site.median * 1000:.0f} ms",
        _gap(site.reader_gap, run),
        str(site.errors),
    )


def _series_row(number: int, outcome: Outcome) -> tuple[str, ...]:
    run = outcome.run
    surviving = [site for site in outcome.sites if not site.is_lost]
    back = run.back_at - run.healed_at if run.back_at and run.healed_at else None
    ledger = run.ledger
    counted = (ledger.lost, ledger.not_shown, ledger.doubled, ledger.reordered, run.media.lost)
    return (
        f"{number:3} {'kept  ' if outcome.is_kept else 'BROKEN'}",
        run.lost + {True: " primary", False: " replica", None: ""}[run.was_primary],
        run.how,
        *(str(len(which)) for which in counted),
        f"{outcome.gap.seconds:.2f} s",
        f"{max((site.slowest for site in surviving), default=0.0):.2f} s",
        str(sum(site.errors for site in surviving)),
        "-" if back is None else f"{back:.0f} s",
    )


def _errors(run: Run) -> "Counter[str]":
    """What failed at surviving sites, by kind."""
    return Counter(
        f"{one.what} at {one.site}: {one.status or 'no answer'} {one.detail}"
        for one in run.troubles
        if one.site != run.lost
    )


def _stalls(run: Run) -> str:
    """Our own silence."""
    longest = max((stall.seconds for stall in run.stalls), default=0.0)
    total = sum(stall.seconds for stall in run.stalls)
    return f"stalls of the drill itself, {total:.1f} s in all, {longest:.2f} s at most"


def _gap(gap: Gap, run: Run) -> str:
    return f"{gap.seconds:.2f} s at {relative(gap.at, run):+.1f}"


def _event(event: Event, run: Run) -> str:
    return f"  {relative(event.at, run):+8.2f}  {event.site:2} {event.part:8} {event.what}"


def _promise(promise: Promise) -> tuple[str, ...]:
    digits = 2 if promise.unit else 0
    unit = f" {promise.unit}" if promise.unit else ""
    return (
        "kept  " if promise.is_kept else "BROKEN",
        promise.name,
        f"{promise.value:.{digits}f}{unit}",
        f"at most {promise.limit:g}{unit}",
    )


def _indented(lines: Sequence[str]) -> list[str]:
    return ["  " + line for line in lines]
