"""Many reports at once: decisions in bulk, clusters of look-alikes, numbers, the export."""

import secrets
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

from starlette.datastructures import QueryParams
from starlette.responses import Response, StreamingResponse

from bongsu.desk.assessment.decision import REASON_CHARS_MAX, Change
from bongsu.desk.assessment.queue import IDS_MAX, Cursor, Filter
from bongsu.desk.assessment.service import BULK_MAX, Assessment, replace
from bongsu.desk.assessment.stores import AuditRecorder
from bongsu.desk.audit import Act
from bongsu.desk.reports.facts import ReportFacts
from bongsu.desk.reports.marks import MarkKind
from bongsu.desk.reports.money import format_amount
from bongsu.desk.reports.words import Category, Status
from bongsu.desk.table_cells import BYTE_ORDER_MARK, csv_rows
from bongsu.http.desk.assessment import ASSESSORS, QUEUE_PATH, READERS
from bongsu.http.desk.assessment_filters import address_of, filter_of, flag_of, word_of
from bongsu.http.desk.chart import bars
from bongsu.http.desk.endpoints import Endpoint, get, post
from bongsu.http.desk.visit import Visit

ADDRESS_CHARS_MAX = 4_000
BULK_ID_CHARS_MAX = 40
CLUSTERS_SHOWN = 50
EXPORT_ROWS = 1_000  # read at once
COLUMNS = (
    "receipt", "received_utc", "status", "category", "claimed_category", "services", "own_service",
    "paid", "damage", "started_utc", "ended_utc", "loss", "claimed_loss", "currency", "evidence",
    "evidence_accepted", "country", "account", "version", "assessment",
)  # fmt: skip


class ManyReportsPages:
    """`zone` is where days begin and end."""

    def __init__(self, assessment: Assessment, audit: AuditRecorder, *, zone: str) -> None:
        self._assessment = assessment
        self._audit = audit
        self._zone = zone

    def endpoints(self) -> Iterator[Endpoint]:
        yield get(f"{QUEUE_PATH}/bulk", self.show_bulk, roles=ASSESSORS)
        yield post(f"{QUEUE_PATH}/bulk", self.decide_bulk, roles=ASSESSORS, fields_max=IDS_MAX + 20)
        yield get(f"{QUEUE_PATH}/clusters", self.clusters, roles=READERS)
        yield get(f"{QUEUE_PATH}/statistics", self.statistics, roles=READERS)
        yield post(f"{QUEUE_PATH}/export.csv", self.export, roles=READERS)

    async def show_bulk(self, visit: Visit) -> Response:
        """What would be decided, and on how many: of the filter, or of those that were ticked."""
        query = visit.request.query_params
        ids = query.getlist("id")[:IDS_MAX]
        wanted = self._wanted(visit, query, ids)
        return visit.render(
            "assessment/bulk.html", count=await self._assessment.queue.count(wanted), ids=ids,
            address=address_of(query), bulk_id=secrets.token_urlsafe(12), categories=Category,
            settable=(Status.IN_REVIEW, Status.ACCEPTED, Status.REFUSED), bulk_max=BULK_MAX,
        )  # fmt: skip

    async def decide_bulk(self, visit: Visit) -> Response:
        query = QueryParams(visit.text("address", ADDRESS_CHARS_MAX))
        expected = visit.text("expected", 9, required=True)
        if not (expected.isascii() and expected.isdigit()):
            raise visit.refuse("base.field_wrong", name="expected")
        change = Change(
            word_of(visit, "status", Status),
            word_of(visit, "category", Category),
            flag_of(visit, "is_paid"),
        )
        count = await self._assessment.decide_bulk(
            visit.operator, visit.text("bulk_id", BULK_ID_CHARS_MAX, required=True),
            self._wanted(visit, query, visit.texts("id", IDS_MAX)), int(expected), change,
            visit.text("reason", REASON_CHARS_MAX, required=True),
        )  # fmt: skip
        return visit.render("assessment/bulk_done.html", count=count)

    async def clusters(self, visit: Visit) -> Response:
        found = [
            (kind, await self._assessment.queue.list_clusters(int(kind), CLUSTERS_SHOWN))
            for kind in MarkKind
        ]
        return visit.render("assessment/clusters.html", found=found)

    async def statistics(self, visit: Visit) -> Response:
        counts = await self._assessment.queue.count_all(self._zone)
        return visit.render(
            "assessment/statistics.html", counts=counts, chart=bars(counts.by_day),
            money=format_amount, total=sum(count for _, count in counts.by_day),
        )  # fmt: skip

    async def export(self, visit: Visit) -> Response:
        """What the filter finds, without anything sealed. That it was exported is written down;
        not what was searched for, which may name somebody, and the audit log forgets nothing."""
        query = QueryParams(visit.text("address", ADDRESS_CHARS_MAX))
        wanted = self._wanted(visit, query, [])
        count = await self._assessment.queue.count(wanted)
        searched = {"q": "…"} if query.get("q") else {}
        detail = {"count": count, "filter": address_of(query, **searched)}
        await self._audit.record(
            Act(visit.operator.user_id, "assessment.export", "reports", detail)
        )
        return StreamingResponse(
            self._csv(wanted), media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="reports.csv"'},
        )  # fmt: skip

    def _wanted(self, visit: Visit, query: QueryParams, ids: list[str]) -> Filter:
        wanted = self._assessment.search(filter_of(visit, query), query.get("q", ""))
        return replace(wanted, report_ids=tuple(ids)) if ids else wanted

    async def _csv(self, wanted: Filter) -> AsyncIterator[str]:
        yield BYTE_ORDER_MARK + csv_rows([COLUMNS])
        after: Cursor | None = None
        queue = self._assessment.queue
        while rows := await queue.list_page(wanted, after, EXPORT_ROWS, newest_first=False):
            yield csv_rows(_cells(row.facts) for row in rows)
            last = rows[-1].facts
            after = Cursor(last.received_ts, last.report_id)


def _cells(facts: ReportFacts) -> tuple[object, ...]:
    return (
        facts.receipt, utc(facts.received_ts), facts.status.value, facts.category.value,
        facts.claimed_category.value, " ".join(facts.services), int(facts.is_own),
        int(facts.is_paid), facts.damage.value, utc(facts.started_ts), utc(facts.ended_ts),
        plain_amount(facts.loss_amount, facts.loss_currency),
        plain_amount(facts.claimed_loss_amount, facts.loss_currency), facts.loss_currency,
        facts.evidence_count, facts.evidence_accepted, facts.country, facts.account_id,
        facts.version, facts.assessment,
    )  # fmt: skip


def utc(ts: int | None) -> str:
    if ts is None:
        return ""
    return datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def plain_amount(amount: int | None, currency: str | None) -> str:
    """`300000`, `12.50`: for machines."""
    if amount is None or currency is None:
        return ""
    return format_amount(amount, currency).split()[0].replace(",", "")
