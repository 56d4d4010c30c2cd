"""Facts of reports for rules and statistics, a page at a time."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from bongsu.desk.reports.facts import ReportFacts
from bongsu.desk.reports.words import Category, Damage, Status
from bongsu.postgres.database import Database

PAGE_ROWS = 5_000

# In the order of the fields of ReportFacts.
FACTS = """
report_id, receipt, received_ts, version, assessment, status, category, claimed_category,
services, is_own, is_paid, damage, started_ts, ended_ts, loss_amount, claimed_loss_amount,
loss_currency, evidence_count, evidence_accepted, country, account_id
"""
_PAGE = f"SELECT {FACTS} FROM report WHERE report_id > $1 ORDER BY report_id LIMIT {PAGE_ROWS}"
_SOME = f"SELECT {FACTS} FROM report WHERE report_id = ANY($1)"


class PostgresReportFacts:
    """Implements `desk.reports.facts.FactsSource`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stream_facts(self) -> AsyncIterator[ReportFacts]:
        after = ""
        while rows := await self._database.fetch(_PAGE, after, confirmed=True):
            for row in rows:
                yield facts_of(row.values())
            after = rows[-1]["report_id"]

    async def load_facts(self, report_ids: Sequence[str]) -> dict[str, ReportFacts]:
        rows = await self._database.fetch(_SOME, list(report_ids), confirmed=True)
        return {row["report_id"]: facts_of(row.values()) for row in rows}


# Looked up, not called: a call of an Enum costs more than the rest of a row.
_STATUS = {status.value: status for status in Status}
_CATEGORY = {category.value: category for category in Category}
_DAMAGE = {damage.value: damage for damage in Damage}


def facts_of(values: Iterable[Any]) -> ReportFacts:
    """From the columns of `FACTS`."""
    (
        report_id, receipt, received_ts, version, assessment, status, category, claimed_category,
        services, is_own, is_paid, damage, *rest,
    ) = values  # fmt: skip
    return ReportFacts(
        report_id, receipt, received_ts, version, assessment, _STATUS[status],
        _CATEGORY[category], _CATEGORY[claimed_category], tuple(services), is_own, is_paid,
        _DAMAGE[damage], *rest,
    )  # fmt: skip
