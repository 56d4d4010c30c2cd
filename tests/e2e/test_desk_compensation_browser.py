"""Compensation in a browser: mistakes shown while typing, a dry run with its charts, what is about
money; on a phone and at a desk, and what axe-core says of each."""

import csv
import io
import re
from collections.abc import Sequence
from typing import Any

import pytest
from desk_browser import check_accessible, needs_chromium, opened_browser, opened_page, picture
from fixtures.compensation_house import DAY_76, NAME, CompensationHouse
from fixtures.desk_house import DeskHouse
from harness.desk import PASSWORD
from playwright.async_api import FilePayload, Page

from bongsu.desk.roles import Role

pytestmark = needs_chromium

HOME = "/operator/compensation"


@pytest.fixture
def desk_settings() -> dict[str, Any]:
    return {"desk_payer_name": "Bongsu", "desk_payer_bank": "BONGKRSE", "desk_payer_account": "1-2"}


async def test_a_programme_is_written_tried_and_looked_at(desk_house: DeskHouse) -> None:
    house = CompensationHouse(desk_house.database, desk_house.parts.sealer)
    await house.add_reports([100_000, 400_000, 900_000, 0])
    await desk_house.operator("author", Role.ASSESSOR, Role.APPROVER)
    url = desk_house.url
    async with opened_browser() as browser:
        async with opened_page(browser, language="ko") as page:
            await sign_in(page, url)
            await write(page, url)
            await page.get_by_role("button", name="모의 실행 시작").click()
            await page.locator("svg.chart").first.wait_for()
            assert await page.get_by_role("img", name="규칙과 구간별 신고 수").count() == 1
            await check_accessible(page)
            await picture(page, "compensation-dry-run-ko")
        async with opened_page(browser, size="phone", language="en", dark=True) as page:
            await sign_in(page, url)
            pages = (
                "",
                f"/programmes/{NAME}",
                "/batches",
                "/benefits",
                "/ledger",
                "/claims",
                "/new",
            )
            for path in pages:
                await page.goto(url + HOME + path)
                await check_accessible(page)


async def test_from_rules_to_payout(desk_house: DeskHouse) -> None:
    """The walk of docs/desk/compensation.md; its pictures are taken here."""
    house = CompensationHouse(desk_house.database, desk_house.parts.sealer)
    losses = [0, 20_000, 80_000, 150_000, 280_000, 320_000, 450_000, 490_000, 700_000, 900_000]
    users = await house.add_reports(losses * 2)
    shops = await house.add_reports([loss + 50_000 for loss in losses], category="shop")
    await desk_house.database.execute(
        "UPDATE report SET account_id = CASE WHEN report_id = ANY($1) THEN"
        " '@' || left(report_id, 6) || ':example.org' END", shops[2:],
    )  # fmt: skip
    await desk_house.operator("author", Role.ASSESSOR)
    await desk_house.operator("one", Role.APPROVER)
    second = await desk_house.operator("two", Role.APPROVER)
    url, here = desk_house.url, f"{HOME}/programmes/{NAME}"
    async with opened_browser() as browser:
        async with opened_page(browser, language="en") as page:
            await sign_in(page, url)
            await page.goto(url + HOME + "/new")
            await page.locator("#text").fill(DAY_76.replace("300_000", "3000_00O", 1))
            await page.locator("#problems").get_by_text("Line").first.wait_for()
            await page.locator("#text").evaluate("each => each.scrollTop = 0")
            await picture(page, "compensation-mistake")
            await page.locator("#text").fill(DAY_76)
            await page.locator("#problems").get_by_text("Nothing is wrong").wait_for()
            await page.locator("#note").fill("As agreed on day 76")
            await page.get_by_role("button", name="Save as a new version").click()
            await page.wait_for_url(f"**{here}")
            await page.get_by_role("button", name="Run it dry").click()
            await page.locator("svg.chart").first.wait_for()
            await picture(page, "compensation-dry-run", whole=False, at="#dry-run")
        async with opened_page(browser, language="en") as page:
            await sign_in(page, url, "one")
            await page.goto(url + here)
            async with page.expect_response("**/approve"):  # the address stays what it is
                await page.get_by_role("button", name="Approve").click()
            hash = await page.locator("code").first.text_content()
            approval = {"version": "1", "sha256": hash or ""}
            assert (await second.post(f"{here}/approve", approval, form_at=here)).status == 200
            await page.reload()
            await check_accessible(page)
            await page.get_by_role("button", name="Decide").click()
            await page.get_by_text("reports were decided anew").wait_for()
            await picture(page, "compensation-approved", whole=False)
            await pay(page, url)
            await hand_over(page, url)
            await page.goto(f"{url}{HOME}/cases/{NAME}/{max(users + shops)}")
            await check_accessible(page)
            await picture(page, "compensation-case")
            await page.goto(url + HOME + "/ledger")
            await picture(page, "compensation-ledger", whole=False)
    assert await house.total() == 0


async def pay(page: Page, url: str) -> None:
    """A batch for the bank, and its answer: one line comes back."""
    await page.goto(url + HOME + "/batches")
    await page.get_by_role("button", name="Make a batch").click()
    await page.wait_for_url("**/batches/*")
    async with page.expect_download() as sent:
        await page.get_by_role("button", name="pain.001").click()
    message = (await (await sent.value).path()).read_text("utf-8")
    lines = re.findall("<EndToEndId>([^<]+)<", message)
    batch = page.url.rpartition("/")[2]
    rows = [f"{batch},{line},{'paid' if line != lines[2] else 'returned'}," for line in lines]
    rows[2] += "AC04"
    await answer(page, "batch,line,status,reason", rows)
    await page.get_by_text("AC04").wait_for()
    await check_accessible(page)
    await picture(page, "compensation-batch", whole=False)


async def hand_over(page: Page, url: str) -> None:
    """Channel credits of businesses, for the system that grants them."""
    await page.goto(url + HOME + "/benefits")
    await check_accessible(page)
    await picture(page, "compensation-benefits")
    await page.get_by_role("button", name="Channel credits").click()
    await page.wait_for_url("**/benefits/*")
    async with page.expect_download() as sent:
        await page.get_by_role("button", name="CSV").click()
    text = (await (await sent.value).path()).read_text("utf-8-sig")
    handed = list(csv.DictReader(io.StringIO(text)))
    assert len(handed) == 8
    rows = [f"{row['batch']},{row['line']},granted," for row in handed[1:]]
    rows.append(f"{handed[0]['batch']},{handed[0]['line']},failed,no such account")
    await answer(page, "batch,line,status,reason", rows)
    await page.get_by_text("no such account").wait_for()
    await check_accessible(page)
    await picture(page, "compensation-handed-over")


async def answer(page: Page, head: str, rows: Sequence[str]) -> None:
    content = "\n".join([head, *rows]).encode()
    file: FilePayload = {"name": "answer.csv", "mimeType": "text/csv", "buffer": content}
    await page.locator("#result").set_input_files(file)
    await page.get_by_role("button", name="Take").click()


async def sign_in(page: Page, url: str, name: str = "author") -> None:
    await page.goto(f"{url}/operator/sign-in")
    await page.locator("[name=name]").fill(name)
    await page.locator("[name=password]").fill(PASSWORD)
    await page.locator("main button").click()
    await page.wait_for_url("**/operator")


async def write(page: Page, url: str) -> None:
    """With a mistake, which is shown without a click; then right, and saved."""
    await page.goto(url + HOME + "/new")
    await page.locator("#text").fill(DAY_76.replace('"shop", "firm"]', '"shops", "firm"]'))
    await page.locator("#problems").get_by_text("'shops'은(는) 없습니다").first.wait_for()
    await check_accessible(page)
    await picture(page, "compensation-editor-ko")
    await page.locator("#text").fill(DAY_76)
    await page.locator("#problems").get_by_text("잘못된 곳이 없습니다").wait_for()
    await page.locator("#note").fill("76일째 합의")
    await page.get_by_role("button", name="새 판으로 저장").click()
    await page.wait_for_url(f"**{HOME}/programmes/{NAME}")
