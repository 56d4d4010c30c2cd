"""A room with ten thousand messages: read both ways, jumped about in, received without growing.

Figures are printed (`-s`), not asserted: a busy machine is no fault of the client.
"""

import asyncio
import statistics
from typing import Any
from urllib.parse import quote

from harness.matrix import User
from playwright.async_api import Page, expect
from web_browser import Web, in_one_browser, picture

pytestmark = in_one_browser

MESSAGES = 10_000
SENDERS_AT_ONCE = 20
HEAP_GROWTH_MAX = 30e6  # bytes; ten thousand events that were kept would need twice as much
SCROLL = """
async ([pixels, seconds]) => {
  const frame = document.querySelector(".frame");
  const times = [], leaps = [];
  let last = performance.now(), anchor = null, top = 0, moved = 0;
  const end = last + seconds * 1000;
  while (performance.now() < end) {
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - last);
    last = performance.now();
    const seen = anchor?.isConnected ? anchor.getBoundingClientRect().top - top : null;
    if (seen !== null && Math.abs(seen + moved) > 4) leaps.push(seen + moved);
    const edge = frame.getBoundingClientRect().top;
    const rows = [...frame.querySelectorAll("article")];
    anchor = rows.find((each) => each.getBoundingClientRect().top > edge);
    top = anchor?.getBoundingClientRect().top ?? 0;
    frame.dispatchEvent(new Event("wheel")); // a hand at it ends any jump
    const before = frame.scrollTop;
    frame.scrollTop += pixels;
    moved = frame.scrollTop - before;
  }
  times.sort((a, b) => a - b);
  const at = (part) => times[Math.floor(times.length * part)];
  return {frames: times.length, median: at(0.5), p95: at(0.95), leaps, top: frame.scrollTop};
}
"""
STILL = """
async () => {
  const frame = document.querySelector(".frame");
  for (let frames = 0, top = -1; frames < 60; frames++) { // a jump aims while rows are measured
    await new Promise(requestAnimationFrame);
    if (frame.scrollTop !== top) frames = 0;
    top = frame.scrollTop;
  }
}
"""
WORK = ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")


def at(room_id: str, **query: str) -> str:
    tail = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
    return f"#/room/{quote(room_id, safe='')}" + (f"?{tail}" if tail else "")


def message(page: Page, text: str) -> Any:
    return page.locator("article.message").filter(has_text=text)


async def flood(user: User, room_id: str, count: int) -> list[str]:
    """So many messages, numbered, of one to seven lines; their ids in the order they were given."""
    ids: list[str] = []

    async def some(first: int) -> None:
        for n in range(first, count, SENDERS_AT_ONCE):
            text = f"글 {n}. " + "가나다라마바사 " * (1 + n * 7 % 31)
            ids.append(await user.send_text(room_id, text))

    await asyncio.gather(*[some(first) for first in range(SENDERS_AT_ONCE)])
    return ids


async def scroll(page: Page, pixels: int, seconds: float) -> dict[str, Any]:
    """Scroll a bit each frame; what it cost, and every leap of what was in sight."""
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable")

    async def work() -> float:
        got = await session.send("Performance.getMetrics")
        return sum(each["value"] for each in got["metrics"] if each["name"] in WORK)

    before = await work()
    result: dict[str, Any] = await page.evaluate(SCROLL, [pixels, seconds])
    result["work_ms"] = (await work() - before) * 1000 / max(1, result["frames"])
    return result


def say(what: str, result: dict[str, Any]) -> None:
    print(
        f"{what}: {result['frames']} frames, median {result['median']:.1f} ms, p95"
        f" {result['p95']:.1f} ms, work of our own {result['work_ms']:.1f} ms a frame"
    )


async def heap(page: Page) -> float:
    session = await page.context.new_cdp_session(page)
    for _ in range(3):
        await session.send("HeapProfiler.collectGarbage")
    return float((await session.send("Runtime.getHeapUsage"))["usedSize"])


async def test_ten_thousand_messages_are_received_and_read_both_ways(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await minji.create_room(invite=[john.user_id], name="만 개의 메시지")
    await john.join(room_id)
    async with web.page(minji, at=at(room_id)) as page:
        first = await john.send_text(room_id, "맨 처음 글")
        await expect(message(page, "맨 처음 글")).to_be_visible()
        ids = await flood(john, room_id, 1_000)  # fills the window: what comes now replaces
        await john.send_text(room_id, "천 번째 글")
        await expect(message(page, "천 번째 글")).to_be_in_viewport()
        before = await heap(page)
        ids += await flood(john, room_id, MESSAGES)
        await john.send_text(room_id, "만 번째 글")
        await expect(message(page, "만 번째 글")).to_be_in_viewport()  # it stayed at the end
        growth = await heap(page) - before
        print(f"\nheap {before / 1e6:.1f} MB, after {MESSAGES} messages {growth / 1e6:+.1f} MB")
        assert growth < HEAP_GROWTH_MAX

        up = await scroll(page, -60, 4)
        say("scrolled up", up)
        assert not up["leaps"], up
        down = await scroll(page, 60, 2)
        say("scrolled down", down)
        assert not down["leaps"], down

        middle = ids[MESSAGES // 2]
        await page.goto(f"{web.url}/{at(room_id, event=middle)}")
        await expect(page.locator(f'[data-event="{middle}"]')).to_be_in_viewport()
        await page.evaluate(STILL)
        for pixels in (60, -60):  # the past goes on at both ends
            around = await scroll(page, pixels, 1.5)
            say("scrolled from the middle", around)
            assert not around["leaps"], around
        await page.goto(f"{web.url}/{at(room_id, event=first)}")
        await expect(message(page, "맨 처음 글")).to_be_in_viewport()
        await page.get_by_role("button", name="맨 아래로").click()
        await expect(message(page, "만 번째 글")).to_be_in_viewport()


async def test_one_jumps_to_the_first_unread(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await minji.create_room(invite=[john.user_id], name="밀린 이야기")
    await john.join(room_id)
    ids = [await john.send_text(room_id, f"이야기 {n:03}") for n in range(160)]
    path = f"/rooms/{quote(room_id)}/receipt/m.read/{quote(ids[19])}"
    await minji.call("POST", path, {"thread_id": "main"})
    async with web.page(minji, at=at(room_id), size="phone") as page:
        await expect(message(page, "이야기 159")).to_be_in_viewport()
        await page.get_by_role("button", name="새 메시지로 이동").click()
        await expect(page.get_by_text("여기부터 새 메시지")).to_be_in_viewport()
        await expect(message(page, "이야기 020")).to_be_in_viewport()
        await expect(page.get_by_role("button", name="새 메시지로 이동")).to_have_count(0)
        await picture(page, "web-room-unread")
        await john.send_text(room_id, "더 온 이야기")
        await page.get_by_role("button", name="새 메시지 1개, 맨 아래로").click()
        await expect(message(page, "더 온 이야기")).to_be_in_viewport()


async def test_a_message_is_at_the_other_browser_soon(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await minji.create_room(invite=[john.user_id], name="빠른 대화")
    await john.join(room_id)
    watch = """() => {
      window.seen = {};
      new MutationObserver(() => {
        const texts = document.querySelectorAll("article .text");
        for (const each of texts) seen[each.textContent] ??= Date.now();
      }).observe(document.body, {subtree: true, childList: true});
    }"""
    sent = """(text) => new Promise((resolve) => {
      const field = document.querySelector(".composer textarea");
      field.value = text;
      field.dispatchEvent(new InputEvent("input", {bubbles: true}));
      requestAnimationFrame(() => {
        const at = Date.now();
        const enter = {key: "Enter", bubbles: true, cancelable: true};
        field.dispatchEvent(new KeyboardEvent("keydown", enter));
        resolve(at);
      });
    })"""
    delays: list[float] = []
    async with web.page(minji, at=at(room_id)) as ours, web.page(john, at=at(room_id)) as theirs:
        await theirs.evaluate(watch)
        for n in range(15):
            started = await ours.evaluate(sent, f"빨리 {n}")
            await expect(message(theirs, f"빨리 {n}")).to_be_visible()
            delays.append(await theirs.evaluate("(text) => seen[text]", f"빨리 {n}") - started)
    print(f"\nfrom Enter to the other page: median {statistics.median(delays):.0f} ms, {delays}")


async def test_the_operators_notices_stand_apart(web: Web) -> None:
    minji, operator = await web.person("민지"), await web.person("운영자")
    room_id = await operator.create_room(invite=[minji.user_id], name="공지")
    await minji.join(room_id)
    await operator.send_text(room_id, "내일 새벽 점검이 있습니다")
    tag = f"/user/{quote(minji.user_id)}/rooms/{quote(room_id)}/tags/m.server_notice"
    await minji.call("PUT", tag, {})
    async with web.page(minji, at=at(room_id)) as page:
        await expect(message(page, "내일 새벽 점검")).to_be_visible()
        await expect(page.get_by_text("여기에는 답할 수 없습니다")).to_be_visible()
        await expect(page.locator(".room-head")).to_contain_text("운영자 공지")
        await expect(page.locator(".room-main .composer textarea")).to_have_count(0)
