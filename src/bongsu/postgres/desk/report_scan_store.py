"""Which evidence has not been scanned, and what scans found."""

from collections.abc import Sequence

from bongsu.desk.reports.scanning import Scan, Unscanned
from bongsu.postgres.database import Database

_UNSCANNED = """
SELECT report_id, number, sha256, size FROM report_file JOIN report USING (report_id)
 WHERE scan = 'pending' AND erased_ts IS NULL ORDER BY report_id, number LIMIT $1
"""
_SET = "UPDATE report_file SET scan = $3 WHERE report_id = $1 AND number = $2"


class PostgresReportScans:
    """Implements `desk.reports.scanning.ScanStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_unscanned(self, limit: int) -> Sequence[Unscanned]:
        rows = await self._database.fetch(_UNSCANNED, limit, confirmed=True)
        return [Unscanned(*row) for row in rows]

    async def set_scan(self, file: Unscanned, scan: Scan) -> None:
        await self._database.execute(_SET, file.report_id, file.number, scan.value, idempotent=True)
