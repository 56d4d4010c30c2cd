"""Rows of reports."""

from bongsu.postgres.database import Database
from bongsu.users.reports import Report

ADD = """
INSERT INTO report (reporter, report_id, reported_at, room_id, event_id, target, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""


class PostgresReportStore:
    """Implements `users.reports.ReportStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, report: Report) -> None:
        await self._database.execute(
            ADD,
            report.reporter,
            report.report_id,
            report.reported_at,
            report.room_id,
            report.event_id,
            report.target,
            report.reason,
        )
