"""The browser client's door: served, signed in, registered, settings, themes, errors."""

from web_browser import Web, check_accessible, in_one_browser, picture

pytestmark = in_one_browser


async def test_one_registers_and_is_in(web: Web) -> None:
    async with web.page(size="phone") as page:
        await check_accessible(page)
        await picture(page, "web-door")
        await page.get_by_role("button", name="처음이신가요? 계정 만들기").click()
        await page.get_by_label("아이디").fill("minji")
        await page.get_by_label("비밀번호").fill("correct horse battery")
        await page.get_by_role("button", name="계정 만들기", exact=True).click()
        await page.locator(".app[data-ready]").wait_for()
        await check_accessible(page)


async def test_one_who_is_signed_in_is_in_at_once(web: Web) -> None:
    john = await web.person("John")
    room_id = await john.create_room(name="Lunch")
    await john.send_text(room_id, "hello")
    async with web.page(john, language="en", dark=True) as page:
        await page.get_by_text("Lunch").wait_for()
        await check_accessible(page)
