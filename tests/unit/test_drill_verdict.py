"""The judge of a drill: each broken promise, faked, must be found and called by its name."""

import msgspec
import pytest

from bongsu.drill.ledger import Found, judge, mark_of
from bongsu.drill.notes import Acknowledgement, Arrival, Event, Stall, Trouble
from bongsu.drill.summary import as_json, series_summary, summary
from bongsu.drill.uploads import MediaVerdict
from bongsu.drill.verdict import Gap, Limits, Run, gap_limit, judge_run, longest_gap

LOST_AT, REPLACED_AT, HEALED_AT, BACK_AT, STOPPED = 10.0, 13.0, 25.0, 30.0, 40.0


def good_run(how: str = "kill") -> Run:
    """Site a, the primary's, is away from 10 to 30; others are silent from 10 to 12.5."""
    run = Run(
        ["a", "b", "c"], "a", how, True,
        started=0.0, stopped=STOPPED, lost_at=LOST_AT, replaced_at=REPLACED_AT,
        healed_at=HEALED_AT, back_at=BACK_AT,
    )  # fmt: skip
    for tick in range(int(STOPPED * 10)):
        at = tick / 10 + 0.05
        away = LOST_AT <= at < BACK_AT
        for site in run.sites:
            if (away and site == "a") or LOST_AT <= at < 12.5:
                continue
            run.acknowledgements.append(Acknowledgement(at, site, 0.02, 0.02))
            run.arrivals.append(Arrival(at, site, site, 1))
    run.troubles.append(Trouble(LOST_AT + 0.1, "a", "send", 0, 0.2, "closed by the server"))
    return run


def broken(run: Run, limits: Limits | None = None) -> list[str]:
    return [promise.name for promise in judge_run(run, limits or Limits()).broken]


def test_good_run_keeps_every_promise() -> None:
    outcome = judge_run(good_run(), Limits())
    assert outcome.is_kept, outcome.broken
    assert outcome.gap.seconds == pytest.approx(2.6)
    assert outcome.gap.at == pytest.approx(9.95)
    assert [site.is_lost for site in outcome.sites] == [True, False, False]


@pytest.mark.parametrize(
    ("numbers", "name"),
    [((0, 2), "lost"), ((0, 1, 1, 2), "doubled"), ((0, 2, 1), "reordered")],
)
def test_broken_ledger_is_found(numbers: tuple[int, ...], name: str) -> None:
    history = [Found(f"${n}.{i}", mark_of("ann", "!r", n)) for i, n in enumerate(numbers)]
    acknowledged = {mark_of("ann", "!r", n): f"${n}" for n in range(3)}
    acknowledged |= {one.mark: one.event_id for one in history}
    run = good_run()
    run.ledger = judge(acknowledged, {"!r": history})
    assert broken(run) == [f"messages {name}"]


def test_changed_event_id_is_found() -> None:
    run = good_run()
    run.ledger = judge({"ann/!r/0": "$a"}, {"!r": [Found("$b", "ann/!r/0")]})
    assert broken(run) == ["event ids changed"]


def test_gap_over_the_limit_is_found() -> None:
    assert broken(good_run(), Limits(gap_primary=2.5)) == [
        "longest gap in acknowledgements",
        "longest gap at site b", "reader's gap at site b",
        "longest gap at site c", "reader's gap at site c",
    ]  # fmt: skip


def test_gap_of_one_surviving_site_is_found() -> None:
    run = good_run()
    run.acknowledgements = [
        one for one in run.acknowledgements if one.site != "b" or not 15 < one.at < 21
    ]
    assert broken(run) == ["longest gap at site b"]


def test_gap_of_one_reader_is_found() -> None:
    run = good_run()
    run.arrivals = [one for one in run.arrivals if one.home != "c" or not 15 < one.at < 21]
    assert broken(run) == ["reader's gap at site c"]


def test_gap_when_the_site_returns_counts() -> None:
    run = good_run()
    run.acknowledgements = [one for one in run.acknowledgements if not 26 < one.at < 32]
    assert "longest gap in acknowledgements" in broken(run)


def test_silence_to_the_end_is_a_gap() -> None:
    run = good_run()
    run.acknowledgements = [one for one in run.acknowledgements if one.at < 30]
    outcome = judge_run(run, Limits())
    assert outcome.gap == Gap(pytest.approx(10.05), pytest.approx(29.95))


def test_nothing_at_all_is_one_gap() -> None:
    assert longest_gap([], _run_of(3.0, 8.0)) == Gap(5.0, 3.0)


def test_stalls_of_the_drill_itself_are_left_out_of_gaps() -> None:
    run = _run_of(0.0, 10.0)
    run.stalls = [Stall(1.5, 2.0), Stall(9.5, 2.0)]
    assert longest_gap([1.0, 4.0, 6.0, 9.0], run) == Gap(3.0, 6.0)


def _run_of(started: float, stopped: float) -> Run:
    return Run(["a"], "a", "kill", True, started=started, stopped=stopped)


def test_loss_of_a_replica_is_held_to_the_shorter_limit() -> None:
    run = good_run()
    run.was_primary = False
    assert gap_limit(run, Limits()) == Limits().gap_replica
    assert "longest gap in acknowledgements" in broken(run)


def test_error_at_a_surviving_site_is_found() -> None:
    run = good_run()
    run.troubles.append(Trouble(11.0, "b", "send", 503, 0.1, "M_UNKNOWN"))
    assert broken(run) == ["errors at surviving sites"]


def test_errors_at_the_lost_site_are_excused_only_while_it_is_away() -> None:
    run = good_run()
    run.troubles.append(Trouble(BACK_AT + 5, "a", "send", 503, 0.1, "M_UNKNOWN"))
    run.troubles.append(Trouble(BACK_AT + 5, "a", "sync", 0, 10.0, "it hung before"))
    assert judge_run(run, Limits()).sites[0].errors == 1


def test_acknowledgement_from_a_replaced_primary_is_found() -> None:
    run = good_run("hang")
    run.acknowledgements.append(Acknowledgement(20.0, "a", 9.0, 9.0))
    assert broken(run) == ["acknowledgements from the replaced site"]


def test_site_that_does_not_come_back_is_found() -> None:
    run = good_run()
    run.back_at = None
    assert broken(run) == ["lost site whole again"]


def test_lost_media_stream_faults_and_unfinished_work_are_found() -> None:
    run = good_run()
    run.media = MediaVerdict(5, 5, ["mxc://lab/x at b: status 404"])
    run.stream_faults = ["reader at b: !r: missing $a"]
    run.unfinished = ["history: not done in 180 s"]
    assert broken(run) == ["faults in readers' streams", "media lost", "unfinished work"]


def test_summary_names_what_was_broken() -> None:
    run = good_run()
    run.ledger = judge({"ann/!r/0": "$a"}, {"!r": []})
    run.events = [Event(LOST_AT, "a", "drill", "kill", is_turn=True)]
    outcome = judge_run(run, Limits())
    text = summary(outcome, "drill 1")
    assert "drill 1: site a (primary), kill  BROKEN" in text
    assert "BROKEN  messages lost" in text
    assert "! lost: ann/!r/0" in text
    assert "+0.00  a  drill    kill" in text
    assert "0 of 2 drills kept every promise" in series_summary([outcome, outcome])


def test_json_holds_the_verdict() -> None:
    outcome = judge_run(good_run(), Limits())
    told = msgspec.json.decode(msgspec.json.encode(as_json(outcome, whole=True)))
    assert told["kept"] is True
    assert told["lost"] == []
    assert len(told["acknowledgements"]) == len(outcome.run.acknowledgements)
    assert "acknowledgements" not in as_json(outcome, whole=False)
