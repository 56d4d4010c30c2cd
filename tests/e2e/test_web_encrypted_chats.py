"""Encrypted chats in the browser client: read by those in them, on their devices, nowhere else."""

import asyncio
import base64
from pathlib import Path
from urllib.parse import quote, unquote

from encrypting_people import Encrypted
from encrypting_people import reads as nio_reads
from encrypting_people import say as nio_says
from harness.bongsu import running
from harness.matrix import MatrixError, User
from harness.process import open_folder
from playwright.async_api import Locator, Page, Request, Route, expect
from web_browser import Web, check_accessible, in_one_browser, opened_browser, picture
from web_encryption import (
    ENCRYPTED,
    encrypted_chat,
    encrypts,
    enter_recovery_key,
    keys_in_backup,
    make_recovery_key,
    reads,
    say,
    stands,
    until,
)

pytestmark = in_one_browser

# Version 3, message 0, 16 bytes of ciphertext, MAC and signature: well formed, and no more.
MEGOLM = b"\x03\x08\x00\x12\x10" + bytes(16) + bytes(8) + bytes(64)


async def test_two_people_and_three_devices(web: Web) -> None:
    """A third device reads what was said before it came, once it has the recovery key."""
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await encrypted_chat(minji, john)
    at = f"#/room/{room_id}"
    async with web.page(minji, at=at) as ours, web.page(john, at=at, size="phone") as theirs:
        await encrypts(minji)
        await encrypts(john)
        await ours.locator(".room-head").get_by_text("암호화됨").wait_for()
        await say(ours, "점심 먹을래?")
        await reads(theirs, "점심 먹을래?")
        await say(theirs, "좋지, 열두 시")
        await reads(ours, "좋지, 열두 시")
        history = await minji.call("GET", f"/rooms/{room_id}/messages?dir=b")
        sent = [each for each in history["chunk"] if each["type"] == "m.room.encrypted"]
        assert len(sent) == 2
        assert not any("body" in each["content"] for each in sent)
        await picture(theirs, "web-encrypted-chat")

        async def both_are_there() -> bool:
            return await keys_in_backup(minji) == 2

        await until(both_are_there, "both keys in the backup")
        await ours.goto(f"{web.url}/#/")
        key = await make_recovery_key(ours)

    phone = await minji.login_again()
    async with web.page(phone, at=at, size="phone") as page:
        for _ in range(2):
            await page.get_by_text("기기를 확인하면 읽을 수 있습니다").first.wait_for()
        await check_accessible(page)
        await picture(page, "web-undecryptable")
        await page.get_by_role("button", name="기기 확인").first.click()
        await enter_recovery_key(page, key)
        await reads(page, "점심 먹을래?")
        await reads(page, "좋지, 열두 시")
        await say(page, "휴대폰에서도 보여")
        await reads(page, "휴대폰에서도 보여")


async def test_keys_go_from_device_to_device_in_a_file(web: Web, tmp_path: Path) -> None:
    minji = await web.person("민지")
    room_id = await minji.create_room(name="메모", initial_state=[ENCRYPTED])
    file = tmp_path / "keys.txt"
    async with web.page(minji, at=f"#/room/{room_id}") as page:
        await encrypts(minji)
        await say(page, "장보기 목록")
        await reads(page, "장보기 목록")
        await page.goto(f"{web.url}/#/settings/encryption")
        await page.get_by_role("button", name="내보내기").click()
        dialog = page.get_by_role("dialog")
        for label in ("파일 암호", "암호 다시"):
            await dialog.get_by_label(label, exact=True).fill("fire on the hill")
        async with page.expect_download() as download:
            await dialog.get_by_role("button", name="내보내기").click()
        await (await download.value).save_as(file)
        await picture(page, "web-encryption-settings")
    assert "장보기" not in file.read_text()
    phone = await minji.login_again()
    async with web.page(phone, at="#/settings/encryption") as page:
        await page.get_by_role("button", name="가져오기").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("키 파일").set_input_files(file)
        await dialog.get_by_label("파일 암호").fill("fire on the dale")
        await dialog.get_by_role("button", name="가져오기").click()
        await dialog.get_by_text("이 파일의 암호가 아닙니다").wait_for()
        await dialog.get_by_label("파일 암호").fill("fire on the hill")
        await dialog.get_by_role("button", name="가져오기").click()
        await dialog.wait_for(state="detached")
        await page.goto(f"{web.url}/#/room/{room_id}")
        await reads(page, "장보기 목록")


async def test_what_cannot_be_read_is_explained(web: Web) -> None:
    """From before one came, before one's first keys, never given, or damaged; then all is well."""
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await minji.create_room(
        preset="private_chat", invite=[john.user_id], initial_state=[ENCRYPTED]
    )
    unknown = {
        "algorithm": "m.megolm.v1.aes-sha2",
        "ciphertext": base64.b64encode(MEGOLM).decode().rstrip("="),
        "session_id": "nevergiventoanybodynevergiventoanybodynever",
        "sender_key": "IlRMeOPX2e0MurIyfWEucYBRVOEEUMrOHqn/8mLqMjA",
        "device_id": minji.device_id,
    }
    path = f"/rooms/{room_id}/send/m.room.encrypted"
    await minji.call("PUT", f"{path}/before", unknown)
    await john.join(room_id)
    at = f"#/room/{room_id}"
    async with web.page(minji, at=at) as ours:
        await encrypts(minji)
        await say(ours, "아직 없지?")
        await reads(ours, "아직 없지?")
        async with web.page(john, at=at) as page:
            await encrypts(john)
            said = page.locator(".undecryptable")
            await expect(said.nth(0)).to_contain_text("들어오기 전에 보낸 메시지라")
            await expect(said.nth(1)).to_contain_text("로그인하기 전 메시지")
            await minji.call("PUT", f"{path}/after", unknown)
            await expect(said.nth(2)).to_contain_text("키를 기다리는 중입니다")
            await minji.call("PUT", f"{path}/odd", {**unknown, "ciphertext": "odd"})
            await expect(said.nth(3)).to_contain_text("망가져 있어 풀 수 없습니다")
            await check_accessible(page)
            await say(ours, "이제 보여?")
            await reads(page, "이제 보여?")
        await minji.login_again()  # and never shows a key
        await ours.goto(f"{web.url}/#/settings/devices")
        devices = ours.locator(".device-trust")
        await expect(devices.filter(has_text="암호화하지 않는 기기")).to_have_count(1)
        await expect(devices.filter(has_text="확인됨")).to_have_count(1)


async def test_new_chats_are_encrypted_unless_told_otherwise(web: Web) -> None:
    minji, john, mina = [await web.person(name) for name in ("민지", "John", "Mina")]

    async def is_encrypted(room_id: str) -> bool:
        try:
            await minji.call("GET", f"/rooms/{quote(room_id)}/state/m.room.encryption/")
        except MatrixError as error:
            if error.errcode != "M_NOT_FOUND":
                raise
            return False
        return True

    async with web.page(minji, at="#/people") as ours, web.page(john) as theirs:
        await encrypts(minji)
        await encrypts(john)
        card = await card_of(ours, john, "John")
        await card.get_by_text("암호화된 대화로 시작합니다").wait_for()
        await check_accessible(ours)
        await picture(ours, "web-new-chat")
        await card.get_by_role("button", name="대화하기").click()
        room_id = await room_of(ours)
        assert await is_encrypted(room_id)
        await theirs.get_by_role("button", name="수락").click()
        await say(ours, "우리만 아는 이야기")
        await reads(theirs, "우리만 아는 이야기")
        # The server cannot search it: this device does.
        await ours.get_by_label("대화, 사람, 메시지 찾기").fill("아는 이야기")
        await ours.locator(".found").get_by_text("우리만").wait_for()
        await ours.locator(".found").get_by_text("이 기기에 있는 최근 메시지만").wait_for()
        await ours.get_by_label("대화, 사람, 메시지 찾기").fill("")

        # Mina has no device that encrypts: she would never read it. The person may insist.
        card = await card_of(ours, mina, "Mina")
        await card.get_by_text("암호화하는 기기가 없어").wait_for()
        await card.get_by_role("button", name="그래도 암호화해서 시작").wait_for()
        await card.get_by_role("button", name="대화하기").click()
        assert not await is_encrypted(await room_of(ours))
        await ours.locator(".room-head").get_by_text("암호화 안 됨").wait_for()

        await ours.goto(f"{web.url}/#/new")
        box = ours.get_by_label("종단간 암호화")
        await expect(box).to_be_checked()
        await ours.get_by_label("주소를 받은 누구나").check()
        await expect(box).not_to_be_checked()
        await ours.get_by_label("초대받은 사람만").check()
        await expect(box).to_be_checked()
        await ours.get_by_label("대화방 이름").fill("가족")
        await ours.get_by_role("button", name="만들기", exact=True).click()
        assert await is_encrypted(await room_of(ours))


async def card_of(page: Page, user: User, name: str) -> Locator:
    await page.evaluate("() => { location.hash = '#/people'; }")
    await page.get_by_label("이름이나 아이디로 찾기").fill(user.user_id)
    await page.locator("main").get_by_role("button", name=name).click()
    return page.get_by_role("dialog")


async def room_of(page: Page) -> str:
    await page.wait_for_url("**/#/room/**")
    return unquote(page.url.split("#/room/")[1])


async def test_the_lock_of_a_room_is_shown_and_stays(web: Web) -> None:
    """Goal: a room says whether it is encrypted; what was once gets no word in the clear.
    Method: the room is read anew from a server that denies its encryption."""
    minji = await web.person("민지")
    room_id = await minji.create_room(name="메모")
    async with web.context(minji, size="phone") as context:
        page = await context.new_page()
        await page.goto(f"{web.url}/#/room/{room_id}")
        await page.get_by_text("암호화 안 됨").first.wait_for()
        path = f"/rooms/{room_id}/state/m.room.encryption"
        await minji.call("PUT", path, ENCRYPTED["content"])
        await page.locator(".room-head").get_by_text("암호화됨").wait_for()
        await expect(page.get_by_text("암호화 안 됨")).to_have_count(0)
        await encrypts(minji)
        await say(page, "비밀 하나")
        await reads(page, "비밀 하나")
        await page.goto(f"{web.url}/icon.svg")
        await page.evaluate(FORGET_ROOMS)
        await page.route("**/_matrix/client/v3/sync?**", deny_encryption)
        await page.goto(f"{web.url}/#/room/{room_id}")
        await page.locator(".room-head").get_by_text("암호화 안 됨").wait_for()
        await say(page, "비밀 둘")
        await page.get_by_text("서버가 아니라고 합니다").wait_for()
        await page.unroute_all(behavior="ignoreErrors")
        history = await minji.call("GET", f"/rooms/{room_id}/messages?dir=b")
        assert "m.room.message" not in [each["type"] for each in history["chunk"]]


FORGET_ROOMS = """async () => {
    for (const { name } of await indexedDB.databases())
        if (!name.includes("crypto"))
            await new Promise((done) => (indexedDB.deleteDatabase(name).onsuccess = done));
}"""


async def deny_encryption(route: Route) -> None:
    answer = await route.fetch()
    body = await answer.json()
    for room in body.get("rooms", {}).get("join", {}).values():
        for part in room.values():
            events = part.get("events", []) if isinstance(part, dict) else []
            events[:] = [each for each in events if each["type"] != "m.room.encryption"]
    await route.fulfill(response=answer, json=body)


async def test_keys_are_not_lost_on_their_way(web: Web) -> None:
    """First the network loses one and brings it when nobody waits any more; then one comes before
    the engine: a device that has keys takes no answer of the server before it can read it."""
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await encrypted_chat(minji, john)
    at = f"#/room/{room_id}"
    async with web.context(john) as context, web.page(minji, at=at) as ours:
        theirs = await context.new_page()
        await theirs.goto(f"{web.url}/{at}")
        await encrypts(minji)
        await encrypts(john)
        lost: list[Request] = []

        async def lose(route: Route) -> None:
            lost.append(route.request)
            await route.fulfill(json={})

        await ours.route("**/sendToDevice/m.room.encrypted/**", lose)
        await say(ours, "하나")
        await expect(theirs.locator(".undecryptable")).to_contain_text("키를 기다리는 중입니다")
        for request in lost:
            path = request.url.split("/_matrix/client/v3", 1)[1]
            await minji.call("PUT", path, request.post_data_json)
        await reads(theirs, "하나")
        await expect(theirs.locator(".undecryptable")).to_have_count(0)
        await ours.unroute("**/sendToDevice/m.room.encrypted/**")
        await theirs.close()

        theirs = await context.new_page()
        let_go, asked = asyncio.Event(), asyncio.Event()

        async def withhold(route: Route) -> None:
            asked.set()
            await let_go.wait()
            await route.continue_()

        await theirs.route("**/*.wasm", withhold)
        await theirs.goto(f"{web.url}/{at}")
        await asked.wait()
        await ours.reload()  # a new key for its next message
        await say(ours, "둘")
        await reads(ours, "둘")
        let_go.set()
        await reads(theirs, "둘")
        await reads(theirs, "하나")


async def test_with_another_library(web: Web, tmp_path: Path) -> None:
    """matrix-nio and its own crypto: what one writes the other reads."""
    others = Encrypted(web.url, tmp_path)
    minji = await web.person("민지")
    john = await others.person("john")
    room_id = await minji.create_room(
        preset="private_chat", invite=[john.user_id], initial_state=[ENCRYPTED]
    )
    await john.nio.join(room_id)
    async with web.page(minji, at=f"#/room/{room_id}") as page:
        await encrypts(minji)
        await john.sync()
        await nio_says(john, room_id, "from nio")
        await reads(page, "from nio")
        await say(page, "브라우저에서")
        await nio_reads(john, room_id, "브라우저에서")
    await others.close()


async def test_server_killed_in_mid_sentence() -> None:
    """What was written while it was away arrives once, encrypted."""
    with open_folder() as folder, running(folder) as server:
        async with opened_browser() as browser:
            web = Web(server.url, browser)
            minji, john = await web.person("민지"), await web.person("John")
            room_id = await encrypted_chat(minji, john)
            at = f"#/room/{room_id}"
            async with (
                web.page(minji, at=at, expects_errors=True) as ours,
                web.page(john, at=at, expects_errors=True) as theirs,
            ):
                await encrypts(minji)
                await encrypts(john)
                await say(ours, "들려?")
                await reads(theirs, "들려?")
                server.kill()
                await say(ours, "서버가 없어도 쓴다")
                await stands(ours, "서버가 없어도 쓴다")
                await say(theirs, "나도 쓴다")  # with a key that nobody has yet
                server.start()
                await reads(theirs, "서버가 없어도 쓴다")
                await reads(ours, "나도 쓴다")
                await say(ours, "다시 들린다")
                await reads(theirs, "다시 들린다")
                for page in (ours, theirs):
                    await expect(page.locator(".message").get_by_text("쓴다")).to_have_count(2)
                    await expect(page.locator(".undecryptable")).to_have_count(0)
            history = await minji.call("GET", f"/rooms/{room_id}/messages?dir=b")
            kinds = [each["type"] for each in history["chunk"]]
            assert kinds.count("m.room.encrypted") == 4
            assert "m.room.message" not in kinds
            await web.close()
