"""A person's browser talks to a data centre that is lost: it goes on at another one by itself."""

import asyncio
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from harness.http import HttpClient
from harness.lab import LabUnderTest, needs_etcd, needs_patroni
from harness.matrix import User, register
from playwright.async_api import Page, Request, async_playwright, expect

from bongsu.http.browser.build import folder_of
from bongsu.lab import control
from bongsu.lab.topology import NODE_PORT, Lab

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
PASSWORD = "wonderland"
PATIENCE_SECONDS = 120.0
PATIENCE_MS = PATIENCE_SECONDS * 1000
PAUSE_SECONDS = 0.2  # between two messages of a person
BEFORE_AND_AFTER = 15  # messages that each writes on either side of the loss
IN_SIGHT_MIN = 10  # of each
SECRETS_AT_ONCE = 6
ENCRYPTED = {
    "type": "m.room.encryption",
    "state_key": "",
    "content": {"algorithm": "m.megolm.v1.aes-sha2", "rotation_period_msgs": 3},
}
SYNC = "/_matrix/client/v3/sync"

pytestmark = [
    needs_etcd,
    needs_patroni,
    pytest.mark.timeout(900),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: `make chromium` installs it"),
    pytest.mark.skipif(
        folder_of(os.environ.get("BONGSU_WEB_CLIENT", "")) is None,
        reason="the browser client is not built: `make web` builds it",
    ),
]


@pytest.fixture(scope="module")
def lab() -> Iterator[LabUnderTest]:
    """One lab for both stories: the second begins when it is whole again."""
    folder = Path(tempfile.mkdtemp(prefix="bongsu-"))
    folder.chmod(0o755)
    lab = LabUnderTest(folder / "lab")
    try:
        lab.run("up")
        yield lab
    finally:
        lab.run("down", "--delete")
        shutil.rmtree(folder)


@asynccontextmanager
async def opened_page(user: User, origin: str, room_id: str) -> AsyncIterator[Page]:
    """A room in the browser of one who is signed in at the site `origin`."""
    session = {"userId": user.user_id, "deviceId": user.device_id, "accessToken": user.token}
    stored = [{"name": "bongsu.session", "value": json.dumps(session)}]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = await browser.new_page(
            locale="en-GB",
            viewport={"width": 800, "height": 2400},  # so that many messages are in sight
            service_workers="block",
            storage_state={"origins": [{"origin": origin, "localStorage": stored}]},  # pyright: ignore
        )
        page.set_default_timeout(PATIENCE_MS)
        await page.goto(f"{origin}/#/room/{room_id}")
        await page.get_by_role("textbox", name="Write a message").wait_for()
        yield page
        await browser.close()


class Story:
    """Minji writes in a browser at the site that is lost, John by the API at another one."""

    def __init__(self, page: Page, john: User, room_id: str) -> None:
        self.page, self.john, self.room_id = page, john, room_id
        self.written: list[str] = []
        self.said: list[str] = []
        self.ended = asyncio.Event()

    async def write(self) -> None:
        box = self.page.get_by_role("textbox", name="Write a message")
        while not self.ended.is_set():
            self.written.append(f"minji {len(self.written)}")
            await box.fill(self.written[-1])
            await box.press("Enter")
            await asyncio.sleep(PAUSE_SECONDS)

    async def speak(self) -> None:
        """John's site lives, so his client only has to say again what was not acknowledged."""
        while not self.ended.is_set():
            text = f"john {len(self.said)}"
            while True:
                with suppress(Exception):
                    content = {"msgtype": "m.text", "body": text}
                    await self.john.send(self.room_id, content, txn_id=text.replace(" ", "."))
                    break
                await asyncio.sleep(PAUSE_SECONDS)
            self.said.append(text)
            await asyncio.sleep(PAUSE_SECONDS)

    async def goes_on(self) -> None:
        """Until either has written so many more, and John's have been acknowledged."""
        minji, john = len(self.written) + BEFORE_AND_AFTER, len(self.said) + BEFORE_AND_AFTER
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.written) < minji or len(self.said) < john:
                await asyncio.sleep(PAUSE_SECONDS)

    async def at_server(self, who: str) -> list[str]:
        """Everything of one person, oldest first, as the server of John's site has it."""
        bodies: list[str] = []
        start = ""
        while True:
            path = f"/rooms/{quote(self.room_id)}/messages?dir=b&limit=100{start}"
            answer = await self.john.call("GET", path)
            bodies += [str(event["content"].get("body", "")) for event in answer["chunk"]]
            if "end" not in answer:
                return [body for body in reversed(bodies) if body.startswith(who)]
            start = f"&from={quote(answer['end'])}"

    async def check(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(await self.at_server("minji")) < len(self.written):
                await asyncio.sleep(PAUSE_SECONDS)
        assert await self.at_server("minji") == self.written
        assert await self.at_server("john") == self.said
        await self.check_page()

    async def check_page(self) -> None:
        """Nothing is pending, and the newest are there once, in the order of the room."""
        mine = self.page.locator("article.message.mine .bubble")
        theirs = self.page.locator("article.message:not(.mine) .bubble")
        await expect(mine.last).to_have_text(self.written[-1], timeout=PATIENCE_MS)
        await expect(theirs.last).to_have_text(self.said[-1], timeout=PATIENCE_MS)
        pending = self.page.locator("article.message:not([data-event])")
        await expect(pending).to_have_count(0, timeout=PATIENCE_MS)
        shown = await self.page.locator("article.message .bubble").all_inner_texts()
        for who, all_of in (("minji", self.written), ("john", self.said)):
            seen = [text for text in shown if text.startswith(who)]
            assert len(seen) >= IN_SIGHT_MIN, shown
            assert seen == all_of[all_of.index(seen[0]) :]


@pytest.mark.parametrize("how", ["kill", "hang"])
async def test_a_browser_leaves_the_site_that_is_lost(lab: LabUnderTest, how: str) -> None:
    """Goal: within two seconds of silence it talks to another site, and whatever either person
    wrote exists once. Method: the browser is at the primary's site, which is killed or frozen
    while both write; the time is measured and printed, and no machine is quiet enough to assert it.
    """
    primary = (await lab.wait_until_whole())["primary"]
    site = lab.layout.site(primary)
    origin, away = (each.url(NODE_PORT) for each in lab.layout.own_first(site)[:2])
    async with (
        at_table(away, f"{how}{os.getpid()}") as (minji, john, room_id),
        opened_page(minji, origin, room_id) as page,
    ):
        story = Story(page, john, room_id)
        moved = moving(page, origin)
        people = [asyncio.create_task(story.write()), asyncio.create_task(story.speak())]
        await story.goes_on()
        assert not moved.done(), "it left a site that lives"
        lost_at = time.monotonic()
        await asyncio.to_thread(lose, lab.layout, primary, how)
        async with asyncio.timeout(PATIENCE_SECONDS):
            print(f"{how} of site {primary}: at another one after {await moved - lost_at:.2f} s")
        await story.goes_on()
        story.ended.set()
        await asyncio.gather(*people)
        await story.check()
        await asyncio.to_thread(lab.run, "heal", primary)
        await lab.wait_until_whole()
        await story.check()


async def test_an_encrypted_conversation_outlives_a_site(lab: LabUnderTest) -> None:
    """Goal: whatever either wrote before, during and after the loss of a site the other reads once,
    in order. Method: two browsers, one at the site that is killed; a new key for every three
    messages, so that keys too are on their way when nothing answers. The site stays dead.
    """
    primary = (await lab.wait_until_whole())["primary"]
    site = lab.layout.site(primary)
    origin, away = (each.url(NODE_PORT) for each in lab.layout.own_first(site)[:2])
    async with (
        at_table(away, f"secret{os.getpid()}", initial_state=[ENCRYPTED]) as (minji, john, room_id),
        opened_page(minji, origin, room_id) as ours,
        opened_page(john, away, room_id) as theirs,
    ):
        pages = {"minji": ours, "john": theirs}
        written: dict[str, list[str]] = {who: [] for who in pages}
        moved = moving(ours, origin)
        await both_have_keys(minji, john)
        await say_some(pages, written)
        await all_is_read(pages, written)
        await asyncio.to_thread(lose, lab.layout, primary, "kill")
        await say_some(pages, written)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await moved
        await say_some(pages, written)
        await all_is_read(pages, written)


async def both_have_keys(one: User, other: User) -> None:
    asked = {"device_keys": {one.user_id: [], other.user_id: []}}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while len((await one.call("POST", "/keys/query", asked)).get("master_keys", {})) < 2:
            await asyncio.sleep(PAUSE_SECONDS)


async def say_some(pages: dict[str, Page], written: dict[str, list[str]]) -> None:
    for _ in range(SECRETS_AT_ONCE):
        for who, page in pages.items():
            written[who].append(f"{who} {len(written[who])}")
            box = page.get_by_role("textbox", name="Write a message")
            await box.fill(written[who][-1])
            await box.press("Enter")


async def all_is_read(pages: dict[str, Page], written: dict[str, list[str]]) -> None:
    for page in pages.values():
        bubbles = page.locator("article.message .bubble")
        for texts in written.values():
            for text in texts:  # one that cannot be read is none of them
                said = bubbles.filter(has_text=re.compile(f"^{text}$"))
                await expect(said).to_have_count(1, timeout=PATIENCE_MS)
        for nothing in ("article.message:not([data-event])", ".undecryptable"):
            await expect(page.locator(nothing)).to_have_count(0, timeout=PATIENCE_MS)
        shown = await bubbles.all_inner_texts()
        for who, texts in written.items():
            assert [text for text in shown if text.startswith(who)] == texts


@asynccontextmanager
async def at_table(url: str, word: str, **options: Any) -> AsyncIterator[tuple[User, User, str]]:
    """Two people and the room they share, made with these `options`."""
    client = HttpClient(url)
    try:
        minji = await register(client, f"minji{word}", PASSWORD)
        john = await register(client, f"john{word}", PASSWORD)
        room_id = await minji.create_room(name="Lunch", invite=[john.user_id], **options)
        await john.join(room_id)
        yield minji, john, room_id
    finally:
        await client.close()


def moving(page: Page, origin: str) -> "asyncio.Future[float]":
    """When the page first polls elsewhere than at `origin`."""
    moved: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def asked(request: Request) -> None:
        where = urlsplit(request.url)
        if where.path == SYNC and f"{where.scheme}://{where.netloc}" != origin and not moved.done():
            moved.set_result(time.monotonic())

    page.on("request", asked)
    return moved


def lose(lab: Lab, name: str, how: str) -> None:
    (control.kill if how == "kill" else control.hang)(lab, lab.site(name))
