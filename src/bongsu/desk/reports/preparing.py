"""From what was taken in to what is stored: sealed fields, marks, the digest of a version."""

from collections.abc import Sequence

import msgspec

from bongsu.desk.reports.claim import Claim, Personal, Submission
from bongsu.desk.reports.marks import Marker, MarkKind
from bongsu.desk.sealing import Context, Sealer


class PlacedFile(msgspec.Struct, frozen=True):
    """An evidence file that is in the media stores of `sites`."""

    name: str
    sha256: bytes
    size: int
    sites: tuple[str, ...]


class StoredFile(msgspec.Struct, frozen=True):
    """A row of `report_file`, as it is first written."""

    number: int
    sealed_name: bytes
    sha256: bytes
    size: int
    sites: tuple[str, ...]


class PreparedVersion(msgspec.Struct, frozen=True):
    """One version of what a reporter says, ready for the tables."""

    version: int
    claim: Claim
    sealed: dict[str, bytes]
    digest: bytes
    marks: tuple[tuple[MarkKind, int], ...]
    words: tuple[int, ...]
    files: tuple[StoredFile, ...]


class PreparedReport(msgspec.Struct, frozen=True):
    submission: Submission
    first: PreparedVersion


class Preparer:
    def __init__(self, sealer: Sealer, marker: Marker) -> None:
        self._sealer = sealer
        self._marker = marker

    def report(self, submission: Submission, files: Sequence[PlacedFile]) -> PreparedReport:
        first = self.version(
            submission.report_id, 1, submission.account_id, submission.claim, submission.personal,
            files, first_number=1,
        )  # fmt: skip
        return PreparedReport(submission, first)

    def version(
        self,
        report_id: str,
        version: int,
        account_id: str | None,
        claim: Claim,
        personal: Personal,
        files: Sequence[PlacedFile],
        *,
        first_number: int,
    ) -> PreparedVersion:
        """`files` are those that come with this version; they are numbered from `first_number`."""
        texts = personal.texts()
        parts = [msgspec.json.encode(claim), *(f"{name}={text}".encode() for name, text in
                 texts.items()), *(file.sha256 for file in files)]  # fmt: skip
        return PreparedVersion(
            version,
            claim,
            {
                name: self._sealer.seal(text, version_context(name, report_id, version))
                for name, text in texts.items()
            },
            self._marker.digest(parts),
            tuple(self._marker.marks(account_id, personal, [file.sha256 for file in files])),
            tuple(self._marker.words(personal.description, personal.reckoning, personal.name)),
            tuple(
                self._file(report_id, number, file)
                for number, file in enumerate(files, first_number)
            ),
        )

    def _file(self, report_id: str, number: int, file: PlacedFile) -> StoredFile:
        sealed = self._sealer.seal(file.name, file_context(report_id, number))
        return StoredFile(number, sealed, file.sha256, file.size, file.sites)


def version_context(field: str, report_id: str, version: int) -> Context:
    return Context("report_version", field, f"{report_id}/{version}")


def file_context(report_id: str, number: int) -> Context:
    return Context("report_file", "name", f"{report_id}/{number}")


def entry_context(report_id: str, entry_key: str) -> Context:
    return Context("report_entry", "body", f"{report_id}/{entry_key}")
