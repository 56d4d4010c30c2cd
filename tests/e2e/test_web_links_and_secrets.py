"""What the server may know: pages linked in a chat, and pictures of an encrypted one."""

from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest_asyncio
from playwright.async_api import Page, expect
from test_link_previews import Web as LinkedWeb
from test_web_media import choose, payload, png, until_drawn
from test_web_writing import messages, room_address, said, together, writing
from web_browser import Web, check_accessible, in_one_browser, picture
from web_encryption import encrypted_chat, encrypts

pytestmark = in_one_browser


class Linked(LinkedWeb):
    """Those pages, and a picture worth looking at."""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.path != "/deep/beacon.png":
            return super().answer(handler)
        body = png(600, 300)
        handler.send_response(200)
        handler.send_header("Content-Type", "image/png")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
        return None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def linked() -> AsyncIterator[Linked]:
    """A web server with pages to link to."""
    linked = Linked()
    yield linked
    linked.close()


async def test_a_linked_page_is_shown_as_the_server_read_it(web: Web, linked: Linked) -> None:
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await together(minji, john)
    await minji.send_text(room_id, f"이거 봐 {linked.url}/rich")
    async with web.page(john, at=room_address(room_id), size="phone") as page:
        card = page.get_by_role("link", name="Fire & smoke")
        await expect(card).to_contain_text("Five lines of hilltops")
        await expect(card).to_have_attribute("rel", "noopener noreferrer")
        await until_drawn(card.locator("img"))
        await check_accessible(page)
        await picture(page, "web-link")
        await page.goto(f"{web.url}/#/settings/previews")
        await page.get_by_label("암호화되지 않은 대화에서 보기").uncheck()
        await page.goto(f"{web.url}/{room_address(room_id)}")
        await expect(said(page, f"이거 봐 {linked.url}/rich")).to_be_visible()
        await expect(card).to_be_hidden()


async def test_secrets_are_for_the_other_alone(web: Web, linked: Linked) -> None:
    """Goal: a picture and a link of an encrypted chat reach the other person and not the server.

    Method: what lies on the server is read with the sender's token, and is no picture; the
    linked page's own server counts who asked.
    """
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await encrypted_chat(minji, john)
    asked_before = linked.asked.total()
    async with (
        web.page(minji, at=room_address(room_id)) as ours,
        web.page(john, at=room_address(room_id), size="phone") as theirs,
    ):
        await encrypts(minji)
        await encrypts(john)
        await choose(ours, payload("비밀.png", png(1200, 900)))
        await writing(ours).press("Enter")
        seen = theirs.get_by_role("button", name="그림 크게 보기: 비밀.png")
        await until_drawn(seen.locator("img"))
        await seen.click()
        await until_drawn(theirs.get_by_role("dialog").locator("img"), width=1200)
        await theirs.keyboard.press("Escape")

        await writing(theirs).press_sequentially(f"봤어 {linked.url}/card")
        await theirs.get_by_role("button", name="보내기").click()
        await expect(ours.locator("article", has_text="봤어")).to_be_visible()
        stored = await uploads_of(ours)
        assert len(stored) == 2  # the picture and its thumbnail
        assert all(kind == "application/octet-stream" for kind, _ in stored)
        assert all(not head.startswith("iVBOR") for _, head in stored)
    assert linked.asked.total() == asked_before
    assert not await messages(john, room_id)  # nothing went in the clear


async def uploads_of(page: Page) -> list[tuple[str, str]]:
    """Content type and first bytes (base64) of what this page has downloaded of its own."""
    answer: list[Any] = await page.evaluate(
        """async () => {
            const { accessToken } = JSON.parse(localStorage.getItem("bongsu.session"));
            const headers = { authorization: `Bearer ${accessToken}` };
            const urls = performance.getEntriesByType("resource").map(({ name }) => name)
                .filter((name) => name.includes("/media/v3/upload/"))
                .map((name) => name.split("?")[0])
                .map((name) => name.replace("media/v3/upload", "client/v1/media/download"));
            return Promise.all([...new Set(urls)].map(async (url) => {
                const answer = await fetch(url, { headers });
                const bytes = new Uint8Array(await answer.arrayBuffer());
                const head = btoa(String.fromCharCode(...bytes.slice(0, 12)));
                return [answer.headers.get("content-type"), head];
            }));
        }"""
    )
    return [(kind, head) for kind, head in answer]
