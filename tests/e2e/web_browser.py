"""The browser client as people have it: one server, one Chromium, and as many people as wanted.

    pytestmark = in_one_browser

    async def test_two_talk(web: Web) -> None:
        minji, john = await web.person("민지"), await web.person("John")
        room_id = await minji.create_room(invite=[john.user_id], is_direct=True)
        async with web.page(minji) as ours, web.page(john, language="en", size="phone") as theirs:
            ...

A person is a `harness.matrix.User`: what a test is not about it does at the API, not by clicks.
Pages are Korean, light and desktop-wide unless asked otherwise; a page that logs an error of its
own, or meets the policy, fails the test. `BONGSU_WEB_CLIENT` names a build other than `make web`'s.
"""

import asyncio
import itertools
import json
import os
from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest
from desk_browser import SIZES, check_accessible, needs_chromium, opened_browser, picture
from harness.http import HttpClient
from harness.matrix import User, login, register
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from bongsu.http.browser.build import folder_of

__all__ = ["Web", "check_accessible", "in_one_browser", "opened_browser", "picture"]

PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)
_numbers = itertools.count(1)  # of accounts: modules share a server
PHONE = (360, 740)  # the narrowest that must do
in_one_browser = [
    needs_chromium,
    pytest.mark.skipif(
        folder_of(os.environ.get("BONGSU_WEB_CLIENT", "")) is None,
        reason="the browser client is not built: `make web` builds it",
    ),
    pytest.mark.asyncio(loop_scope="module"),
]


class Web:
    """A server at `url`, a browser, and the people made so far."""

    def __init__(self, url: str, browser: Browser) -> None:
        self.url = url
        self.browser = browser
        self._client = HttpClient(url)

    async def close(self) -> None:
        await self._client.close()

    async def person(self, name: str = "민지", password: str = "wonderland") -> User:
        """A new account with this display name and an id of its own."""
        localpart = f"web{os.getpid()}x{next(_numbers)}"
        user = await register(self._client, localpart, password)
        path = f"/profile/{quote(user.user_id)}/displayname"
        await user.call("PUT", path, {"displayname": name})
        return user

    async def sign_in(self, user_id: str, password: str) -> User:
        """A device of an account that was made elsewhere."""
        return await login(self._client, user_id, password)

    @asynccontextmanager
    async def page(
        self,
        user: User | None = None,
        *,
        at: str = "",
        size: str = "desktop",
        language: str = "ko",
        dark: bool = False,
        expects_errors: bool = False,
        **options: Any,
    ) -> AsyncGenerator[Page]:
        """A page of a browser profile of its own, signed in as `user`, shown and synced.

        `at` is the part after the address, such as `#/people`; `options` go to `new_context`.
        """
        async with self.context(
            user, size=size, language=language, dark=dark, **options
        ) as context:
            page = await context.new_page()
            complaints = watch(page)
            await page.goto(f"{self.url}/{at}")
            if user is not None:
                await settled(page)
            yield page
            if not expects_errors:
                assert not complaints, "\n".join(complaints)

    @asynccontextmanager
    async def context(
        self,
        user: User | None = None,
        *,
        size: str = "desktop",
        language: str = "ko",
        dark: bool = False,
        **options: Any,
    ) -> AsyncGenerator[BrowserContext]:
        """A browser profile of its own, for several tabs or a service worker."""
        width, height = PHONE if size == "phone" else SIZES[size]
        stored = [] if user is None else [{"name": "bongsu.session", "value": session_of(user)}]
        context = await self.browser.new_context(
            **{
                "viewport": {"width": width, "height": height},
                "has_touch": size == "phone",
                "locale": "ko-KR" if language == "ko" else "en-GB",
                "color_scheme": "dark" if dark else "light",
                "storage_state": {"origins": [{"origin": self.url, "localStorage": stored}]},
                "service_workers": "block",
                **options,
            }
        )
        context.set_default_timeout(PATIENCE_MS)
        try:
            yield context
        finally:
            await context.close()


def session_of(user: User) -> str:
    """What the client keeps of one who is signed in."""
    return json.dumps(
        {"userId": user.user_id, "deviceId": user.device_id, "accessToken": user.token}
    )


@asynccontextmanager
async def hearing_nothing(page: Page, news: Awaitable[object]) -> AsyncGenerator[None]:
    """The page's client is held back from syncing. `news` ends the poll that waits: that one, under
    way already, is heard still."""
    held, over = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        held.set()
        await over.wait()
        await route.continue_()

    await page.route("**/sync?*", hold)
    await news
    async with asyncio.timeout(PATIENCE_MS / 1000):
        await held.wait()
    try:
        yield
    finally:
        over.set()


async def settled(page: Page) -> None:
    """The first sync has been shown."""
    await page.locator(".app[data-ready]").wait_for()


HAS_KEPT_ROOMS = """async () => {
  const all = await indexedDB.databases();
  const found = all.find((each) => each.name.startsWith("matrix-js-sdk"));
  if (!found) return false;
  const database = await new Promise((done) => {
    const asked = indexedDB.open(found.name);
    asked.onsuccess = () => done(asked.result);
  });
  const count = await new Promise((done) => {
    const asked = database.transaction("sync").objectStore("sync").count();
    asked.onsuccess = () => done(asked.result);
  });
  database.close();
  return count > 0;
}"""


async def keeps_rooms(page: Page) -> None:
    """What the first sync told is kept in this browser: it would be shown without a server."""
    await page.wait_for_function(HAS_KEPT_ROOMS)


COMPLAINTS = (
    "Content Security Policy",
    "a part of the page broke",
    "Caught /sync error",  # what else came with that answer is lost
)


def watch(page: Page) -> list[str]:
    """What this page complains of from now on: its own exceptions, and errors that it held."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(f"{error.name}: {error.stack}"))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type == "error" and any(each in message.text for each in COMPLAINTS)
            else None
        ),
    )
    return complaints
