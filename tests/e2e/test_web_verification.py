"""Devices and people make sure of each other in the browser client: by code, by emoji, or not."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from harness.matrix import User
from playwright.async_api import Page, Route, expect
from web_browser import Web, check_accessible, in_one_browser, picture
from web_camera import Camera, opened_camera
from web_encryption import (
    ENCRYPTED,
    compare_emoji,
    encrypted_chat,
    encrypts,
    has_keys,
    has_recovery_key,
    is_signed,
    keys_in_backup,
    make_recovery_key,
    reads,
    say,
    until,
)

pytestmark = in_one_browser

CODE = ".verify .qr-code"
ENDS = {  # what the other side says, and what the person reads
    "m.timeout": "너무 오래 기다려",
    "m.unknown_method": "함께 아는 확인 방법이 없습니다",
    "m.accepted": "다른 기기에서 이미 받았습니다",
    "m.key_mismatch": "누군가 사이에서 엿보려",
    "org.example.odd": "중간에 끊겼습니다",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def camera(web: Web, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Camera]:
    async with opened_camera(web.url, tmp_path_factory.mktemp("camera")) as camera:
        yield camera


async def test_a_new_device_scans_the_code_of_another(web: Web, camera: Camera) -> None:
    """Goal: once it has, it is trusted, and reads what was said before it came, though the key was
    not in the backup when it looked first. Method: the other device's code as it is on its screen
    is what the new one's camera sees; a wrong one first."""
    minji = await web.person("민지")
    room_id = await minji.create_room(name="메모", initial_state=[ENCRYPTED])
    async with web.page(minji, at=f"#/room/{room_id}") as old:
        await encrypts(minji)
        await say(old, "열쇠는 화분 밑에")
        await reads(old, "열쇠는 화분 밑에")
        phone = await minji.login_again()
        async with camera.web.page(phone, size="phone") as new:
            await new.route("**/room_keys/keys/**", not_found)
            await ask_other_device(new)
            await accept(old)
            await new.locator(CODE).wait_for()
            await check_accessible(new)
            await picture(new, "web-verify-code")
            await camera.shows(new, CODE)  # one's own, as one would not
            await new.get_by_role("button", name="카메라로 코드 찍기").click()
            await new.get_by_text("다른 기기의 확인용 코드가 아닙니다").wait_for()
            assert not await is_signed(phone)
            await camera.shows(old, CODE)
            await old.get_by_role("button", name="네, 보여요").click()
            for page in (old, new):
                await page.get_by_text("이 두 기기는 서로를 믿습니다").wait_for()
            await until(lambda: is_signed(phone), "the signature")
            await new.get_by_role("button", name="닫기").last.click()
            await in_backup(minji, 1)  # the engine takes its time, up to ten seconds
            await new.goto(f"{web.url}/#/room/{room_id}")
            await new.get_by_text("백업에 키가 없습니다").first.wait_for()
            await new.unroute("**/room_keys/keys/**")
            await reads(new, "열쇠는 화분 밑에")


async def test_people_scan_each_others_code(web: Web, camera: Camera) -> None:
    minji, haru = await web.person("민지"), await web.person("하루")
    room_id = await encrypted_chat(minji, haru)
    at = f"#/room/{room_id}"
    async with web.page(minji, at=at) as ours, camera.web.page(haru, at=at) as theirs:
        await encrypts(minji)
        await encrypts(haru)
        await say(ours, "거기 하루 맞니?")
        await reads(theirs, "거기 하루 맞니?")
        await theirs.locator(".message .face").first.click()
        await theirs.get_by_role("button", name="서로 확인하기").click()
        await accept(ours)
        await ours.locator(CODE).wait_for()
        await camera.shows(ours, CODE)
        await theirs.get_by_role("button", name="카메라로 코드 찍기").click()
        await ours.get_by_role("button", name="네, 보여요").click()
        await ours.get_by_text("하루 님이 맞습니다").wait_for()
        await theirs.get_by_text("민지 님이 맞습니다").wait_for()
        # Of somebody who is confirmed, a device that is not is worth a word.
        tablet = await haru.login_again()
        async with web.page(tablet, at=at) as another:
            await until(lambda: has_keys(tablet), "the tablet's keys")
            await ours.get_by_role("button", name="닫기").last.click()
            await say(another, "새 태블릿이야")
            await reads(ours, "새 태블릿이야")
            await ours.get_by_text("확인되지 않은 기기에서 보냄").wait_for()


async def test_devices_confirm_each_other_by_emoji(web: Web) -> None:
    """And a device that was confirmed, but got no secrets yet, makes no key that opens nothing."""
    minji = await web.person("민지")
    async with web.page(minji) as old:
        await encrypts(minji)
        await make_recovery_key(old)
        kept = await recovery_key_id(minji)
        phone = await minji.login_again()
        async with web.page(phone, size="phone") as new:
            asked_for: list[str] = []

            async def lose(route: Route) -> None:
                asked_for.append(route.request.url)
                await route.fulfill(json={})

            await new.route("**/sendToDevice/m.secret.request/**", lose)
            await ask_other_device(new)
            await accept(old)
            await new.get_by_role("button", name="그림 문자로 비교").click()
            await new.locator(".verify .emoji").wait_for()
            await check_accessible(new)
            await picture(new, "web-emoji")
            await compare_emoji(old, new)
            for page in (old, new):
                await page.get_by_text("이 두 기기는 서로를 믿습니다").wait_for()
            await until(lambda: is_signed(phone), "the signature")
            await new.get_by_role("button", name="닫기").last.click()
            await new.goto(f"{web.url}/#/settings/encryption")
            await new.get_by_role("button", name="새 키 만들기").click()
            await new.get_by_text("열쇠가 다 오지 않아").wait_for()
            assert asked_for
        assert await has_recovery_key(minji)
        assert await recovery_key_id(minji) == kept


async def test_what_is_not_confirmed_says_why(web: Web) -> None:
    """Declined and different by two devices; the other ends as another device would send them."""
    minji = await web.person("민지")
    async with web.page(minji) as old:
        await encrypts(minji)
        phone = await minji.login_again()
        async with web.page(phone) as new:
            await ask_other_device(new)
            await old.get_by_role("alert").get_by_role("button", name="거절").click()
            await ended(new, "거절했거나 창을 닫았습니다")

            await ask_other_device(new)
            await accept(old)
            await new.get_by_role("button", name="그림 문자로 비교").click()
            await old.get_by_role("button", name="달라요").click()
            await ended(new, "누군가 사이에서 엿보려")
            await ended(old, "누군가 사이에서 엿보려")

            for code, said in ENDS.items():
                about = await ask_other_device(new)
                content = {"transaction_id": about["transaction_id"], "code": code, "reason": code}
                message = {"messages": {minji.user_id: {phone.device_id: content}}}
                await minji.call("PUT", f"/sendToDevice/m.key.verification.cancel/{code}", message)
                await ended(new, said)
                await expect(old.get_by_role("alert")).to_have_count(0)
        assert not await is_signed(phone)


async def ask_other_device(page: Page) -> dict[str, Any]:
    """Returns what was sent to the others."""
    await page.get_by_role("button", name="확인하기").click()
    async with page.expect_request("**/sendToDevice/m.key.verification.request/**") as request:
        await page.get_by_role("button", name="다른 기기로 확인").click()
    [devices] = (await request.value).post_data_json["messages"].values()
    return next(iter(devices.values()))


async def accept(page: Page) -> None:
    await page.get_by_role("alert").get_by_role("button", name="확인하기").click()


async def ended(page: Page, said: str) -> None:
    dialog = page.get_by_role("dialog")
    await dialog.get_by_text(said).wait_for()
    await dialog.get_by_role("button", name="닫기").last.click()
    await dialog.wait_for(state="detached")


async def in_backup(user: User, count: int) -> None:
    async def are_there() -> bool:
        return await keys_in_backup(user) == count

    await until(are_there, f"{count} keys in the backup")


async def not_found(route: Route) -> None:
    await route.fulfill(status=404, json={"errcode": "M_NOT_FOUND", "error": "No room_keys found"})


async def recovery_key_id(user: User) -> str:
    path = f"/user/{user.user_id}/account_data/m.secret_storage.default_key"
    return str((await user.call("GET", path))["key"])
