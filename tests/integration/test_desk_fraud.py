"""What a reporter who wants more than is due tries, and what must not be kept of anybody else."""

import pytest
from fixtures.desk_house import DeskHouse
from integration.test_desk_assessment import QUEUE, decide, fill, hidden
from integration.test_desk_reports_pages import GOOD, link, report
from structlog.testing import capture_logs

from bongsu.desk.reports.following import Following
from bongsu.desk.roles import Role
from bongsu.postgres.desk.report_facts import PostgresReportFacts


async def test_another_currency_does_not_undo_what_was_assessed(desk_house: DeskHouse) -> None:
    """Goal: a claim never takes the place of an assessed loss. Method: the loss is assessed lower
    while the report is looked at, the reporter amends it in another currency, and then it is
    accepted among many that nobody looks at one by one."""
    reporter = desk_house.visitor()
    mine = link(await report(reporter, loss_amount="900,000"))
    operator = await desk_house.operator("bob", Role.ASSESSOR)
    (row,) = await desk_house.database.fetch("SELECT report_id FROM report")
    await decide(operator, row["report_id"], status="in_review", loss_amount="1,000", reason="seen")
    amended = await reporter.post(
        f"{mine}/amend",
        GOOD | {"loss_amount": "900,000", "loss_currency": "USD", "base": "1"},
        form_at=f"{mine}/amend",
    )
    assert amended.status == 200, amended.text[-800:]

    bulk = await operator.get(f"{QUEUE}/bulk?is_assessed=yes")
    fields = {name: hidden(bulk, name) for name in ("address", "expected", "bulk_id")}
    fields |= {"status": "accepted", "reason": "all that were seen"}
    await operator.post(f"{QUEUE}/bulk", fields, form_at=f"{QUEUE}/bulk?is_assessed=yes")
    (facts,) = [each async for each in PostgresReportFacts(desk_house.database).stream_facts()]
    assert facts.status == "accepted"
    assert facts.loss_amount is None
    assert (facts.claimed_loss_amount, facts.loss_currency) == (90_000_000, "USD")


async def test_the_audit_log_keeps_no_word_that_was_searched_for(desk_house: DeskHouse) -> None:
    """Goal: what cannot be erased holds nobody's name. Method: an export of a search for one."""
    await fill(desk_house, 3, contact="hong@example.org")
    operator = await desk_house.operator("bob", Role.INTAKE)
    address = {"address": "q=hong%40example.org&is_paid=yes"}
    page = await operator.post(f"{QUEUE}/export.csv", address, form_at=QUEUE)
    assert page.status == 200
    (act,) = await desk_house.parts.audit.list_latest(1)
    assert act.action == "assessment.export"
    assert "is_paid=yes" in str(act.detail)
    assert "hong" not in str(act.detail)


async def test_numbers_in_foreign_digits_are_no_numbers(desk_house: DeskHouse) -> None:
    (report_id,) = await fill(desk_house, 1)
    operator = await desk_house.operator("bob", Role.ASSESSOR)
    page = await decide(operator, report_id, status="accepted", reason="x", **{"file_²": "yes"})
    assert page.status == 200


async def test_a_private_link_stands_in_no_log(
    desk_house: DeskHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Goal: whoever reads logs cannot read reports. Method: the page under the link breaks."""
    reporter = desk_house.visitor()
    mine = link(await report(reporter))

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Following, "open", broken)
    with capture_logs() as logs:
        assert (await reporter.get(mine)).status == 500
    (entry,) = [each for each in logs if each["event"] == "request failed"]
    assert mine.rpartition("/")[2] not in str(logs)
    assert entry["route"] == "/report/r/{token}"
