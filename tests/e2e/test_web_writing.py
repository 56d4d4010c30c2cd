"""What is written in the browser client: formatting, names, emoji, edits, drafts, syllables."""

import re
from typing import Any
from urllib.parse import quote

from harness.matrix import User
from playwright.async_api import CDPSession, Locator, Page, expect
from web_browser import Web, check_accessible, in_one_browser, picture

pytestmark = in_one_browser

DRAFTS = "Object.keys(localStorage).filter((key) => key.startsWith('bongsu.draft.'))"
ENTER_AND_LOOK = f"""() => {{
    const box = document.querySelector(".composer textarea");
    const init = {{ key: "Enter", bubbles: true, cancelable: true }};
    box.dispatchEvent(new KeyboardEvent("keydown", init));
    return [box.value, {DRAFTS}.map((key) => JSON.parse(localStorage.getItem(key)).text)];
}}"""


async def test_two_write_to_each_other(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("John Doe")
    room_id = await together(minji, john)
    async with (
        web.page(minji, at=room_address(room_id)) as ours,
        web.page(john, at=room_address(room_id), language="en", size="phone") as theirs,
    ):
        field = writing(ours)
        await field.press_sequentially("안녕 **굵게**", delay=1)
        await expect(theirs.get_by_text("민지 is typing")).to_be_visible()
        await field.press("Shift+Enter")
        await field.press_sequentially("둘째 줄")
        await field.press("Enter")
        await expect(field).to_have_value("")
        await expect(theirs.locator("article strong", has_text="굵게")).to_be_visible()
        await expect(theirs.get_by_text("민지 is typing")).to_be_hidden()

        await field.press_sequentially("@jo")
        await expect(ours.get_by_role("option", name="John Doe")).to_be_visible()
        await check_accessible(ours)
        await picture(ours, "web-writing")
        await field.press("Enter")
        await field.press_sequentially(":smile_c")
        meant = ours.locator(".completion [aria-selected=true] .sign")
        await expect(meant).to_have_text("😸")  # not yet what fewer letters meant
        await field.press("Tab")
        await field.press("Enter")
        await expect(theirs.locator("article", has_text="😸")).to_be_visible()
    sent = await last_message(john, room_id)
    assert sent["body"] == "@John Doe 😸"
    assert sent["m.mentions"] == {"user_ids": [john.user_id]}
    assert f"https://matrix.to/#/{quote(john.user_id, safe='')}" in sent["formatted_body"]


async def test_an_edit_by_arrow_and_an_action(web: Web) -> None:
    minji = await web.person("민지")
    room_id = await minji.create_room(name="혼자")
    async with web.page(minji, at=room_address(room_id)) as page:
        field = writing(page)
        await say(field, "처음 글")
        await expect(said(page, "처음 글")).to_be_visible()
        await until_editable(field)
        await field.press("End")
        await field.press_sequentially(" 고침")
        await field.press("Enter")
        await expect(said(page, "처음 글 고침")).to_be_visible()
        await expect(field).to_have_value("")
        await until_editable(field)
        await field.press("Escape")
        await expect(field).to_have_value("")
        await say(field, "/me 손을 흔든다")
        await expect(page.locator("article[data-event]", has_text="손을 흔든다")).to_be_visible()
    assert (await last_message(minji, room_id))["msgtype"] == "m.emote"


async def test_emoji_are_found_in_korean(web: Web) -> None:
    minji = await web.person("민지")
    room_id = await minji.create_room(name="이모지")
    async with web.page(minji, at=room_address(room_id), size="phone") as page:
        await page.get_by_role("button", name="이모지 고르기").click()
        picker = page.get_by_role("dialog", name="이모지")
        await picker.get_by_role("button", name="활짝 웃는 얼굴", exact=True).wait_for()
        await check_accessible(page)
        await picker.get_by_role("searchbox").fill("고양이")
        await picker.get_by_role("button", name="고양이 얼굴", exact=True).click()
        await page.keyboard.press("Escape")
        await expect(picker).to_be_hidden()
        await expect(writing(page)).to_have_value("🐱")


async def test_what_was_typed_outlives_reloads_and_other_rooms(web: Web) -> None:
    minji = await web.person("민지")
    first = await minji.create_room(name="하나")
    second = await minji.create_room(name="둘")
    async with web.page(minji, at=room_address(first)) as page:
        await writing(page).press_sequentially("아직 안 보낸 글")
        await page.locator(".room-list .name").get_by_text("둘", exact=True).click()
        await expect(writing(page)).to_have_value("")
        await page.goto(f"{web.url}/{room_address(first)}")
        await expect(writing(page)).to_have_value("아직 안 보낸 글")
        await page.reload()
        await expect(writing(page)).to_have_value("아직 안 보낸 글")
        assert not await messages(minji, first)
        # The draft goes only when the outbox has the text: the page may be closed at once.
        assert await page.evaluate(ENTER_AND_LOOK) == ["", ["아직 안 보낸 글"]]
        await expect(said(page, "아직 안 보낸 글")).to_be_visible()
        await page.wait_for_function(f"() => {DRAFTS}.length === 0")
    assert len(await messages(minji, first)) == 1
    assert not await messages(minji, second)


async def test_text_that_cannot_be_sent_stays(web: Web) -> None:
    minji = await web.person("민지")
    room_id = await minji.create_room(name="하나")
    async with web.page(minji, at=room_address(room_id), expects_errors=True) as page:
        await writing(page).fill("봉수" * 10_000)
        await writing(page).press("Enter")
        await expect(page.get_by_role("alert")).to_have_text(re.compile("너무 깁니다"))
        assert len(await writing(page).input_value()) == 20_000

        await writing(page).fill("쓰다가 쫓겨난 글")
        await minji.call("POST", "/logout", {})
        await page.get_by_text("이 기기의 로그인이 다른 곳에서 끝났습니다").wait_for()
        await page.get_by_label("아이디", exact=True).fill(minji.user_id)
        await page.get_by_label("비밀번호", exact=True).fill("wonderland")
        await page.get_by_role("button", name="로그인", exact=True).click()
        await expect(writing(page)).to_have_value("쓰다가 쫓겨난 글")


async def test_a_composition_is_never_broken(web: Web) -> None:
    """Goal: Korean is typed syllable by syllable, and what is drawn meanwhile leaves it alone.

    Method: Chromium's own input method events, while the other person's messages arrive; Enter
    that ends the composition (key 229) sends nothing, the next one sends the text once.
    """
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await together(minji, john)
    async with web.page(minji, at=room_address(room_id)) as page:
        field = writing(page)
        await field.click()
        method = await page.context.new_cdp_session(page)
        for number, syllable in enumerate(("ㅎ", "하", "한", "한ㄱ", "한그", "한글")):
            await compose(method, syllable)
            await john.send_text(room_id, f"사이에 {number}")
            await expect(said(page, f"사이에 {number}")).to_be_visible()
            await expect(field).to_have_value(syllable)
        key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
        await method.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **key})
        await expect(field).to_have_value("한글")
        await method.send("Input.insertText", {"text": "한글"})
        await expect(field).to_have_value("한글")

        await compose(method, "ㅇ")
        await compose(method, "이")
        await method.send("Input.insertText", {"text": "이"})
        await field.press("Enter")
        await expect(said(page, "한글이")).to_be_visible()
        await expect(field).to_have_value("")

        await compose(method, "끝")  # still composing when the button is pressed
        await page.get_by_role("button", name="보내기").click()
        await expect(said(page, "끝")).to_be_visible()
        await expect(field).to_have_value("")
    bodies = [each["body"] for each in await messages(minji, room_id)]
    assert [body for body in bodies if not body.startswith("사이에")] == ["한글이", "끝"]


async def test_names_are_found_while_a_syllable_is_composed(web: Web) -> None:
    minji, minsu = await web.person("민지"), await web.person("민수")
    room_id = await together(minji, minsu)
    async with web.page(minji, at=room_address(room_id)) as page:
        field = writing(page)
        await field.press_sequentially("@")
        method = await page.context.new_cdp_session(page)
        await compose(method, "미")
        await compose(method, "민")
        await page.get_by_role("option", name="민수").click()
        await expect(field).to_have_value("@민수 ")
        await field.press("Enter")
        sent = page.locator("article[data-event]")
        await expect(sent.get_by_role("link", name="민수")).to_be_visible()
    assert (await last_message(minji, room_id))["m.mentions"] == {"user_ids": [minsu.user_id]}


async def together(one: User, other: User) -> str:
    """A room in which both are."""
    room_id = await one.create_room(invite=[other.user_id], name="우리")
    await other.join(room_id)
    return room_id


def room_address(room_id: str) -> str:
    return f"#/room/{quote(room_id, safe='')}"


def writing(page: Page) -> Locator:
    return page.get_by_role("textbox", name=re.compile("메시지 쓰기|Write a message"))


def said(page: Page, text: str) -> Locator:
    """A message as the server has it: before, it may be gone with its page."""
    return page.locator("article[data-event]").get_by_text(text, exact=True)


async def until_editable(field: Locator) -> None:
    """Arrow up: one's last message comes in as soon as the server has given it an id."""
    await expect(field).to_have_value("")
    await field.focus()
    page = field.page
    for _ in range(100):
        await field.press("ArrowUp")
        if await field.input_value():
            return
        await page.wait_for_timeout(100)
    raise AssertionError("the last message cannot be edited")


async def say(field: Locator, text: str) -> None:
    await field.press_sequentially(text)
    await field.press("Enter")


async def compose(method: CDPSession, text: str) -> None:
    await method.send(
        "Input.imeSetComposition",
        {"text": text, "selectionStart": len(text), "selectionEnd": len(text)},
    )


async def messages(user: User, room_id: str) -> list[dict[str, Any]]:
    """Contents of a room's messages, oldest first."""
    answer = await user.call("GET", f"/rooms/{quote(room_id)}/messages?dir=b&limit=100")
    events = [each for each in answer["chunk"] if each["type"] == "m.room.message"]
    return [each["content"] for each in reversed(events)]


async def last_message(user: User, room_id: str) -> dict[str, Any]:
    return (await messages(user, room_id))[-1]
