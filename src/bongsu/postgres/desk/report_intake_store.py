"""New reports, many in one transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from bongsu.desk.reports.catalogue import is_own
from bongsu.desk.reports.preparing import PreparedReport
from bongsu.desk.reports.stores import NotStorable
from bongsu.desk.reports.words import Status
from bongsu.errors import Unavailable
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.report_blob_store import end_blobs
from bongsu.postgres.desk.report_rows import columns, insert_versions

# Lists travel as texts: unnest() would flatten lists of lists. The order keeps two transactions
# with the same reports from waiting for each other.
_REPORTS = """
INSERT INTO report (
    report_id, receipt, link_hash, received_ts, received_site, stored_ts, account_id, language,
    version, assessment, assessed_version, status, claimed_category, category, services,
    is_own, is_paid, damage, started_ts, ended_ts, claimed_loss_amount, loss_amount,
    loss_currency, country, evidence_count, evidence_accepted, has_payout, words, changed_ts)
SELECT report_id, receipt, link_hash, received_ts, site, $1, account_id, language,
       1, 0, 0, $2, category, category, string_to_array(services, ','),
       is_own, is_paid, damage, started_ts, ended_ts, loss_amount, loss_amount,
       loss_currency, country, evidence_count, 0, has_payout, string_to_array(words, ',')::bigint[],
       $1
FROM unnest($3::text[], $4::text[], $5::bytea[], $6::bigint[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::text[], $12::boolean[], $13::boolean[], $14::text[], $15::bigint[],
            $16::bigint[], $17::bigint[], $18::text[], $19::text[], $20::integer[],
            $21::boolean[], $22::text[])
     AS new(report_id, receipt, link_hash, received_ts, site, account_id, language,
            category, services, is_own, is_paid, damage, started_ts,
            ended_ts, loss_amount, loss_currency, country, evidence_count,
            has_payout, words)
ORDER BY report_id
ON CONFLICT DO NOTHING
RETURNING report_id
"""


NONE_SEEN: Mapping[bytes, int] = {}


class PostgresReportIntake:
    """Implements `desk.reports.stores.IntakeStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(
        self, reports: Sequence[PreparedReport], now: int, removals: Mapping[bytes, int] = NONE_SEEN
    ) -> set[str]:
        unique = {report.submission.report_id: report for report in reports}
        rows = columns([_row(report) for report in unique.values()])

        async def body(connection: Connection) -> set[str]:
            found = await connection.fetch(_REPORTS, now, Status.RECEIVED.value, *rows)
            new = {row["report_id"] for row in found}
            await insert_versions(
                connection,
                [(id, unique[id].submission.received_ts, unique[id].first) for id in sorted(new)],
                now,
                removals,
            )
            again = [report for id, report in unique.items() if id not in new]
            await end_blobs(
                connection, {file.sha256 for each in again for file in each.first.files}, now
            )  # put once more, perhaps for a report that was erased
            return new

        try:
            return await self._database.write(body, idempotent=True)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise NotStorable(str(error)) from error
        except asyncpg.PostgresError as error:  # such as tables that are not there yet
            raise Unavailable(f"No report can be stored ({type(error).__name__})") from error


def _row(report: PreparedReport) -> tuple[Any, ...]:
    submission, first = report.submission, report.first
    claim = first.claim
    return (
        submission.report_id, submission.receipt, submission.link_hash, submission.received_ts,
        submission.site, submission.account_id, claim.language, claim.category.value,
        ",".join(claim.services), is_own(claim.services), claim.is_paid, claim.damage.value,
        claim.started_ts, claim.ended_ts, claim.loss_amount, claim.loss_currency, claim.country,
        len(first.files), "payout" in first.sealed, ",".join(map(str, first.words)),
    )  # fmt: skip
