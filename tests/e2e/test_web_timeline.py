"""What two people see in a room, in two browsers: messages, numbers, answers, threads."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from harness.matrix import User
from playwright.async_api import Locator, Page, expect
from web_browser import (
    Web,
    check_accessible,
    hearing_nothing,
    in_one_browser,
    picture,
)

pytestmark = in_one_browser

HTML = "org.matrix.custom.html"


async def two(web: Web, **options: Any) -> tuple[User, User, str]:
    """Two people in a room of theirs."""
    minji, john = await web.person("민지"), await web.person("John")
    room_id = await minji.create_room(invite=[john.user_id], name="봄 소풍", **options)
    await john.join(room_id)
    return minji, john, room_id


def at(room_id: str, **query: str) -> str:
    tail = "&".join(f"{key}={quote(value, safe='')}" for key, value in query.items())
    return f"#/room/{quote(room_id, safe='')}" + (f"?{tail}" if tail else "")


def message(page: Page | Locator, text: str) -> Locator:
    return page.locator("article.message").filter(has_text=text)


async def write(page: Page | Locator, text: str) -> None:
    field = page.locator(".composer textarea").first
    await field.fill(text)
    await field.press("Enter")


async def choose(page: Page, text: str, action: str) -> None:
    """One thing from a message's menu, by the pointer."""
    await message(page, text).locator(".bubble").first.click(button="right")
    await page.get_by_role("menuitem", name=action, exact=True).click()


def answer_to(event_id: str) -> dict[str, Any]:
    return {"msgtype": "m.text", "m.relates_to": {"m.in_reply_to": {"event_id": event_id}}}


async def relate(user: User, room_id: str, kind: str, relation: dict[str, Any], **more: Any) -> str:
    """Send an event that is about another; its id."""
    path = f"/rooms/{quote(room_id)}/send/{kind}/{kind}{id(relation)}"
    answer = await user.call("PUT", path, {"m.relates_to": relation, **more})
    return str(answer["event_id"])


async def test_two_talk_and_the_number_falls_as_they_read(web: Web) -> None:
    minji, john, room_id = await two(web)
    third = await web.person("서준")
    await minji.call("POST", f"/rooms/{quote(room_id)}/invite", {"user_id": third.user_id})
    await third.join(room_id)
    async with web.page(minji, at=at(room_id)) as ours:
        await write(ours, "내일 몇 시에 볼까요?")
        await expect(message(ours, "내일 몇 시").locator(".waiting")).to_contain_text("2")
        async with web.page(john, at=at(room_id), language="en") as theirs:
            await expect(message(theirs, "내일 몇 시")).to_be_visible()
            await expect(message(ours, "내일 몇 시").locator(".waiting")).to_contain_text("1")
            await expect(message(theirs, "내일 몇 시").locator(".waiting")).to_contain_text("1")
            await write(theirs, "At ten!")
            await expect(message(ours, "At ten!")).to_be_visible()
            await expect(message(ours, "At ten!").locator(".waiting")).to_contain_text("1")
            await third.send_text(room_id, "저는 조금 늦어요. 먼저 출발하세요, 정상에서 만나요!")
            await minji.send_text(room_id, "그럼 김밥은 남겨 둘게요")
            await expect(message(ours, "김밥은").locator(".waiting")).to_contain_text("1")
            await picture(ours, "web-room")
            async with web.page(third, at=at(room_id)):
                for page in (ours, theirs):
                    await expect(page.locator(".waiting")).to_have_count(0)
            await choose(ours, "내일 몇 시", "읽은 사람")
            await expect(ours.get_by_role("dialog")).to_contain_text("읽음 2")
            await expect(ours.get_by_role("dialog")).to_contain_text("서준")


async def test_answers_reactions_edits_and_deletions_reach_the_other(web: Web) -> None:
    minji, john, room_id = await two(web)
    async with web.page(minji, at=at(room_id)) as ours, web.page(john, at=at(room_id)) as theirs:
        await write(ours, "도시락은 누가 싸 와요?")
        await choose(theirs, "도시락은", "답장")
        await write(theirs, "제가 쌀게요")
        answer = message(ours, "제가 쌀게요")
        await expect(answer.locator(".quote")).to_contain_text("도시락은 누가")
        await choose(ours, "제가 쌀게요", "🙏")
        await expect(answer.get_by_role("button", name="🙏 반응: 민지")).to_have_attribute(
            "aria-pressed", "true"
        )
        shown = message(theirs, "제가 쌀게요").get_by_role("button", name="🙏 반응: 민지")
        await shown.click()
        await expect(answer.get_by_role("button", name="🙏 반응")).to_contain_text("2")
        await answer.get_by_role("button", name="🙏 반응").click()  # taken back
        await expect(shown).to_have_count(0)
        await expect(message(theirs, "제가 쌀게요").locator(".reaction")).to_contain_text("1")

        await choose(theirs, "제가 쌀게요", "수정")
        await write(theirs, "김밥을 쌀게요")
        await expect(message(ours, "김밥을 쌀게요")).to_contain_text("수정됨")
        await message(ours, "김밥을 쌀게요").get_by_role("button", name="수정된 메시지").click()
        history = ours.get_by_role("dialog", name="수정 기록")
        await expect(history).to_contain_text("제가 쌀게요")
        await history.get_by_role("button", name="닫기").click()

        await choose(theirs, "김밥을 쌀게요", "삭제")
        await theirs.get_by_role("button", name="삭제", exact=True).click()
        for page in (ours, theirs):
            await expect(page.get_by_text("삭제된 메시지입니다")).to_be_visible()
            await expect(page.locator(".reaction")).to_have_count(0)


async def test_a_thread_runs_beside_its_room(web: Web) -> None:
    minji, john, room_id = await two(web)
    await minji.send_text(room_id, "차는 몇 대?")
    async with web.page(minji, at=at(room_id)) as ours, web.page(john, at=at(room_id)) as theirs:
        await choose(theirs, "차는 몇 대?", "스레드로 답하기")
        panel = theirs.get_by_role("complementary", name="스레드")
        await expect(message(panel, "차는 몇 대?")).to_be_visible()
        await write(panel, "두 대면 돼요")
        await expect(message(panel, "두 대면 돼요").locator(".waiting")).to_contain_text("1")
        summary = ours.locator(".room-main .thread-summary")
        await expect(summary).to_contain_text("댓글 1개")
        await expect(summary).to_contain_text("두 대면 돼요")
        await expect(summary.get_by_label("새 댓글")).to_be_visible()
        await expect(ours.locator(".room-main .bubble", has_text="두 대면")).to_have_count(0)
        await summary.click()
        await expect(message(panel, "두 대면 돼요").locator(".waiting")).to_have_count(0)
        await expect(summary.get_by_label("새 댓글")).to_have_count(0)
        inside = ours.get_by_role("complementary", name="스레드")
        await write(inside, "그럼 좋아요")
        await expect(message(panel, "그럼 좋아요")).to_be_visible()
        await expect(theirs.locator(".room-main .thread-summary")).to_contain_text("댓글 2개")
        await check_accessible(ours)
        await picture(ours, "web-room-thread")
        await ours.reload()  # the thread is in the address, and its number comes with its root
        await expect(message(inside, "그럼 좋아요")).to_be_visible()
        await expect(summary).to_contain_text("댓글 2개")
        await ours.get_by_role("button", name="스레드 목록").click()
        await expect(ours.get_by_role("complementary", name="스레드 목록")).to_contain_text("차는")
        reply = await message(panel, "두 대면 돼요").get_attribute("data-event") or ""
        await ours.goto(f"{web.url}/{at(room_id, event=reply)}")  # jumped to where it stands
        await expect(message(inside, "두 대면 돼요")).to_be_in_viewport()


async def test_nothing_is_missing_after_a_gap_of_sync(web: Web) -> None:
    """Method: hold the next sync back until it has to leave most of what was said meanwhile out;
    in the room, and in a thread that stands open beside it."""
    minji, john, room_id = await two(web)
    root = await john.send_text(room_id, "차는 몇 대?")
    gone = await john.send_text(room_id, "지울 글")
    await john.send(room_id, {**answer_to(gone), "body": "지울 글에 답한 글"})
    async with web.page(minji, at=at(room_id, thread=root)) as page:
        main, panel = page.locator(".room-main"), page.locator(".side")
        await expect(message(panel, "차는 몇 대?")).to_be_visible()
        quote_of_it = message(main, "답한 글").locator(".quote")
        await expect(quote_of_it).to_contain_text("지울 글")
        async with hearing_nothing(page, john.send_text(room_id, "틈 앞")):
            relation = {"m.relates_to": {"rel_type": "m.thread", "event_id": root}}
            for n in range(12):
                await john.send(room_id, {"msgtype": "m.text", "body": f"댓글 {n:02}", **relation})
            await john.call("PUT", f"/rooms/{quote(room_id)}/redact/{quote(gone)}/1", {})
            for n in range(25):
                await john.send_text(room_id, f"말 {n:02}")
        await expect(message(main, "말 24")).to_be_in_viewport()
        for n in range(12):
            await expect(message(panel, f"댓글 {n:02}")).to_have_count(1)
        for n in range(25):
            await expect(message(main, f"말 {n:02}")).to_have_count(1)
        await main.get_by_role("log").press("Home")
        await expect(main.locator("article .text", has_text="지울 글").first).to_have_text(
            "지울 글에 답한 글"
        )
        await expect(quote_of_it).to_contain_text("삭제된 메시지")


async def test_a_deleted_message_is_not_quoted_any_longer(web: Web) -> None:
    minji, john, room_id = await two(web)
    gone = await john.send_text(room_id, "지울 글")
    await john.send(room_id, {**answer_to(gone), "body": "답한 글"})
    async with web.page(minji, at=at(room_id)) as page:
        await expect(message(page, "답한 글").locator(".quote")).to_contain_text("지울 글")
        await john.call("PUT", f"/rooms/{quote(room_id)}/redact/{quote(gone)}/1", {})
        await expect(message(page, "답한 글").locator(".quote")).to_contain_text("삭제된 메시지")


BODIES: Sequence[tuple[str, dict[str, str]]] = [
    ("script", {"formatted_body": "<b>굵게</b><script>document.title='bad'</script>"}),
    ("handler", {"formatted_body": "<img src=x onerror=\"document.title='bad'\" alt='그림'>"}),
    ("style", {"formatted_body": "<p style='position:fixed;inset:0' class='app'>자리</p>"}),
    ("link", {"formatted_body": "<a href='javascript:document.title=1'>누르지 마</a>"}),
    ("quote", {"formatted_body": "<mx-reply><blockquote>옛 인용</blockquote></mx-reply>답"}),
    ("spoiler", {"formatted_body": "끝은 <span data-mx-spoiler='결말'>범인은 나</span>"}),
]


async def test_html_of_others_is_harmless_and_formatted(web: Web) -> None:
    minji, john, room_id = await two(web)
    for body, more in BODIES:
        await john.send(room_id, {"msgtype": "m.text", "body": body, "format": HTML, **more})
    mention = f"<a href='https://matrix.to/#/{minji.user_id}'>민지</a> 와요"
    await john.send(
        room_id,
        {"msgtype": "m.text", "body": "민지 와요", "format": HTML, "formatted_body": mention},
    )
    await john.send_text(room_id, "see https://example.org/a?b=1 and notes.md")
    await john.send_text(room_id, "🎉🎉")
    await john.send(room_id, {"msgtype": "m.emote", "body": "waves"})
    # The policy is heard complaining of what the cleaning finds: nothing of it runs.
    async with web.page(minji, at=at(room_id), expects_errors=True) as page:
        log = page.get_by_role("log", name="메시지")
        await expect(message(page, "민지 와요").locator(".pill.me")).to_have_text("민지")
        await expect(log.locator("b", has_text="굵게")).to_be_visible()
        await expect(
            log.locator(".text script, .text img, .text [style], .text .app")
        ).to_have_count(0)
        await expect(message(page, "누르지 마").locator("a[href]")).to_have_count(0)
        await expect(log).not_to_contain_text("옛 인용")
        spoiler = log.locator(".spoiler")
        await expect(spoiler).to_have_css("color", "rgba(0, 0, 0, 0)")
        await spoiler.click()
        await expect(spoiler).to_have_attribute("aria-expanded", "true")
        links = message(page, "notes.md").locator(".text a")
        await expect(links).to_have_count(1)
        await expect(links).to_have_attribute("href", "https://example.org/a?b=1")
        await expect(links).to_have_attribute("rel", "noopener noreferrer nofollow")
        await expect(log.locator(".text.big")).to_have_text("🎉🎉")
        await expect(message(page, "waves").locator(".doer")).to_contain_text("John")
        assert await page.title() != "bad"
        await check_accessible(page)


async def test_strange_texts_stay_in_their_place(web: Web) -> None:
    minji, john, room_id = await two(web)
    await john.send_text(room_id, "מה שלומך? 안녕")
    await john.send_text(room_id, "Z" + "\u0336\u0321\u0489\u0352" * 60 + "algo")
    await john.send_text(room_id, "가" * 12_000)
    await john.send_text(room_id, "끝")
    named = f"/rooms/{quote(room_id)}/state/m.room.member/{quote(john.user_id)}"
    name = "\u202e" + "긴이름" * 3_000
    await john.call("PUT", named, {"membership": "join", "displayname": name})
    async with web.page(minji, at=at(room_id), size="phone") as page:
        await expect(message(page, "끝").last).to_be_visible()
        long = message(page, "가가가가")
        fold = long.get_by_role("button", name="전체 보기")
        await fold.scroll_into_view_if_needed()
        assert (await long.bounding_box() or {})["height"] < 700
        hebrew = message(page, "מה שלומך")
        await hebrew.scroll_into_view_if_needed()
        await expect(hebrew.locator(".text")).to_have_css("direction", "rtl")
        await check_accessible(page)  # and nothing is wider than the page


async def test_a_message_that_fails_says_so_and_can_be_sent_again(web: Web) -> None:
    minji, _, room_id = await two(web)
    async with web.page(minji, at=at(room_id), expects_errors=True) as page:
        refused = {"errcode": "M_FORBIDDEN", "error": "not now"}
        await page.route(
            "**/send/m.room.message/**", lambda route: route.fulfill(status=403, json=refused)
        )
        await write(page, "되돌아올 글")
        failed = message(page, "되돌아올 글")
        await expect(failed.get_by_role("alert")).to_contain_text("서버가 받아들이지 않았습니다")
        await page.unroute("**/send/m.room.message/**")
        await failed.get_by_role("button", name="다시 보내기").click()
        await expect(failed.get_by_role("alert")).to_have_count(0)
        await expect(page.locator("article[data-event]", has_text="되돌아올 글")).to_have_count(1)


async def test_the_keyboard_alone_reads_and_answers(web: Web) -> None:
    minji, john, room_id = await two(web)
    for n in range(5):
        await john.send_text(room_id, f"줄 {n}")
    async with web.page(minji, at=at(room_id)) as page:
        await message(page, "줄 4").wait_for()
        await page.get_by_role("log", name="메시지").focus()
        await page.keyboard.press("ArrowDown")
        await page.keyboard.press("ArrowUp")
        await expect(message(page, "줄 3")).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("menu")).to_be_visible()
        await check_accessible(page)
        await page.keyboard.press("Escape")
        await expect(message(page, "줄 3")).to_be_focused()
        await page.keyboard.press("Enter")
        await page.get_by_role("menuitem", name="답장", exact=True).press("Enter")
        await expect(page.locator(".composer .about")).to_contain_text("줄 3")


async def test_a_report_reaches_the_server(web: Web) -> None:
    minji, john, room_id = await two(web)
    await john.send_text(room_id, "나쁜 말")
    async with web.page(minji, at=at(room_id)) as page:
        async with page.expect_response("**/report/**") as answer:
            await choose(page, "나쁜 말", "신고")
            await page.get_by_label("무엇이 문제인가요?").fill("욕설")
            await page.get_by_role("button", name="신고하기").click()
        assert (await answer.value).ok


async def test_who_reads_in_private_is_not_told_of(web: Web) -> None:
    minji, john, room_id = await two(web)
    async with web.page(minji, at=at(room_id)) as ours:
        await write(ours, "읽었는지 몰라도 돼요")
        async with web.page(john, at="#/settings") as theirs:
            await theirs.get_by_label("내가 읽은 것을 다른 사람에게 알리기").uncheck()
            async with theirs.expect_response("**/receipt/m.read.private/**") as answer:
                await theirs.goto(f"{web.url}/{at(room_id)}")
            assert (await answer.value).ok
            await write(theirs, "네")  # who answers has read
            await expect(message(ours, "네").locator(".waiting")).to_have_count(0)
            await expect(message(ours, "읽었는지").locator(".waiting")).to_have_count(0)
