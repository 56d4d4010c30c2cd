"""Decisions on single reports, batches for the bank, and its answers."""

import secrets
from collections.abc import Iterator, Sequence

from starlette.responses import Response

from bongsu.desk.compensation.accounts import Case
from bongsu.desk.compensation.deciding import REASON_CHARS_MAX, Deciding
from bongsu.desk.compensation.pain002 import BYTES_MAX
from bongsu.desk.compensation.paying import Paying
from bongsu.desk.compensation.payouts import LineState, ResultRefused
from bongsu.desk.compensation.versions import Programmes, parsed
from bongsu.desk.reports.catalogue import CURRENCIES
from bongsu.desk.reports.money import format_amount, parse_amount
from bongsu.desk.roles import Role
from bongsu.desk.sentences import Sentence
from bongsu.http.desk.batch_pages import (
    ID_CHARS_MAX,
    LINES_SHOWN,
    count_states,
    download,
    uploaded,
)
from bongsu.http.desk.compensation_figures import said_amount
from bongsu.http.desk.compensation_programmes import APPROVERS, HOME, READERS
from bongsu.http.desk.endpoints import Endpoint, get, post
from bongsu.http.desk.visit import Visit

BATCHES = HOME + "/batches"
BATCH = BATCHES + "/{batch}"
CASE = HOME + "/cases/{name}/{report}"
_FORMS = {"pain.001": ("xml", "application/xml"), "csv": ("csv", "text/csv")}


class PayoutPages:
    def __init__(self, programmes: Programmes, deciding: Deciding, paying: Paying) -> None:
        self._programmes = programmes
        self._deciding = deciding
        self._paying = paying

    def endpoints(self) -> Iterator[Endpoint]:
        yield get(CASE, self.show_case, roles=READERS)
        yield post(CASE + "/decide", self.decide, roles=APPROVERS)
        yield post(CASE + "/propose", self.propose, roles=READERS)
        yield post(HOME + "/proposals", self.confirm, roles=APPROVERS)
        yield get(BATCHES, self.show_batches, roles=APPROVERS)
        yield post(BATCHES, self.make_batch, roles=APPROVERS)
        yield get(BATCH, self.show_batch, roles=APPROVERS)
        yield post(BATCH + "/export", self.export, roles=APPROVERS)
        yield post(
            BATCH + "/result", self.take_result, roles=APPROVERS, body_bytes_max=BYTES_MAX + 65_536,
            files_max=1,
        )  # fmt: skip
        yield post(BATCH + "/reissue", self.reissue, roles=APPROVERS)

    # --- one report

    async def show_case(self, visit: Visit) -> Response:
        name, report_id = visit.path["name"], visit.path["report"]
        programme = parsed(await self._programmes.in_force(name))
        decisions = await self._deciding.history(name, report_id)
        said = {
            decision.number: [
                said_amount(visit, award.unit, award.amount) for award in decision.awards
            ]
            for decision in decisions
        }
        return visit.render(
            "compensation/case.html",
            case=Case(name, report_id),
            decisions=list(reversed(decisions)),
            said=said,
            currency=programme.currency,
            key=secrets.token_urlsafe(12),
            reason_chars_max=REASON_CHARS_MAX,
            may_decide=visit.operator.may(Role.APPROVER),
        )

    async def decide(self, visit: Visit) -> Response:
        name, report_id = visit.path["name"], visit.path["report"]
        await self._deciding.decide_one(visit.operator.user_id, name, report_id)
        return visit.redirect(f"{HOME}/cases/{name}/{report_id}")

    async def propose(self, visit: Visit) -> Response:
        case = Case(visit.path["name"], visit.path["report"])
        currency = parsed(await self._programmes.in_force(case.programme)).currency
        amount = read_amount(visit, currency)
        reason = visit.text("reason", REASON_CHARS_MAX, required=True)
        key = visit.text("key", ID_CHARS_MAX, required=True)
        await self._deciding.propose(visit.operator.user_id, key, case, amount, reason)
        return visit.redirect(HOME)

    async def confirm(self, visit: Visit) -> Response:
        proposal_id = visit.text("proposal", ID_CHARS_MAX, required=True)
        is_good = visit.text("answer", 10) == "confirm"
        await self._deciding.confirm(visit.operator.user_id, proposal_id, is_good=is_good)
        return visit.redirect(HOME)

    # --- batches

    async def show_batches(self, visit: Visit) -> Response:
        currency = _currency(visit.query.get("currency", "KRW"))
        waiting = await self._paying.waiting(currency)
        return visit.render(
            "compensation/batches.html",
            batches=await self._paying.list_batches(),
            ready=waiting.ready,
            without_details=waiting.without_details,
            currency=currency,
            currencies=sorted(CURRENCIES),
            batch_id=secrets.token_hex(8).upper(),
            money=format_amount,
        )

    async def make_batch(self, visit: Visit) -> Response:
        batch = await self._paying.make_batch(
            visit.operator.user_id,
            visit.text("batch", ID_CHARS_MAX, required=True),
            _currency(visit.text("currency", 3, required=True)),
        )
        return visit.redirect(f"{BATCHES}/{batch.batch_id}")

    async def show_batch(self, visit: Visit) -> Response:
        return await self._show_batch(visit, complaints=[])

    async def export(self, visit: Visit) -> Response:
        batch_id, form = visit.path["batch"], visit.text("form", 10, required=True)
        if form not in _FORMS:
            raise visit.refuse("base.field_wrong", name="form")
        content = await self._paying.export(visit.operator.user_id, batch_id, form)
        ending, media_type = _FORMS[form]
        return download(f"{batch_id}.{ending}", content, media_type)

    async def take_result(self, visit: Visit) -> Response:
        content, batch_id = await uploaded(visit, BYTES_MAX), visit.path["batch"]
        try:
            await self._paying.take_result(visit.operator.user_id, batch_id, content)
        except ResultRefused as refused:
            return await self._show_batch(visit, complaints=refused.complaints)
        return visit.redirect(f"{BATCHES}/{batch_id}")

    async def reissue(self, visit: Visit) -> Response:
        batch_id = visit.path["batch"]
        line_id = visit.text("line", ID_CHARS_MAX, required=True)
        await self._paying.reissue(visit.operator.user_id, batch_id, line_id)
        return visit.redirect(f"{BATCHES}/{batch_id}")

    async def _show_batch(self, visit: Visit, *, complaints: Sequence[Sentence]) -> Response:
        batch, lines = await self._paying.batch(visit.path["batch"])
        return visit.render(
            "compensation/batch.html",
            status=400 if complaints else 200,
            batch=batch,
            lines=lines[:LINES_SHOWN],
            states=count_states(lines, LineState),
            complaints=[visit.say(each) for each in complaints],
            money=format_amount,
        )


def read_amount(visit: Visit, currency: str) -> int:
    """The field `amount`, as people write it, in smallest units."""
    amount = parse_amount(visit.text("amount", 64, required=True), currency)
    if amount is None:
        raise visit.refuse("compensation.amount_wrong")
    return amount


def _currency(code: str) -> str:
    return code if code in CURRENCIES else "KRW"
