"""Reporters see under their link what they are given, say where it should go, also after the
decision, and are told by mail of what there is to see."""

from fixtures.compensation_house import NAME, CompensationHouse, batch_id
from fixtures.desk_house import DeskHouse
from harness.report_form import Filed, file_report

from bongsu.desk.assessment.decision import Base, Change
from bongsu.desk.people import Operator
from bongsu.desk.reports.words import Status
from bongsu.desk.roles import Role
from bongsu.ids import UserId
from bongsu.node.desk_assessment import assessment_of

ANN = Operator(UserId("@ann:localhost"), frozenset({Role.ASSESSOR}))
ACCOUNT = {"payout_holder": "미나", "payout_bank": "BANKKRSE", "payout_account": "110-1"}


async def accepted(house: DeskHouse) -> Filed:
    """A report with a loss of 40,000 won, accepted; no payout details."""
    filed = await file_report(house, language="en")
    await assessment_of(house.parts).decide(
        ANN, filed.report_id, Base(1, 0), Change(status=Status.ACCEPTED), reason="yes", files={},
        message="", entry_key="k",
    )  # fmt: skip
    return filed


async def mails(house: DeskHouse) -> list[str]:
    rows = await house.database.fetch("SELECT kind FROM report_mail ORDER BY mail_id")
    return [row["kind"] for row in rows]


async def test_from_the_decision_to_the_money(desk_house: DeskHouse) -> None:
    """Goal: nobody is left unpaid for want of an account, nor for a wrong one."""
    filed = await accepted(desk_house)
    house = CompensationHouse(desk_house.database, desk_house.parts.sealer)
    await house.approved()
    for _ in range(2):
        await house.deciding.decide_all("@op:x", NAME)
    assert await mails(desk_house) == ["decision", "award"]
    shown = await filed.visitor.get(filed.link)
    assert "30,000 KRW" in shown.text
    assert "without an account it cannot be paid" in shown.text
    assert (await house.paying.waiting("KRW")).without_details == 1

    half = {**ACCOUNT, "payout_account": "", "base": "1"}
    page = await filed.visitor.post(f"{filed.link}/payout", half, form_at=filed.link)
    assert page.status == 422
    assert "BANKKRSE" in page.text  # as it was typed
    full = {**ACCOUNT, "base": "1"}
    for _ in range(2):  # a doubled submit
        page = await filed.visitor.post(f"{filed.link}/payout", full, form_at=filed.link)
        assert page.status == 200
    assert "without an account" not in page.text
    old = {**ACCOUNT, "payout_account": "2", "base": "1"}
    page = await filed.visitor.post(f"{filed.link}/payout", old, form_at=filed.link)
    assert page.status == 409

    await house.deciding.decide_all("@op:x", NAME)  # of the same: nothing moves, nobody is told
    batch = await house.paying.make_batch("@op:x", batch_id("one"), "KRW")
    assert "on its way" in (await filed.visitor.get(filed.link)).text
    answer = f"batch,line,status,reason\n{batch.batch_id},{batch.batch_id}-00001,returned,AC04\n"
    await house.paying.take_result("@op:x", batch.batch_id, answer.encode())
    assert await mails(desk_house) == ["decision", "award", "returned"]
    page = await filed.visitor.get(filed.link)
    assert "came back from the bank" in page.text
    assert "AC04" not in page.text
    right = {**ACCOUNT, "payout_account": "110-2", "base": "2"}
    assert (
        await filed.visitor.post(f"{filed.link}/payout", right, form_at=filed.link)
    ).status == 200
    await house.paying.reissue("@op:x", batch.batch_id, f"{batch.batch_id}-00001")
    again = await house.paying.make_batch("@op:x", batch_id("two"), "KRW")
    sent = await house.paying.export("@op:x", again.batch_id, "csv")
    assert b"110-2" in sent
    paid = f"batch,line,status\n{again.batch_id},{again.batch_id}-00001,paid\n"
    await house.paying.take_result("@op:x", again.batch_id, paid.encode())
    assert ">paid<" in (await filed.visitor.get(filed.link)).text


async def test_an_account_changes_nothing_that_was_assessed(desk_house: DeskHouse) -> None:
    filed = await accepted(desk_house)
    fields = {**ACCOUNT, "base": "1"}
    await filed.visitor.post(f"{filed.link}/payout", fields, form_at=filed.link)
    (row,) = await desk_house.database.fetch(
        "SELECT version, assessed_version, status, loss_amount, has_payout FROM report"
    )
    assert tuple(row) == (2, 2, "accepted", 40_000, True)
    operator = await desk_house.operator("bob", Role.ASSESSOR)
    assert (
        "<strong>0 reports</strong>"
        in (await operator.get("/operator/reports?is_amended=yes")).text
    )
    other = await desk_house.visitor().post(
        f"/report/r/{'A' * 43}/payout", fields, form_at="/report"
    )
    assert other.status == 404  # another link


async def test_who_was_refused_or_erased_says_no_account(desk_house: DeskHouse) -> None:
    filed = await file_report(desk_house, language="en")
    await assessment_of(desk_house.parts).decide(
        ANN, filed.report_id, Base(1, 0), Change(status=Status.REFUSED), reason="no", files={},
        message="", entry_key="k",
    )  # fmt: skip
    fields = {**ACCOUNT, "base": "1"}
    page = await filed.visitor.post(f"{filed.link}/payout", fields, form_at=filed.link)
    assert page.status == 409
    assert "/payout" not in (await filed.visitor.get(filed.link)).text
    await filed.visitor.post(f"{filed.link}/erase", form_at=filed.link)
    page = await filed.visitor.post(f"{filed.link}/payout", fields, form_at="/report")
    assert page.status == 409
