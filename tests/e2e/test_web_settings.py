"""The browser client's settings: the person, the look, devices, the password; by keyboard too."""

import io

from harness.matrix import MatrixError, User, login
from PIL import Image
from playwright.async_api import Page, expect
from web_browser import Web, check_accessible, in_one_browser, picture, settled

pytestmark = in_one_browser


async def test_name_and_picture_are_what_others_see(web: Web) -> None:
    minji = await web.person("민지")
    async with web.page(minji, at="#/settings", size="phone") as page:
        name = page.get_by_label("이름", exact=True)
        await expect(name).to_have_value("민지")
        await check_accessible(page)
        await picture(page, "web-settings")
        await name.fill("김민지 " + "긴" * 200)
        await page.get_by_role("button", name="저장").click()
        await page.get_by_text("저장했습니다").wait_for()
        await page.get_by_label("사진 바꾸기").set_input_files(
            files=[{"name": "me.png", "mimeType": "image/png", "buffer": a_picture()}]
        )
        await page.locator("#profile .avatar img").wait_for()
        await page.get_by_label("사진 바꾸기").set_input_files(
            files=[{"name": "no.png", "mimeType": "image/png", "buffer": b"no picture"}]
        )
        await page.get_by_text("이 파일은 사진으로 읽을 수 없습니다").wait_for()
        await check_accessible(page)  # nothing is too wide, whatever the name
        profile = await minji.call("GET", f"/profile/{minji.user_id}")
        assert profile["displayname"].startswith("김민지 긴긴")
        assert profile["avatar_url"].startswith("mxc://")
        await page.get_by_role("button", name="사진 지우기").click()
        await expect(page.locator("#profile .avatar img")).to_have_count(0)


async def test_language_and_theme_stay(web: Web) -> None:
    minji = await web.person()
    async with web.page(minji, at="#/settings") as page:
        await page.get_by_role("radio", name="English").check(force=True)
        await page.get_by_role("heading", name="Settings", exact=True).wait_for()
        await page.get_by_role("radio", name="Dark").check(force=True)
        dark = await ground(page)
        await page.reload()
        await settled(page)
        await page.get_by_role("heading", name="Settings", exact=True).wait_for()
        assert await page.locator("html").get_attribute("lang") == "en"
        assert await ground(page) == dark
        await check_accessible(page)
        await page.get_by_role("radio", name="Light").check(force=True)
        assert await ground(page) != dark


async def test_a_lost_phone_is_signed_out(web: Web) -> None:
    minji = await web.person()
    phone, tablet = await minji.login_again(), await minji.login_again()
    await phone.call("PUT", f"/devices/{phone.device_id}", {"display_name": "Lost phone"})
    async with web.page(minji, at="#/settings/devices") as page:
        await page.get_by_role("button", name="Lost phone 로그아웃").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("비밀번호", exact=True).fill("wrong")
        await dialog.get_by_role("button", name="로그아웃", exact=True).click()
        await dialog.get_by_text("비밀번호가 맞지 않습니다").wait_for()
        await check_accessible(page)
        await dialog.get_by_label("비밀번호", exact=True).fill("wonderland")
        await dialog.get_by_role("button", name="로그아웃", exact=True).click()
        await expect(dialog).to_have_count(0)
        await expect(page.get_by_text("Lost phone")).to_have_count(0)
    assert not await is_signed_in(phone)
    assert await is_signed_in(tablet)


async def test_another_password(web: Web) -> None:
    minji = await web.person()
    other = await minji.login_again()
    async with web.page(minji, at="#/settings/password") as page:
        await page.get_by_role("button", name="비밀번호 바꾸기").click()
        await page.get_by_label("지금 비밀번호").fill("wrong")
        await page.get_by_label("새 비밀번호").fill("a much better one")
        await page.get_by_role("button", name="비밀번호 바꾸기").click()
        await page.get_by_text("지금 비밀번호가 맞지 않습니다").wait_for()
        await expect(page.get_by_label("새 비밀번호")).to_have_value("a much better one")
        await page.get_by_label("지금 비밀번호").fill("wonderland")
        await page.get_by_role("button", name="비밀번호 바꾸기").click()
        await page.get_by_text("비밀번호를 바꿨습니다").wait_for()
    assert await is_signed_in(minji)
    assert not await is_signed_in(other)
    await login(minji.client, minji.user_id, "a much better one")


async def test_the_keyboard_alone_goes_everywhere(web: Web) -> None:
    """The first stop leads past the menu; each place takes the focus, at its heading or itself."""
    minji = await web.person()
    await minji.create_room(name="점심")
    async with web.page(minji) as page:
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("button", name="대화로 건너뛰기")).to_be_focused()
        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="대화").first).to_be_focused()
        for name, title in (("친구", "친구"), ("장애", "장애"), ("설정", "설정")):
            link = page.get_by_role("navigation").get_by_role("link", name=name)
            await link.focus()
            await page.keyboard.press("Enter")
            await expect(page).to_have_title(f"{title} · 봉수")
            await expect(page.locator("main")).to_be_attached()
            await page.wait_for_function(
                "() => document.querySelector('main').contains(document.activeElement)"
            )
        await page.go_back()
        await expect(page).to_have_title("장애 · 봉수")


async def ground(page: Page) -> str:
    color: str = await page.evaluate("getComputedStyle(document.body).backgroundColor")
    return color


async def is_signed_in(user: User) -> bool:
    try:
        await user.call("GET", "/account/whoami")
    except MatrixError:
        return False
    return True


def a_picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (900, 600), "orange").save(out, "PNG")
    return out.getvalue()
