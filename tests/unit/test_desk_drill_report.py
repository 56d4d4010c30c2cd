"""A drill's report is read as its writer writes it, and believed no further than its figures."""

import msgspec
import pytest
from fixtures.drill_reports import BEGAN, drill_report, drill_run

from bongsu.desk.drill_report import faults, headline, parse
from bongsu.desk.investigation.importing import of_drills, of_witness_log
from bongsu.errors import InvalidParam


def test_a_drill_that_held_has_no_faults() -> None:
    (drill,) = parse(drill_report(drill_run()))
    assert faults(drill) == []
    assert drill.began_ts == int(BEGAN * 1000)
    assert drill.acknowledged == 600
    assert headline([drill]) == "1 of 1 drills held (a kill); 600 messages acknowledged"


def test_lost_messages_and_a_site_that_never_came_back_are_faults() -> None:
    (drill,) = parse(drill_report(drill_run(lost=2, back=False)))
    told = "\n".join(faults(drill))
    assert "messages lost 2, at most 0" in told
    assert "lost site whole again never" in told  # infinity is null in JSON


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"lost": ["s/r/1"]}, "lost: 1"),
        ({"acknowledged": 0}, "no message was acknowledged"),
        ({"lost_at": None}, "no site was lost"),
        ({"promises": []}, "names no promise"),
        ({"kept": False}, "says itself"),
        ({"media": {"uploaded": 1, "downloaded": 0, "lost": ["m"]}}, "media lost: 1"),
    ],
)
def test_a_report_that_says_kept_is_judged_by_its_own_figures(
    change: dict[str, object], fault: str
) -> None:
    (told,) = msgspec.json.decode(drill_report(drill_run()))
    (drill,) = parse(msgspec.json.encode([told | change]))
    assert any(fault in one for one in faults(drill))


def test_a_promise_marked_as_kept_beyond_its_limit_is_broken() -> None:
    (told,) = msgspec.json.decode(drill_report(drill_run()))
    told["promises"][7] |= {"value": 99.0, "kept": True}
    (drill,) = parse(msgspec.json.encode([told]))
    assert any("longest gap in acknowledgements" in one for one in faults(drill))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"[1]", b"\xff", b"[" * 5000, b'"kept"'])
def test_what_is_no_report_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidParam):
        parse(body)


def test_events_of_a_drill_have_the_same_ids_each_time_and_say_how_sure_they_are() -> None:
    drills = parse(drill_report(drill_run(), drill_run(began=BEGAN + 100)))
    events = of_drills(drills)
    assert [event.id for event in events] == [event.id for event in of_drills(drills)]
    assert len({event.id for event in events}) == len(events)
    (loss, _) = [event for event in events if event.kind == "loss"]
    assert loss.at == int((BEGAN + 5.0) * 1000)
    assert loss.uncertainty_ms == 100
    (failover, _) = [event for event in events if event.kind == "failover"]
    assert failover.uncertainty_ms == 900  # the drill itself stood still then
    assert [one.what for one in events if one.kind == "verdict"] == [
        "verdict: every promise held"
    ] * 2


def test_a_witness_log_gives_its_decisions() -> None:
    lines = [
        '{"timestamp":"2026-11-26T10:00:01.250Z","level":"warning","event":"suspect","site":"a",'
        '"silence":1.4,"request_id":"x"}',
        '{"timestamp":"2026-11-26T10:00:01.300Z","level":"debug","event":"poll"}',
        "not JSON",
        "",
    ]
    (event,) = of_witness_log(lines)
    assert (event.what, event.site, event.part) == ("suspect", "a", "witness")
    assert event.at == 1_795_687_201_250
    assert event.detail == {"site": "a", "silence": "1.4"}
