"""All media in the browser client: chosen, pasted, dropped, recorded, interrupted, broken."""

import contextlib
import io
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest_asyncio
from harness.bongsu import Bongsu
from PIL import Image
from playwright.async_api import FilePayload, Locator, Page, Route, TimeoutError, expect
from test_web_writing import (
    last_message,
    messages,
    room_address,
    said,
    say,
    together,
    writing,
)
from web_browser import Web, check_accessible, in_one_browser, opened_browser, picture

pytestmark = in_one_browser

# A microphone that hums, and nobody who has to be asked for it.
DEVICES = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
UPLOADS = "**/_matrix/media/v3/upload/**"
AT_LEAST_TWO_SECONDS = re.compile(r"^0:(0[2-9]|[1-5]\d)$")  # a busy machine looks late
HAS_MOVED = """() => {
    const slider = document.querySelector(".sound input[type=range]");
    return !slider.getAttribute("aria-valuetext").startsWith("0:00");
}"""
DOWNLOADS = re.compile(r"/_matrix/client/v1/media/(download|thumbnail)/")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def web(web_server: Bongsu) -> AsyncIterator[Web]:
    async with opened_browser(*DEVICES) as browser:
        web = Web(web_server.url, browser)
        yield web
        await web.close()


async def test_a_picture_and_a_file_arrive(web: Web, tmp_path: Path) -> None:
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await together(minji, john)
    async with (
        web.page(minji, at=room_address(room_id)) as ours,
        web.page(john, at=room_address(room_id), language="en", size="phone") as theirs,
    ):
        await choose(ours, payload("바다.png", png(1200, 900)), payload("표.csv", b"a,b\n1,2\n"))
        await expect(
            ours.get_by_role("list", name="보낼 파일").get_by_text("바다.png")
        ).to_be_visible()
        await check_accessible(ours)
        await ours.get_by_role("button", name="보내기").click()
        await expect(ours.get_by_role("list", name="보낼 파일")).to_be_hidden()

        seen = theirs.get_by_role("button", name="Open picture: 바다.png")
        await until_drawn(seen.locator("img"))
        async with theirs.expect_download() as saving:
            await theirs.get_by_role("button", name="Save 표.csv").click()
        await (await saving.value).save_as(tmp_path / "saved")
        assert (tmp_path / "saved").read_bytes() == b"a,b\n1,2\n"
        await check_accessible(theirs)
        await picture(theirs, "web-media")

        await seen.click()
        whole = theirs.get_by_role("dialog", name="바다.png")
        await until_drawn(whole.locator("img"), width=1200)
        await theirs.keyboard.press("Escape")
        await expect(whole).to_be_hidden()
        await expect(seen).to_be_focused()
    image, file = await messages(john, room_id)
    assert (image["msgtype"], image["info"]["w"], image["info"]["h"]) == ("m.image", 1200, 900)
    assert image["info"]["mimetype"] == "image/png"
    assert (file["msgtype"], file["filename"], file["info"]["size"]) == ("m.file", "표.csv", 8)


async def test_pasted_and_dropped(web: Web) -> None:
    minji = await web.person("민지")
    room_id = await minji.create_room(name="붙이기")
    async with web.page(minji, at=room_address(room_id)) as page:
        await bring(page, "paste", "붙임.png", "image/png", png(40, 30))
        await expect(page.get_by_text("붙임.png")).to_be_visible()
        await bring(page, "drop", "놓음.png", "image/png", b"this is no picture")
        await expect(page.get_by_text("놓음.png")).to_be_visible()
        await writing(page).press("Enter")
        sent = page.locator("article[data-event]")
        await expect(sent.get_by_role("button", name="저장: 놓음.png")).to_be_visible()
        await until_drawn(
            sent.get_by_role("button", name="그림 크게 보기: 붙임.png").locator("img")
        )
    # What the browser cannot read as a picture is sent as the file it is.
    assert [each["msgtype"] for each in await messages(minji, room_id)] == ["m.image", "m.file"]


async def test_an_interrupted_upload_is_tried_again_and_sent_once(web: Web) -> None:
    minji = await web.person("민지")
    room_id = await minji.create_room(name="끊김")
    async with web.page(minji, at=room_address(room_id)) as page:
        await page.route(UPLOADS, lambda route: route.abort("connectionreset"))
        await choose(page, payload("짐.bin", bytes(300_000)))
        await writing(page).press("Enter")
        row = page.get_by_role("list", name="보낼 파일")
        await say(writing(page), "기다리지 않는 글")
        await expect(said(page, "기다리지 않는 글")).to_be_visible()
        await expect(row.get_by_role("alert")).to_have_text("서버에 닿지 않습니다.")
        await page.unroute(UPLOADS)
        await row.get_by_role("button", name="짐.bin 다시 시도").click()
        sent = page.locator("article[data-event]")
        await expect(sent.get_by_role("button", name="저장: 짐.bin")).to_be_visible()
        await expect(row).to_be_hidden()

        await page.route(UPLOADS, lambda route: None)  # never answers
        await choose(page, payload("빼.bin", bytes(10)))
        await writing(page).press("Enter")
        await expect(row.get_by_text(re.compile("보내는 중"))).to_be_visible()
        await row.get_by_role("button", name="빼.bin 취소").click()
        await expect(row).to_be_hidden()
    names = [each["body"] for each in await messages(minji, room_id)]
    assert names == ["기다리지 않는 글", "짐.bin"]


async def test_too_large_is_said_before_anything_is_sent(web: Web, tmp_path: Path) -> None:
    minji = await web.person("민지")
    room_id = await minji.create_room(name="큼")
    huge = tmp_path / "huge.bin"
    with huge.open("wb") as file:
        file.truncate(101 * 1024**2)
    async with web.page(minji, at=room_address(room_id)) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
        await page.locator(".composer input[type=file]").set_input_files(huge)
        row = page.get_by_role("list", name="보낼 파일")
        await expect(row.get_by_role("alert")).to_contain_text("100 MB까지")
        await writing(page).press("Enter")
        await row.get_by_role("button", name="huge.bin 취소").click()
        assert [each for each in asked if "/media/" in each and not each.startswith("GET")] == []


async def test_a_voice_note_is_recorded_and_heard(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await together(minji, john)
    async with (
        web.page(minji, at=room_address(room_id)) as ours,
        web.page(john, at=room_address(room_id), language="en", size="phone") as theirs,
    ):
        await ours.get_by_role("button", name="음성 녹음").click()
        await expect(ours.get_by_role("timer")).to_have_text(AT_LEAST_TWO_SECONDS)
        await picture(ours, "web-voice")
        await ours.get_by_role("button", name="음성 보내기").click()
        note = theirs.get_by_role("group", name="Voice message")
        await note.get_by_role("button", name="Play").click()
        await theirs.wait_for_function(HAS_MOVED)  # at the end it goes back: look at each frame
        await check_accessible(theirs)
    sent = await last_message(john, room_id)
    assert sent["msgtype"] == "m.audio"
    assert sent["org.matrix.msc3245.voice"] == {}
    audio = sent["org.matrix.msc1767.audio"]
    assert audio["duration"] == sent["info"]["duration"] >= 2000
    assert len(audio["waveform"]) > 10
    assert 0 < max(audio["waveform"]) <= 1024


async def test_a_file_goes_into_the_thread_where_it_was_chosen(web: Web) -> None:
    minji = await web.person("민지")
    room_id = await minji.create_room(name="스레드")
    root = await minji.send_text(room_id, "뿌리")
    address = f"{room_address(room_id)}?thread={quote(root)}"
    async with web.page(minji, at=address) as page:
        thread = page.get_by_role("complementary", name="스레드")
        await thread.locator("input[type=file]").set_input_files(payload("잎.txt", b"leaf"))
        await thread.get_by_role("textbox").press("Enter")
        sent = thread.locator("article[data-event]")
        await expect(sent.get_by_role("button", name="저장: 잎.txt")).to_be_visible()
    relation = (await last_message(minji, room_id))["m.relates_to"]
    assert (relation["rel_type"], relation["event_id"]) == ("m.thread", root)


async def test_a_video_has_a_still_and_plays(web: Web) -> None:
    minji = await web.person("민지")
    room_id = await minji.create_room(name="영상")
    async with web.page(minji, at=room_address(room_id)) as page:
        await bring(page, "drop", "춤.webm", "video/webm", await filmed(page, "video/webm"))
        await expect(page.get_by_text("춤.webm")).to_be_visible()
        await writing(page).press("Enter")
        sent = page.locator("article[data-event]")
        await sent.get_by_role("button", name="동영상 재생: 춤.webm").click()
        await page.wait_for_function("() => document.querySelector('video')?.currentTime > 0")
    content = await last_message(minji, room_id)
    assert (content["msgtype"], content["info"]["w"], content["info"]["h"]) == ("m.video", 160, 120)
    assert content["info"]["thumbnail_url"].startswith("mxc://")


async def test_media_that_cannot_be_had_say_so(web: Web) -> None:
    minji = await web.person("민지")
    room_id = await minji.create_room(name="깨짐")
    async with web.page(minji, expects_errors=True) as page:
        failing = True

        async def fail(route: Route) -> None:
            await (route.fulfill(status=404, json={}) if failing else route.continue_())

        await page.route(DOWNLOADS, fail)
        await page.goto(f"{web.url}/{room_address(room_id)}")
        seen = {"msgtype": "m.image", "body": "가.png", "info": {"w": 20, "h": 20}}
        await minji.send(room_id, seen | {"url": await as_picture(page, png(20, 20))})
        await expect(page.get_by_text("서버에 없습니다.")).to_be_visible()
        again = page.get_by_role("button", name="다시 시도")
        await again.wait_for()
        failing = False
        with contextlib.suppress(TimeoutError):  # drawn anew meanwhile, it has tried by itself
            await again.click(timeout=5_000)
        await until_drawn(page.get_by_role("button", name="그림 크게 보기: 가.png").locator("img"))

        elsewhere = {"msgtype": "m.image", "body": "어디.png", "url": "https://example.org/x.png"}
        await minji.send(room_id, elsewhere)
        await expect(page.get_by_text("메시지에 파일의 주소가 없습니다.")).to_be_visible()
        await minji.send(room_id, seen | {"url": await as_picture(page, b"no")})
        await expect(page.get_by_text("그림으로 열 수 없는 파일입니다.")).to_be_visible()


async def until_drawn(image: Locator, width: int = 1) -> None:
    """The browser has decoded it."""
    await image.wait_for()
    handle = await image.element_handle()
    await image.page.wait_for_function(
        "([image, width]) => image.complete && image.naturalWidth >= width", arg=[handle, width]
    )


async def choose(page: Page, *files: FilePayload) -> None:
    await page.locator(".composer input[type=file]").set_input_files(list(files))


def payload(name: str, content: bytes) -> FilePayload:
    kind = "image/png" if name.endswith(".png") else "application/octet-stream"
    return {"name": name, "mimeType": kind, "buffer": content}


def png(width: int, height: int) -> bytes:
    """A sky that grows darker: something to be seen, and no two lines alike."""
    image = Image.new("RGB", (width, height))
    image.putdata([(255 - y % 200, 120, y % 256) for y in range(height) for _ in range(width)])
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


async def filmed(page: Page, kind: str) -> bytes:
    """A second of colours, 160 by 120, as this browser records it."""
    numbers: list[int] = await page.evaluate(RECORD_VIDEO, kind)
    return bytes(numbers)


async def bring(page: Page, event: str, name: str, kind: str, content: bytes) -> None:
    """Paste or drop a file where one writes."""
    await page.evaluate(
        """([event, name, type, base64]) => {
            const bytes = Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], name, { type }));
            const init = { bubbles: true, cancelable: true };
            const made = event === "paste"
                ? new ClipboardEvent("paste", { ...init, clipboardData: data })
                : new DragEvent("drop", { ...init, dataTransfer: data });
            document.querySelector(".composer textarea").dispatchEvent(made);
        }""",
        [event, name, kind, b64encode(content).decode()],
    )


async def as_picture(page: Page, content: bytes) -> str:
    """The address of an upload that calls itself a picture."""
    return str(
        await page.evaluate(
            """async (base64) => {
                const { accessToken } = JSON.parse(localStorage.getItem("bongsu.session"));
                const authorization = `Bearer ${accessToken}`;
                const headers = { authorization, "content-type": "image/png" };
                const body = Uint8Array.from(atob(base64), (each) => each.charCodeAt(0));
                const request = { method: "POST", headers, body };
                const answer = await fetch("/_matrix/media/v3/upload", request);
                return (await answer.json()).content_uri;
            }""",
            b64encode(content).decode(),
        )
    )


RECORD_VIDEO = """async (mimeType) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 160, height: 120 });
    const pen = canvas.getContext("2d");
    const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType });
    const chunks = [];
    recorder.ondataavailable = ({ data }) => chunks.push(data);
    recorder.start();
    for (let step = 0; step < 20; step++) {
        pen.fillStyle = `hsl(${step * 18} 80% 50%)`;
        pen.fillRect(0, 0, 160, 120);
        await new Promise((go) => setTimeout(go, 50));
    }
    await new Promise((done) => { recorder.onstop = done; recorder.stop(); });
    return [...new Uint8Array(await new Blob(chunks).arrayBuffer())];
}"""
