"""Mails to reporters: queued with the act that they tell of, claimed row by row."""

from collections.abc import Sequence

import asyncpg

from bongsu.desk.reports.mailing import Due, MailKind, Outcome
from bongsu.desk.reports.preparing import version_context
from bongsu.desk.sealing import Sealer
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.claims import claim_readable

# {chosen}: rows of reports. Who gave no contact is not told.
_QUEUE = """
INSERT INTO report_mail (report_id, kind, queued_ts, due_ts)
SELECT report_id, {kind}, $1, $1 FROM {chosen} AS told WHERE EXISTS (
       SELECT FROM report_version
        WHERE report_version.report_id = told.report_id AND report_version.version = told.version
          AND contact IS NOT NULL)
"""
_QUEUE_SOME = _QUEUE.format(kind="$2", chosen="(SELECT * FROM report WHERE report_id = ANY($3))")
# For `chosen` of a statement whose first parameter is the time, as they were before it.
QUEUE_DECIDED = _QUEUE.format(
    kind=f"CASE status WHEN 'appealed' THEN '{MailKind.APPEAL}' ELSE '{MailKind.DECISION}' END",
    chosen="chosen",
)
_CLAIM = """
UPDATE report_mail SET claimed_by = $1, claimed_until = $3
 WHERE mail_id IN (
       SELECT mail_id FROM report_mail
        WHERE done_ts IS NULL AND due_ts <= $2 AND claimed_until < $2
        ORDER BY due_ts, mail_id LIMIT $4 FOR UPDATE SKIP LOCKED)
RETURNING mail_id
"""
_CLAIMED = """
SELECT mail_id, kind, attempts, receipt, report.language, report_id, version, contact
  FROM report_mail JOIN report USING (report_id) JOIN report_version USING (report_id, version)
 WHERE mail_id = ANY($1) ORDER BY mail_id
"""
_FINISH = """
UPDATE report_mail SET done_ts = $3, outcome = $4, claimed_until = 0
 WHERE mail_id = $1 AND claimed_by = $2 AND done_ts IS NULL
"""
_POSTPONE = """
UPDATE report_mail SET due_ts = $3, attempts = attempts + 1, claimed_until = 0
 WHERE mail_id = $1 AND claimed_by = $2 AND done_ts IS NULL
"""
_GIVE_UP = """
UPDATE report_mail SET done_ts = $1, outcome = $3
 WHERE done_ts IS NULL AND queued_ts < $2 AND claimed_until < $1
"""
_FORGET = "DELETE FROM report_mail WHERE done_ts < $1"
_COUNT = "SELECT count(*) AS count FROM report_mail WHERE done_ts IS NULL"


async def queue_mail(connection: Connection, report_id: str, kind: MailKind, now: int) -> None:
    await queue_mails(connection, [report_id], kind, now)


async def queue_mails(
    connection: Connection, report_ids: Sequence[str], kind: MailKind, now: int
) -> None:
    """In the transaction of the act, before its audit entry."""
    if report_ids:
        await connection.execute(_QUEUE_SOME, now, kind.value, list(report_ids))


class PostgresReportMails:
    """Implements `desk.reports.mailing.ReportMailStore`."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def claim(self, holder: str, now: int, until: int, limit: int) -> Sequence[Due]:
        return await claim_readable(
            self._database, _CLAIM, _CLAIMED, holder, now, until, limit,
            make=self._due, what="a contact",
        )  # fmt: skip

    async def finish(self, mail_id: int, holder: str, now: int, outcome: Outcome) -> None:
        await self._database.execute(_FINISH, mail_id, holder, now, outcome.value, idempotent=True)

    async def postpone(self, mail_id: int, holder: str, due: int) -> None:
        await self._database.execute(_POSTPONE, mail_id, holder, due)

    async def sweep(self, now: int, queued_before: int, done_before: int) -> int:
        async def body(connection: Connection) -> int:
            given_up = Outcome.GIVEN_UP.value
            done = await connection.execute(_GIVE_UP, now, queued_before, given_up)
            await connection.execute(_FORGET, done_before)
            return int(done.split()[-1])

        return await self._database.write(body, idempotent=True)

    async def count_waiting(self) -> int:
        row = await self._database.fetchrow(_COUNT)
        return 0 if row is None else row["count"]

    def _due(self, row: asyncpg.Record) -> Due:
        mail_id, kind, attempts, receipt, language, report_id, version, sealed = row.values()
        contact = ""
        if sealed is not None:
            contact = self._sealer.open(sealed, version_context("contact", report_id, version))
        return Due(mail_id, MailKind(kind), attempts, receipt, language, contact)
