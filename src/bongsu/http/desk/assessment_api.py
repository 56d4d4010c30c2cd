"""The assessment for machines: the same queue, acts, roles and audit entries as on the pages."""

from collections.abc import Iterator

from starlette.datastructures import QueryParams
from starlette.responses import Response

from bongsu.desk.assessment.decision import Base
from bongsu.desk.assessment.queue import PAGE_ROWS, Cursor, Filter, encode_cursor, parse_cursor
from bongsu.desk.assessment.service import Assessment, replace
from bongsu.desk.assessment.stores import AssessmentStore, AuditRecorder
from bongsu.desk.audit import Act
from bongsu.errors import InvalidParam
from bongsu.http.desk.assessment import ALIKE_SHOWN, ASSESSORS, READERS
from bongsu.http.desk.assessment_filters import FLAGS, LISTS, OTHERS, filter_of
from bongsu.http.desk.assessment_told import (
    BulkOrder,
    DecisionOrder,
    Done,
    Question,
    QueuePage,
    listed,
    told_report,
)
from bongsu.http.desk.endpoints import Endpoint, api
from bongsu.http.desk.json_bodies import answer_json, read_json
from bongsu.http.desk.visit import Visit

API = "/api/reports"
ROWS_MAX = 500
_FILTERS = frozenset((*LISTS, *FLAGS, *OTHERS))
_PAGING = frozenset(("after", "order", "limit", "lang"))


class AssessmentApi:
    def __init__(
        self, assessment: Assessment, decisions: AssessmentStore, audit: AuditRecorder
    ) -> None:
        self._assessment = assessment
        self._decisions = decisions
        self._audit = audit

    def endpoints(self) -> Iterator[Endpoint]:
        yield api("GET", API, self.list, roles=READERS)
        yield api("POST", f"{API}/decisions", self.decide_bulk, roles=ASSESSORS)
        yield api("GET", f"{API}/{{id}}", self.show, roles=READERS)
        yield api("POST", f"{API}/{{id}}/reveal", self.reveal, roles=READERS)
        yield api("POST", f"{API}/{{id}}/questions", self.ask, roles=READERS)
        yield api("POST", f"{API}/{{id}}/decisions", self.decide, roles=ASSESSORS)

    async def list(self, visit: Visit) -> Response:
        query = visit.request.query_params
        wanted = self._wanted(visit, query, _FILTERS | _PAGING)
        limit = _limit(visit, query.get("limit", ""))
        after = parse_cursor(query.get("after", ""))
        if query.get("after") and after is None:
            raise visit.refuse("base.field_wrong", name="after")
        queue, newest_first = self._assessment.queue, query.get("order") == "newest"
        rows = await queue.list_page(wanted, after, limit + 1, newest_first=newest_first)
        shown, following = rows[:limit], None
        if len(rows) > limit:
            facts = shown[-1].facts
            following = encode_cursor(Cursor(facts.received_ts, facts.report_id))
        count = await queue.count(wanted)
        return answer_json(QueuePage(count, [listed(row) for row in shown], following))

    async def show(self, visit: Visit) -> Response:
        return await self._report(visit, "assessment.read", revealed=False)

    async def reveal(self, visit: Visit) -> Response:
        """The same with name and contact open."""
        return await self._report(visit, "assessment.reveal_contact", revealed=True)

    async def ask(self, visit: Visit) -> Response:
        question = await read_json(visit, Question, "a question")
        report_id = visit.path["id"]
        await self._assessment.ask(visit.operator, report_id, question.text, f"a{question.key}")
        return answer_json(Done(1))

    async def decide(self, visit: Visit) -> Response:
        order = await read_json(visit, DecisionOrder, "a decision")
        await self._assessment.decide(
            visit.operator, visit.path["id"], Base(order.version, order.assessment), order.change,
            reason=order.reason,
            files={_file_number(name): is_good for name, is_good in order.files.items()},
            message=order.message or "",
            entry_key=f"a{order.key}",
        )  # fmt: skip
        return answer_json(Done(1))

    async def decide_bulk(self, visit: Visit) -> Response:
        order = await read_json(visit, BulkOrder, "a decision on many")
        wanted = self._wanted(visit, QueryParams(order.filter), _FILTERS)
        if order.ids:
            wanted = replace(wanted, report_ids=tuple(order.ids))
        count = await self._assessment.decide_bulk(
            visit.operator, f"a{order.key}", wanted, order.expected, order.change, order.reason
        )
        return answer_json(Done(count))

    async def _report(self, visit: Visit, action: str, *, revealed: bool) -> Response:
        report_id = visit.path["id"]
        report = await self._assessment.open(report_id)
        await self._audit.record(Act(visit.operator.user_id, action, report_id))
        decisions = await self._decisions.list_decisions(report_id)
        alike = await self._assessment.queue.list_alike(report_id, ALIKE_SHOWN)
        return answer_json(told_report(report, decisions, alike, revealed=revealed))

    def _wanted(self, visit: Visit, query: QueryParams, known: frozenset[str]) -> Filter:
        """A name that is not known is refused: without it a filter would find far more."""
        for name in query:
            if name not in known:
                raise visit.refuse("base.field_wrong", name=name[:40])
        return self._assessment.search(filter_of(visit, query), query.get("q", ""))


def _limit(visit: Visit, text: str) -> int:
    if not text:
        return PAGE_ROWS
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= ROWS_MAX):
        raise visit.refuse("base.field_wrong", name="limit")
    return int(text)


def _file_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise InvalidParam("Files are named by their numbers", code="DESK_FILE")
    return int(text)
