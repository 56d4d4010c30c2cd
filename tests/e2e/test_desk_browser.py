"""The notices in a browser: a publisher works, people read, on a phone and without JavaScript."""

import asyncio
from typing import Any

import pytest
from desk_browser import (
    PATIENCE_MS,
    check_accessible,
    needs_chromium,
    opened_browser,
    opened_page,
    picture,
)
from fixtures.desk_house import DeskHouse
from playwright.async_api import Locator, Page

from bongsu.desk.roles import Role
from bongsu.users.tokens import now_ms

pytestmark = needs_chromium

HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS
SERVICES = (
    ("messages", "메시지", "Messages"),
    ("login", "로그인", "Sign-in"),
    ("media", "사진과 파일", "Photos and files"),
    ("push", "알림", "Notifications"),
)
# Outages of days gone by: (service, days ago, hours long).
OUTAGES = (("messages", 70, 2), ("messages", 31, 9), ("login", 31, 3), ("media", 12, 20))
_CHANGE = """
INSERT INTO notice_change (service_id, site, ts, health, source) VALUES ($1, $2, $3, $4, 'hand')
"""


@pytest.fixture
def desk_settings() -> dict[str, Any]:
    return {"desk_title": "봉수 메신저"}


async def test_a_fire_as_people_see_it(desk_house: DeskHouse) -> None:
    await desk_house.operator("alice", Role.PUBLISHER, Role.ADMIN)
    await add_history(desk_house)
    async with opened_browser() as browser:
        async with opened_page(browser, script=False) as page:  # forms need no script
            await sign_in(page, desk_house.url)
            await publish_planned(page, desk_house.url)
            await publish_fire(page, desk_house.url)
        async with opened_page(browser) as page:
            await sign_in(page, desk_house.url)
            for path, name in (
                ("/operator", "operator"),
                ("/operator/notices", "notices-desk"),
                ("/operator/notices/new", "notices-new"),
                ("/operator/people", "people"),
                ("/operator/audit", "audit"),
            ):
                await page.goto(desk_house.url + path)
                await check_accessible(page)
                await picture(page, name)
        for size, language, dark in (("phone", "ko", False), ("desktop", "en", True)):
            async with opened_page(browser, size=size, language=language, dark=dark) as page:
                await read_notices(page, desk_house.url, f"{size}-{language}")


async def test_a_browser_does_the_work_that_is_asked_for_under_attack(
    desk_house: DeskHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    spent: list[str] = []
    monkeypatch.setattr(desk_house.parts.face.work, "bits", 10)
    monkeypatch.setattr(
        desk_house.parts.face.limiter, "spend", lambda name, who: spent.append(name)
    )
    async with opened_browser() as browser:
        for script, is_unworked in ((True, False), (False, True)):
            async with opened_page(browser, script=script) as page:
                await page.goto(desk_house.url + "/subscribe")
                await page.locator("#webhook").fill("https://example.org/hook")
                await page.get_by_role("button", name="보내기").click()
                await page.get_by_role("heading", name="확인 메시지를 보냈습니다").wait_for()
            assert ("unworked" in spent) is is_unworked


async def read_notices(page: Page, url: str, name: str) -> None:
    fire = "데이터센터 화재" if name.endswith("ko") else "Fire at a data centre"
    await page.goto(url + "/")
    await until_shown(page, page.get_by_role("link", name=fire).first)
    assert await page.get_by_role("img").count() == len(SERVICES)
    await check_accessible(page)
    await picture(page, f"status-{name}")
    await page.get_by_role("link", name=fire).first.click()
    await page.get_by_role("heading", name=fire).wait_for()
    await check_accessible(page)
    await picture(page, f"incident-{name}")
    for path in ("/history", "/subscribe", "/operator/sign-in", "/no-such-page"):
        await page.goto(url + path)
        await check_accessible(page)
        if path == "/subscribe":
            await picture(page, f"subscribe-{name}")
    await page.goto(url + "/")
    await page.keyboard.press("Tab")  # the first stop leads past the menu
    assert await page.evaluate("document.activeElement.className") == "skip"


async def until_shown(page: Page, wanted: Locator) -> None:
    """Load the page anew until the board that it is made of has come so far."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while not await wanted.count():
            await page.wait_for_timeout(200)
            await page.reload()


async def sign_in(page: Page, url: str) -> None:
    await page.goto(url + "/operator")
    await page.locator("#name").fill("alice")
    await page.locator("#password").fill("wonderland")
    await page.locator("main button").click()
    await page.wait_for_url(url + "/operator")


async def publish_fire(page: Page, url: str) -> None:
    await page.goto(url + "/operator/notices/new")
    await page.locator("#title_ko").fill("데이터센터 화재로 메시지를 보낼 수 없습니다")
    await page.locator("#title_en").fill("Fire at a data centre: messages cannot be sent")
    for service in ("messages", "login"):
        await page.locator(f"input[value={service}]").check()
    await page.locator("#text_ko").fill(
        "15시 19분에 데이터센터에서 화재 경보가 울렸습니다.\n원인과 영향을 확인하고 있습니다."
    )
    await page.locator("#text_en").fill(
        "At 15:19 the fire alarm went off at one of our data centres.\nWe are looking into it."
    )
    await page.locator("main button").last.click()
    await page.wait_for_url("**/operator/notices/incidents/*")
    await page.locator("#text_ko").wait_for(
        timeout=PATIENCE_MS
    )  # it is loaded anew until it is there
    await page.locator("#phase").select_option("identified")
    await page.locator("#text_ko").fill("전원이 끊긴 서버를 다른 데이터센터로 옮기고 있습니다.")
    await page.locator("#text_en").fill("We are moving what lost its power to another centre.")
    await page.locator("main button").last.click()
    await page.wait_for_url(url + "/operator/notices")


async def publish_planned(page: Page, url: str) -> None:
    await page.goto(url + "/operator/notices/new?kind=planned")
    await page.locator("#title_ko").fill("데이터베이스 점검")
    await page.locator("#title_en").fill("Work on the database")
    await page.locator("input[value=push]").check()
    day = await page.evaluate("new Date(Date.now() + 2 * 864e5).toISOString().slice(0, 10)")
    await page.locator("#started").fill(f"{day}T02:00")
    await page.locator("#ends").fill(f"{day}T04:00")
    await page.locator("#text_ko").fill("점검하는 동안 알림이 늦을 수 있습니다.")
    await page.locator("#text_en").fill("Notifications may be late meanwhile.")
    await page.locator("main button").last.click()
    await page.wait_for_url("**/operator/notices/incidents/*")
    await page.locator("#text_ko").wait_for()


async def add_history(house: DeskHouse) -> None:
    """Services at two sites, and ninety days with some outages."""
    publishing = house.desk.notices.publishing
    database, now = house.database, now_ms()
    for service_id, korean, english in SERVICES:
        names = {"ko": korean, "en": english}
        await publishing.put_service("@alice:localhost", service_id, names)
        for site in ("pangyo", "anyang"):
            await publishing.put_component("@alice:localhost", service_id, site, "")
            await database.execute(_CHANGE, service_id, site, now - 85 * DAY_MS, "operational")
    for service_id, days, hours in OUTAGES:
        begins = now - days * DAY_MS
        await database.execute(_CHANGE, service_id, "pangyo", begins, "major_outage")
        await database.execute(
            _CHANGE, service_id, "pangyo", begins + hours * HOUR_MS, "operational"
        )
    await publishing.set_by_hand(
        "@alice:localhost", "media", "anyang", "degraded", {"ko": "느림", "en": "slow"}
    )
