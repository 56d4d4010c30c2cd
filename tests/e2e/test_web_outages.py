"""The tab "Outages": the desk's notices, a report with the account filled in, one's own reports."""

from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

import pytest
import pytest_asyncio
from harness.bongsu import Bongsu, running
from harness.desk import Visitor
from harness.matrix import User
from harness.process import free_port, open_folder
from integration.test_desk_notices import add_service
from integration.test_desk_reports_pages import report
from web_browser import Web, check_accessible, in_one_browser, opened_browser, picture

pytestmark = in_one_browser

DESK_PORT = free_port()
DESK = f"http://127.0.0.1:{DESK_PORT}"
LOOKS_MS = 120_000  # the desk draws its pages now and then, and the messenger looks at them so
INCIDENT = {
    "kind": "incident",
    "impact": "major_outage",
    "phase": "investigating",
    "service": ["messages"],
    "title_ko": "메시지가 오가지 않습니다",
    "title_en": "Messages are not delivered",
    "text_ko": "전원이 끊긴 데이터센터를 살피고 있습니다.",
    "text_en": "We are looking into a data centre without power.",
    "post_key": "k" * 24,
}


@pytest.fixture(scope="module")
def server() -> Iterator[Bongsu]:
    settings = {"BONGSU_DESK_LISTEN": f"127.0.0.1:{DESK_PORT}"}
    with open_folder() as folder, running(folder, settings=settings) as bongsu:
        bongsu.run("user", "add", "publisher", stdin="wonderland\n")
        bongsu.run("desk", "operator", "add", "publisher", "publisher,admin")
        yield bongsu


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def web(server: Bongsu) -> AsyncIterator[Web]:
    async with opened_browser() as browser:
        web = Web(server.url, browser)
        yield web
        await web.close()


async def file_report(user: User, origin: str) -> None:
    """What the form in the other window does, its fields filled in."""
    path = f"/user/{quote(user.user_id)}/openid/request_token"
    given = await user.call("POST", path, {"org.bongsu.audience": "desk"})
    fields = {name: given[name] for name in ("access_token", "matrix_server_name")}
    visitor = Visitor(DESK)
    await visitor.post("/report/enter", fields, token="", origin=origin)
    sent = await report(visitor)
    assert sent.status == 200, sent.text[-800:]
    await visitor.close()


async def test_what_is_down_and_what_it_did_to_one(web: Web, server: Bongsu) -> None:
    minji = await web.person("민지")
    publisher = Visitor(DESK)
    await publisher.sign_in("publisher")
    async with web.page(minji, at="#/outages", size="phone") as page:
        await page.get_by_text("아직 신고한 것이 없습니다.").wait_for()
        await add_service(publisher, "messages", "메시지", "Messages")
        begun = await publisher.post("/operator/notices/new", INCIDENT)
        assert "/incidents/" in begun.path, begun.text[:4000]
        await publisher.close()
        headline = page.get_by_role("heading", name="메시지가 오가지 않습니다")
        await headline.wait_for(timeout=LOOKS_MS)
        await page.get_by_text("전원이 끊긴 데이터센터를 살피고 있습니다.").wait_for()
        await page.get_by_text("지금 장애가 있습니다").wait_for(state="attached")
        await check_accessible(page)
        await picture(page, "web-outages")
        async with page.expect_popup() as opening:
            await page.get_by_role("button", name="피해 신고하기").click()
        form = await opening.value
        await form.get_by_text(minji.user_id).first.wait_for()
        await file_report(minji, web.url)
        await page.get_by_role("button", name="다시 불러오기").click()
        await page.get_by_text("접수됨").wait_for()
        async with page.expect_popup() as opening:
            await page.locator(".reports a").click()
        await (await opening.value).get_by_text("접수").first.wait_for()


async def test_notices_are_read_while_the_messenger_is_down(web: Web) -> None:
    """What the desk said last stays, with the time at which it was true."""
    john = await web.person("John")
    async with web.page(john, language="en", dark=True, expects_errors=True) as page:
        await page.goto(f"{web.url}/#/outages")
        await page.get_by_role("heading", name="Messages are not delivered").wait_for()
        await check_accessible(page)
        await page.route("**/*", lambda route: route.abort())
        await page.evaluate("dispatchEvent(new HashChangeEvent('hashchange'))")
        await page.get_by_role("link", name="Friends").click()
        await page.get_by_role("link", name="Outages").click()
        await page.get_by_text("The desk cannot be reached just now.").wait_for()
        await page.get_by_role("heading", name="Messages are not delivered").wait_for()
