"""Previews of links: a real server of ours looks at a real web server, here and hostile."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote

import pytest
from harness.bongsu import Bongsu, running
from harness.http import HttpClient
from harness.matrix import MatrixError, User, call, register
from harness.process import open_folder
from test_admin_api import PNG

HTML = "text/html"
KOREAN = (
    "<html><head><title>봉수대</title><meta name=description content='뷁의 설명'></head></html>"
)
RICH = """<html><head><base href="/deep/"><title>Plain</title>
<meta property="og:title" content="Fire &amp; smoke"><meta property="og:type" content="article">
<meta property="og:description" content="Five lines of hilltops"><meta property="og:image"
content="beacon.png"><meta property="og:site_name" content="Bongsu"></head></html>"""
BARE = "<body><script>no()</script><h1>Heading</h1><p>First paragraph.</p><p>Second.</p></body>"
CARD = "<meta name='twitter:title' content='Card'><meta name='twitter:description' content='D'>"
BOMB = b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'>%s]><title>&z;</title>" % b"".join(
    b"<!ENTITY %c '%s'>" % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(25)
)
HUGE_PNG = PNG[:16] + (60_000).to_bytes(4, "big") * 2 + PNG[24:]

PAGES: dict[str, tuple[str, bytes]] = {
    "/rich": (HTML, RICH.encode()),
    "/deep/beacon.png": ("image/png", PNG),
    "/card": (HTML, CARD.encode()),
    "/bare": (HTML, BARE.encode()),
    "/euc-kr-header": ("text/html; charset=euc-kr", KOREAN.encode("cp949")),
    "/euc-kr-meta": (HTML, b"<meta charset='ks_c_5601-1987'>" + KOREAN.encode("cp949")),
    "/euc-kr-silent": (HTML, KOREAN.encode("cp949")),
    "/utf-8-silent": (HTML, KOREAN.encode()),
    "/image.png": ("image/png", PNG),
    "/bomb": (HTML, BOMB),
    "/nested": (HTML, b"<title>deep</title>" + b"<div>" * 1_000_000),
    "/endless-attributes": (HTML, b"<title>t</title><a " + b"x=1 " * 1_000_000),
    "/ten-megabytes": (HTML, b"<title>big</title>" + b"x" * 10_000_000),
    "/huge-image": (HTML, b"<title>i</title><meta property=og:image content=/huge.png>"),
    "/huge.png": ("image/png", HUGE_PNG),
    "/no-image": (HTML, b"<title>i</title><meta property=og:image content=/bare>"),
    "/nul": (HTML, b"<title>a\x00b</title><meta property=og:title content='c&#0;d\xff'>"),
    "/binary": ("application/pdf", b"%PDF" + bytes(range(256))),
    "/empty": (HTML, b""),
}


SECONDS_MAX = 20.0  # that others wait at most on a busy machine


class Web:
    """A web server; how often each page was asked for."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                web.asked[self.path] += 1
                web.answer(self)

            def log_message(self, *arguments: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        if handler.path == "/slow":
            time.sleep(1)
            kind, body = PAGES["/bare"]
        elif handler.path.startswith("/to?"):
            handler.send_response(302)
            handler.send_header("Location", handler.path.removeprefix("/to?"))
            handler.end_headers()
            return
        else:
            kind, body = PAGES.get(handler.path, ("", b""))
        handler.send_response(200 if kind else 404)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        try:
            handler.wfile.write(body)
        except OSError:
            return

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    web = Web()
    yield web
    web.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Bongsu]:
    settings = {
        "BONGSU_OUTGOING_ALLOWED_NETWORKS": "127.0.0.1/32",
        "BONGSU_URL_PREVIEW_BLOCKLIST": "*.blocked.example,*/forbidden*",
    }
    with open_folder() as folder, running(folder, settings=settings) as bongsu:
        yield bongsu


@pytest.fixture
async def client(server: Bongsu) -> AsyncIterator[HttpClient]:
    client = HttpClient(server.url)
    yield client
    await client.close()


@pytest.fixture
async def alice(client: HttpClient) -> User:
    return await register(client, f"alice-{time.time_ns():x}")


async def preview(alice: User, url: str) -> dict[str, Any]:
    path = f"/_matrix/client/v1/media/preview_url?url={quote(url, safe='')}"
    return await call(alice.client, "GET", path, token=alice.token)


async def refusal(alice: User, url: str) -> tuple[int, str]:
    with pytest.raises(MatrixError) as caught:
        await preview(alice, url)
    return caught.value.status, str(caught.value.errcode)


async def test_a_page_tells_of_itself(web: Web, alice: User) -> None:
    found = await preview(alice, f"{web.url}/rich")
    mxc = found.pop("og:image")
    assert found == {
        "og:title": "Fire & smoke", "og:description": "Five lines of hilltops",
        "og:type": "article", "og:site_name": "Bongsu", "og:url": f"{web.url}/rich",
        "og:image:type": "image/png", "og:image:width": 1, "og:image:height": 1,
        "matrix:image:size": len(PNG),
    }  # fmt: skip
    path = f"/_matrix/client/v1/media/download/{mxc.removeprefix('mxc://')}"
    copy = await alice.client.request("GET", path, token=alice.token)
    assert (copy.status, copy.body) == (200, PNG)
    old = f"/_matrix/media/v3/preview_url?url={quote(f'{web.url}/rich', safe='')}"
    again = await call(alice.client, "GET", old, token=alice.token)
    assert again["og:image"] == mxc
    assert (web.asked["/rich"], web.asked["/deep/beacon.png"]) == (1, 1), "it was kept"


async def test_what_stands_in_the_page_does_too(web: Web, alice: User) -> None:
    card = await preview(alice, f"{web.url}/card")
    assert (card["og:title"], card["og:description"]) == ("Card", "D")
    bare = await preview(alice, f"{web.url}/bare")
    assert (bare["og:title"], bare["og:description"]) == ("Heading", "First paragraph. Second.")
    image = await preview(alice, f"{web.url}/image.png")
    assert image["og:image:width"] == 1
    assert await preview(alice, f"{web.url}/binary") == {}
    assert (await preview(alice, f"{web.url}/to?/card"))["og:title"] == "Card"


@pytest.mark.parametrize("page", ["euc-kr-header", "euc-kr-meta", "euc-kr-silent", "utf-8-silent"])
async def test_korean_is_read_in_every_encoding(web: Web, alice: User, page: str) -> None:
    found = await preview(alice, f"{web.url}/{page}")
    assert (found["og:title"], found["og:description"]) == ("봉수대", "뷁의 설명")


async def test_everybody_shares_one_look(web: Web, alice: User) -> None:
    found = await asyncio.gather(*(preview(alice, f"{web.url}/slow") for _ in range(8)))
    assert {each["og:title"] for each in found} == {"Heading"}
    assert web.asked["/slow"] == 1


async def test_hostile_pages_cost_little(web: Web, alice: User) -> None:
    """Each is answered, in bounded time, while others are served."""
    hostile = ["bomb", "nested", "endless-attributes", "ten-megabytes", "huge-image", "no-image",
               "nul", "empty"]  # fmt: skip

    async def try_one(page: str) -> object:
        try:
            return await preview(alice, f"{web.url}/{page}")
        except MatrixError as error:
            return (error.status, error.errcode)

    async def longest_wait() -> float:
        longest = 0.0
        while not done.is_set():
            begun = time.monotonic()
            await alice.call("GET", "/account/whoami")
            longest = max(longest, time.monotonic() - begun)
            await asyncio.sleep(0.01)
        return longest

    done = asyncio.Event()
    watch = asyncio.create_task(longest_wait())
    answers = dict(zip(hostile, await asyncio.gather(*map(try_one, hostile)), strict=True))
    done.set()
    assert await watch < SECONDS_MAX
    assert answers["ten-megabytes"] == (502, "M_UNKNOWN")
    assert "deep" in str(answers["nested"]) or answers["nested"] == (502, "M_UNKNOWN")
    assert len(str(answers["bomb"])) < 2000
    assert answers["huge-image"] == (502, "M_UNKNOWN") or "og:title" in str(answers["huge-image"])
    assert "og:image" not in str(answers["no-image"])
    assert answers["empty"] == {}


async def test_what_is_not_looked_at(web: Web, alice: User) -> None:
    for url in (
        "ftp://example.org/",
        "http://",
        "x",
        "javascript:alert(1)",
        "http://" + "x" * 5000,
    ):
        assert await refusal(alice, url) == (400, "M_INVALID_PARAM"), url
    for url in ("http://a.blocked.example/", f"{web.url}/forbidden/x"):
        assert await refusal(alice, url) == (403, "M_FORBIDDEN"), url
    for url in (
        f"{web.url}/missing",
        "http://127.0.0.2:1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data",
        f"{web.url}/to?http://127.0.0.2/",
        f"{web.url}/to?file:///etc/passwd",
        "http://nothing.invalid/",
    ):
        assert await refusal(alice, url) == (502, "M_UNKNOWN"), url
