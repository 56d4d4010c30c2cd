"""Uptime from changes and incidents: days in the desk's zone, outages at sites, unknown time."""

from datetime import date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from bongsu.desk.notices.board import Board, Change, Component, Incident, Service
from bongsu.desk.notices.uptime import DAY_MS, DAYS, day_starts, spans_of, uptime_of
from bongsu.desk.notices.words import Health, Kind, Phase, over_sites

SEOUL = ZoneInfo("Asia/Seoul")
HOUR = 3600 * 1000
NOW = int(datetime(2026, 11, 26, 12, tzinfo=SEOUL).timestamp() * 1000)
UP, DOWN, PARTLY = Health.OPERATIONAL, Health.MAJOR_OUTAGE, Health.PARTIAL_OUTAGE


def component(site: str) -> Component:
    return Component("messages", site, "", UP, None, None, {}, None)


def change(hours_ago: float, health: Health, site: str = "a") -> Change:
    return Change("messages", site, NOW - int(hours_ago * HOUR), health)


def board(*changes: Change, sites: str = "a", incidents: tuple[Incident, ...] = ()) -> Board:
    service = Service("messages", {"en": "Messages"}, [component(site) for site in sites])
    return Board(1, NOW, [service], incidents, sorted(changes, key=lambda each: each.ts))


def incident(begins: float, ends: float | None, impact: Health = DOWN) -> Incident:
    phase = Phase.IDENTIFIED if ends is None else Phase.RESOLVED
    ends_ts = None if ends is None else NOW - int(ends * HOUR)
    return Incident(
        "i", Kind.INCIDENT, impact, {"en": "x"}, ["messages"], NOW - int(begins * HOUR), ends_ts,
        phase, (),
    )  # fmt: skip


def share(of: Board) -> float | None:
    return uptime_of(of, of.services[0], SEOUL, NOW).share


def test_days_are_the_desks_and_ninety() -> None:
    of = board(change(200 * 24, UP))
    uptime = uptime_of(of, of.services[0], SEOUL, NOW)
    assert len(uptime.days) == DAYS
    assert uptime.days[-1].date == date(2026, 11, 26)
    assert uptime.days[-1].known_ms == 12 * HOUR  # of today only what has passed
    assert uptime.days[0].known_ms == DAY_MS
    assert uptime.share == 1


def test_a_day_of_summer_time_has_its_own_length() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    now = int(datetime(2026, 10, 26, 12, tzinfo=berlin).timestamp() * 1000)
    starts = day_starts(berlin, now, 3)
    assert [(b - a) // HOUR for a, b in pairwise(starts)] == [24, 25]


def test_an_outage_counts_its_time_on_its_days() -> None:
    of = board(change(1000, UP), change(14, DOWN), change(10, UP))  # over midnight
    days = uptime_of(of, of.services[0], SEOUL, NOW).days
    assert [day.down_ms for day in days[-2:]] == [2 * HOUR, 2 * HOUR]
    assert [day.worst for day in days[-3:]] == [UP, DOWN, DOWN]


def test_nothing_known_is_neither_up_nor_down() -> None:
    assert share(board()) is None
    of = board(change(10, UP), change(5, Health.UNKNOWN), change(4, DOWN))
    assert share(of) == pytest.approx(5 / 9)


def test_one_site_of_two_is_a_partial_outage_and_counts() -> None:
    of = board(
        change(100, UP, "a"), change(100, UP, "b"), change(10, DOWN, "b"), change(5, UP, "b"),
        sites="ab",
    )  # fmt: skip
    spans = spans_of(of, of.services[0], NOW - 20 * HOUR, NOW)
    assert [(span.health, (span.end - span.start) // HOUR) for span in spans] == [
        (UP, 10), (PARTLY, 5), (UP, 5),
    ]  # fmt: skip
    assert share(of) == pytest.approx(95 / 100)


def test_an_incident_weighs_although_probes_are_content() -> None:
    of = board(change(100, UP), incidents=(incident(50, 40),))
    assert share(of) == pytest.approx(0.9)
    of = board(change(100, UP), incidents=(incident(10, None), incident(50, 40, Health.DEGRADED)))
    assert share(of) == pytest.approx(0.9)


def test_changes_of_a_site_that_was_removed_count_no_more() -> None:
    of = board(change(100, UP), change(50, DOWN, "gone"))
    assert share(of) == 1


@pytest.mark.parametrize(
    ("sites", "of_all"),
    [
        ([], UP),
        ([UP, UP], UP),
        ([UP, DOWN], PARTLY),
        ([DOWN, DOWN], DOWN),
        ([PARTLY, DOWN], DOWN),
        ([UP, Health.DEGRADED], Health.DEGRADED),
        ([UP, Health.UNKNOWN], Health.UNKNOWN),
    ],
)
def test_a_service_is_as_its_sites_are(sites: list[Health], of_all: Health) -> None:
    assert over_sites(sites) is of_all
