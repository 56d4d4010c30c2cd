"""Reading a proof: does this file show what the measure asks for?"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from bongsu.desk.drill_report import Drill, faults, headline
from bongsu.desk.prevention.junit import Case, Result, Suite, matches
from bongsu.desk.prevention.measures import DrillAsked, Role, TestsAsked

TOLD_MAX = 20


class Verdict(NamedTuple):
    """`made_ts`: when it happened, by the proof's own words. `faults` empty: it holds."""

    made_ts: int
    summary: str
    faults: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.faults


class DrillSeen(NamedTuple):
    """What a drill came to, for good: a failure cannot be forgotten."""

    began_ts: int
    site: str
    how: str
    was_primary: bool | None
    faults: tuple[str, ...]


def seen(drill: Drill) -> DrillSeen:
    told = tuple(faults(drill)[:TOLD_MAX])
    return DrillSeen(drill.began_ts, drill.site, drill.how, drill.was_primary, told)


def is_asked(asked: DrillAsked, drill: DrillSeen) -> bool:
    """Whether this drill is of the kind that was asked for. Who cannot say which site held the
    primary has not shown that it was lost."""
    roles = {Role.PRIMARY: drill.was_primary is True, Role.REPLICA: drill.was_primary is False}
    return (not asked.how or drill.how == asked.how) and roles.get(asked.role, True)


def disproof(asked: DrillAsked, failed: Sequence[DrillSeen], proved_ts: int) -> DrillSeen | None:
    """The first of the `failed` drills of the kind asked for that began after `proved_ts`."""
    return next((one for one in failed if one.began_ts > proved_ts and is_asked(asked, one)), None)


def judge_drills(
    asked: DrillAsked, drills: Sequence[Drill], since_ts: int, failed: Sequence[DrillSeen]
) -> Verdict:
    """Every drill of the report counts, so that nobody picks the good ones out of a bad series; and
    so does each of the `failed` ones seen elsewhere that came after it."""
    wrong = [f"drill {n}: {one}" for n, drill in enumerate(drills, 1) for one in faults(drill)]
    fitting = [drill for drill in drills if is_asked(asked, seen(drill))]
    if len(fitting) < asked.drills:
        wrong.append(f"{len(fitting)} drills of the kind asked for, {asked.drills} are needed")
    made_ts = min(drill.began_ts for drill in drills)
    later = disproof(asked, failed, max(drill.began_ts for drill in drills))
    if later is not None:
        wrong.append(f"a later drill failed: {'; '.join(later.faults)}")
    return Verdict(made_ts, headline(drills), _told(wrong, made_ts, since_ts))


def judge_tests(asked: TestsAsked, suites: Sequence[Suite], since_ts: int) -> Verdict:
    cases = [case for suite in suites for case in suite.cases]
    bad = [case for case in cases if case.result in (Result.FAILED, Result.BROKEN)]
    passed = [case for case in cases if case.result is Result.PASSED]
    wrong = [f"{case.result.value}: {case.name}" for case in bad]
    if not passed:
        wrong.append("no test passed in it")
    wrong += [f"no test passed that is called {one}" for one in _missing(asked.patterns, passed)]
    made_ts = min(suite.ts for suite in suites)
    summary = (
        f"{len(passed)} passed, {len(bad)} failed, {len(cases) - len(passed) - len(bad)} skipped"
    )
    return Verdict(made_ts, summary, _told(wrong, made_ts, since_ts))


def _missing(patterns: Iterable[str], passed: Sequence[Case]) -> list[str]:
    return [one for one in patterns if not any(matches(one, case.name) for case in passed)]


def _told(wrong: list[str], made_ts: int, since_ts: int) -> tuple[str, ...]:
    if made_ts < since_ts:
        wrong.insert(0, "it is older than the measure that it should prove")
    more = [f"and {len(wrong) - TOLD_MAX} more"] if len(wrong) > TOLD_MAX else []
    return (*wrong[:TOLD_MAX], *more)
