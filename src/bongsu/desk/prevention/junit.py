"""The XML that test runners write since JUnit: pytest's --junitxml and its likes."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from bongsu.desk.sentences import Sentence
from bongsu.errors import InvalidParam

REPORT_BYTES_MAX = 32 * 1024 * 1024
CASES_MAX = 200_000
NAME_CHARS_MAX = 500


class Result(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    BROKEN = "broken"  # an error outside what was tested
    SKIPPED = "skipped"


class Case(NamedTuple):
    """`name`: class::name."""

    name: str
    result: Result


class Suite(NamedTuple):
    """`ts`: when it began, ms."""

    ts: int
    cases: tuple[Case, ...]


_RESULTS = {"failure": Result.FAILED, "error": Result.BROKEN, "skipped": Result.SKIPPED}


def parse(body: bytes) -> tuple[Suite, ...]:
    """Every suite of a report; `InvalidParam` for what is none. No DTD, no entities."""
    if len(body) > REPORT_BYTES_MAX:
        raise InvalidParam(
            Sentence("A report of tests has {count} bytes at most", count=REPORT_BYTES_MAX)
        )
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError):
        raise InvalidParam("This is no report of tests in JUnit's XML") from None
    if root.tag not in ("testsuites", "testsuite"):
        raise InvalidParam("This is no report of tests in JUnit's XML")
    suites = tuple(_suite(one, root) for one in root.iter("testsuite"))
    count = sum(len(suite.cases) for suite in suites)
    if not suites or not 0 < count <= CASES_MAX:
        raise InvalidParam(Sentence("A report holds from 1 to {count} tests", count=CASES_MAX))
    return suites


def matches(pattern: str, name: str) -> bool:
    """Whether a test is the one meant: all of its name, with * and ?."""
    return fnmatchcase(name, pattern)


def _suite(suite: Element, root: Element) -> Suite:
    said = suite.get("timestamp") or root.get("timestamp") or ""
    try:
        at = datetime.fromisoformat(said)
    except ValueError:
        raise InvalidParam("The report does not say when the tests ran") from None
    moment = at if at.tzinfo else at.replace(tzinfo=UTC)
    return Suite(int(moment.timestamp() * 1000), tuple(_cases(suite)))


def _cases(suite: Element) -> Iterator[Case]:
    for case in suite.findall("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name', '')}"[:NAME_CHARS_MAX]
        found = [_RESULTS[child.tag] for child in case if child.tag in _RESULTS]
        yield Case(name, _worst(found))


def _worst(results: list[Result]) -> Result:
    for result in (Result.BROKEN, Result.FAILED, Result.SKIPPED):
        if result in results:
            return result
    return Result.PASSED
