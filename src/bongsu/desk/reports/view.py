"""A report with all that belongs to it: as the tables have it, and opened for who may read it."""

import msgspec

from bongsu.desk.reports.claim import Claim, Personal, personal_of
from bongsu.desk.reports.facts import ReportFacts
from bongsu.desk.reports.preparing import entry_context, file_context, version_context
from bongsu.desk.reports.words import Kind, Party
from bongsu.desk.sealing import Sealer


class SealedVersion(msgspec.Struct, frozen=True):
    version: int
    submitted_ts: int
    claim: Claim
    sealed: dict[str, bytes]


class SealedFile(msgspec.Struct, frozen=True):
    number: int
    version: int
    sealed_name: bytes | None
    sha256: bytes
    size: int
    scan: str
    is_accepted: bool | None
    withdrawn_ts: int | None


class SealedEntry(msgspec.Struct, frozen=True):
    entry_key: str
    written_ts: int
    party: Party
    author: str | None
    kind: Kind
    sealed: bytes | None


class SealedReport(msgspec.Struct, frozen=True):
    """Versions, files and entries in the order in which they came."""

    facts: ReportFacts
    language: str
    received_site: str
    stored_ts: int
    has_payout: bool
    erased_ts: int | None
    versions: tuple[SealedVersion, ...]
    files: tuple[SealedFile, ...]
    entries: tuple[SealedEntry, ...]


class Version(msgspec.Struct, frozen=True):
    version: int
    submitted_ts: int
    claim: Claim
    personal: Personal


class File(msgspec.Struct, frozen=True):
    number: int
    version: int
    name: str
    sha256: bytes
    size: int
    scan: str
    is_accepted: bool | None
    withdrawn_ts: int | None


class Entry(msgspec.Struct, frozen=True):
    written_ts: int
    party: Party
    author: str | None
    kind: Kind
    text: str


class Report(msgspec.Struct, frozen=True):
    """Opened. After erasure its texts are empty."""

    facts: ReportFacts
    language: str
    received_site: str
    stored_ts: int
    has_payout: bool
    erased_ts: int | None
    versions: tuple[Version, ...]
    files: tuple[File, ...]
    entries: tuple[Entry, ...]

    @property
    def latest(self) -> Version:
        return self.versions[-1]

    @property
    def kept_files(self) -> list[File]:
        return [file for file in self.files if file.withdrawn_ts is None]


def open_report(sealed: SealedReport, sealer: Sealer) -> Report:
    """Everything in it opened; `SealBroken` if something is not what was sealed."""
    report_id = sealed.facts.report_id
    return Report(
        sealed.facts, sealed.language, sealed.received_site, sealed.stored_ts, sealed.has_payout,
        sealed.erased_ts,
        tuple(_version(report_id, each, sealer) for each in sealed.versions),
        tuple(_file(report_id, each, sealer) for each in sealed.files),
        tuple(_entry(report_id, each, sealer) for each in sealed.entries),
    )  # fmt: skip


def _version(report_id: str, version: SealedVersion, sealer: Sealer) -> Version:
    texts = {
        field: sealer.open(blob, version_context(field, report_id, version.version))
        for field, blob in version.sealed.items()
    }
    return Version(version.version, version.submitted_ts, version.claim, personal_of(texts))


def _file(report_id: str, file: SealedFile, sealer: Sealer) -> File:
    name = ""
    if file.sealed_name is not None:
        name = sealer.open(file.sealed_name, file_context(report_id, file.number))
    return File(
        file.number, file.version, name, file.sha256, file.size, file.scan, file.is_accepted,
        file.withdrawn_ts,
    )  # fmt: skip


def _entry(report_id: str, entry: SealedEntry, sealer: Sealer) -> Entry:
    text = ""
    if entry.sealed is not None:
        text = sealer.open(entry.sealed, entry_context(report_id, entry.entry_key))
    return Entry(entry.written_ts, entry.party, entry.author, entry.kind, text)
