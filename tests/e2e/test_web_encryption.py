"""Encryption in the browser client: the engine, identity, recovery key, devices, people."""

import asyncio
from pathlib import Path

from playwright.async_api import Route
from web_browser import Web, check_accessible, in_one_browser, picture
from web_encryption import (
    RECOVERY_KEY,
    compare_emoji,
    encrypted_chat,
    encrypts,
    has_keys,
    has_recovery_key,
    is_signed,
    make_recovery_key,
    reads,
    say,
    until,
)

pytestmark = in_one_browser


async def test_the_engine_comes_after_the_first_paint_and_makes_an_identity(web: Web) -> None:
    minji = await web.person("민지")
    await minji.create_room(name="점심")
    let_go = asyncio.Event()

    async def withhold(route: Route) -> None:
        await let_go.wait()
        await route.continue_()

    async with web.context(minji) as context:
        page = await context.new_page()
        await page.route("**/*.wasm", withhold)
        await page.goto(web.url)
        await page.get_by_text("점심", exact=True).wait_for()
        assert not await has_keys(minji)
        let_go.set()
        await encrypts(minji)


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
        await page.keyboard.press("Escape")  # nothing was kept: the next key is another one
        await dialog.wait_for(state="detached")
        key = await make_recovery_key(page)
        await page.get_by_text("복구 키를 만들어 두세요").wait_for(state="detached")

    phone = await minji.login_again()
    async with web.page(phone, size="phone") as page:
        await page.get_by_text("새 기기를 확인해 주세요").wait_for()
        await page.get_by_role("button", name="확인하기").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name="복구 키로 확인").click()
        await dialog.get_by_label("복구 키", exact=True).fill(key[:-5])
        await dialog.get_by_role("button", name="열기").click()
        await dialog.get_by_text("이 계정의 복구 키가 아닙니다").wait_for()
        await check_accessible(page)
        await dialog.get_by_label("복구 키", exact=True).fill(key)
        await dialog.get_by_role("button", name="열기").click()
        await dialog.wait_for(state="detached")
        assert await is_signed(phone)
        await page.get_by_text("새 기기를 확인해 주세요").wait_for(state="detached")


async def test_devices_confirm_each_other_by_emoji(web: Web) -> None:
    minji = await web.person("민지")
    async with web.page(minji) as old:
        await encrypts(minji)
        phone = await minji.login_again()
        async with web.page(phone, size="phone") as new:
            await new.get_by_role("button", name="확인하기").click()
            await new.get_by_role("button", name="다른 기기로 확인").click()
            await old.get_by_role("alert").get_by_role("button", name="확인하기").click()
            await new.get_by_role("button", name="그림 문자로 비교").click()
            await new.locator(".verify .emoji").wait_for()
            await check_accessible(new)
            await picture(new, "web-emoji")
            await compare_emoji(old, new)
            for page in (old, new):
                await page.get_by_text("이 두 기기는 서로를 믿습니다").wait_for()
        assert await is_signed(phone)


async def test_people_confirm_each_other(web: Web) -> None:
    minji, haru = await web.person("민지"), await web.person("하루")
    room_id = await encrypted_chat(minji, haru)
    async with web.page(minji, at=f"#/room/{room_id}") as ours, web.page(haru) as theirs:
        await encrypts(minji)
        await encrypts(haru)
        await say(ours, "거기 하루 맞니?")
        await theirs.goto(f"{web.url}/#/room/{room_id}")
        await reads(theirs, "거기 하루 맞니?")
        await say(theirs, "그럼")
        await reads(ours, "그럼")
        await ours.locator(".message .face").first.click()
        await ours.get_by_role("button", name="서로 확인하기").click()
        await theirs.get_by_role("alert").get_by_role("button", name="확인하기").click()
        await ours.get_by_role("button", name="그림 문자로 비교").click()
        await compare_emoji(ours, theirs)
        await ours.get_by_text("하루 님이 맞습니다").wait_for()
        await theirs.get_by_text("민지 님이 맞습니다").wait_for()
        # Of somebody who is confirmed, a device that is not is worth a word.
        tablet = await haru.login_again()
        async with web.page(tablet, at=f"#/room/{room_id}") as another:
            await until(lambda: has_keys(tablet), "the tablet's keys")
            await ours.get_by_role("button", name="닫기").last.click()
            await say(another, "새 태블릿이야")
            await reads(ours, "새 태블릿이야")
            await ours.get_by_text("확인되지 않은 기기에서 보냄").wait_for()


async def test_without_key_and_device_one_begins_anew(web: Web) -> None:
    minji = await web.person("민지")
    async with web.page(minji) as page:
        await encrypts(minji)
        await make_recovery_key(page)
    phone = await minji.login_again()
    async with web.page(phone) as page:
        await page.get_by_role("button", name="확인하기").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name="둘 다 없어요").click()
        await check_accessible(page)
        await dialog.get_by_label("무엇을 잃는지").check()
        await dialog.get_by_label("비밀번호").fill("a guess")
        await dialog.get_by_role("button", name="초기화").click()
        await dialog.get_by_text("비밀번호가 맞지 않습니다").wait_for()
        assert await has_recovery_key(phone)  # a wrong password has thrown nothing away
        await dialog.get_by_label("비밀번호").fill("wonderland")
        await dialog.get_by_role("button", name="초기화").click()
        await dialog.get_by_text(RECOVERY_KEY).wait_for()
        assert await is_signed(phone)
        assert not await is_signed(minji)


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
