"""Payout details of reports, opened for those who pay."""

from collections.abc import Collection

from bongsu.desk.compensation.evaluating import OUT_OF_COUNT
from bongsu.desk.reports.claim import PayoutDetails, personal_of
from bongsu.desk.sealing import Context, Sealer
from bongsu.postgres.database import Database

_HAVING = """
SELECT report_id FROM report
 WHERE report_id = ANY($1) AND has_payout AND status <> ALL($2)
"""
_SEALED = """
SELECT report_id, version, payout FROM report JOIN report_version USING (report_id, version)
 WHERE report_id = ANY($1) AND payout IS NOT NULL
"""


class PostgresPayees:
    """Implements `desk.compensation.paying.Payees`. Whoever calls it writes the audit entry."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def having_details(self, report_ids: Collection[str]) -> set[str]:
        rows = await self._database.fetch(
            _HAVING, list(report_ids), sorted(OUT_OF_COUNT), confirmed=True
        )
        return {row["report_id"] for row in rows}

    async def open_details(self, report_ids: Collection[str]) -> dict[str, PayoutDetails]:
        found: dict[str, PayoutDetails] = {}
        rows = await self._database.fetch(_SEALED, list(report_ids), confirmed=True)
        for report_id, version, sealed in rows:
            context = Context("report_version", "payout", f"{report_id}/{version}")
            details = personal_of({"payout": self._sealer.open(sealed, context)}).payout
            if details is not None:
                found[report_id] = details
        return found
