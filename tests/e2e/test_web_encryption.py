"""Encryption in the browser client: identity, recovery key, new devices, what is encrypted, what cannot be read."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from harness.matrix import MatrixError, User
from playwright.async_api import Page, Route
from web_browser import Web, check_accessible, in_one_browser, picture

pytestmark = in_one_browser

PATIENCE_SECONDS = 60.0
RECOVERY_KEY = re.compile(r"(?:\w{4} ){11}\w{4}")


async def until(look: Callable[[], Awaitable[object]], what: str) -> None:
    """Wait until `look` says something true."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    while not await look():
        assert asyncio.get_running_loop().time() < deadline, f"waited in vain for: {what}"
        await asyncio.sleep(0.1)


async def keys_of(user: User) -> dict[str, Any]:
    """What the server tells others of this person's devices and identity."""
    return await user.call("POST", "/keys/query", {"device_keys": {user.user_id: []}})


async def has_keys(user: User) -> bool:
    return user.device_id in (await keys_of(user))["device_keys"].get(user.user_id, {})


async def is_signed(user: User) -> bool:
    """Somebody of the identity has vouched for this device."""
    known = await keys_of(user)
    device = known["device_keys"].get(user.user_id, {}).get(user.device_id, {})
    return len(device.get("signatures", {}).get(user.user_id, {})) > 1


async def has_backup(user: User) -> bool:
    try:
        return bool((await user.call("GET", "/room_keys/version"))["version"])
    except MatrixError as error:
        assert error.errcode == "M_NOT_FOUND"
        return False


async def encrypts(user: User) -> None:
    """The engine has come, and made what it makes by itself."""
    await until(lambda: is_signed(user), "a device that encrypts, signed by its identity")


async def make_recovery_key(page: Page) -> str:
    await page.get_by_role("button", name="복구 키 만들기").click()
    dialog = page.get_by_role("dialog")
    shown = dialog.locator(".recovery-key")
    await shown.get_by_text(RECOVERY_KEY).wait_for()
    key = await shown.inner_text()
    await dialog.get_by_label("마지막 네 글자").fill(key[-4:])
    await dialog.get_by_role("button", name="보관했습니다").click()
    await dialog.wait_for(state="detached")
    return key


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
        await until(lambda: has_backup(minji), "a backup of keys")


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
            seen = []
            for page in (old, new):
                emoji = page.locator(".verify .emoji")
                await emoji.wait_for()
                seen.append(await emoji.inner_text())
            assert seen[0] == seen[1]
            await check_accessible(new)
            await picture(new, "web-emoji")
            for page in (old, new):
                await page.get_by_role("button", name="똑같아요").click()
            for page in (old, new):
                await page.get_by_text("이 두 기기는 서로를 믿습니다").wait_for()
        assert await is_signed(phone)
