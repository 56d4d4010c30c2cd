"""The operators' queue of damage reports, and one report with its decisions."""

import re
import secrets
from collections.abc import Iterator

from starlette.responses import Response

from bongsu.desk.assessment.decision import REASON_CHARS_MAX, SETTABLE, Base, Change
from bongsu.desk.assessment.queue import PAGE_ROWS, Cursor, encode_cursor, parse_cursor
from bongsu.desk.assessment.service import Assessment
from bongsu.desk.assessment.stores import AssessmentStore, AuditRecorder
from bongsu.desk.audit import Act
from bongsu.desk.reports.form import TEXT_CHARS_MAX
from bongsu.desk.reports.marks import MarkKind
from bongsu.desk.reports.money import format_amount, parse_amount
from bongsu.desk.reports.receipt import parse_receipt
from bongsu.desk.reports.view import Report
from bongsu.desk.reports.words import CLOSED, Category, Status
from bongsu.desk.roles import Role
from bongsu.http.desk.assessment_filters import (
    FLAGS,
    LISTS,
    address_of,
    filter_of,
    flag_of,
    word_of,
)
from bongsu.http.desk.endpoints import Endpoint, get, post
from bongsu.http.desk.visit import Visit

READERS = frozenset({Role.INTAKE, Role.ASSESSOR})
ASSESSORS = frozenset({Role.ASSESSOR})
PAYERS = frozenset({Role.APPROVER})
QUEUE_PATH = "/operator/reports"
ALIKE_SHOWN = 30
ENTRY_KEY_CHARS_MAX = 40
_FILE = re.compile(r"file_[0-9]{1,4}\Z")


class AssessmentPages:
    def __init__(
        self, assessment: Assessment, decisions: AssessmentStore, audit: AuditRecorder
    ) -> None:
        self._assessment = assessment
        self._decisions = decisions
        self._audit = audit

    def endpoints(self) -> Iterator[Endpoint]:
        yield get(QUEUE_PATH, self.queue, roles=READERS)
        path = f"{QUEUE_PATH}/r/{{id}}"
        yield get(path, self.show, roles=READERS)
        yield post(f"{path}/decide", self.decide, roles=ASSESSORS)
        yield post(f"{path}/ask", self.ask, roles=READERS)
        yield post(f"{path}/reveal", self.reveal, roles=READERS)
        yield post(f"{path}/reveal-payout", self.reveal_payout, roles=PAYERS)

    async def queue(self, visit: Visit) -> Response:
        query = visit.request.query_params
        wanted = self._assessment.search(filter_of(visit, query), query.get("q", ""))
        after = parse_cursor(query.get("after", ""))
        newest_first = query.get("order") == "newest"
        queue = self._assessment.queue
        rows = await queue.list_page(wanted, after, PAGE_ROWS + 1, newest_first=newest_first)
        shown = rows[:PAGE_ROWS]
        following = None
        if len(rows) > PAGE_ROWS:
            facts = shown[-1].facts
            cursor = encode_cursor(Cursor(facts.received_ts, facts.report_id))
            following = f"{address_of(query)}&after={cursor}"
        return visit.render(
            "assessment/queue.html", rows=shown, count=await queue.count(wanted), query=query,
            lists=LISTS, flags=FLAGS, following=following, address=address_of(query),
            money=format_amount, kinds=MarkKind, may_decide=visit.operator.may(Role.ASSESSOR),
        )  # fmt: skip

    async def show(self, visit: Visit) -> Response:
        return await self._page(visit, "assessment.read", revealed=False)

    async def reveal(self, visit: Visit) -> Response:
        """The same page with name and contact open; that somebody looked is written down."""
        return await self._page(visit, "assessment.reveal_contact", revealed=True)

    async def reveal_payout(self, visit: Visit) -> Response:
        report = await self._assessment.open(visit.path["id"])
        await self._record(visit, "assessment.reveal_payout")
        return visit.render("assessment/payout.html", report=report)

    async def decide(self, visit: Visit) -> Response:
        report_id = visit.path["id"]
        base = Base(_whole(visit, "version"), _whole(visit, "assessment"))
        files = {
            int(name.removeprefix("file_")): value == "yes"
            for name, value in visit.form.multi_items()
            if _FILE.match(name) and value in ("yes", "no")
        }
        await self._assessment.decide(
            visit.operator, report_id, base, await self._change(visit),
            reason=visit.text("reason", REASON_CHARS_MAX, required=True),
            files=files,
            message=visit.text("message", TEXT_CHARS_MAX["description"]),
            entry_key="o" + visit.text("entry_key", ENTRY_KEY_CHARS_MAX, required=True),
        )  # fmt: skip
        return visit.redirect(f"{QUEUE_PATH}/r/{report_id}")

    async def ask(self, visit: Visit) -> Response:
        report_id = visit.path["id"]
        text = visit.text("text", TEXT_CHARS_MAX["description"], required=True)
        key = "o" + visit.text("entry_key", ENTRY_KEY_CHARS_MAX, required=True)
        await self._assessment.ask(visit.operator, report_id, text, key)
        return visit.redirect(f"{QUEUE_PATH}/r/{report_id}")

    async def _page(self, visit: Visit, action: str, *, revealed: bool) -> Response:
        report_id = visit.path["id"]
        report = await self._assessment.open(report_id)
        await self._record(visit, action)
        alike = await self._assessment.queue.list_alike(report_id, ALIKE_SHOWN)
        return visit.render(
            "assessment/report.html", report=report, alike=alike, kinds=MarkKind,
            decisions=await self._decisions.list_decisions(report_id), money=format_amount,
            plain=str if revealed else mask, revealed=revealed, categories=tuple(Category),
            settable=SETTABLE, entry_key=secrets.token_urlsafe(12), is_open=_is_open(report),
            may_decide=visit.operator.may(Role.ASSESSOR),
            may_pay=visit.operator.may(Role.APPROVER),
        )  # fmt: skip

    async def _record(self, visit: Visit, action: str) -> None:
        await self._audit.record(Act(visit.operator.user_id, action, visit.path["id"]))

    async def _change(self, visit: Visit) -> Change:
        """What the form of a decision sets; fields left alone set nothing."""
        amount, currency = visit.text("loss_amount", 30), visit.text("loss_currency", 3) or "KRW"
        loss = parse_amount(amount, currency) if amount else None
        if amount and loss is None:
            raise visit.refuse("base.field_wrong", name="loss_amount")
        original = visit.text("duplicate_of", 40)
        original_id = None
        if original:
            receipt = parse_receipt(original)
            original_id = receipt and await self._assessment.queue.find_receipt(receipt)
            if original_id is None:
                raise visit.refuse("assessment.no_original")
        return Change(
            word_of(visit, "status", Status), word_of(visit, "category", Category),
            flag_of(visit, "is_paid"), loss, original_id,
        )  # fmt: skip


def mask(text: str) -> str:
    """The first character, and that there is more."""
    return f"{text[:1]}•••"


def _is_open(report: Report) -> bool:
    return report.facts.status not in CLOSED and report.erased_ts is None


def _whole(visit: Visit, name: str) -> int:
    text = visit.text(name, 9, required=True)
    if not (text.isascii() and text.isdigit()):
        raise visit.refuse("base.field_wrong", name=name)
    return int(text)
