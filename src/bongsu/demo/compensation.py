"""Chapters six to ten: the rules of day 76, tried, approved by two, paid; and one appeal."""

import re
from importlib.resources import files
from typing import NamedTuple

from bongsu.demo.assessment import QUEUE
from bongsu.demo.intake import Intake
from bongsu.demo.stage import People, Stage
from bongsu.demo.visitor import Page, Upload, Visitor, hold

HOME = "/operator/compensation"
NAME = "day-76"
HERE = f"{HOME}/programmes/{NAME}"
BATCHES = f"{HOME}/batches"
# Reckoned here once more, by other means than the rules are.
_MONEY = """
SELECT sum(CASE WHEN loss_amount <= 300000 THEN 30000
                WHEN loss_amount <= 500000 THEN 50000 ELSE 0 END)::bigint AS money,
       count(*) FILTER (WHERE loss_amount <= 500000 AND has_payout) AS payable
FROM report WHERE is_own AND loss_amount > 0 AND status = 'accepted'
"""
_SUMS = "SELECT unit, sum(amount)::bigint AS sum FROM ledger_entry GROUP BY unit"
_APPEALS = """
SELECT report_id FROM report
WHERE is_own AND has_payout AND loss_amount BETWEEN 1 AND 300000 AND category = 'shop'
ORDER BY report_id LIMIT 1
"""
APPEALED_LOSS = 400_000  # of the second bracket
BEFORE, AFTER = 30_000, 50_000


class Batch(NamedTuple):
    """What goes to the bank: amounts by line."""

    batch_id: str
    lines: dict[str, int]


async def rules(stage: Stage, people: People) -> str:
    """Written by one, tried on all reports before anybody approves."""
    anna = people.assessor
    text = (files("bongsu.desk.compensation") / "examples" / f"{NAME}.yaml").read_text("utf-8")
    fields = {"text": text, "note": "agreed by the council", "based_on": "0"}
    page = await anna.post(f"{HOME}/save", fields, at=f"{HOME}/new")
    hold(page.path == HERE, "the rules were not saved")
    page = await anna.post(f"{HERE}/dry-run", {"version": "1"}, at=HERE)
    (row,) = await stage.rows(_MONEY)
    total = f"{row['money']:,} KRW"
    hold(total in page.text, f"the dry run does not come to {total}")
    return f"the dry run comes to {total}, as reckoned by other means"


async def approve(stage: Stage, people: People) -> str:
    """Two people, neither of them the author; what one alone approved is not carried out."""
    ben, cora = people.approver, people.second
    await _approve(ben)
    await ben.post(f"{HERE}/decide", at=HERE, status=409)
    again = await ben.get(HERE)
    hold("/approve" not in again.text, "one person may approve twice")
    await _approve(cora)
    page = await ben.post(f"{HERE}/decide", at=HERE)
    count = int(page.found(r"([\d,]+) reports were decided anew").replace(",", ""))
    return f"{count:,} reports decided; what one person alone approved was not carried out"


async def pay(stage: Stage, people: People) -> str:
    """Batches out as pain.001, the bank's answers in; a line that nobody knows is refused."""
    (row,) = await stage.rows(_MONEY)
    amounts: list[int] = []
    while len(amounts) < row["payable"]:
        amounts += await _pay_batch(people.approver)
    hold(len(amounts) == row["payable"], f"{len(amounts)} lines, not {row['payable']}")
    await _balanced(stage)
    return f"{len(amounts):,} payments, {sum(amounts):,} KRW; the ledger sums to 0"


async def appeal(stage: Stage, people: People, intake: Intake) -> str:
    """A shop owner shows that it was more; the difference is paid, and no more than that."""
    (row,) = await stage.rows(_APPEALS)
    report_id = row["report_id"]
    reporter = stage.visitor()
    link = intake.answers[report_id].link
    form = await reporter.get(link)
    fields = {"entry_key": form.hidden("entry_key"), "text": "The receipts of both days."}
    await reporter.post(f"{link}/appeal", fields, at=link)
    await _assess_anew(people.assessor, report_id)
    case = f"{HOME}/cases/{NAME}/{report_id}"
    page = await people.approver.post(f"{case}/decide", at=case)
    hold("Decision 2" in page.text, "the appeal brought no new decision")
    batch = await _send_batch(people.approver)
    hold(list(batch.lines.values()) == [AFTER - BEFORE], f"the appeal pays {batch.lines}")
    path = f"{BATCHES}/{batch.batch_id}"
    answer = _answer(batch.batch_id, list(batch.lines), "paid")
    await people.approver.post(f"{path}/result", at=path, files=[answer])
    await _balanced(stage)
    return f"{BEFORE:,} became {AFTER:,} KRW; the difference was paid once"


async def _pay_batch(approver: Visitor) -> list[int]:
    batch = await _send_batch(approver)
    hold(bool(batch.lines), "a batch pays nothing")
    path = f"{BATCHES}/{batch.batch_id}"
    forged = _answer(batch.batch_id, ["FORGED"], "paid")
    await approver.post(f"{path}/result", at=path, files=[forged], status=400)
    paid = _answer(batch.batch_id, list(batch.lines), "paid")
    for _ in range(2):  # the bank's answer may come twice
        await approver.post(f"{path}/result", at=path, files=[paid])
    return list(batch.lines.values())


async def _approve(approver: Visitor) -> None:
    page = await approver.get(HERE)
    fields = {"version": page.hidden("version"), "sha256": page.hidden("sha256")}
    await approver.post(f"{HERE}/approve", fields, at=HERE)


async def _send_batch(approver: Visitor) -> Batch:
    form = await approver.get(BATCHES)
    batch_id = form.hidden("batch")
    fields = {"batch": batch_id, "currency": "KRW"}
    path = f"{BATCHES}/{batch_id}"
    for _ in range(2):  # a doubled submit makes one batch
        page = await approver.post(BATCHES, fields, at=BATCHES)
        hold(page.path == path, "another batch was made")
    message = await approver.post(f"{path}/export", {"form": "pain.001"}, at=path)
    return Batch(batch_id, _lines(message))


def _lines(message: Page) -> dict[str, int]:
    ids = re.findall(r"<EndToEndId>([^<]+)<", message.text)
    amounts = re.findall(r'<InstdAmt Ccy="KRW">(\d+)', message.text)
    hold(len(ids) == len(amounts) == len(set(ids)), "the bank's message is not whole")
    return dict(zip(ids, map(int, amounts), strict=True))


def _answer(batch_id: str, lines: list[str], status: str) -> Upload:
    rows = "".join(f"{batch_id},{line},{status}\n" for line in lines)
    return Upload("result", "answer.csv", f"batch,line,status\n{rows}".encode())


async def _assess_anew(assessor: Visitor, report_id: str) -> None:
    path = f"{QUEUE}/r/{report_id}"
    form = await assessor.get(path)
    fields = {
        "version": form.hidden("version"), "assessment": form.hidden("assessment"),
        "entry_key": form.hidden("entry_key"), "status": "accepted",
        "loss_amount": str(APPEALED_LOSS), "loss_currency": "KRW", "reason": "the receipts show it",
    }  # fmt: skip
    await assessor.post(f"{path}/decide", fields, at=path)


async def _balanced(stage: Stage) -> None:
    for row in await stage.rows(_SUMS):
        hold(row["sum"] == 0, f"the ledger's {row['unit']} sums to {row['sum']}")
