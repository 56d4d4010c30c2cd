"""Damage reports in a browser: written, lost and found again, sent, followed, assessed."""

from pathlib import Path
from typing import Any

import pytest
from desk_browser import check_accessible, needs_chromium, opened_browser, opened_page, picture
from fixtures.desk_house import DeskHouse
from integration.test_desk_assessment import fill
from playwright.async_api import Page

from bongsu.desk.roles import Role

pytestmark = needs_chromium

STORY = (
    "토요일 오후부터 메신저가 되지 않아 가게 주문을 하나도 받지 못했습니다.\n"
    "단골손님들이 다른 가게로 갔습니다."
)


@pytest.fixture
def desk_settings() -> dict[str, Any]:
    return {"desk_title": "봉수 메신저"}


async def test_a_report_from_the_first_letter_to_the_decision(
    desk_house: DeskHouse, tmp_path: Path
) -> None:
    await fill(desk_house, 120)
    await desk_house.operator("alice", Role.ASSESSOR)
    evidence = tmp_path / "매출.pdf"
    evidence.write_bytes(b"%PDF-1.4 sales")
    async with opened_browser() as browser:
        async with opened_page(browser, size="phone", language="ko") as page:
            await keep_a_draft(page, desk_house.url)
            link = await send(page, evidence)
            await follow(page, link)
        async with opened_page(browser, script=False, language="en", dark=True) as page:
            await send_without_script(page, desk_house.url)
        async with opened_page(browser, language="ko") as page:
            await assess(page, desk_house.url)
        async with opened_page(browser, size="phone", language="ko") as page:
            await page.goto(link)
            assert await page.get_by_text("자료를 확인했습니다.").count() == 1
            await check_accessible(page)


async def keep_a_draft(page: Page, url: str) -> None:
    """What was typed is there again after the page was lost; payout details are not kept."""
    await page.goto(url + "/report")
    await check_accessible(page)
    key = await page.locator("[name=form_key]").input_value()
    await page.locator("#category").select_option("shop")
    await page.locator("input[value=messages]").check()
    await page.locator("#description").fill(STORY)
    await page.get_by_text("보상 받을 계좌").click()
    await page.locator("#payout_account").fill("110-123")
    await page.wait_for_function("() => Object.keys(localStorage).length > 0")
    await page.reload()
    await page.get_by_text("쓰다 만 신고를 불러왔습니다.").wait_for()
    assert await page.locator("#description").input_value() == STORY
    assert await page.locator("#category").input_value() == "shop"
    assert await page.locator("input[value=messages]").is_checked()
    assert await page.locator("[name=form_key]").input_value() == key
    assert await page.locator("#payout_account").input_value() == ""
    await picture(page, "report-form-phone-ko")


async def send(page: Page, evidence: Path) -> str:
    """First with mistakes, then right; gives the private link."""
    await page.get_by_role("button", name="신고 보내기").click()
    await page.get_by_role("alert").wait_for()
    assert await page.locator("#description").input_value() == STORY
    await check_accessible(page)
    await picture(page, "report-mistakes-phone-ko")
    day = await page.evaluate("new Date(Date.now() - 864e5).toISOString().slice(0, 10)")
    await page.locator("#started").fill(f"{day}T09:00")
    await page.locator("#ended").fill(f"{day}T11:30")
    await page.locator("#damage").select_option("lost_sales")
    await page.locator("#loss_amount").fill("300,000")
    await page.locator("#reckoning").fill("평소 하루 매출 30만 원")
    await page.locator("#evidence").set_input_files(evidence)
    await page.locator("#contact").fill("shop@example.org")
    await page.get_by_role("button", name="신고 보내기").click()
    await page.get_by_role("heading", name="신고를 받았습니다").wait_for()
    await check_accessible(page)
    await picture(page, "report-receipt-phone-ko")
    assert await page.evaluate("Object.keys(localStorage).length") == 0
    return await page.evaluate("document.getElementById('private-link').href")


async def follow(page: Page, link: str) -> None:
    await page.goto(link)
    await page.get_by_text("매출.pdf").wait_for()
    await check_accessible(page)
    await picture(page, "report-follow-phone-ko")
    await page.get_by_role("link", name="내용 고치기").click()
    await check_accessible(page)
    await page.locator("#loss_amount").fill("350000")
    await page.get_by_role("button", name="고친 내용 보내기").click()
    await page.get_by_text("350,000 KRW").wait_for()


async def send_without_script(page: Page, url: str) -> None:
    await page.goto(url + "/report")
    await page.locator("#category").select_option("driver")
    await page.locator("input[value=taxi]").check()
    await page.locator("#started").fill("2026-10-15T15:30")
    await page.locator("#damage").select_option("lost_income")
    await page.locator("#description").fill("No calls for two days.")
    await page.get_by_role("button", name="Send the report").click()
    await page.get_by_role("heading", name="Your report was received").wait_for()
    await picture(page, "report-receipt-desktop-en")


async def assess(page: Page, url: str) -> None:
    await page.goto(url + "/operator/reports")
    await page.locator("#name").fill("alice")
    await page.locator("#password").fill("wonderland")
    await page.locator("main button").click()
    await page.wait_for_url(url + "/operator/reports")
    for path, name in (
        ("/operator/reports", "assessment-queue"),
        ("/operator/reports/clusters", "assessment-clusters"),
        ("/operator/reports/statistics", "assessment-statistics"),
        ("/operator/reports/bulk?claimed_categories=user", "assessment-bulk"),
    ):
        await page.goto(url + path)
        await check_accessible(page)
        await picture(page, name)
    await page.goto(url + "/operator/reports?q=shop@example.org")
    await page.locator("tbody th a").first.click()
    await page.get_by_text("300,000 KRW").first.wait_for(state="attached")
    await page.locator("#status").select_option("accepted")
    await page.locator("#file_1").select_option("yes")
    await page.locator("#reason").fill("매출 자료가 맞습니다")
    await page.locator("#message").fill("자료를 확인했습니다.")
    await page.get_by_role("button", name="심사하기").click()
    await page.get_by_text("매출 자료가 맞습니다").wait_for()
    await check_accessible(page)
    await picture(page, "assessment-report")
