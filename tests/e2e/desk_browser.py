"""Chromium for the desk's pages: phone and desktop, and what axe-core says of each."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, async_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
PATIENCE_MS = 60_000
SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
SERIOUS = {"serious", "critical"}
# Where the pictures of the documentation are kept up to date, if somebody asks for it. Taken out of
# the environment: a server of ours that inherits it refuses a setting it does not know.
PICTURES = os.environ.pop("BONGSU_PICTURES", None)

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium here: `make chromium` installs it"
)


@asynccontextmanager
async def opened_browser(*arguments: str) -> AsyncIterator[Browser]:
    """Debian's Chromium, with these further arguments; as root it has no sandbox of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-dev-shm-usage", *arguments],
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def opened_page(
    browser: Browser,
    *,
    size: str = "desktop",
    language: str = "ko",
    dark: bool = False,
    script: bool = True,
) -> AsyncIterator[Page]:
    """A page of a new visitor; a script or style that the policy refused fails the test."""
    width, height = SIZES[size]
    context = await browser.new_context(
        viewport={"width": width, "height": height},
        locale="ko-KR" if language == "ko" else "en-GB",
        color_scheme="dark" if dark else "light",
        java_script_enabled=script,
    )
    context.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []
    page = await context.new_page()
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    try:
        yield page
        assert not [each for each in complaints if "Content Security Policy" in each], complaints
    finally:
        await context.close()


async def check_accessible(page: Page) -> None:
    """axe-core finds nothing serious, and the page needs no scrolling to the side."""
    results = await Axe().run(page)
    serious = [
        f"{each['id']}: {each['help']} {[node['html'][:120] for node in each['nodes'][:3]]}"
        for each in results.response["violations"]
        if each["impact"] in SERIOUS
    ]
    assert not serious, f"{page.url}\n" + "\n".join(serious)
    overflow = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0, f"{page.url} is {overflow} px too wide"


async def picture(page: Page, name: str, *, whole: bool = True, at: str = "body") -> None:
    """Keep a picture for the documentation if BONGSU_PICTURES names a folder: of the whole page, or
    of what fits the screen from `at` on."""
    if PICTURES:
        if not whole:
            await page.locator(at).first.evaluate("each => each.scrollIntoView()")
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=whole)
