"""The operators' side of damage reports, over HTTP against a real desk."""

import csv
import io
import re

import msgspec
import pytest
from fixtures.desk_house import DeskHouse
from harness.desk import Page, Visitor

from bongsu.desk.reports.generator import generate
from bongsu.desk.reports.marks import Marker
from bongsu.desk.reports.preparing import PlacedFile, Preparer
from bongsu.desk.reports.words import Category
from bongsu.desk.roles import Role
from bongsu.postgres.desk.report_facts import PostgresReportFacts
from bongsu.postgres.desk.report_intake_store import PostgresReportIntake
from bongsu.users.tokens import now_ms

QUEUE = "/operator/reports"


async def fill(house: DeskHouse, count: int, **personal: str) -> list[str]:
    """`count` generated reports; gives their ids in the order in which they came."""
    keys = house.parts.sealer.file_keys
    preparer = Preparer(house.parts.sealer, Marker(keys.derive("report marks")))
    reports = []
    for made in generate(seed=11, count=count):
        sent = made.submission
        if personal:
            changed = msgspec.structs.replace(sent.personal, **personal)
            sent = msgspec.structs.replace(sent, personal=changed)
        files = [
            PlacedFile(name, bytes(31) + bytes([len(content) % 256]), len(content), ("",))
            for name, content in made.files.items()
        ]
        reports.append(preparer.report(sent, files))
    await PostgresReportIntake(house.database).insert(reports, now_ms())
    return [report.submission.report_id for report in reports]


def found(page: Page) -> int:
    match = re.search(r"<strong>([\d,]+) reports</strong>", page.text)
    assert match, page.text[-2000:]
    return int(match[1].replace(",", ""))


def receipts(page: Page) -> list[str]:
    return re.findall(r'<th scope="row"><a href="[^"]+">([^<]+)</a>', page.text)


def next_page(page: Page) -> str | None:
    match = re.search(r'rel="next" href="([^"]+)"', page.text)
    return match and match[1].replace("&amp;", "&")


def hidden(page: Page, name: str) -> str:
    match = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert match, f"no {name}: {page.status} {page.text[-800:]}"
    return match[1].replace("&amp;", "&")


async def test_the_queue_is_paged_without_gaps_or_doubles(desk_house: DeskHouse) -> None:
    await fill(desk_house, 120)
    operator = await desk_house.operator("bob", Role.INTAKE)
    for order in ("", "newest"):
        seen: list[str] = []
        path: str | None = f"{QUEUE}?order={order}"
        while path:
            page = await operator.get(path)
            assert found(page) == 120
            seen += receipts(page)
            following = next_page(page)
            path = f"{QUEUE}{following}" if following else None
        assert len(seen) == len(set(seen)) == 120


async def test_filters_agree_with_the_facts(desk_house: DeskHouse) -> None:
    await fill(desk_house, 200)
    operator = await desk_house.operator("bob", Role.ASSESSOR)
    facts = [each async for each in PostgresReportFacts(desk_house.database).stream_facts()]
    assert len(facts) == 200
    wanted = {
        "categories=shop": lambda f: f.category is Category.SHOP,
        "services=channel&is_paid=no": lambda f: "channel" in f.services and not f.is_paid,
        "has_loss=yes&loss_min=300,000": lambda f: (f.loss_amount or 0) >= 300_000,
        "has_evidence=no": lambda f: not f.evidence_count,
        "is_own=yes&damages=no_access": lambda f: f.is_own and f.damage == "no_access",
        "is_assessed=yes": lambda f: False,
        "received_from=2022-10-25": lambda f: f.received_ts >= 1_666_623_600_000,
    }
    for query, rule in wanted.items():
        assert found(await operator.get(f"{QUEUE}?{query}")) == sum(map(rule, facts)), query
    for query in ("statuses=king", "loss_min=abc", "received_from=x", "mark=9.9", "is_paid=1"):
        assert (await operator.get(f"{QUEUE}?{query}")).status == 400


async def test_search_by_receipt_account_contact_and_words(desk_house: DeskHouse) -> None:
    ids = await fill(desk_house, 60)
    operator = await desk_house.operator("bob", Role.ASSESSOR)
    facts = await PostgresReportFacts(desk_house.database).load_facts(ids)
    one = next(each for each in facts.values() if each.account_id)
    assert found(await operator.get(f"{QUEUE}?q={one.receipt.lower()}")) == 1
    assert found(await operator.get(f"{QUEUE}?q={one.account_id}")) == 1
    made = list(generate(seed=11, count=60))
    contact = made[7].submission.personal.contact
    assert found(await operator.get(f"{QUEUE}?q={contact.replace('-', '')}")) == 1
    word = "위약금"
    expected = sum(word in each.submission.personal.description for each in made)
    assert found(await operator.get(f"{QUEUE}?q={word}")) == expected > 0
    assert found(await operator.get(f"{QUEUE}?q=%25%27%3B--nosuch")) == 0


async def test_reading_is_masked_and_recorded(desk_house: DeskHouse) -> None:
    ids = await fill(desk_house, 3, contact="secret@example.org", name="홍길동")
    operator = await desk_house.operator("bob", Role.INTAKE)
    page = await operator.get(f"{QUEUE}/r/{ids[0]}")
    assert "secret@example.org" not in page.text
    assert "홍길동" not in page.text
    revealed = await operator.post(f"{QUEUE}/r/{ids[0]}/reveal", form_at=f"{QUEUE}/r/{ids[0]}")
    assert "secret@example.org" in revealed.text
    acts = [entry.action for entry in await desk_house.parts.audit.list_latest(10)]
    assert acts.count("assessment.reveal_contact") == 1
    assert acts.count("assessment.read") == 2
    for path in (QUEUE, f"{QUEUE}/r/{ids[0]}"):
        assert "secret@example.org" not in (await operator.get(path)).text


async def test_who_may_what(desk_house: DeskHouse) -> None:
    ids = await fill(desk_house, 1)
    path = f"{QUEUE}/r/{ids[0]}"
    intake = await desk_house.operator("ida", Role.INTAKE)
    publisher = await desk_house.operator("paul", Role.PUBLISHER)
    stranger = desk_house.visitor()
    assert (await publisher.get(QUEUE)).status == 403
    assert (await stranger.get(path)).path.startswith("/operator/sign-in")
    decided = await intake.post(f"{path}/decide", {"status": "accepted"}, form_at=path)
    assert decided.status == 403
    payout = await intake.post(f"{path}/reveal-payout", form_at=path)
    assert payout.status == 403
    forged = await intake.post(f"{path}/ask", {"text": "x"}, token="0" * 64)
    assert forged.status == 403


async def decide(operator: Visitor, report_id: str, **fields: str) -> Page:
    path = f"{QUEUE}/r/{report_id}"
    page = await operator.get(path)
    given = {name: hidden(page, name) for name in ("version", "assessment", "entry_key")}
    return await operator.post(f"{path}/decide", given | fields, form_at=path)


async def test_decisions_are_versions_and_nothing_is_overwritten(desk_house: DeskHouse) -> None:
    (report_id,) = await fill(desk_house, 1)
    operator = await desk_house.operator("bob", Role.ASSESSOR)
    first = await decide(operator, report_id, status="in_review", reason="a first look")
    assert first.status == 200, first.text
    second = await decide(
        operator, report_id, status="accepted", category="shop", loss_amount="250,000",
        reason="<b>books seen</b>", message="인정되었습니다",
    )  # fmt: skip
    assert second.status == 200
    assert "a first look" in second.text
    assert "&lt;b&gt;books seen&lt;/b&gt;" in second.text
    assert "250,000 KRW" in second.text
    rows = await desk_house.database.fetch("SELECT version, status, operator FROM assessment")
    assert [tuple(row) for row in rows] == [
        (1, "in_review", "@bob:localhost"), (2, "accepted", "@bob:localhost")
    ]  # fmt: skip
    facts = (await PostgresReportFacts(desk_house.database).load_facts([report_id]))[report_id]
    assert (facts.category, facts.loss_amount, facts.assessment) == (Category.SHOP, 250_000, 2)
    stale = await operator.post(
        f"{QUEUE}/r/{report_id}/decide",
        {
            "version": "1",
            "assessment": "1",
            "entry_key": "z",
            "status": "refused",
            "reason": "late",
        },
        form_at=f"{QUEUE}/r/{report_id}",
    )
    assert stale.status == 409
    for fields in ({"reason": ""}, {"reason": "nothing set"}, {"status": "erased", "reason": "x"},
                   {"status": "duplicate", "reason": "of what"},
                   {"status": "duplicate", "duplicate_of": "ZZZZ-ZZZZ-ZZZZ", "reason": "x"},
                   {"loss_amount": "-1", "reason": "x"}):  # fmt: skip
        assert (await decide(operator, report_id, **fields)).status == 400
    with pytest.raises(Exception, match="permission denied"):
        await desk_house.database.execute("UPDATE assessment SET reason = 'other'")
    with pytest.raises(Exception, match="permission denied"):
        await desk_house.database.execute("UPDATE report_version SET claim = ''")


async def test_many_are_decided_once_and_only_if_nothing_changed(desk_house: DeskHouse) -> None:
    ids = await fill(desk_house, 150)
    operator = await desk_house.operator("bob", Role.ASSESSOR)
    query = "claimed_categories=user&services=channel"
    form = await operator.get(f"{QUEUE}/bulk?{query}")
    names = ("address", "expected", "bulk_id")
    fields = {name: hidden(form, name) for name in names}
    fields |= {"category": "shop", "reason": "they sell through channels"}
    expected = int(fields["expected"])
    assert 0 < expected < 150
    path = f"{QUEUE}/bulk?{query}"
    wrong = await operator.post(
        f"{QUEUE}/bulk", fields | {"expected": str(expected + 1), "bulk_id": "b1"}, form_at=path
    )
    assert wrong.status == 409
    for _ in range(2):  # the second is a doubled submit
        done = await operator.post(f"{QUEUE}/bulk", fields, form_at=path)
        assert f"Decided on {expected} reports" in done.text
    other = await operator.post(f"{QUEUE}/bulk", fields | {"category": "firm"}, form_at=path)
    assert other.status == 409
    facts = await PostgresReportFacts(desk_house.database).load_facts(ids)
    changed = [each for each in facts.values() if each.assessment]
    assert len(changed) == expected
    assert all(each.category is Category.SHOP and each.assessment == 1 for each in changed)
    assert all(each.claimed_category is Category.USER for each in changed)
    ticked = await operator.get(f"{QUEUE}/bulk?id={ids[0]}&id={ids[1]}")
    assert hidden(ticked, "expected") == "2"
    loss = {"expected": "2", "bulk_id": "b3", "address": "", "reason": "x"}
    assert (await operator.post(f"{QUEUE}/bulk", loss, form_at=path)).status == 400


async def test_question_answer_decision_appeal(desk_house: DeskHouse) -> None:
    """The whole conversation between a reporter and the desk."""
    from integration.test_desk_reports_pages import link, report

    visitor = desk_house.visitor(language="ko")
    mine = link(await report(visitor))
    operator = await desk_house.operator("bob", Role.ASSESSOR)
    queue = await operator.get(QUEUE)
    path = re.search(r'href="(/operator/reports/r/[^"]+)"', queue.text)
    assert path
    for _ in range(2):
        asked = await operator.post(
            f"{path[1]}/ask", {"text": "영수증이 있나요?", "entry_key": "k"}, form_at=path[1]
        )
        assert asked.status == 200
    shown = await visitor.get(mine)
    assert shown.text.count("영수증이 있나요?") == 1
    assert "@bob" not in shown.text  # who asked is nobody's business outside
    answered = await visitor.post(
        f"{mine}/answer", {"text": "네, 보냅니다 <b>", "entry_key": "k"}, form_at=mine
    )
    assert "답변 받음" in answered.text
    assert "네, 보냅니다 &lt;b&gt;" in (await operator.get(path[1])).text
    report_id = path[1].rpartition("/")[2]
    await decide(
        operator, report_id, status="refused", reason="no receipt", message="자료가 없습니다"
    )
    assert "자료가 없습니다" in (await visitor.get(mine)).text
    assert "no receipt" not in (await visitor.get(mine)).text
    appealed = await visitor.post(
        f"{mine}/appeal", {"text": "다시", "entry_key": "a"}, form_at=mine
    )
    assert "이의 제기됨" in appealed.text
    assert found(await operator.get(f"{QUEUE}?statuses=appealed")) == 1


async def test_look_alikes_are_pointed_out(desk_house: DeskHouse) -> None:
    ids = await fill(desk_house, 8, contact="same@example.org")
    operator = await desk_house.operator("bob", Role.INTAKE)
    page = await operator.get(f"{QUEUE}/clusters")
    cluster = re.search(r'href="(/operator/reports\?mark=4\.\d+)"', page.text)
    assert cluster
    assert found(await operator.get(cluster[1])) == 8
    shown = await operator.get(f"{QUEUE}/r/{ids[0]}")
    assert shown.text.count("same contact") == 7
    assert "same contact: 7" in (await operator.get(QUEUE)).text


async def test_statistics_and_chart(desk_house: DeskHouse) -> None:
    await fill(desk_house, 300)
    operator = await desk_house.operator("bob", Role.INTAKE)
    page = await operator.get(f"{QUEUE}/statistics")
    assert page.status == 200
    assert found(page) == 300
    assert page.text.count("<rect") >= 15
    assert " style=" not in page.text
    waiting = await operator.get(f"{QUEUE}/waiting")
    assert "Batches waiting</dt><dd>0<" in waiting.text


async def test_the_export_is_safe(desk_house: DeskHouse) -> None:
    await fill(desk_house, 30)
    await desk_house.database.execute("UPDATE report SET country = '=1+1', account_id = '@x:y'")
    operator = await desk_house.operator("bob", Role.ASSESSOR)
    page = await operator.post(f"{QUEUE}/export.csv", {"address": ""}, form_at=QUEUE)
    assert page.headers["Content-Disposition"].startswith("attachment")
    rows = list(csv.DictReader(io.StringIO(page.text.removeprefix("\ufeff"))))
    assert len(rows) == 30
    assert {row["country"] for row in rows} == {"'=1+1"}
    assert {row["account"] for row in rows} == {"'@x:y"}
    (act, *_) = await desk_house.parts.audit.list_latest(1)
    assert act.action == "assessment.export"


async def test_the_audit_chain_holds_over_all_of_it(desk_house: DeskHouse) -> None:
    from bongsu.desk.audit import verify

    ids = await fill(desk_house, 3)
    operator = await desk_house.operator("bob", Role.ASSESSOR)
    for report_id in ids:
        await decide(operator, report_id, status="accepted", reason="fine")
    count, broken = await verify(desk_house.parts.audit)
    assert broken is None
    assert count > 6
