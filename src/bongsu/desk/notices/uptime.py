"""Uptime: from changes of health to days and a share of time. Pure.

A service is down while an outage stands at any of its sites or an incident says so: the strict
reading. Degraded and maintained time counts as up; time of which nothing is known, as neither.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from bongsu.desk.notices.board import Board, Service
from bongsu.desk.notices.words import OUTAGES, Health, over_sites, worst

DAYS = 90
DAY_MS = 24 * 3600 * 1000


class Span(NamedTuple):
    """Health in [start, end), ms."""

    start: int
    end: int
    health: Health


class Day(NamedTuple):
    """One day in the desk's zone, of which only the known time counts."""

    date: date
    known_ms: int
    down_ms: int
    worst: Health

    @property
    def share(self) -> float | None:
        """Of the known time the part that was up; None if nothing is known."""
        return None if not self.known_ms else 1 - self.down_ms / self.known_ms


class Uptime(NamedTuple):
    days: Sequence[Day]  # oldest first

    @property
    def share(self) -> float | None:
        known = sum(day.known_ms for day in self.days)
        return None if not known else 1 - sum(day.down_ms for day in self.days) / known


def uptime_of(board: Board, service: Service, zone: ZoneInfo, now: int) -> Uptime:
    """The last `DAYS` days of a service, today the last."""
    starts = day_starts(zone, now, DAYS)
    spans = spans_of(board, service, starts[0], now)
    days: list[Day] = []
    for start, end in zip(starts, [*starts[1:], now], strict=True):
        days.append(_day(zone, start, end, [s for s in spans if s.start < end and s.end > start]))
    return Uptime(days)


def spans_of(board: Board, service: Service, since: int, now: int) -> list[Span]:
    """The health of a service from `since` to `now`, without gaps."""
    own = [change for change in board.changes if change.service_id == service.service_id]
    incidents = [i for i in board.incidents if service.service_id in i.services]
    ends = [(i.started_ts, i.ends_ts if i.is_over and i.ends_ts else now) for i in incidents]
    times = {since, *(change.ts for change in own), *(t for pair in ends for t in pair)}
    points = sorted(t for t in times if since <= t < now)
    at_site: dict[str, Health] = {c.site: Health.UNKNOWN for c in service.components}
    spans: list[Span] = []
    position = 0
    for start, end in zip(points, [*points[1:], now], strict=True):
        while position < len(own) and own[position].ts <= start:
            if own[position].site in at_site:
                at_site[own[position].site] = own[position].health
            position += 1
        impacts = [
            incident.impact
            for incident, (begins, over) in zip(incidents, ends, strict=True)
            if begins <= start < over
        ]
        spans.append(Span(start, end, worst([over_sites(at_site.values()), *impacts])))
    return spans


def day_starts(zone: ZoneInfo, now: int, count: int) -> list[int]:
    """When the last `count` days began in `zone`, ms; today's is the last."""
    today = datetime.fromtimestamp(now / 1000, zone).date()
    dates = [today - timedelta(days=back) for back in range(count - 1, -1, -1)]
    return [int(datetime(d.year, d.month, d.day, tzinfo=zone).timestamp() * 1000) for d in dates]


def _day(zone: ZoneInfo, start: int, end: int, spans: Iterable[Span]) -> Day:
    known = down = 0
    healths: list[Health] = []
    for span in spans:
        length = min(span.end, end) - max(span.start, start)
        if span.health is Health.UNKNOWN:
            continue
        known += length
        down += length if span.health in OUTAGES else 0
        healths.append(span.health)
    day = datetime.fromtimestamp(start / 1000, zone).date()
    return Day(day, known, down, worst(healths) if healths else Health.UNKNOWN)
