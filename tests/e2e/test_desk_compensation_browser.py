"""Compensation in a browser: mistakes shown while typing, a dry run with its charts, what is about
money; on a phone and at a desk, and what axe-core says of each."""

from desk_browser import check_accessible, needs_chromium, opened_browser, opened_page, picture
from fixtures.compensation_house import DAY_76, NAME, CompensationHouse
from fixtures.desk_house import DeskHouse
from harness.desk import PASSWORD
from playwright.async_api import Page

from bongsu.desk.roles import Role

pytestmark = needs_chromium

HOME = "/operator/compensation"


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
            for path in ("", f"/programmes/{NAME}", "/batches", "/ledger", "/claims", "/new"):
                await page.goto(url + HOME + path)
                await check_accessible(page)


async def sign_in(page: Page, url: str) -> None:
    await page.goto(f"{url}/operator/sign-in")
    await page.locator("[name=name]").fill("author")
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
