"""How the browser client is served, installed, opened offline, renewed, and what a fault costs."""

import os
import shutil
from pathlib import Path

from harness.bongsu import Bongsu
from harness.process import open_folder
from playwright.async_api import BrowserContext, Page, expect
from web_browser import (
    PATIENCE_MS,
    Web,
    in_one_browser,
    keeps_rooms,
    opened_browser,
    settled,
)

from bongsu.http.browser.build import folder_of

pytestmark = in_one_browser

# A browser that cannot write times: what shows some breaks where it is drawn.
BREAK_TIMES = "void (Intl.DateTimeFormat = () => { throw new Error('no times today') })"


async def test_paths_and_headers(web: Web) -> None:
    async with web.context() as context:
        ask = context.request
        page, head = await ask.get(f"{web.url}/"), await ask.head(f"{web.url}/")
        assert (page.status, head.status, await head.body()) == (200, 200, b"")
        assert page.headers["content-length"] == head.headers["content-length"]
        assert (await page.text()).startswith("<!doctype html>")
        for path in ("/sw.js", "/manifest.webmanifest", "/icon.svg", "/icon-192.png"):
            assert (await ask.get(web.url + path)).ok, path
        for path in ("/assets/none.js", "/assets/", "/nowhere", "/index.html", "/sw.js.br"):
            assert (await ask.get(web.url + path)).status == 404, path
        assert (await ask.post(f"{web.url}/")).status == 405
        versions = await ask.get(f"{web.url}/_matrix/client/versions")
        assert "v1.19" in (await versions.json())["versions"]


async def test_the_manifest_makes_it_installable(web: Web) -> None:
    async with web.page() as page:
        manifest = await page.evaluate("fetch('/manifest.webmanifest').then(r => r.json())")
        assert manifest["display"] == "standalone"
        for icon in manifest["icons"]:
            sizes = await page.evaluate(
                """src => new Promise((done) => {
                    const image = new Image();
                    image.onload = () => done(`${image.naturalWidth}x${image.naturalHeight}`);
                    image.src = src;
                })""",
                icon["src"],
            )
            assert icon["sizes"] in (sizes, "any")


async def test_it_opens_offline_with_what_was_there(web: Web) -> None:
    """The server is out of reach of the worker too: Chromium's own switch for a dead network."""
    minji = await web.person()
    room_id = await minji.create_room(name="점심")
    await minji.send_text(room_id, "열두 시에 봐요")
    async with web.context(minji, service_workers="allow") as context:
        page = await context.new_page()
        await page.goto(web.url)
        await page.get_by_text("점심", exact=True).wait_for()
        await installed(page)
        await keeps_rooms(page)
        await context.set_offline(True)
        await page.reload()
        await settled(page)
        await page.get_by_text("열두 시에 봐요").wait_for()
        await context.set_offline(False)


async def test_a_newer_build_opens_when_wanted() -> None:
    """A build is replaced by another one, as an upgrade does it; the page offers to reopen."""
    built = folder_of(os.environ.get("BONGSU_WEB_CLIENT", ""))
    assert built is not None
    with open_folder() as folder:
        client = folder / "client"
        shutil.copytree(built, client)
        bongsu = Bongsu(folder / "data", settings={"BONGSU_WEB_CLIENT": str(client)})
        bongsu.start()
        try:
            async with opened_browser() as browser:
                web = Web(bongsu.url, browser)
                minji = await web.person()
                async with web.context(minji, service_workers="allow") as context:
                    await reopen_newer(context, web, bongsu, client)
                await web.close()
        finally:
            bongsu.stop()


async def reopen_newer(context: BrowserContext, web: Web, bongsu: Bongsu, client: Path) -> None:
    page = await context.new_page()
    await page.goto(web.url)
    await settled(page)
    await installed(page)
    bongsu.stop()
    renew(client)
    bongsu.start()
    await page.reload()
    await page.get_by_text("새 버전이 준비되었습니다").wait_for()
    await page.get_by_role("button", name="다시 열기").click()
    await page.wait_for_function("() => document.querySelector('meta[name=build]')")
    await settled(page)
    await page.wait_for_function("() => caches.keys().then((names) => names.length === 1)")


def renew(client: Path) -> None:
    """What another build changes: the page, and the name and list in the worker."""
    page, worker = client / "index.html", client / "sw.js"
    page.write_text(page.read_text().replace("<head>", '<head><meta name="build" content="2">'))
    text = worker.read_text()
    worker.write_text(text + "\n// another build\n")
    for path in (page, worker):
        for suffix in (".br", ".gz"):
            Path(f"{path}{suffix}").unlink()


async def test_a_fault_in_one_view_leaves_the_rest_and_what_was_typed(web: Web) -> None:
    minji = await web.person()
    room_id = await minji.create_room(name="점심")
    async with web.page(minji, at=f"#/room/{room_id}", expects_errors=True) as page:
        writing = page.get_by_role("textbox", name="메시지")
        await writing.fill("아직 보내지 않은 글")
        await page.evaluate(BREAK_TIMES)
        await page.get_by_role("navigation").get_by_role("link", name="설정").click()
        await page.get_by_text("이 부분을 그리다가 문제가 생겼습니다").wait_for()
        await page.get_by_role("navigation").get_by_role("link", name="친구").click()
        await expect(page.get_by_text("이 부분을 그리다가")).to_have_count(0)
        await page.reload()
        await page.goto(f"{web.url}/#/room/{room_id}")
        await expect(page.get_by_role("textbox", name="메시지")).to_have_value(
            "아직 보내지 않은 글"
        )


async def installed(page: Page) -> None:
    """The worker has kept the shell and serves this page."""
    await page.wait_for_function(
        "() => navigator.serviceWorker.ready.then(() => navigator.serviceWorker.controller)",
        timeout=2 * PATIENCE_MS,
    )
