"""People who encrypt in browser tests, and what the server knows of them."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

from harness.matrix import MatrixError, User
from playwright.async_api import Page, expect

PATIENCE_SECONDS = 60.0
RECOVERY_KEY = re.compile(r"(?:\w{4} ){11}\w{4}")
ENCRYPTED = {
    "type": "m.room.encryption",
    "state_key": "",
    "content": {"algorithm": "m.megolm.v1.aes-sha2"},
}


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
        if error.errcode != "M_NOT_FOUND":
            raise
        return False


async def keys_in_backup(user: User) -> int:
    return int((await user.call("GET", "/room_keys/version"))["count"])


async def has_recovery_key(user: User) -> bool:
    path = f"/user/{user.user_id}/account_data/m.secret_storage.default_key"
    return bool((await user.call("GET", path)).get("key"))


async def encrypts(user: User) -> None:
    """The engine has come, and made what it makes by itself."""
    await until(lambda: is_signed(user), "a device that encrypts, signed by its identity")
    await until(lambda: has_backup(user), "a backup of keys")


async def encrypted_chat(one: User, other: User) -> str:
    room_id = await one.create_room(
        preset="trusted_private_chat",
        invite=[other.user_id],
        is_direct=True,
        initial_state=[ENCRYPTED],
    )
    await other.join(room_id)
    for who, whom in ((one, other), (other, one)):
        path = f"/user/{who.user_id}/account_data/m.direct"
        await who.call("PUT", path, {whom.user_id: [room_id]})
    return room_id


async def say(page: Page, text: str) -> None:
    await page.get_by_role("textbox", name="메시지 쓰기").fill(text)
    await page.get_by_role("button", name="보내기", exact=True).click()  # Enter, but for phones


async def reads(page: Page, text: str) -> None:
    """It stands there as the server has it: one's own has been sent."""
    await stands(page, text, ".message[data-event]")


async def stands(page: Page, text: str, within: str = ".message") -> None:
    """It stands there, sent or not."""
    await expect(page.locator(within).get_by_text(text)).to_be_visible(
        timeout=PATIENCE_SECONDS * 1000
    )


async def make_recovery_key(page: Page) -> str:
    await page.get_by_role("button", name="복구 키 만들기").click()
    return await keep_recovery_key(page)


async def keep_recovery_key(page: Page) -> str:
    dialog = page.get_by_role("dialog")
    shown = dialog.locator(".recovery-key")
    await shown.get_by_text(RECOVERY_KEY).wait_for()
    key = await shown.inner_text()
    await dialog.get_by_label("마지막 네 글자").fill(key[-4:])
    await dialog.get_by_role("button", name="보관했습니다").click()
    await dialog.wait_for(state="detached")
    return key


async def enter_recovery_key(page: Page, key: str) -> None:
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="복구 키로 확인").click()
    await dialog.get_by_label("복구 키", exact=True).fill(key)
    await dialog.get_by_role("button", name="열기").click()
    await dialog.wait_for(state="detached")


async def compare_emoji(*pages: Page) -> None:
    """Both see the same seven, and say so."""
    seen = []
    for page in pages:
        emoji = page.locator(".verify .emoji")
        await emoji.wait_for()
        seen.append(await emoji.inner_text())
    assert seen[0] == seen[1]
    for page in pages:
        await page.get_by_role("button", name="똑같아요").click()
