"""Encryption in the browser client: the engine, identity, recovery key, devices, people."""

import asyncio
import io
from pathlib import Path
from urllib.parse import quote

from harness.matrix import User
from partner import partner_of
from people import PASSWORD
from playwright.async_api import Page, Route, expect
from pypdf import PdfReader
from web_browser import Web, check_accessible, in_one_browser, opened_browser, picture
from web_encryption import (
    ENCRYPTED,
    RECOVERY_KEY,
    encrypts,
    has_keys,
    has_recovery_key,
    is_signed,
    keep_recovery_key,
    keys_of,
    make_recovery_key,
    reads,
    say,
    until,
)

pytestmark = in_one_browser


async def test_the_engine_comes_after_the_first_paint(web: Web) -> None:
    """Late, and the first time broken, as from a proxy that meddles; what was written stays."""
    minji = await web.person("민지")
    room_id = await minji.create_room(name="메모", initial_state=[ENCRYPTED])
    let_go = asyncio.Event()

    async def spoil(route: Route) -> None:
        await let_go.wait()
        await route.fulfill(body="<html>welcome</html>", content_type="application/wasm")

    async with web.context(minji) as context:
        page = await context.new_page()
        await page.route("**/*.wasm", spoil)
        await page.goto(f"{web.url}/#/room/{room_id}")
        await page.locator(".room-head").get_by_text("메모").wait_for()
        await say(page, "그대로 남는다")
        assert not await has_keys(minji)
        let_go.set()
        card = page.locator(".encryption-card[data-kind=failed]")
        await card.wait_for()
        await page.unroute("**/*.wasm")
        await card.get_by_role("button", name="다시 불러오기").click()
        await encrypts(minji)
        await reads(page, "그대로 남는다")
    history = await minji.call("GET", f"/rooms/{room_id}/messages?dir=b")
    assert "m.room.message" not in [each["type"] for each in history["chunk"]]


async def test_a_recovery_key_opens_a_new_device(web: Web) -> None:
    minji = await web.person("민지")
    async with web.page(minji, size="phone") as page:
        await page.get_by_text("복구 키를 만들어 두세요").wait_for()
        await check_accessible(page)
        await picture(page, "web-encryption-card")
        await page.get_by_role("button", name="복구 키 만들기").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_text(RECOVERY_KEY).wait_for()
        await dialog.get_by_label("마지막 네 글자").fill("none")
        await dialog.get_by_role("button", name="보관했습니다").click()
        await dialog.get_by_role("alert").wait_for()
        await check_accessible(page)
        await picture(page, "web-recovery-key")
        async with page.expect_download() as download:
            await dialog.get_by_role("button", name="파일로 저장").click()
        saved = Path(await (await download.value).path())
        assert RECOVERY_KEY.search(await asyncio.to_thread(saved.read_text))
        await check_printed(page, minji)
        await page.keyboard.press("Escape")  # nothing was kept: the next key is another one
        await dialog.wait_for(state="detached")
        key = await make_recovery_key(page)
        await page.get_by_text("복구 키를 만들어 두세요").wait_for(state="detached")

    phone = await minji.login_again()
    await minji.call("POST", "/logout")  # the key is all that is left
    async with web.page(phone, size="phone") as page:
        await page.get_by_text("새 기기를 확인해 주세요").wait_for()
        await page.get_by_role("button", name="확인하기").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_text("확인해 줄 수 있는 다른 기기가 없습니다").wait_for()
        await dialog.get_by_role("button", name="복구 키로 확인").click()
        await try_key(page, key[:-5])
        await dialog.get_by_text("빠진 글자가 없는지").wait_for()
        await try_key(page, "wonderland")  # the password, as people would
        await dialog.get_by_text("로그인 비밀번호와는 다른 것입니다").wait_for()
        await check_accessible(page)
        nothing = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"shopping"}
        await dialog.get_by_label("저장한 파일 고르기").set_input_files(nothing)
        await dialog.get_by_text("이 파일에는 복구 키가 없습니다").wait_for()
        file = {"name": "key.txt", "mimeType": "text/plain", "buffer": f"봉수\n{key}\n".encode()}
        await dialog.get_by_label("저장한 파일 고르기").set_input_files(file)
        await expect(dialog.get_by_label("복구 키", exact=True)).to_have_value(key)
        await dialog.get_by_role("button", name="열기").click()
        await dialog.wait_for(state="detached")
        await until(lambda: is_signed(phone), "the signature")
        await page.get_by_text("새 기기를 확인해 주세요").wait_for(state="detached")


async def check_printed(page: Page, user: User) -> None:
    """On paper stand the key and whose it is, and nothing else of the page."""
    shown = await page.locator(".recovery-key").inner_text()
    await page.evaluate("() => { window.print = () => (window.printed = true); }")
    await page.get_by_role("button", name="인쇄").click()
    await page.wait_for_function("() => window.printed")
    paper = PdfReader(io.BytesIO(await page.pdf()))
    assert len(paper.pages) == 1
    text = "".join(paper.pages[0].extract_text().split())
    assert "".join(shown.split()) in text
    assert user.user_id in text
    assert "보관했습니다" not in text


async def try_key(page: Page, typed: str) -> None:
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("복구 키", exact=True).fill(typed)
    await dialog.get_by_role("button", name="열기").click()


async def test_a_phrase_opens_what_another_app_made_from_it(web: Web) -> None:
    """matrix-js-sdk on Node is the other app; it signs out, and the phrase is all that is left."""
    phrase = "나무 위의 고래 세 마리"
    async with partner_of(web.url, "phrase.mjs") as other:
        other.tell(phrase)
        await other.hears("made")
    phone = await web.sign_in(other.user_id, PASSWORD)
    async with web.page(phone) as page:
        await page.get_by_role("button", name="확인하기").click()
        await page.get_by_role("button", name="복구 키로 확인").click()
        await try_key(page, f"{phrase}!")
        dialog = page.get_by_role("dialog")
        await dialog.get_by_text("정한 암호 문구도 아닙니다").wait_for()
        await try_key(page, f" {phrase}\n")
        await dialog.wait_for(state="detached")
        await until(lambda: is_signed(phone), "the signature")


async def test_when_everything_is_lost_one_begins_anew(web: Web) -> None:
    """The key opens nothing, for another app left its secrets half made: it must not overwrite the
    identity that friends know. The person does, with their password, knowing what is lost."""
    minji = await web.person("민지")
    room_id = await minji.create_room(name="메모", initial_state=[ENCRYPTED])
    async with web.page(minji, at=f"#/room/{room_id}") as page:
        await encrypts(minji)
        await say(page, "잊힐 말")
        await reads(page, "잊힐 말")
        await page.goto(f"{web.url}/#/")
        key = await make_recovery_key(page)
    path = f"/user/{minji.user_id}/account_data/m.cross_signing.user_signing"
    await minji.call("PUT", path, {})
    before = (await keys_of(minji))["master_keys"]
    phone = await minji.login_again()
    async with web.page(phone) as page:
        await page.get_by_role("button", name="확인하기").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name="복구 키로 확인").click()
        await try_key(page, key)
        await dialog.get_by_text("지금의 신원을 열지는 못합니다").wait_for()
        assert (await keys_of(minji))["master_keys"] == before
        assert not await is_signed(phone)
        await dialog.get_by_role("button", name="키를 잃어버렸어요").click()
        await check_accessible(page)
        await dialog.get_by_label("무엇을 잃는지").check()
        await dialog.get_by_label("비밀번호").fill("a guess")
        await dialog.get_by_role("button", name="초기화").click()
        await dialog.get_by_text("비밀번호가 맞지 않습니다").wait_for()
        assert await has_recovery_key(phone)  # a wrong password has thrown nothing away
        await dialog.get_by_label("비밀번호").fill("wonderland")
        await dialog.get_by_role("button", name="초기화").click()
        await dialog.get_by_text(RECOVERY_KEY).wait_for()
        await until(lambda: is_signed(phone), "the signature")
        assert not await is_signed(minji)
        assert not await has_recovery_key(phone)  # until it is in their hands
        await keep_recovery_key(page)
        assert await has_recovery_key(phone)
        await page.goto(f"{web.url}/#/room/{room_id}")
        await page.get_by_text("백업에 키가 없습니다").wait_for()  # what is lost is lost
        await say(page, "새로 시작")
        await reads(page, "새로 시작")


async def test_a_browser_that_cannot_encrypt_says_so(web: Web) -> None:
    """Without WebAssembly, and on plain http beyond this machine."""
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await minji.create_room(name="메모", initial_state=[ENCRYPTED])
    async with web.context(minji) as context:
        await context.add_init_script("delete globalThis.WebAssembly")
        page = await context.new_page()
        await page.goto(f"{web.url}/#/room/{room_id}")
        await say(page, "나가면 안 되는 말")
        await page.get_by_text("암호화를 쓸 수 없어 보내지 않았습니다").wait_for()
        await page.goto(f"{web.url}/#/settings/encryption")
        await page.get_by_text("WebAssembly가 꺼져 있음").wait_for()
        await page.goto(f"{web.url}/#/new")
        await expect(page.get_by_label("종단간 암호화")).to_be_disabled()
        await page.get_by_text("이 브라우저는 암호화할 수 없어").wait_for()
    history = await minji.call("GET", f"/rooms/{room_id}/messages?dir=b")
    assert "m.room.message" not in [each["type"] for each in history["chunk"]]

    async with opened_browser("--host-resolver-rules=MAP bongsu.test 127.0.0.1") as browser:
        away = Web(web.url.replace("127.0.0.1", "bongsu.test"), browser)
        async with away.page(minji, at="#/settings/encryption") as page:
            await page.get_by_text("https 주소에서만 쓸 수 있습니다").wait_for()
            await page.goto(f"{away.url}/#/join/{quote(john.user_id)}")
            card = page.get_by_role("dialog", name="John")
            await card.get_by_text("이 브라우저는 암호화할 수 없어").wait_for()
            await expect(card.get_by_role("button", name="그래도")).to_have_count(0)
        await away.close()


async def test_the_browser_threw_the_keys_away(web: Web) -> None:
    minji = await web.person("민지")
    async with web.context(minji) as context:
        page = await context.new_page()
        await page.goto(web.url)
        await encrypts(minji)
        await page.goto(f"{web.url}/icon.svg")
        await page.evaluate(
            """async () => {
                for (const { name } of await indexedDB.databases())
                    await new Promise((done) => (indexedDB.deleteDatabase(name).onsuccess = done));
            }"""
        )
        await page.goto(web.url)
        await page.get_by_text("브라우저가 이 기기의 키를 지웠습니다").wait_for()
        await check_accessible(page)
        await page.get_by_role("button", name="다시 로그인").click()
        await page.get_by_role("textbox", name="비밀번호").wait_for()
        names = "async () => (await indexedDB.databases()).map(({ name }) => name)"
        assert not [name for name in await page.evaluate(names) if "crypto" in name]
