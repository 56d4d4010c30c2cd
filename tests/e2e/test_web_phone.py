"""The browser client under a finger: long presses, swipes, the way back, the keyboard on the
screen, and notifications, which a phone's page does not show by itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import quote

from harness.matrix import User
from playwright.async_api import Locator, Page, expect
from test_web_shell import installed
from test_web_writing import room_address, said, together, writing
from web_browser import Web, check_accessible, in_one_browser, settled

pytestmark = in_one_browser

# As phones have it: a page may ask for leave, but only a service worker shows anything.
ONLY_BY_WORKER = """() => {
    const construct = () => { throw new TypeError("Illegal constructor."); };
    window.Notification = new Proxy(Notification, { construct });
}"""
SHOWN = """async () => {
    const worker = await navigator.serviceWorker.getRegistration();
    const shown = await worker.getNotifications();
    return shown.map(({ title, body, tag }) => [title, body, tag]);
}"""
# A press on the first notification, as far as a script can press: the event is not trusted, so
# that `waitUntil` refuses it, after the work has begun.
PRESSED = """async () => {
    const [notification] = await self.registration.getNotifications();
    self.dispatchEvent(new NotificationEvent("notificationclick", { notification }));
}"""
KEYBOARD = """(height) => {
    Object.defineProperty(visualViewport, "height", { configurable: true, get: () => height });
    visualViewport.dispatchEvent(new Event("resize"));
}"""

NEWEST_ABOVE = """(height) => {
    const newest = [...document.querySelectorAll("article")].at(-1);
    return newest.getBoundingClientRect().bottom <= height;
}"""


@asynccontextmanager
async def phone(web: Web, user: User, at: str) -> AsyncIterator[Page]:
    async with web.page(user, at=at, size="phone", is_mobile=True) as page:
        yield page


async def test_a_long_press_opens_the_menu_and_a_short_one_does_not(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await together(minji, john)
    await john.send_text(room_id, "오래 누를 글")
    async with phone(web, minji, room_address(room_id)) as page:
        text, menu = said(page, "오래 누를 글"), page.get_by_role("menu", name="메시지 메뉴")
        await text.tap()
        await finger(page, text, held_ms=900, moved=(0, -40))  # it scrolls
        await expect(menu).to_have_count(0)
        await finger(page, text, held_ms=900)
        await expect(menu).to_be_visible()
        box = await menu.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] > 700, "at the foot of the page"
        await check_accessible(page)
        await page.wait_for_timeout(200)  # what the lifted finger might set off
        await expect(menu).to_be_visible()
        await menu.get_by_role("menuitem", name="답장").tap()
        await expect(menu).to_have_count(0)
        await writing(page).fill("답")
        await page.get_by_role("button", name="보내기").tap()
        await expect(page.locator("article", has_text="답").locator(".quote")).to_be_visible()


async def test_a_panel_is_drawn_aside_and_the_way_back_leads_out(web: Web) -> None:
    minji = await web.person("민지")
    room_id = await minji.create_room(name="가족")
    root = await minji.send_text(room_id, "뿌리")
    await minji.send_text(room_id, "가지")
    async with phone(web, minji, "#/") as page:
        await page.locator(".room-list .name").get_by_text("가족", exact=True).tap()
        await expect(said(page, "뿌리")).to_be_visible()
        panel = page.get_by_role("complementary", name="스레드")
        thread = f"{room_address(room_id)}?thread={quote(root)}"

        await page.evaluate("(hash) => { location.hash = hash; }", thread)
        await expect(panel).to_be_visible()
        await finger(page, panel.get_by_text("뿌리").first, held_ms=50, moved=(10, 150))  # along
        await expect(panel).to_be_visible()
        await finger(page, panel.get_by_text("뿌리").first, held_ms=50, moved=(150, 10))
        await expect(panel).to_have_count(0)
        await expect(writing(page)).to_be_visible()

        await page.get_by_role("button", name="가족").first.tap()  # the room's own page
        info = page.get_by_role("complementary")
        await expect(info).to_be_visible()
        await finger(page, info, held_ms=50, moved=(150, 10))
        await expect(info).to_have_count(0)
        await page.get_by_role("button", name="가족").first.tap()
        await expect(info).to_be_visible()
        await page.go_back()
        await expect(info).to_have_count(0)
        await page.get_by_role("button", name="가족").first.tap()
        await expect(info).to_be_visible()
        await info.get_by_role("button", name="닫기").tap()
        await expect(info).to_have_count(0)
        await page.go_back()
        await expect(info).to_have_count(0)


async def test_what_is_written_stays_above_the_keyboard(web: Web) -> None:
    """The keyboard is a viewport that has become smaller: where the browser does not shrink the
    page itself, the page fits itself into what is seen. The newest message stays in sight."""
    minji = await web.person("민지")
    room_id = await minji.create_room(name="자판")
    for number in range(30):
        await minji.send_text(room_id, f"글 {number}")
    async with phone(web, minji, room_address(room_id)) as page:
        await expect(said(page, "글 29")).to_be_in_viewport()
        await writing(page).tap()
        await page.evaluate(KEYBOARD, 380)
        await page.wait_for_function(
            "() => document.querySelector('.composer').getBoundingClientRect().bottom <= 380"
        )
        await page.wait_for_function(NEWEST_ABOVE, arg=380)
        await expect(writing(page)).to_be_focused()
        await writing(page).fill("위에 보인다")
        await page.get_by_role("button", name="보내기").tap()
        await expect(writing(page)).to_be_focused()  # the keyboard stays
        await page.evaluate(KEYBOARD, 740)
        await page.wait_for_function(
            "() => document.querySelector('.composer').getBoundingClientRect().bottom > 700"
        )


async def test_a_phone_is_notified_by_its_worker(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await together(minji, john)
    async with web.context(
        minji, size="phone", is_mobile=True, service_workers="allow", permissions=["notifications"]
    ) as context:
        await context.add_init_script(f"({ONLY_BY_WORKER})()")
        page = await context.new_page()
        await page.goto(web.url)
        await settled(page)
        await installed(page)
        await john.send_text(room_id, "어디야?")
        await until_shown(page, [["우리", "John: 어디야?", room_id]])
        await john.send_text(room_id, "나 도착")
        await until_shown(page, [["우리", "John: 나 도착", room_id]])  # in the place of the first

        await context.service_workers[0].evaluate(PRESSED)
        await expect(said(page, "나 도착")).to_be_visible()
        await until_shown(page, [])
        assert quote(room_id, safe="!") in page.url


async def until_shown(page: Page, wanted: list[list[str]]) -> None:
    for _ in range(300):
        shown = await page.evaluate(SHOWN)
        if shown == wanted:
            return
        await page.wait_for_timeout(100)
    raise AssertionError(f"{shown} are shown, not {wanted}")


async def finger(page: Page, on: Locator, *, held_ms: int, moved: tuple[int, int] = (0, 0)) -> None:
    """One finger: down, moved, held, lifted; as Chromium takes it from a screen."""
    box = await on.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    method = await page.context.new_cdp_session(page)

    async def touch(kind: str, *points: dict[str, float]) -> None:
        await method.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    way = [
        touch("touchMove", {"x": x + moved[0] * step / 5, "y": y + moved[1] * step / 5})
        for step in (range(1, 6) if any(moved) else ())
    ]
    # In one go: a busy machine would let the finger rest before it moves.
    await asyncio.gather(touch("touchStart", {"x": x, "y": y}), *way)
    await page.wait_for_timeout(held_ms)
    await touch("touchEnd")
    await method.detach()
