"""Files in the browser client on hard days: reloads, busy servers, full disks, odd names; and what
is said with them, and what is not told by them."""

import asyncio
import io
from typing import Any

from harness.matrix import User
from PIL import Image, ImageCms, PngImagePlugin
from playwright.async_api import Page, Route, expect
from test_web_media import UPLOADS, choose, filmed, payload, png, until_drawn
from test_web_writing import messages, room_address, said, say, together, writing
from web_browser import PATIENCE_MS, Web, check_accessible, in_one_browser, picture, settled, watch
from web_film import filmed_in_seoul

pytestmark = in_one_browser

# As the browser's database of chosen files that cannot be written to any more, but read.
FORGETS_NOTHING = """() => {
    const remove = IDBObjectStore.prototype.delete;
    IDBObjectStore.prototype.delete = function (key) {
        const isOurs = this.transaction.db.name === "bongsu:uploads";
        return isOurs ? this.count() : remove.call(this, key);
    };
}"""
COUNT_KEPT = """async (wanted) => {
    const known = await indexedDB.databases();
    if (!known.some(({ name }) => name === "bongsu:uploads")) return false;
    const db = await new Promise((done, failed) => {
        const asked = indexedDB.open("bongsu:uploads");
        asked.onsuccess = () => done(asked.result);
        asked.onerror = failed;
    });
    const count = (name) => new Promise((done) => {
        const asked = db.transaction(name).objectStore(name).count();
        asked.onsuccess = () => done(asked.result);
    });
    const counts = [await count("uploads"), await count("files")];
    db.close();
    return counts.every((each) => each === wanted);
}"""
FILL_DRAFTS = """() => {
    for (let size = 2 ** 22; size >= 1; size = size / 2) {
        try {
            for (let number = 0; ; number++) {
                localStorage.setItem(`junk ${size} ${number}`, "x".repeat(size));
            }
        } catch (error) {
            if (error.name !== "QuotaExceededError") throw error;
        }
    }
}"""
SEOUL = {1: "N", 2: (37.0, 33.0, 58.0), 3: "E", 4: (126.0, 58.0, 41.0), 29: "2026:11:26"}
ORIENTATION, GPS = 0x0112, 0x8825
SIX = 6  # lies on its right side


async def test_a_picture_and_what_is_said_of_it_are_one_message(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await together(minji, john)
    async with (
        web.page(minji, at=room_address(room_id)) as ours,
        web.page(john, at=room_address(room_id), language="en", size="phone") as theirs,
    ):
        await choose(ours, payload("바다.png", png(400, 300)))
        field = writing(ours)
        await expect(field).to_have_attribute("placeholder", "파일과 함께 보낼 글")
        await field.press_sequentially("어제 **그** 바다 @Jo")
        await ours.get_by_role("option", name="John").click()
        await picture(ours, "web-caption")
        await field.press("Enter")
        await expect(field).to_have_value("")
        shown = theirs.locator("article", has_text="어제 그 바다")
        await until_drawn(shown.get_by_role("button", name="Open picture: 바다.png").locator("img"))
        await expect(shown.locator("strong", has_text="그")).to_be_visible()
        await check_accessible(theirs)
        await picture(theirs, "web-caption-phone")
    [sent] = await messages(john, room_id)
    assert (sent["msgtype"], sent["filename"]) == ("m.image", "바다.png")
    assert sent["body"] == "어제 **그** 바다 @John"
    assert sent["format"] == "org.matrix.custom.html"
    assert sent["m.mentions"] == {"user_ids": [john.user_id]}


async def test_of_several_files_the_text_is_a_message_of_its_own(web: Web) -> None:
    minji = await web.person("민지")
    room_id = await minji.create_room(name="여럿")
    async with web.page(minji, at=room_address(room_id)) as page:
        await choose(page, payload("가.txt", b"1"), payload("나.txt", b"2"))
        await say(writing(page), "둘 다 봐 줘")
        await expect(page.get_by_role("button", name="저장: 나.txt")).to_be_visible()
        await expect(said(page, "둘 다 봐 줘")).to_be_visible()
        several = await arrived(minji, room_id, 3)
    sent = [(each["msgtype"], each["body"]) for each in several]
    assert sorted(sent) == [("m.file", "가.txt"), ("m.file", "나.txt"), ("m.text", "둘 다 봐 줘")]


async def test_photos_do_not_tell_where_they_were_taken(web: Web) -> None:
    """Goal: a photo as a phone takes it arrives with its pixels as they are, the right way up, and
    without the place. Method: what lies on the server is read with another program's eyes."""
    minji = await web.person("민지")
    room_id = await minji.create_room(name="사진")
    given = {kind: photo(kind) for kind in ("JPEG", "PNG", "WEBP")}
    async with web.page(minji, at=room_address(room_id)) as page:
        files = [
            payload(kind, content) | {"mimeType": f"image/{kind.lower()}"}
            for kind, content in given.items()
        ]
        await choose(page, *files)
        await writing(page).press("Enter")
        for kind in given:
            seen = page.get_by_role("button", name=f"그림 크게 보기: {kind}")
            await until_drawn(seen.locator("img"))
        for sent in await arrived(minji, room_id, 3):
            kind = sent["filename"]
            kept = await stored(page, sent["url"])
            check_photo(given[kind], kept)
            turned = (40, 30) if kind == "WEBP" else (30, 40)  # Chromium turns no WebP
            assert (sent["info"]["w"], sent["info"]["h"]) == turned
            assert sent["info"]["size"] == len(kept)


def check_photo(given: bytes, kept: bytes) -> None:
    was, now = Image.open(io.BytesIO(given)), Image.open(io.BytesIO(kept))
    assert was.getexif().get_ifd(GPS), "a photo that tells nothing"
    assert dict(now.getexif()) == {ORIENTATION: SIX}
    assert b"SEOUL" not in kept
    assert b"2026:11:26" not in kept
    assert now.tobytes() == was.tobytes()
    assert now.info["icc_profile"] == was.info["icc_profile"]


async def test_videos_do_not_tell_where_they_were_filmed(web: Web) -> None:
    """As photos; and one that cannot be followed is not sent, which is said."""
    minji = await web.person("민지")
    room_id = await minji.create_room(name="동영상")
    async with web.page(minji, at=room_address(room_id)) as page:
        given = filmed_in_seoul(await filmed(page, "video/mp4"))
        await choose(page, payload("봄.mp4", given) | {"mimeType": "video/mp4"})
        await writing(page).press("Enter")
        [sent] = await arrived(minji, room_id, 1)
        shown = page.locator("article[data-event]")
        await shown.get_by_role("button", name="동영상 재생: 봄.mp4").click()
        await page.wait_for_function("() => document.querySelector('video')?.currentTime > 0")
        kept = await stored(page, sent["url"])
        assert given.count(b"+37.5665") == 3
        assert b"37.5665" not in kept
        assert sent["msgtype"] == "m.video"
        assert len(kept) == len(given) == sent["info"]["size"]

        await choose(page, payload("깨짐.mp4", given[:99]) | {"mimeType": "video/mp4"})
        await writing(page).press("Enter")
        row = page.get_by_role("list", name="보낼 파일")
        await expect(row.get_by_role("alert")).to_contain_text("찍은 곳을 지울 수 없는")
        await expect(row.get_by_role("button", name="깨짐.mp4 다시 시도")).to_have_count(0)
        await check_accessible(page)
    assert len(await messages(minji, room_id)) == 1


async def test_what_was_chosen_outlives_a_reload_with_its_caption(web: Web) -> None:
    minji = await web.person("민지")
    room_id = await minji.create_room(name="다시")
    async with web.page(minji, at=room_address(room_id)) as page:
        await choose(page, payload("봄.png", png(60, 40)))
        await writing(page).press_sequentially("봄이다")
        await kept_in(page, 1)
        await page.reload()
        await settled(page)
        row = page.get_by_role("list", name="보낼 파일")
        await expect(row.get_by_text("봄.png")).to_be_visible()
        await expect(writing(page)).to_have_value("봄이다")

        # Sent, with nothing getting through: the next page goes on by itself, and once.
        await page.route(UPLOADS, lambda route: None)
        await writing(page).press("Enter")
        await expect(row.get_by_text("봄이다")).to_be_visible()
        await expect(writing(page)).to_have_value("")
        await page.wait_for_function(
            "() => !Object.keys(localStorage).some((k) => /draft/.test(k))"
        )
        await page.unroute(UPLOADS)
        await page.reload()
        await until_drawn(page.get_by_role("button", name="그림 크게 보기: 봄.png").locator("img"))
        await expect(row).to_be_hidden()
        await kept_in(page, 0)
        await page.reload()
        await settled(page)
        await expect(said(page, "봄이다")).to_be_visible()
    [sent] = await messages(minji, room_id)
    assert (sent["body"], sent["filename"]) == ("봄이다", "봄.png")


async def test_a_page_that_ends_between_upload_and_outbox_sends_once(web: Web) -> None:
    """The database of chosen files still has it, though its message has gone: the next page sends
    it again, under the same transaction id, and the server knows it."""
    minji = await web.person("민지")
    room_id = await minji.create_room(name="한 번")
    async with web.page(minji, at=room_address(room_id)) as page:
        await choose(page, payload("하나.txt", b"once"))
        await kept_in(page, 1)
        await page.evaluate(FORGETS_NOTHING)
        await writing(page).press("Enter")
        await expect(page.get_by_role("button", name="저장: 하나.txt")).to_be_visible()
        await kept_in(page, 1)
        await page.reload()
        await settled(page)
        await kept_in(page, 0)
        await expect(page.get_by_role("button", name="저장: 하나.txt")).to_have_count(1)
    assert len(await messages(minji, room_id)) == 1


async def test_a_caption_comes_back_when_its_file_is_taken_away(web: Web) -> None:
    minji = await web.person("민지")
    room_id = await minji.create_room(name="빼기")
    async with web.page(minji, at=room_address(room_id)) as page:
        await page.route(UPLOADS, lambda route: route.fulfill(status=413, json={}))
        await choose(page, payload("짐.bin", bytes(100)))
        await say(writing(page), "긴 설명")
        row = page.get_by_role("list", name="보낼 파일")
        await expect(row.get_by_role("alert")).to_contain_text("너무 큽니다")
        await expect(row.get_by_role("button", name="짐.bin 다시 시도")).to_have_count(0)
        await writing(page).press_sequentially("그 뒤에 쓴 글")
        await row.get_by_role("button", name="짐.bin 취소").click()
        await expect(writing(page)).to_have_value("긴 설명\n그 뒤에 쓴 글")
    assert not await messages(minji, room_id)


async def test_a_busy_server_is_waited_for(web: Web) -> None:
    """429 and 503 in the middle of an upload, more often than a dead line is tried."""
    minji = await web.person("민지")
    room_id = await minji.create_room(name="바쁨")
    answers = [429, 503, 503, 429, 503]
    tried: list[str] = []

    async def busy(route: Route) -> None:
        tried.append(route.request.url)
        if not answers:
            return await route.continue_()
        status = answers.pop(0)
        headers = {"retry-after": "0.05"}
        await route.fulfill(status=status, json={"errcode": "M_LIMIT_EXCEEDED"}, headers=headers)

    async with web.page(minji, at=room_address(room_id)) as page:
        await page.route(UPLOADS, busy)
        await choose(page, payload("꾸러미.bin", bytes(1000)))
        await writing(page).press("Enter")
        await arrived(minji, room_id, 1)
    assert len(tried) == 6
    assert len(set(tried)) == 1, "each try goes to the address reserved for it"


async def test_a_picture_of_too_many_pixels_is_a_file(web: Web) -> None:
    """A few kilobytes that would be a gigabyte once drawn: neither sent as a picture nor drawn."""
    minji = await web.person("민지")
    room_id = await minji.create_room(name="큰 그림")
    bomb = io.BytesIO()
    Image.new("1", (16_000, 16_000)).save(bomb, "PNG")
    async with web.page(minji, at=room_address(room_id)) as page:
        await choose(page, payload("폭탄.png", bomb.getvalue()))
        await writing(page).press("Enter")
        await expect(page.get_by_role("button", name="저장: 폭탄.png")).to_be_visible()
        [sent] = await arrived(minji, room_id, 1)
        assert sent["msgtype"] == "m.file"
        claimed = {"msgtype": "m.image", "body": "작은.png", "info": {"w": 20, "h": 20}}
        await minji.send(room_id, claimed | {"url": sent["url"]})
        await expect(page.get_by_text("너무 큰 그림이라 여기에 그리지 않았습니다.")).to_be_visible()


async def test_names_of_ten_thousand_letters_and_names_that_turn(web: Web) -> None:
    minji = await web.person("민지")
    room_id = await minji.create_room(name="이름" * 5000)
    long = "긴" * 10_000 + ".txt"
    async with web.page(minji, at=room_address(room_id), size="phone") as page:
        await choose(page, payload(long, b"x"))
        await writing(page).press_sequentially("이름이 길다")
        await page.get_by_role("button", name="보내기").click()
        [sent] = await arrived(minji, room_id, 1)
        assert len(sent["filename"]) == 200
        assert sent["filename"].endswith("….txt")

        url = sent["url"]
        await minji.send(room_id, {"msgtype": "m.file", "body": "깊" * 10_000, "url": url})
        await minji.send(room_id, {"msgtype": "m.file", "body": "휴가\u202egpj.exe", "url": url})
        await expect(page.get_by_text("휴가gpj.exe", exact=True)).to_be_visible()
        await check_accessible(page)  # nothing is wider than the page
        assert await page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


async def test_what_is_written_from_right_to_left(web: Web) -> None:
    minji, layla = await web.person("민지"), await web.person("ليلى")
    room_id = await together(minji, layla)
    async with web.page(layla, at=room_address(room_id), size="phone", is_mobile=True) as page:
        field = writing(page)
        await field.press_sequentially("مرحبا 123 (ok)")
        assert await field.evaluate("(box) => getComputedStyle(box).direction") == "rtl"
        await page.get_by_role("button", name="보내기").click()
        shown = page.locator("article", has_text="مرحبا").locator(".text")
        await expect(shown).to_have_text("مرحبا 123 (ok)")
        await choose(page, payload("صورة.png", png(80, 60)))
        await field.press_sequentially("בוקר טוב")
        await page.get_by_role("button", name="보내기").click()
        caption = page.locator("article .caption .text")
        await expect(caption).to_have_text("בוקר טוב")
        starts = "(box) => getComputedStyle(box).unicodeBidi + getComputedStyle(box).direction"
        assert "rtl" in await caption.evaluate(starts)
        assert "rtl" in await shown.evaluate(starts)


async def test_a_full_browser_loses_nothing_that_was_typed(web: Web) -> None:
    """Goal: with no room left in this browser, for drafts, outbox and files, all goes on.

    Method: the browser's own bounds. Its database is given no byte, and what drafts are kept in is
    filled to the brim; both throw QuotaExceededError.
    """
    minji = await web.person("민지")
    first = await minji.create_room(name="하나")
    await minji.create_room(name="둘")
    said_of_it: list[str] = []
    async with web.context(minji) as context:
        page = await context.new_page()
        complaints = watch(page)
        page.on("console", lambda message: said_of_it.append(message.text))
        method = await context.new_cdp_session(page)
        no_room = {"origin": web.url, "quotaSize": 1}
        await method.send("Storage.overrideQuotaForOrigin", no_room)
        await page.goto(f"{web.url}/{room_address(first)}")
        await settled(page)
        await page.evaluate(FILL_DRAFTS)
        await writing(page).press_sequentially("자리가 없어도 쓴 글")
        await page.locator(".room-list .name").get_by_text("둘", exact=True).click()
        await expect(writing(page)).to_have_value("")
        await page.go_back()
        await expect(writing(page)).to_have_value("자리가 없어도 쓴 글")

        await choose(page, payload("짐.txt", b"load"))
        await expect(
            page.get_by_role("list", name="보낼 파일").get_by_text("짐.txt")
        ).to_be_visible()
        await writing(page).press("Enter")
        await expect(page.get_by_role("button", name="저장: 짐.txt")).to_be_visible()
        await say(writing(page), "한 번 더")
        await expect(said(page, "한 번 더")).to_be_visible()
        assert not complaints, complaints
    for kept in ("files are not kept", "the outbox is not kept"):
        assert any(kept in each for each in said_of_it), f"there was room: {kept}"
    sent = [each["body"] for each in await arrived(minji, first, 2)]
    assert sent == ["자리가 없어도 쓴 글", "한 번 더"]


def photo(kind: str) -> bytes:
    """40 wide, 30 high, lying on its side; with all that says where, which phones write."""
    image = Image.new("RGB", (40, 30))
    image.putdata([(6 * x, 8 * y, 99) for y in range(30) for x in range(40)])
    exif = Image.Exif()
    exif[ORIENTATION] = SIX
    exif[0x010F] = "SEOUL Electronics"
    exif.get_ifd(GPS).update(SEOUL)
    xmp = b"<x:xmpmeta><exif:GPSLatitude>SEOUL</exif:GPSLatitude></x:xmpmeta>"
    colours = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options: dict[str, Any] = {"exif": exif, "icc_profile": colours}
    if kind == "PNG":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
    else:
        options["xmp"] = xmp
    if kind == "JPEG":
        options["comment"] = b"SEOUL"
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue() + (b"" if kind == "WEBP" else b"SEOUL in motion")


async def arrived(user: User, room_id: str, count: int) -> list[dict[str, Any]]:
    """The room's messages, once the server has so many."""
    async with asyncio.timeout(PATIENCE_MS / 1000):
        while len(found := await messages(user, room_id)) < count:
            await asyncio.sleep(0.05)
    assert len(found) == count
    return found


async def stored(page: Page, mxc: str) -> bytes:
    """What lies on the server."""
    numbers: list[int] = await page.evaluate(
        """async (path) => {
            const { accessToken } = JSON.parse(localStorage.getItem("bongsu.session"));
            const headers = { authorization: `Bearer ${accessToken}` };
            const answer = await fetch(`/_matrix/client/v1/media/download/${path}`, { headers });
            return [...new Uint8Array(await answer.arrayBuffer())];
        }""",
        mxc.removeprefix("mxc://"),
    )
    return bytes(numbers)


async def kept_in(page: Page, count: int) -> None:
    """So many files wait in the browser's database."""
    await page.wait_for_function(COUNT_KEPT, arg=count)
