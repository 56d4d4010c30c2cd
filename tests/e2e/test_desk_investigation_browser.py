"""Reports, measures, statements and a live briefing in a browser, for readers and for operators."""

from collections.abc import Sequence

from desk_browser import check_accessible, needs_chromium, opened_browser, opened_page, picture
from fixtures.desk_house import DeskHouse
from harness.desk import Visitor
from harness.desk_cases import HOME, open_case, public_report, publish
from playwright.async_api import Page, expect

from bongsu.desk.roles import Role

pytestmark = needs_chromium

MEASURE = {
    "title_ko": "전원 인입을 둘로", "title_en": "Two feeds", "description_ko": "인입을 둘로 나눈다",
    "owner": "시설팀", "due": "2020-01-01T00:00", "asked": "drill", "drills": "3", "how": "kill",
    "role": "primary", "is_public": "yes",
}  # fmt: skip
APOLOGY = {
    "kind": "apology", "language": ["ko", "en"], "title_0": "사과드립니다",
    "body_0": "서비스가 오래 멈춰 죄송합니다.", "title_1": "Apology", "body_1": "We are sorry.",
}  # fmt: skip


async def test_what_readers_see_and_what_operators_work_with(desk_house: DeskHouse) -> None:
    ann = await desk_house.operator("ann", Role.INVESTIGATOR, Role.PUBLISHER)
    bob = await desk_house.operator("bob", Role.APPROVER)
    case_id = await open_case(ann)
    await public_report(ann, case_id)
    await publish(ann, bob, ann, case_id)
    page = await ann.get(f"{HOME}/{case_id}")
    await publish(ann, bob, ann, case_id)
    cause = page.text.partition(">전원이 끊겼다")[0].rpartition("/items/")[2].strip('"')
    measure = await ann.post("/operator/measures/new", {**MEASURE, "cause": f"{case_id}/{cause}"})
    statement = await ann.post("/operator/statements", APOLOGY)
    await ann.post(f"{statement.path}/publish", {"revision": "1"}, form_at=statement.path)
    briefing = await ann.post(
        "/operator/briefings",
        {"title_ko": "브리핑", "title_en": "Briefing", "starts": "2026-11-26T10:00"},
    )
    await ann.post(f"{briefing.path}/state", {"state": "live"}, form_at=briefing.path)
    live = briefing.path.removeprefix("/operator")
    public = [
        "/investigations", f"/investigations/{case_id}/2", f"/investigations/{case_id}/2/changes",
        "/measures", measure.path.removeprefix("/operator"), "/statements",
        statement.path.removeprefix("/operator"), "/briefings",
    ]  # fmt: skip
    private = [
        HOME, f"{HOME}/{case_id}", f"{HOME}/{case_id}/new/cause", f"{HOME}/{case_id}/drafts",
        f"{HOME}/{case_id}/drafts/2", f"{HOME}/{case_id}/interviews", "/operator/machines",
        "/operator/measures", measure.path, statement.path, briefing.path,
    ]  # fmt: skip
    async with opened_browser() as browser:
        async with opened_page(browser, size="phone") as reader:
            await look(reader, desk_house.url, public, "phone-ko")
            await follow(reader, desk_house.url, live, ann, briefing.path)
        async with opened_page(browser, language="en", dark=True) as reader:
            await look(reader, desk_house.url, public[1:3], "desktop-en")
        async with opened_page(browser, script=False) as reader:
            await reader.goto(desk_house.url + live)
            await expect(reader.get_by_text("안녕하십니까")).to_be_visible()
        async with opened_page(browser) as operator:
            await sign_in(operator, desk_house.url)
            await look(operator, desk_house.url, private, "operator")


async def look(page: Page, url: str, paths: Sequence[str], name: str) -> None:
    for number, path in enumerate(paths):
        answer = await page.goto(url + path)
        assert answer is not None
        assert answer.status == 200, path
        await check_accessible(page)
        await picture(page, f"investigation-{name}-{number}")


async def follow(page: Page, url: str, live: str, typist: Visitor, form: str) -> None:
    """A line that is said while the page is open comes to it without a reload."""
    await page.goto(url + live)
    await check_accessible(page)
    line = {"key": "k1", "speaker": "대표", "said_ko": "안녕하십니까 <b>여러분</b>"}
    await typist.post(f"{form}/lines", line, form_at=form)
    said = page.locator("#line-1 .prose")
    await expect(said).to_have_text("안녕하십니까 <b>여러분</b>", timeout=30_000)
    right = {"key": "k2", "speaker": "대표", "said_ko": "안녕하세요", "corrects": "1"}
    await typist.post(f"{form}/lines", right, form_at=form)
    await expect(page.locator("#line-2")).to_be_visible(timeout=30_000)
    assert "corrected" in (await said.get_attribute("class") or "")
    # As if two were all that is shown: the oldest makes room, and stays one click away.
    await page.evaluate("document.querySelector('ol.transcript').dataset.linesMax = 2")
    await typist.post(
        f"{form}/lines", {**line, "key": "k3", "said_ko": "이제 시작합니다"}, form_at=form
    )
    await expect(page.locator("#line-3")).to_be_visible(timeout=30_000)
    await expect(said).to_have_count(0)
    await expect(page.locator("[data-earlier]")).to_be_visible()
    await check_accessible(page)


async def sign_in(page: Page, url: str) -> None:
    await page.goto(url + "/operator")
    await page.locator("#name").fill("ann")
    await page.locator("#password").fill("wonderland")
    await page.locator("main button").click()
    await page.wait_for_url(url + "/operator")
