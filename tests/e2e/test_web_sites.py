"""The browser client on hard days: its site killed, silent, busy; answers lost; the page reloaded.

Each time the same three things are looked at: what was written exists once, in its order; the page
shows it once; nothing that was typed is gone.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from time import monotonic
from urllib.parse import quote

import pytest
import pytest_asyncio
from front_door import FrontDoor
from harness.bongsu import Bongsu
from harness.matrix import User
from harness.process import free_port, open_folder
from playwright.async_api import Browser, Page, expect
from web_browser import (
    Web,
    check_accessible,
    hearing_nothing,
    in_one_browser,
    keeps_rooms,
    opened_browser,
    picture,
)

SECONDS_MAX = 60.0
pytestmark = [*in_one_browser, pytest.mark.timeout(300)]


class Town:
    """One server at two addresses, `a` and `b`, which it tells its clients; pages open at `a`."""

    def __init__(self, server: Bongsu, a: FrontDoor, b: FrontDoor, browser: Browser) -> None:
        self.server, self.a, self.b = server, a, b
        self.web = Web(a.url, browser)
        self._direct = Web(server.url, browser)  # for what is done without a page

    async def talk(self) -> tuple[User, User, str]:
        """Two people who share a room."""
        minji, john = await self._direct.person("민지"), await self._direct.person("John")
        room_id = await minji.create_room(invite=[john.user_id], name="점심")
        await john.join(room_id)
        return minji, john, room_id

    async def close(self) -> None:
        for each in (self.web, self._direct):
            await each.close()
        for door in (self.a, self.b):
            await door.shut()

    async def whole(self) -> None:
        """Everything works again."""
        for door in (self.a, self.b):
            await door.open()
        if not self.server.running:
            await asyncio.to_thread(self.server.start)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town() -> AsyncIterator[Town]:
    with open_folder() as folder:
        ports = free_port(), free_port()
        sites = [f"{name}=http://127.0.0.1:{port}" for name, port in zip("ab", ports, strict=True)]
        server = Bongsu(folder / "data", settings={"BONGSU_CLIENT_SITES": ",".join(sites)})
        a, b = (FrontDoor(port, server.port) for port in ports)
        try:
            async with opened_browser() as browser:
                town = Town(server, a, b, browser)
                await town.whole()  # the doors first, before somebody else takes their ports
                yield town
                await town.close()
        finally:
            await asyncio.to_thread(server.stop)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def healed(town: Town) -> AsyncIterator[None]:
    yield
    await town.whole()


async def write(page: Page, text: str) -> None:
    box = page.get_by_role("textbox", name="메시지 쓰기")
    await box.fill(text)
    await box.press("Enter")


async def shown(page: Page) -> list[str]:
    return await page.locator("article.message .bubble").all_inner_texts()


async def kept_at_server(user: User, room_id: str) -> list[str]:
    answer = await user.call("GET", f"/rooms/{quote(room_id)}/messages?dir=b&limit=200")
    bodies = [event["content"].get("body") for event in answer["chunk"]]
    return [body for body in reversed(bodies) if body]


async def expect_once(page: Page, user: User, room_id: str, texts: list[str]) -> None:
    """At the server and on the page, each once and in this order; and nothing is pending."""
    deadline = monotonic() + SECONDS_MAX
    while await kept_at_server(user, room_id) != texts:
        assert monotonic() < deadline, await kept_at_server(user, room_id)
        await asyncio.sleep(0.1)
    await expect(page.locator("article.message[data-event] .bubble")).to_have_text(texts)
    assert await shown(page) == texts


async def settled_at_server(user: User, room_id: str, texts: list[str]) -> None:
    while await kept_at_server(user, room_id) != texts:
        await asyncio.sleep(0.05)


async def test_the_server_is_killed_in_mid_sentence(town: Town) -> None:
    """Method: kill it while somebody types, go on writing, open the page anew from what the browser
    keeps of it, and start the server again."""
    minji, _, room_id = await town.talk()
    async with town.web.page(minji, at=f"#/room/{room_id}", service_workers="allow") as page:
        await page.evaluate("navigator.serviceWorker.ready")
        await keeps_rooms(page)  # as any page does that was used before
        await write(page, "하나")
        box = page.get_by_role("textbox", name="메시지 쓰기")
        await box.press_sequentially("이 말을 하는 도")
        await write(page, "둘")
        await asyncio.to_thread(town.server.kill)
        await box.press_sequentially("셋, 서버가 죽은 뒤")
        await box.press("Enter")
        await write(page, "넷")
        await box.press_sequentially("아직 쓰고 있는 말")
        await page.get_by_text("서버에 닿지 않습니다").wait_for()
        await page.get_by_text("개는 보관했다가 보냅니다.").wait_for()
        assert await shown(page) == ["하나", "둘", "셋, 서버가 죽은 뒤", "넷"]
        await check_accessible(page)
        await picture(page, "web-unreachable")
        await page.reload()
        pending = page.locator("article.message:not([data-event]) .bubble")
        await expect(pending.filter(has_text="셋, 서버가 죽은 뒤")).to_have_count(1)
        await expect(pending.last).to_have_text("넷")
        await asyncio.to_thread(town.server.start)
        await expect_once(page, minji, room_id, ["하나", "둘", "셋, 서버가 죽은 뒤", "넷"])
        await expect(box).to_have_value("아직 쓰고 있는 말")
        await expect(page.locator(".notices")).to_be_empty()


@pytest.mark.parametrize("how", ["frozen", "shut"])
async def test_the_client_leaves_a_site_that_is_silent_while_it_waits(town: Town, how: str) -> None:
    """Goal: nobody has to do anything. Method: lose the address while the page does nothing but
    wait, see when it waits at the other one, and let both people write."""
    minji, john, room_id = await town.talk()
    async with town.web.page(minji, at=f"#/room/{room_id}") as page:
        await write(page, "앞")
        await expect_once(page, minji, room_id, ["앞"])
        await asyncio.sleep(1.5)  # it waits in a poll now
        town.b.polled.clear()
        begun = monotonic()
        if how == "frozen":
            town.a.mode = "frozen"
        else:
            await town.a.shut()
        await asyncio.wait_for(town.b.polled.wait(), SECONDS_MAX)
        print(f"{how}: polls at the other site after {monotonic() - begun:.2f} s")
        await expect(page.get_by_text("b 센터에서 이어집니다.")).to_be_visible()
        await picture(page, "web-moved")
        await john.send_text(room_id, "들려요?")
        await write(page, "네")
        await expect_once(page, minji, room_id, ["앞", "들려요?", "네"])
        await town.whole()
        await write(page, "여기 있어요")  # and it stays where it is
        texts = ["앞", "들려요?", "네", "여기 있어요"]
        await expect_once(page, minji, room_id, texts)


async def test_an_answer_that_is_lost_doubles_nothing(town: Town) -> None:
    """Method: both addresses cut every connection when its answer comes, so that the server has
    taken each message, and the client cannot know."""
    minji, _, room_id = await town.talk()
    async with town.web.page(minji, at=f"#/room/{room_id}") as page:
        await expect(page.get_by_role("textbox", name="메시지 쓰기")).to_be_visible()
        town.a.mode = town.b.mode = "cutting"
        await write(page, "하나")
        await write(page, "둘")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(settled_at_server(minji, room_id, ["하나"]), 20)
        await page.get_by_text("서버에 닿지 않습니다").wait_for()
        town.a.mode = town.b.mode = "open"
        await expect_once(page, minji, room_id, ["하나", "둘"])


async def test_a_busy_server_is_waited_for(town: Town) -> None:
    minji, _, room_id = await town.talk()
    async with town.web.page(minji, at=f"#/room/{room_id}") as page:
        await write(page, "앞")
        await expect_once(page, minji, room_id, ["앞"])
        for door in (town.a, town.b):
            door.retry_after_seconds = 4
            door.mode = "busy"
        await write(page, "바쁠 때 쓴 말")
        await page.get_by_text("서버가 바쁩니다").wait_for()
        await picture(page, "web-busy")
        for door in (town.a, town.b):
            door.mode = "open"
        await expect_once(page, minji, room_id, ["앞", "바쁠 때 쓴 말"])


async def test_a_refused_message_is_offered_again(town: Town) -> None:
    """Method: the other one takes the right to write away, and gives it back."""
    minji, john, room_id = await town.talk()
    levels = f"/rooms/{quote(room_id)}/state/m.room.power_levels/"
    before = await minji.call("GET", levels)
    async with town.web.page(john, at=f"#/room/{room_id}") as page:
        box = page.get_by_role("textbox", name="메시지 쓰기")
        await expect(box).to_be_visible()
        async with hearing_nothing(page, john.create_room(name="다른 방")):  # of the change
            await minji.call("PUT", levels, {**before, "events": {"m.room.message": 50}})
            await write(page, "받아 줘요")
            await page.get_by_text("서버가 받아들이지 않았습니다").wait_for()
            await check_accessible(page)
            await picture(page, "web-refused")
            await minji.call("PUT", levels, before)
            await page.get_by_role("button", name="다시 보내기").click()
            await settled_at_server(minji, room_id, ["받아 줘요"])
            assert await shown(page) == ["받아 줘요"]


async def test_a_second_tab_sends_what_the_first_could_not(town: Town) -> None:
    """Goal: two tabs of one person send nothing twice. Method: the first tab's sends never leave
    it; the second takes over, and so takes up the outbox that both share."""
    minji, _, room_id = await town.talk()
    async with town.web.context(minji) as context:
        first = await context.new_page()
        await first.goto(f"{town.web.url}/#/room/{room_id}")
        await first.route("**/send/**", lambda route: None)
        await write(first, "하나")
        await write(first, "둘")
        second = await context.new_page()
        await second.goto(f"{town.web.url}/#/room/{room_id}")
        await expect_once(second, minji, room_id, ["하나", "둘"])
        await first.unroute("**/send/**")
        await write(second, "셋")
        await expect_once(second, minji, room_id, ["하나", "둘", "셋"])
