"""Compensation over HTTP: the whole way from a text to the bank, as operators walk it."""

import re

import pytest
from fixtures.compensation_house import DAY_76, NAME, CompensationHouse
from fixtures.desk_house import DeskHouse
from harness.desk import File, Page, Visitor

from bongsu.desk.roles import Role
from bongsu.ids import UserId
from bongsu.postgres.database import Database
from bongsu.postgres.short_token_store import PostgresShortTokenStore
from bongsu.users.openid import OpenId

HOME = "/operator/compensation"
HERE = f"{HOME}/programmes/{NAME}"


@pytest.fixture
def desk_settings() -> dict[str, str]:
    return {"desk_payer_name": "Bongsu", "desk_payer_bank": "BONGKRSE", "desk_payer_account": "1-2"}


def hidden(page: Page, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]+)"', page.text)
    assert found, page.text[-2000:]
    return found[1]


async def save(author: Visitor, text: str, based_on: int) -> Page:
    fields = {"text": text, "note": "why", "based_on": str(based_on)}
    return await author.post(f"{HOME}/save", fields, form_at=f"{HOME}/new")


async def approve(approver: Visitor) -> Page:
    page = await approver.get(HERE)
    fields = {"version": hidden(page, "version"), "sha256": hidden(page, "sha256")}
    return await approver.post(f"{HERE}/approve", fields, form_at=HERE)


async def test_from_a_text_to_the_bank_and_back(desk_house: DeskHouse) -> None:
    house = CompensationHouse(desk_house.database, desk_house.parts.sealer)
    author = await desk_house.operator("author", Role.ASSESSOR)
    one = await desk_house.operator("one", Role.APPROVER)
    two = await desk_house.operator("two", Role.APPROVER)
    reports = await house.add_reports([100_000, 400_000, 0])

    page = await author.get(f"{HOME}/new")
    assert "Nothing is wrong" in page.text
    assert "Loss up to 300,000 KRW: 30,000 KRW in money" in page.text
    page = await save(author, DAY_76, 0)
    assert page.path == HERE
    page = await author.post(f"{HERE}/dry-run", {"version": "1"}, form_at=HERE)
    assert "80,000 KRW" in page.text
    assert page.text.count('<svg class="chart" role="img"') == 2

    # The author has no button, and nobody approves twice or decides before two have.
    assert "/approve" not in page.text
    for approver in (one, two):
        assert "/decide" not in (await approver.get(HERE)).text
        assert (await approve(approver)).status == 200
    page = await one.get(HERE)
    assert "/approve" not in page.text
    page = await one.post(f"{HERE}/decide", form_at=HERE)
    assert "3 reports were decided anew" in page.text

    batches = f"{HOME}/batches"
    page = await one.get(batches)
    assert "2 reports can be paid now" in page.text
    batch = hidden(page, "batch")
    fields = {"batch": batch, "currency": "KRW"}
    page = await one.post(batches, fields, form_at=batches)
    assert page.path == f"{batches}/{batch}"
    again = await one.post(batches, fields, form_at=batches)  # a doubled submit
    assert again.path == page.path
    message = await one.post(f"{page.path}/export", {"form": "pain.001"}, form_at=page.path)
    assert message.headers["Content-Disposition"] == f'attachment; filename="{batch}.xml"'
    assert message.text.count("<CdtTrfTxInf>") == 2

    lines = re.findall(r"<EndToEndId>([^<]+)<", message.text)
    for content, said in (
        (f"batch,line,status\n{batch},{lines[0]}x,paid\n", "no line of this batch"),
        (f"batch,line,status,amount,currency\n{batch},{lines[0]},paid,1,KRW\n", "not 1"),
        (f"batch,line,status\nOTHER,{lines[0]},paid\n", "OTHER"),
    ):
        file = File("result", "answer.csv", content.encode(), "text/csv")
        refused = await one.post(f"{page.path}/result", files=[file], form_at=page.path)
        assert (refused.status, said in refused.text) == (400, True), refused.text
    content = f"batch,line,status\n{batch},{lines[0]},paid\n{batch},{lines[1]},returned\n"
    file = File("result", "answer.csv", content.encode(), "text/csv")
    answered = await one.post(f"{page.path}/result", files=[file], form_at=page.path)
    assert "came back" in answered.text or "returned" in answered.text

    ledger = await one.get(f"{HOME}/ledger")
    assert "Sum of KRW" in ledger.text
    assert await house.total() == 0
    case = await one.get(f"{HOME}/cases/{NAME}/{reports[0]}")
    assert "Decision 1" in case.text


async def test_mistakes_are_shown_with_their_lines(desk_house: DeskHouse) -> None:
    author = await desk_house.operator("author", Role.ASSESSOR)
    text = DAY_76.replace('"shop", "firm"]', '"shops", "<script>"]')
    for path, status in (("check", 200), ("save", 400)):
        fields = {"text": text, "note": "why", "based_on": "0"}
        page = await author.post(f"{HOME}/{path}", fields, form_at=f"{HOME}/new")
        assert page.status == status
        assert re.search(r"Line \d+:</span>\s+&#39;shops&#39; is no category", page.text)
        assert "&lt;script&gt;" in page.text
        assert '"<script>"' not in page.text
    part = await author.post(f"{HOME}/check", {"text": text, "part": "1"}, form_at=f"{HOME}/new")
    assert "<html" not in part.text
    assert "is no category" in part.text
    korean = await author.post(
        f"{HOME}/check?lang=ko", {"text": text, "part": "1"}, form_at=f"{HOME}/new"
    )
    assert "쓸 수 있는 값" in korean.text


async def test_only_approvers_come_to_money(desk_house: DeskHouse) -> None:
    assessor = await desk_house.operator("assessor", Role.ASSESSOR)
    intake = await desk_house.operator("intake", Role.INTAKE)
    for path in ("batches", "ledger", "claims", "batches/ABCDEFGH"):
        assert (await assessor.get(f"{HOME}/{path}")).status == 403
        assert (await desk_house.visitor().get(f"{HOME}/{path}")).path.startswith("/operator/sign")
    assert (await intake.get(HOME)).status == 403
    await save(assessor, DAY_76, 0)
    page = await assessor.post(f"{HERE}/approve", {"version": "1"}, form_at=HERE)
    assert page.status == 403


async def test_an_approval_from_an_old_page_is_refused(desk_house: DeskHouse) -> None:
    author = await desk_house.operator("author", Role.ASSESSOR, Role.APPROVER)
    one = await desk_house.operator("one", Role.APPROVER)
    await save(author, DAY_76, 0)
    page = await one.get(HERE)
    old = {"version": "1", "sha256": hidden(page, "sha256")}
    mine = await author.post(f"{HERE}/approve", old, form_at=HERE)
    assert (mine.status, "version of their own" in mine.text) == (403, True)
    await save(author, DAY_76.replace("30_000", "40_000"), 1)
    page = await one.post(f"{HERE}/approve", old, form_at=HERE)
    assert (page.status, "has version 2 meanwhile" in page.text) == (409, True)
    page = await one.post(f"{HERE}/approve", {**old, "version": "2"}, form_at=HERE)
    assert (page.status, "not the one that you were shown" in page.text) == (409, True)


async def test_claims_on_who_is_liable(desk_house: DeskHouse) -> None:
    one = await desk_house.operator("one", Role.APPROVER)
    claims = f"{HOME}/claims"
    party = {"party": "centre", "name": "The data centre", "basis": "its contract"}
    await one.post(claims, party, form_at=claims)
    page = await one.get(claims)
    fields = {"how": "claim", "amount": "1,000,000", "currency": "KRW", "key": hidden(page, "key")}
    for _ in range(2):
        page = await one.post(f"{claims}/centre", fields, form_at=claims)
    assert "1,000,000 KRW" in page.text
    too_much = {**fields, "how": "settle", "amount": "1,000,001"}
    assert (await one.post(f"{claims}/centre", too_much, form_at=claims)).status == 409
    wrong = {**fields, "amount": "ten"}
    assert (await one.post(f"{claims}/centre", wrong, form_at=claims)).status == 400


async def test_people_from_the_messenger_take_grants_up(
    desk_house: DeskHouse, database_owner: Database
) -> None:
    house = CompensationHouse(desk_house.database)
    await house.approved()
    visitor = desk_house.visitor()
    assert "Come in from the messenger" in (await visitor.get("/grants")).text
    assert (await visitor.get("/grants")).text.count("<form") <= 1
    await desk_house.add_account("abroad")
    openid = OpenId(
        PostgresShortTokenStore(database_owner),
        server_name=desk_house.parts.settings.server_name,
    )
    user_id = f"@abroad:{desk_house.parts.settings.server_name}"
    token = await openid.issue(UserId(user_id))
    await visitor.post("/report/enter", {"access_token": token.access_token}, token="")
    page = await visitor.get("/grants")
    assert page.text.count('action="/grants"') == 3
    fields = {"programme": NAME, "name": "stickers-one"}
    for _ in range(2):
        page = await visitor.post("/grants", fields)
    assert page.text.count('action="/grants"') == 2
    assert "Taken up" in page.text
    assert await house.balance("grants", "STICKER_PACK.thanks-90") == 1
