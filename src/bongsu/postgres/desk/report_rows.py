"""The parts of a version of a report as rows; new reports and amendments write the same."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from bongsu.desk.reports.claim import SEALED_FIELDS
from bongsu.desk.reports.preparing import PreparedVersion
from bongsu.postgres.database import Connection
from bongsu.postgres.desk.report_blob_store import hold_blobs

# Lists travel as texts: unnest() would flatten lists of lists.
_VERSIONS = """
INSERT INTO report_version (report_id, version, submitted_ts, claim, digest, name, contact,
                            description, reckoning, payout)
SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[],
                     $7::bytea[], $8::bytea[], $9::bytea[], $10::bytea[])
"""
_FILES = """
INSERT INTO report_file (report_id, number, version, name, sha256, size, sites, scan)
SELECT report_id, number, version, name, sha256, size, string_to_array(sites, ','), 'pending'
FROM unnest($1::text[], $2::integer[], $3::integer[], $4::bytea[], $5::bytea[], $6::bigint[],
            $7::text[]) AS new(report_id, number, version, name, sha256, size, sites)
"""
_MARKS = """
INSERT INTO report_mark (report_id, kind, mark)
SELECT * FROM unnest($1::text[], $2::smallint[], $3::bigint[])
ON CONFLICT DO NOTHING
"""
ADD_ENTRY = """
INSERT INTO report_entry (report_id, number, entry_key, written_ts, party, author, kind, body)
SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, $5, $6, $7
  FROM report_entry WHERE report_id = $1
"""
HAS_ENTRY = "SELECT EXISTS (SELECT FROM report_entry WHERE report_id = $1 AND entry_key = $2)"


async def insert_versions(
    connection: Connection,
    versions: Sequence[tuple[str, int, PreparedVersion]],
    now: int,
    removals: Mapping[bytes, int],
) -> None:
    """(report id, when it was submitted, the version) each. `EvidenceLeaving`, `EvidenceGone`."""
    named = {file.sha256 for _, _, version in versions for file in version.files}
    await hold_blobs(connection, named, removals, now)
    rows: list[tuple[Any, ...]] = []
    files: list[tuple[Any, ...]] = []
    marks: list[tuple[Any, ...]] = []
    for report_id, submitted_ts, version in versions:
        claim = msgspec.json.encode(version.claim)
        sealed = [version.sealed.get(name) for name in SEALED_FIELDS]
        rows.append((report_id, version.version, submitted_ts, claim, version.digest, *sealed))
        files += [
            (report_id, file.number, version.version, file.sealed_name, file.sha256, file.size,
             ",".join(file.sites))
            for file in version.files
        ]  # fmt: skip
        marks += [(report_id, int(kind), mark) for kind, mark in version.marks]
    for statement, added in ((_VERSIONS, rows), (_FILES, files), (_MARKS, marks)):
        if added:
            await connection.execute(statement, *columns(added))


def columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Rows as the arrays that unnest() takes."""
    return [list(column) for column in zip(*rows, strict=True)]
