"""Machine events from what machines write anyway: reports of drills, and a witness's log."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from bongsu.desk.drill_report import Drill, DrillEvent, faults
from bongsu.desk.investigation.machine_events import (
    DETAILS_MAX,
    NAME_CHARS_MAX,
    WHAT_CHARS_MAX,
    MachineEvent,
)

DRILL_UNCERTAINTY_MS = 100  # it polls, and its clock is the client's
LOG_UNCERTAINTY_MS = 10
LINES_MAX = 100_000
_ROUTINE = frozenset({"timestamp", "event", "level", "logger", "request_id"})


def of_drills(drills: Sequence[Drill]) -> list[MachineEvent]:
    """What happened in drills. The same report gives the same ids, whenever it is read."""
    return [event for drill in drills for event in _of_drill(drill)]


def of_witness_log(lines: Iterable[str]) -> Iterator[MachineEvent]:
    """A witness's decisions: its log's lines of JSON, without those of a debugger."""
    for _, line in zip(range(LINES_MAX), lines, strict=False):
        if (said := _json_line(line)) is not None:
            yield said


def _of_drill(drill: Drill) -> Iterator[MachineEvent]:
    turns = [
        (drill.lost_at, "loss", f"drill: {drill.site} lost ({drill.how})"),
        (drill.replaced_at, "failover", "drill: another primary is seen"),
        (drill.healed_at, "recovery", f"drill: {drill.site} given back"),
        (drill.back_at, "recovery", f"drill: {drill.site} whole again"),
    ]
    yield _event(drill, 0.0, DrillEvent(0.0, "", "drill", "drill began"), "drill")
    for at, kind, what in turns:
        if at is not None:
            yield _event(drill, at, DrillEvent(at, drill.site, "drill", what), kind)
    for event in drill.events:
        yield _event(drill, event.at, event, "turn" if event.is_turn else "")
    ended = max([drill.back_at or 0.0, *(event.at for event in drill.events)])
    verdict = "; ".join(faults(drill)) or "every promise held"
    yield _event(drill, ended, DrillEvent(ended, "", "drill", f"verdict: {verdict}"), "verdict")


def _event(drill: Drill, at: float, event: DrillEvent, kind: str) -> MachineEvent:
    what = event.what[:WHAT_CHARS_MAX] or "-"
    told = f"{drill.began!r} {at!r} {event.site} {event.part} {kind} {what}"
    return MachineEvent(
        id=f"drill-{drill.began_ts}-{hashlib.sha256(told.encode()).hexdigest()[:16]}",
        at=drill.at_ts(at),
        uncertainty_ms=DRILL_UNCERTAINTY_MS + _blind_ms(drill, at),
        kind=kind,
        site=event.site[:NAME_CHARS_MAX],
        part=event.part[:NAME_CHARS_MAX],
        what=what,
        detail={"how": drill.how[:WHAT_CHARS_MAX]},
    )


def _blind_ms(drill: Drill, at: float) -> int:
    """For so long the drill had not looked when it saw what it says was `at`."""
    blind = (stall.seconds for stall in drill.stalls if stall.at <= at <= stall.at + stall.seconds)
    return int(1000 * max(blind, default=0.0))


def _json_line(line: str) -> MachineEvent | None:
    try:
        said = msgspec.json.decode(line, type=dict[str, Any])
        at = datetime.fromisoformat(str(said["timestamp"]))
        what = str(said["event"])
    except (msgspec.DecodeError, KeyError, ValueError):
        return None
    if said.get("level") == "debug" or not what:
        return None
    moment = at if at.tzinfo else at.replace(tzinfo=UTC)
    detail = {key: str(value) for key, value in said.items() if key not in _ROUTINE}
    return MachineEvent(
        id=f"log-{hashlib.sha256(line.strip().encode()).hexdigest()[:32]}",
        at=int(moment.timestamp() * 1000),
        uncertainty_ms=LOG_UNCERTAINTY_MS,
        kind="decision",
        site=str(said.get("site", ""))[:NAME_CHARS_MAX],
        part="witness",
        what=what[:WHAT_CHARS_MAX],
        detail={
            key[:WHAT_CHARS_MAX]: value[:WHAT_CHARS_MAX]
            for key, value in sorted(detail.items())[:DETAILS_MAX]
        },
    )
