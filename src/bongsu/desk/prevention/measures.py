"""A measure: who does what until when, against which cause, and what will prove it."""

from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from bongsu.desk.sentences import Sentence
from bongsu.desk.wording import TITLE_CHARS_MAX, Text, checked
from bongsu.errors import InvalidParam

OWNER_CHARS_MAX = 100
PATTERNS_MAX = 100
PATTERN_CHARS_MAX = 300
DRILLS_MAX = 100
TS_MAX = 4_102_444_800_000
HOWS = ("", "kill", "cut", "hang", "by hand")


class State(StrEnum):
    """A measure is closed by a proof, never by a word. `DROPPED`: given up, openly."""

    OPEN = "open"
    CLOSED = "closed"
    REOPENED = "reopened"
    DROPPED = "dropped"


class Role(StrEnum):
    """Which site a drill has to lose."""

    ANY = "any"
    PRIMARY = "primary"
    REPLICA = "replica"


class DrillAsked(Struct, frozen=True, tag="drill"):
    """A report of `bongsu drill`: at least `drills` drills of this kind in it, and every one held.

    `how`: kill, cut, hang; "" for any.
    """

    drills: int = 1
    how: str = ""
    role: Role = Role.ANY


class TestsAsked(Struct, frozen=True, tag="tests"):
    """A report of a test run in JUnit's XML. Each of `patterns` (of class::name, with * and ?) must
    be borne out by a test that passed; none: any passed test."""

    patterns: tuple[str, ...] = ()


ProofAsked = DrillAsked | TestsAsked


class Plan(Struct, frozen=True):
    """What a version of a measure says. `cause`: case_id/cause_id, as a published report has it."""

    title: Text
    description: Text
    owner: str  # a person's or a team's name, for the public
    due_ts: int
    cause: str
    asked: ProofAsked
    is_public: bool = False


class Measure(NamedTuple):
    """`version`: of the plan; `changed_ts`: when its state changed last."""

    measure_id: str
    version: int
    plan: Plan
    state: State
    made_ts: int
    changed_ts: int

    def is_overdue(self, now: int) -> bool:
        return self.state in (State.OPEN, State.REOPENED) and now > self.plan.due_ts


def check(plan: Plan) -> Plan:
    """`plan`, or `InvalidParam`."""
    checked(plan.title, Sentence("Title"), TITLE_CHARS_MAX)
    checked(plan.description, Sentence("What is done"))
    if not 0 < len(plan.owner) <= OWNER_CHARS_MAX:
        raise InvalidParam("A measure has an owner: who answers for it")
    if not 0 < plan.due_ts <= TS_MAX:
        raise InvalidParam("A measure has a date")
    case_id, _, cause_id = plan.cause.partition("/")
    if not (case_id and cause_id) or len(plan.cause) > TITLE_CHARS_MAX:
        raise InvalidParam("A measure answers a cause: case/cause")
    _check_asked(plan.asked)
    return plan


def _check_asked(asked: ProofAsked) -> None:
    if isinstance(asked, DrillAsked):
        if not 1 <= asked.drills <= DRILLS_MAX or asked.how not in HOWS:
            raise InvalidParam(
                Sentence(
                    "From 1 to {count} drills; how: one of {known}",
                    count=DRILLS_MAX,
                    known=", ".join(HOWS[1:]),
                )
            )
    elif len(asked.patterns) > PATTERNS_MAX or any(
        not 0 < len(pattern) <= PATTERN_CHARS_MAX for pattern in asked.patterns
    ):
        raise InvalidParam(Sentence("At most {count} names of tests", count=PATTERNS_MAX))
