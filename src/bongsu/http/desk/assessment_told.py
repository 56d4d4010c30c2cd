"""Reports as machines are told of them, and what machines order."""

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct, field

from bongsu.desk.assessment.decision import Change, Decision
from bongsu.desk.assessment.queue import IDS_MAX, Row
from bongsu.desk.assessment.stores import Alike
from bongsu.desk.reports.claim import Claim
from bongsu.desk.reports.facts import ReportFacts
from bongsu.desk.reports.marks import MarkKind
from bongsu.desk.reports.view import Entry, File, Report, Version
from bongsu.http.desk.assessment import mask
from bongsu.http.desk.json_bodies import Key, Reason, Words

QUERY_CHARS_MAX = 4_000
FILES_JUDGED_MAX = 100

Number = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Kinds = dict[str, int]  # names of MarkKind


class ListedReport(Struct, frozen=True):
    """A report in the queue. `alike`: other reports by what they share with it, 20 at most."""

    facts: ReportFacts
    is_amended: bool
    alike: Kinds


class QueuePage(Struct, frozen=True):
    """`count`: all that the filter finds. `after`: give it back for the next page; null at the
    end."""

    count: int
    reports: list[ListedReport]
    after: str | None


class ToldVersion(Struct, frozen=True):
    """What the reporter said. Name and contact are masked unless they were asked for."""

    version: int
    submitted_ts: int
    claim: Claim
    name: str
    contact: str
    description: str
    reckoning: str


class ToldFile(Struct, frozen=True):
    number: int
    version: int
    name: str
    sha256: str
    size: int
    scan: str
    is_accepted: bool | None
    withdrawn_ts: int | None


class ToldAlike(Struct, frozen=True):
    report_id: str
    receipt: str
    status: str
    received_ts: int
    kinds: list[str]


class ToldReport(Struct, frozen=True):
    """One report with all its versions, files, decisions and what was written back and forth."""

    facts: ReportFacts
    language: str
    received_site: str
    stored_ts: int
    has_payout: bool
    erased_ts: int | None
    versions: list[ToldVersion]
    files: list[ToldFile]
    entries: list[Entry]
    decisions: list[Decision]
    alike: list[ToldAlike]


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """For the reporter, who finds it under the private link."""

    text: Words
    key: Key


class DecisionOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """`version` and `assessment`: those that were looked at; when one of them is not the latest any
    more, nothing is done. `files`: whether each of these proves what it should. `message` is for
    the reporter, `reason` for the record."""

    version: Number
    assessment: Number
    reason: Reason
    key: Key
    change: Change = Change()
    files: Annotated[dict[str, bool], Meta(max_length=FILES_JUDGED_MAX)] = field(
        default_factory=dict[str, bool]
    )
    message: Words | None = None


class BulkOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """One decision on all reports of a filter, or of it those with `ids`. `filter` is the query of
    `GET /api/reports`; when it does not find just `expected` reports, nothing is done."""

    key: Key
    filter: Annotated[str, Meta(max_length=QUERY_CHARS_MAX)]
    expected: Number
    change: Change
    reason: Reason
    ids: Annotated[list[str], Meta(max_length=IDS_MAX)] = field(default_factory=list[str])


class Done(Struct, frozen=True):
    """`count`: reports that were decided on."""

    count: int


class FileAddress(Struct, frozen=True):
    """Where an evidence file is downloaded, for so many seconds."""

    url: str
    seconds: int


def listed(row: Row) -> ListedReport:
    return ListedReport(row.facts, row.is_amended, _kinds(row.alike))


def told_report(
    report: Report, decisions: Iterable[Decision], alike: Iterable[Alike], *, revealed: bool
) -> ToldReport:
    return ToldReport(
        report.facts, report.language, report.received_site, report.stored_ts, report.has_payout,
        report.erased_ts,
        [_version(each, revealed=revealed) for each in report.versions],
        [_file(each) for each in report.files],
        list(report.entries),
        list(decisions),
        [_alike(each) for each in alike],
    )  # fmt: skip


def _version(version: Version, *, revealed: bool) -> ToldVersion:
    own = version.personal
    name, contact = (
        text if revealed or not text else mask(text) for text in (own.name, own.contact)
    )
    return ToldVersion(
        version.version, version.submitted_ts, version.claim, name, contact, own.description,
        own.reckoning,
    )  # fmt: skip


def _file(file: File) -> ToldFile:
    return ToldFile(
        file.number, file.version, file.name, file.sha256.hex(), file.size, file.scan,
        file.is_accepted, file.withdrawn_ts,
    )  # fmt: skip


def _alike(alike: Alike) -> ToldAlike:
    kinds = [MarkKind(kind).name.lower() for kind in alike.kinds]
    return ToldAlike(alike.report_id, alike.receipt, alike.status, alike.received_ts, kinds)


def _kinds(alike: dict[int, int]) -> Kinds:
    return {MarkKind(kind).name.lower(): count for kind, count in sorted(alike.items())}
