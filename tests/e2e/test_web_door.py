"""The browser client's door: registered, signed in, one tab at a time, and ended elsewhere."""

import itertools
import os
import time

import pytest
from harness.bongsu import Bongsu, running
from harness.matrix import MatrixError, call, login
from harness.process import open_folder
from playwright.async_api import Page, expect
from web_browser import (
    PATIENCE_MS,
    Web,
    check_accessible,
    in_one_browser,
    picture,
    session_of,
    settled,
)

pytestmark = in_one_browser
_numbers = itertools.count()
PASSWORD = "correct horse battery"


def new_name() -> str:
    return f"door{os.getpid()}x{next(_numbers)}"


async def fill_door(page: Page, name: str, password: str) -> None:
    await page.get_by_label("아이디").fill(name)
    await page.get_by_label("비밀번호", exact=True).fill(password)


@pytest.mark.parametrize(("size", "dark"), [("phone", False), ("desktop", True)])
async def test_one_registers_and_is_in(web: Web, size: str, dark: bool) -> None:
    async with web.page(size=size, dark=dark) as page:
        await check_accessible(page)
        if size == "phone":
            await picture(page, "web-door")
        await page.get_by_role("button", name="처음이신가요? 계정 만들기").click()
        await fill_door(page, new_name(), PASSWORD)
        await page.get_by_label("이름 (다른 사람에게 보입니다)").fill("김민지")
        await check_accessible(page)
        await page.get_by_role("button", name="계정 만들기", exact=True).click()
        await settled(page)
        await check_accessible(page)
        await page.get_by_role("link", name="설정").click()
        await expect(page.get_by_label("이름", exact=True)).to_have_value("김민지")


async def test_a_refusal_says_what_to_do_and_keeps_what_was_typed(web: Web) -> None:
    taken = await web.person()
    async with web.page() as page:
        await fill_door(page, taken.user_id, "wrong")
        await page.get_by_role("button", name="로그인", exact=True).click()
        await expect(page.get_by_role("alert")).to_have_text("아이디나 비밀번호가 맞지 않습니다.")
        await page.get_by_role("button", name="English").click()  # another language, same fields
        await expect(page.get_by_label("Username")).to_have_value(taken.user_id)
        await page.get_by_role("button", name="New here? Create an account").click()
        await page.get_by_label("Username").fill(taken.user_id[1:].split(":")[0])
        await page.get_by_role("button", name="Create account", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text("8 characters or more")
        await page.get_by_label("Password", exact=True).fill("long enough")
        await page.get_by_role("button", name="Create account", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text("is taken")
        await page.get_by_label("Username").fill("한글 이름")
        await page.get_by_role("button", name="Create account", exact=True).click()
        await expect(page.get_by_role("alert")).to_contain_text("small letters a to z")
        await expect(page.get_by_label("Password", exact=True)).to_have_value("long enough")
        await page.get_by_role("button", name="Show the password").click()
        await expect(page.get_by_label("Password", exact=True)).to_have_attribute("type", "text")
        await expect(page.get_by_label("Password", exact=True)).to_have_value("long enough")


@pytest.mark.parametrize("mode", ["token", "closed"])
async def test_a_door_that_is_not_open_to_all(web: Web, mode: str) -> None:
    settings = {"BONGSU_REGISTRATION": mode}
    if mode == "token":
        settings["BONGSU_REGISTRATION_TOKENS"] = "beacon-hill"
    with open_folder() as folder, running(folder, settings=settings) as bongsu:
        guarded = Web(bongsu.url, web.browser)
        async with guarded.page(size="phone") as page:
            await page.get_by_role("button", name="처음이신가요? 계정 만들기").click()
            if mode == "closed":
                await page.get_by_text("스스로 가입할 수 없습니다").wait_for()
                await check_accessible(page)
                return
            await fill_door(page, new_name(), PASSWORD)
            await page.get_by_label("가입 코드").fill("guessed")
            make = page.get_by_role("button", name="계정 만들기", exact=True)
            await make.click()
            await expect(page.get_by_role("alert")).to_contain_text("가입 코드가 맞지 않거나")
            await page.get_by_label("가입 코드").fill("beacon-hill")
            await make.click()
            await settled(page)
        await guarded.close()


async def test_a_token_that_is_revoked_elsewhere(web: Web) -> None:
    minji = await web.person()
    phone = await minji.login_again()
    async with web.page(minji, expects_errors=True) as page:
        await phone.call("POST", "/logout/all", {})
        await page.get_by_text("이 기기의 로그인이 다른 곳에서 끝났습니다").wait_for()
        await check_accessible(page)
        await fill_door(page, minji.user_id, "wonderland")
        await page.get_by_role("button", name="로그인", exact=True).click()
        await settled(page)


async def test_an_account_that_the_operator_locks(web: Web, web_server: Bongsu) -> None:
    web_server.run("user", "add", admin := new_name(), "--admin", stdin="wonderland\n")
    minji, john = await web.person(), await web.person("John")
    room_id = await minji.create_room(name="점심", invite=[john.user_id])
    await john.join(room_id)
    operator = await login(minji.client, admin)
    path = f"/_matrix/client/v1/admin/lock/{minji.user_id}"
    at = f"#/room/{room_id}"
    async with web.page(minji, at=at, size="phone", expects_errors=True) as page:
        await call(minji.client, "PUT", path, {"locked": True}, token=operator.token)
        await john.send_text(room_id, "열두 시에 봐요")  # the poll that waits is answered
        line = page.get_by_text("이 계정은 잠겨 있습니다")
        await line.wait_for(timeout=2 * PATIENCE_MS)
        await check_accessible(page)
        box = page.get_by_role("textbox", name="메시지 쓰기")
        await box.fill("잠긴 동안 쓴 말")
        async with page.expect_response("**/send/m.room.message/**"):  # refused, and kept
            await page.get_by_role("button", name="보내기", exact=True).click()
        await call(minji.client, "PUT", path, {"locked": False}, token=operator.token)
        await expect(line).to_have_count(0, timeout=2 * PATIENCE_MS)
        await expect(
            page.locator("article[data-event]", has_text="잠긴 동안 쓴 말")
        ).to_be_visible()


async def test_the_newest_tab_goes_on_and_the_other_rests(web: Web) -> None:
    minji = await web.person()
    await minji.create_room(name="점심")
    async with web.context(minji) as context:
        first, second = await context.new_page(), await context.new_page()
        await first.goto(web.url)
        await first.get_by_text("점심", exact=True).wait_for()
        await second.goto(web.url)
        await second.get_by_text("점심", exact=True).wait_for()
        await first.get_by_role("heading", name="다른 탭에서 이어지고 있습니다").wait_for()
        await check_accessible(first)
        await first.get_by_role("button", name="여기서 계속하기").click()
        await first.get_by_text("점심", exact=True).wait_for()
        await second.get_by_role("button", name="여기서 계속하기").wait_for()
        await first.get_by_role("link", name="설정").click()
        await first.get_by_role("button", name="로그아웃", exact=True).click()
        await first.get_by_role("dialog").get_by_role("button", name="로그아웃").click()
        for page in (first, second):  # one browser, one session
            await page.get_by_role("button", name="로그인", exact=True).wait_for()
    with pytest.raises(MatrixError, match="401"):
        await minji.call("GET", "/account/whoami")


async def test_a_clock_that_is_wrong(web: Web) -> None:
    minji = await web.person()
    async with web.context(minji, size="phone") as context:
        page = await context.new_page()
        await page.clock.install()
        await page.clock.set_system_time(time.time() + 3 * 3600)
        await page.goto(web.url)
        await page.get_by_text("이 기기의 시계가 180분쯤 빠릅니다").wait_for()
        await page.get_by_role("button", name="닫기").click()
        await expect(page.get_by_text("이 기기의 시계가")).to_have_count(0)


async def test_a_browser_that_keeps_nothing_serves_until_it_is_closed(web: Web) -> None:
    minji = await web.person()
    refuse = """for (const name of ["localStorage", "sessionStorage"])
      Object.defineProperty(window, name, {configurable: true, get() { throw Error("no"); }});"""
    async with web.context() as context:
        await context.add_init_script(refuse)
        page = await context.new_page()
        await page.goto(web.url)
        await fill_door(page, minji.user_id, "wonderland")
        await page.get_by_role("button", name="로그인", exact=True).click()
        await settled(page)


async def test_what_the_browser_threw_away_is_put_back(web: Web) -> None:
    minji = await web.person()
    async with web.page(minji) as page:
        await page.evaluate(
            "localStorage.clear(); document.dispatchEvent(new Event('visibilitychange'))"
        )
        assert await page.evaluate("localStorage.getItem('bongsu.session')") == session_of(
            minji
        ).replace(": ", ":").replace(", ", ",")
        await page.get_by_text("브라우저가 저장해 둔 것을 지웠습니다").wait_for()
        await page.reload()
        await settled(page)
