"""What the browser client weighs and how quick it is: a production build in headless Chromium.

python -m bench.web                    everything, some minutes (`make web` and Chromium first)
python -m bench.web --messages 1000    shows that it works

First load: every byte that the network brings until the list of chats is shown to one who is
signed in, with an empty cache; encryption is fetched after that. Delivery: from the Enter key in
one browser to the message in the page of the other, by the clock that both share. Memory: the heap
of the receiving page after a garbage collection, early and at the end.
"""

import asyncio
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import click
import uvloop
from harness.bongsu import running
from harness.http import HttpClient
from harness.matrix import User, register
from playwright.async_api import Browser, BrowserContext, Page, Request, async_playwright

from bench import OUT
from bench.load import percentile
from bongsu.http.browser.build import folder_of

LOADS = 7
ROOMS = 50
CHATS = 100  # messages of the measure of delivery
FLOOD_SHARE = 0.2  # of the messages, after which memory is looked at first
FLOOD_IN_FLIGHT = 4
PATIENCE_MS = 60_000
VIEW = {"width": 1280, "height": 900}
LIMITS = {
    "first_load_kb": 500.0,
    "interactive_seconds": 2.0,
    "delivery_p50_ms": 150.0,
    "memory_growth_mb": 10.0,  # what "flat" may mean over the messages after the first share
}

_SHOWN = "() => document.querySelector('.app[data-ready] .room-list li')"
# Tells when a text appears in the page, by the wall clock in ms with fractions.
_WATCH = """
() => {
    window.seen = new Map();
    const now = () => performance.timeOrigin + performance.now();
    new MutationObserver(() => {
        for (const node of document.querySelectorAll('.timeline article')) {
            const text = /beacon-\\d+-/.exec(node.textContent)?.[0];
            if (text && !window.seen.has(text)) window.seen.set(text, now());
        }
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
    document.addEventListener('keydown', (event) => {
        if (event.key === 'Enter') window.pressed = now();
    }, true);
}
"""


class Setting:
    """A server, a browser, and two people who share a room among others."""

    def __init__(self, url: str, browser: Browser, ours: User, theirs: User, room_id: str) -> None:
        self.url, self.browser = url, browser
        self.ours, self.theirs, self.room_id = ours, theirs, room_id

    async def context(self, user: User) -> BrowserContext:
        """A browser profile with an empty cache."""
        session = json.dumps(
            {"userId": user.user_id, "deviceId": user.device_id, "accessToken": user.token}
        )
        stored = [{"name": "bongsu.session", "value": session}]
        context = await self.browser.new_context(
            viewport=VIEW,
            locale="en-GB",
            storage_state={"origins": [{"origin": self.url, "localStorage": stored}]},
        )
        context.set_default_timeout(PATIENCE_MS)
        return context

    async def in_room(self, user: User) -> Page:
        page = await (await self.context(user)).new_page()
        await page.goto(f"{self.url}/#/room/{self.room_id}")
        await page.get_by_role("textbox").last.wait_for()
        await page.evaluate(_WATCH)
        return page


async def load(setting: Setting) -> dict[str, float]:
    """Each load is another device of the same person, so that no key of another is missed."""
    loads = [await _load(setting) for _ in range(LOADS)]
    sizes, times = zip(*loads, strict=True)
    return {
        "first_load_kb": statistics.median(sizes),
        "interactive_seconds": statistics.median(times),
    }


async def _load(setting: Setting) -> tuple[float, float]:
    """KB and seconds of one first load."""
    context = await setting.context(await setting.ours.login_again())
    page = await context.new_page()
    finished = list[Request]()
    page.on("requestfinished", lambda request: finished.append(request))
    await page.goto(setting.url, wait_until="commit")
    await page.wait_for_function(_SHOWN, polling="raf")
    seconds: float = await page.evaluate("performance.now()") / 1000
    loaded = [request for request in finished if "/_matrix/" not in request.url]
    size = sum([await _bytes(request) for request in loaded])
    await context.close()
    return size / 1000, seconds


async def _bytes(request: Request) -> int:
    sizes = await request.sizes()
    return sizes["responseHeadersSize"] + sizes["responseBodySize"]


async def delivery(setting: Setting) -> dict[str, float]:
    """One message after the other, written by keys."""
    writer, reader = await setting.in_room(setting.ours), await setting.in_room(setting.theirs)
    box = writer.get_by_role("textbox").last
    took = list[float]()
    for number in range(CHATS):
        text = f"beacon-{number}-"
        await box.fill(text)
        await box.press("Enter")
        await reader.wait_for_function("text => window.seen.has(text)", arg=text, polling=20)
        seen = await reader.evaluate("text => window.seen.get(text)", text)
        took.append(seen - await writer.evaluate("window.pressed"))
    for page in (writer, reader):
        await page.context.close()
    return {"delivery_p50_ms": percentile(took, 50), "delivery_p95_ms": percentile(took, 95)}


async def memory(setting: Setting, messages: int) -> dict[str, float]:
    """A page with the room open, while the other person sends by the API."""
    page = await setting.in_room(await setting.ours.login_again())
    early = int(messages * FLOOD_SHARE)
    await _flood(setting, page, 0, early)
    before = await _heap_mb(page)
    await _flood(setting, page, early, messages)
    after = await _heap_mb(page)
    await page.context.close()
    return {"memory_mb": after, "memory_growth_mb": after - before}


async def _flood(setting: Setting, page: Page, first: int, end: int) -> None:
    """Messages from `first` to `end`, until the last one is in the page."""
    numbers = iter(range(first, end))

    async def send() -> None:
        for number in numbers:
            await setting.theirs.send_text(setting.room_id, f"message {number} of a long day")

    async with asyncio.TaskGroup() as group:
        for _ in range(FLOOD_IN_FLIGHT):
            group.create_task(send())
    await setting.theirs.send_text(setting.room_id, f"beacon-{end}-")
    await page.wait_for_function("text => window.seen.has(text)", arg=f"beacon-{end}-")


async def _heap_mb(page: Page) -> float:
    session = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.enable")
    await session.send("HeapProfiler.collectGarbage")
    usage = await session.send("Runtime.getHeapUsage")
    await session.detach()
    return float(usage["usedSize"]) / 1e6


async def prepared(url: str, browser: Browser, client: HttpClient) -> Setting:
    ours, theirs = await register(client, "minji"), await register(client, "john")
    for number in range(ROOMS):
        room_id = await ours.create_room(name=f"Room {number}", invite=[theirs.user_id])
        await theirs.join(room_id)
        await theirs.send_text(room_id, "안녕하세요")
    return Setting(url, browser, ours, theirs, room_id)


async def measure(url: str, chromium: str, messages: int, only: set[str]) -> dict[str, float]:
    client = HttpClient(url)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        setting = await prepared(url, browser, client)
        steps: dict[str, Callable[[], Awaitable[dict[str, float]]]] = {
            "load": lambda: load(setting),
            "delivery": lambda: delivery(setting),
            "memory": lambda: memory(setting, messages),
        }
        found: dict[str, float] = {}
        for name, step in steps.items():
            if name in only:
                found |= await step()
                click.echo(f"{name}: {found}", err=True)
        await browser.close()
    await client.close()
    return found


@click.command(help=__doc__)
@click.option("--messages", default=10_000, help="Messages that the page receives.")
@click.option("--only", default="load,delivery,memory", help="What is measured, with commas.")
def main(messages: int, only: str) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None or folder_of(os.environ.get("BONGSU_WEB_CLIENT", "")) is None:
        raise click.ClickException("needs Chromium and a build: make chromium web")
    load_before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="bench-web-") as folder:
        Path(folder).chmod(0o755)
        with running(Path(folder)) as bongsu:
            found = uvloop.run(measure(bongsu.url, chromium, messages, set(only.split(","))))
    for key, value in found.items():
        limit = LIMITS.get(key)
        verdict = (
            "" if limit is None else f"   at most {limit:g}: {'yes' if value <= limit else 'NO'}"
        )
        click.echo(f"{key:22}{value:10.2f}{verdict}")
    click.echo(f"load average before: {load_before:.1f} on {os.cpu_count()} cores")
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "web.json").write_text(json.dumps({"time": time.time(), **found}, indent=2))


if __name__ == "__main__":
    main()
