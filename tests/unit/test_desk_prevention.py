"""Which proofs close a measure, and which do not."""

from dataclasses import replace

import pytest
from fixtures.drill_reports import BEGAN, drill_report, drill_run

from bongsu.desk.drill_report import parse
from bongsu.desk.prevention import junit
from bongsu.desk.prevention.junit import Result
from bongsu.desk.prevention.measures import (
    DrillAsked,
    Measure,
    Plan,
    Role,
    State,
    TestsAsked,
    check,
)
from bongsu.desk.prevention.proofs import judge_drills, judge_tests, seen
from bongsu.desk.wording import Text
from bongsu.errors import InvalidParam

SINCE = int(BEGAN * 1000) - 1
REPORT = b"""<?xml version="1.0" encoding="utf-8"?>
<testsuites name="pytest tests"><testsuite name="pytest" errors="0" failures="1" skipped="1"
 tests="4" timestamp="2026-11-26T12:00:00.5+00:00">
<testcase classname="tests.chaos.test_kill" name="test_kill_primary[hard]" time="1.0"/>
<testcase classname="tests.chaos.test_kill" name="test_kill_bus">
<failure message="m">no</failure></testcase>
<testcase classname="tests.chaos.test_kill" name="test_skipped"><skipped/></testcase>
<testcase classname="tests.chaos.test_kill" name="test_broken"><error/></testcase>
</testsuite></testsuites>"""
PLAN = Plan(Text("가"), Text("나"), "운영팀", 5000, "case/cause", DrillAsked())


def test_drills_of_the_kind_asked_for_prove_it() -> None:
    drills = parse(drill_report(drill_run(), drill_run(began=BEGAN + 60)))
    asked = DrillAsked(2, "kill", Role.PRIMARY)
    assert judge_drills(asked, drills, SINCE, []).holds
    for wrong in (DrillAsked(3), DrillAsked(1, "cut"), DrillAsked(1, "", Role.REPLICA)):
        assert not judge_drills(wrong, drills, SINCE, []).holds
    verdict = judge_drills(asked, drills, SINCE + 2, [])
    assert verdict.faults == ("it is older than the measure that it should prove",)


def test_nobody_can_say_so_is_no_proof_of_the_primary() -> None:
    drills = parse(drill_report(drill_run(was_primary=None)))
    assert judge_drills(DrillAsked(), drills, SINCE, []).holds
    assert not judge_drills(DrillAsked(role=Role.PRIMARY), drills, SINCE, []).holds


def test_one_bad_drill_in_a_series_spoils_it_and_so_does_a_later_one() -> None:
    good, bad = drill_run(), drill_run(began=BEGAN + 60, lost=1)
    assert not judge_drills(DrillAsked(), parse(drill_report(good, bad)), SINCE, []).holds
    failed = [seen(drill) for drill in parse(drill_report(bad))]
    verdict = judge_drills(DrillAsked(), parse(drill_report(good)), SINCE, failed)
    assert verdict.faults[0].startswith("a later drill failed: broken: messages lost 1")
    later = parse(drill_report(drill_run(began=BEGAN + 120)))
    assert judge_drills(DrillAsked(), later, SINCE, failed).holds
    assert judge_drills(DrillAsked(how="kill"), parse(drill_report(replace(good))), SINCE, []).holds


def test_a_report_of_tests_is_read() -> None:
    (suite,) = junit.parse(REPORT)
    results = [case.result for case in suite.cases]
    assert results == [Result.PASSED, Result.FAILED, Result.SKIPPED, Result.BROKEN]
    assert suite.ts == 1_795_694_400_500
    verdict = judge_tests(TestsAsked(), [suite], 0)
    assert len(verdict.faults) == 2
    assert verdict.summary == "1 passed, 2 failed, 1 skipped"


def test_a_test_run_proves_only_what_passed_in_it() -> None:
    (suite,) = junit.parse(REPORT)
    passed = suite._replace(cases=(suite.cases[0], suite.cases[2]))
    good = TestsAsked(("tests.chaos.test_kill::test_kill_primary*",))
    assert judge_tests(good, [passed], 0).holds
    skipped = TestsAsked(("*::test_skipped",))
    assert judge_tests(skipped, [passed], 0).faults == (
        "no test passed that is called *::test_skipped",
    )
    nothing = suite._replace(cases=(suite.cases[2],))
    assert judge_tests(TestsAsked(), [nothing], 0).faults == ("no test passed in it",)
    assert not judge_tests(good, [passed], passed.ts + 1).holds


BOMB = b"""<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>
<testsuites><testsuite timestamp="2026-11-26T12:00:00"><testcase name="&b;"/></testsuite>
</testsuites>"""


@pytest.mark.parametrize(
    "body",
    [b"", b"<a/>", b"{}", b"<testsuites/>", BOMB, REPORT.replace(b"timestamp", b"time"),
     b'<testsuite timestamp="2026-11-26T12:00:00"/>', b"\xff\xfe\x00<"],
)  # fmt: skip
def test_what_is_no_report_of_tests_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidParam):
        junit.parse(body)


def test_a_measure_is_overdue_until_it_is_proved() -> None:
    measure = Measure("m", 1, PLAN, State.OPEN, 1, 1)
    assert not measure.is_overdue(5000)
    assert measure.is_overdue(5001)
    assert measure._replace(state=State.REOPENED).is_overdue(5001)
    assert not measure._replace(state=State.CLOSED).is_overdue(5001)


@pytest.mark.parametrize(
    "change",
    [{"owner": ""}, {"due_ts": 0}, {"cause": "case"}, {"title": Text()}, {"asked": DrillAsked(0)},
     {"asked": DrillAsked(1, "pray")}, {"asked": TestsAsked(("",))}],
)  # fmt: skip
def test_plans_that_say_too_little_are_refused(change: dict[str, object]) -> None:
    fields = {name: getattr(PLAN, name) for name in PLAN.__struct_fields__}
    with pytest.raises(InvalidParam):
        check(Plan(**(fields | change)))
