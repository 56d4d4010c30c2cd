"""The browser client's list, friends, groups, invitations and what is said of a room."""

import asyncio
import re
from typing import Any
from urllib.parse import quote

from harness.matrix import User
from playwright.async_api import Page, expect
from web_browser import (
    Web,
    check_accessible,
    hearing_nothing,
    in_one_browser,
    picture,
    settled,
)

pytestmark = in_one_browser

PATIENCE_SECONDS = 60.0
MANY_ROOMS = 130  # more than are drawn at once
PICTURE = (  # a PNG of one red pixel
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02\x00\x00\x00\x90wS\xde"
    b"\x00\x00\x00\x0cIDATx\x9cc\xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef"
    b"\x00\x00\x00\x00IEND\xaeB`\x82"
)


def row_of(page: Page, name: str) -> Any:
    return page.locator(".room-list .room-row", has=page.locator(".name", has_text=name))


def address_of(room_id: str) -> str:
    """As the client writes it."""
    return f"#/room/{quote(room_id, safe='!')}"


async def direct_rooms(user: User) -> dict[str, list[str]]:
    path = f"/user/{quote(user.user_id)}/account_data/m.direct"
    return await user.call("GET", path)


async def test_the_list_says_what_was_said_last_and_counts_what_is_new(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("John")
    rooms: dict[str, str] = {}
    for name in ("등산", "점심", "가족"):
        rooms[name] = await minji.create_room(name=name, preset="public_chat")
        await john.join(rooms[name])
    await john.send_text(rooms["등산"], "정상에서 만나요")
    async with web.page(minji) as page:
        await expect(page.locator(".room-list .name").first).to_have_text("등산")
        await expect(row_of(page, "등산").locator(".line")).to_have_text("John: 정상에서 만나요")
        await expect(row_of(page, "등산").get_by_label("안 읽음 1")).to_be_visible()
        await expect(page).to_have_title(re.compile(r"\(1\)"))
        await expect(page.locator("link[rel=icon]")).to_have_attribute("href", re.compile("^data:"))

        await john.send(
            rooms["점심"], {"msgtype": "m.image", "body": "IMG_1.png", "url": "mxc://a/b"}
        )
        await expect(page.locator(".room-list .name").first).to_have_text("점심")
        await expect(row_of(page, "점심").locator(".line")).to_have_text("John: 사진")
        mention = {
            "msgtype": "m.text",
            "body": "민지!",
            "m.mentions": {"user_ids": [minji.user_id]},
        }
        called = await john.send(rooms["가족"], mention)
        await expect(row_of(page, "가족").get_by_label("나를 부름 1")).to_be_visible()
        # A reaction is nothing said; a redaction changes what was.
        reaction = {"rel_type": "m.annotation", "event_id": called, "key": "👍"}
        path = f"/rooms/{quote(rooms['등산'])}/send/m.reaction/r1"
        await john.call("PUT", path, {"m.relates_to": reaction})
        path = f"/rooms/{quote(rooms['가족'])}/redact/{quote(called)}/r2"
        await john.call("PUT", path, {})
        await expect(row_of(page, "가족").locator(".line")).to_have_text("John: 삭제된 메시지")
        await expect(row_of(page, "등산").locator(".line")).to_have_text("John: 정상에서 만나요")
        await check_accessible(page)
        await picture(page, "web-list")


async def test_pinned_muted_and_marked_rooms_are_so_for_the_account(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("John")
    first = await minji.create_room(name="첫째", preset="public_chat")
    await john.join(first)
    await minji.create_room(name="둘째")
    async with web.page(minji) as page:

        async def choose(name: str, item: str) -> None:
            await row_of(page, name).get_by_role("link").click(button="right")
            await page.get_by_role("dialog").get_by_role("button", name=item).click()

        await expect(page.locator(".room-list .name").first).to_have_text("둘째")
        await choose("첫째", "맨 위에 고정")
        await expect(page.locator(".room-list .name").first).to_have_text("첫째")
        await choose("첫째", "알림 끄기")
        await expect(row_of(page, "첫째").get_by_label("알림 꺼짐")).to_be_visible()
        rules = (await minji.call("GET", "/pushrules/"))["global"]["override"]
        assert [rule["actions"] for rule in rules if rule["rule_id"] == first] == [[]]

        await john.send_text(first, "조용히")
        await expect(row_of(page, "첫째").get_by_label("새 메시지 있음")).to_be_visible()
        await choose("첫째", "읽음으로 표시")
        await expect(row_of(page, "첫째").get_by_label("새 메시지 있음")).to_be_hidden()
        await choose("둘째", "안 읽음으로 표시")
        await expect(row_of(page, "둘째").get_by_label("안 읽음으로 표시됨")).to_be_visible()
        await choose("첫째", "알림 켜기")
        await choose("첫째", "고정 해제")
        await row_of(page, "둘째").get_by_role("link").click()
        await expect(row_of(page, "둘째").get_by_label("안 읽음으로 표시됨")).to_be_hidden()

        await choose("둘째", "나가기")
        await page.get_by_role("dialog").get_by_role("button", name="취소").click()
        await choose("둘째", "나가기")
        await page.get_by_role("dialog").get_by_role("button", name="나가기").click()
        await expect(row_of(page, "둘째")).to_have_count(0)
        await expect(page).to_have_url(f"{web.url}/#/")


async def test_a_friend_is_found_and_the_chat_with_them_is_one(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("John")
    async with (
        web.page(minji, at="#/people") as ours,
        web.page(john, language="en", size="phone") as theirs,
    ):
        await ours.get_by_label("이름이나 아이디로 찾기").fill(john.user_id[1:].split(":")[0])
        await ours.locator("main").get_by_role("button", name="John").click()
        await ours.get_by_role("button", name="대화하기").click()
        await ours.wait_for_url("**/#/room/**")

        await theirs.get_by_role("button", name="Accept").click()
        await theirs.wait_for_url("**/#/room/**")
        [[room_id]] = (await direct_rooms(minji)).values()
        assert await direct_rooms(john) == {minji.user_id: [room_id]}

        await ours.goto(f"{web.url}/#/people")
        await expect(ours.locator("main .room-row .name")).to_have_text("John")
        await check_accessible(ours)
        await ours.get_by_label("John 프로필").click()
        await expect(ours.get_by_role("dialog").get_by_text(john.user_id)).to_be_visible()
        await check_accessible(ours)
        await ours.get_by_role("button", name="대화하기").click()
        await ours.wait_for_url(f"**/{address_of(room_id)}")
        assert await direct_rooms(minji) == {john.user_id: [room_id]}


async def test_a_new_chat_opens_even_before_the_sync_tells_of_it(web: Web) -> None:
    """What one has just made is no invitation of somebody else's; then one can write at once."""
    minji, john = await web.person("민지"), await web.person("John")
    async with web.page(minji, at="#/people") as page:
        await page.get_by_label("이름이나 아이디로 찾기").fill(john.user_id)
        await page.locator("main").get_by_role("button", name="John").click()
        async with hearing_nothing(page, minji.create_room(name="먼저")):
            await page.get_by_role("button", name="대화하기").click()
            await page.wait_for_url("**/#/room/**")
            await expect(page.locator("main").get_by_text("여는 중…")).to_be_visible()
            await expect(page.get_by_text("초대받은 사람만")).to_have_count(0)
        await expect(page.locator(".composer textarea")).to_be_visible()
        await expect(page.locator(".room-head").get_by_text("수락 기다리는 중")).to_be_visible()


async def test_a_new_group_with_one_person_and_no_name_is_the_chat_with_them(web: Web) -> None:
    """There one answers without a further click, and going back closes a card over the page."""
    minji, john = await web.person("민지"), await web.person("John")
    async with web.page(minji, at="#/new") as page:
        await page.get_by_label("이름이나 아이디로 찾기").fill(john.user_id)
        await page.get_by_role("checkbox", name=re.compile("John")).check()
        await page.get_by_role("button", name="만들기", exact=True).click()
        await page.wait_for_url("**/#/room/**")
        [[room_id]] = (await direct_rooms(minji)).values()
        await john.join(room_id)
        await page.locator(".composer textarea").fill("몇 시에 볼까요?")
        await page.keyboard.press("Enter")
        await page.locator(".message.mine[data-event] .bubble").click(button="right")
        await page.get_by_role("menuitem", name="답장", exact=True).click()
        await expect(page.locator(".composer textarea")).to_be_focused()
        await page.keyboard.type("여덟 시요")
        await page.keyboard.press("Enter")
        await expect(page.locator(".message .bubble", has_text="여덟 시요")).to_be_visible()

        await page.get_by_role("navigation").get_by_role("link", name="친구").click()
        await page.get_by_label("John 프로필").click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.go_back()
        await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_somebodys_own_code_leads_to_them(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("John")
    async with web.page(john, language="en", at="#/people") as theirs:
        await theirs.get_by_role("button", name="My code").click()
        await expect(theirs.get_by_role("img", name="My code")).to_be_visible()
        address = await theirs.get_by_label("Invitation address").input_value()
    async with web.page(minji, at=address.removeprefix(f"{web.url}/")) as ours:
        card = ours.get_by_role("dialog", name="John")
        await expect(card.get_by_role("button", name="대화하기")).to_be_visible()


async def test_who_is_blocked_is_not_heard(web: Web) -> None:
    minji, mallory = await web.person("민지"), await web.person("Mallory")
    await mallory.create_room(invite=[minji.user_id], is_direct=True)
    async with web.page(minji) as page:
        await expect(page.get_by_role("button", name="거절")).to_be_visible()
        await page.get_by_label("대화, 사람, 메시지 찾기").fill(mallory.user_id)
        await page.locator(".found").get_by_role("button", name="Mallory").click()
        await page.get_by_role("dialog").get_by_role("button", name="이 사람 차단").click()
        question = page.get_by_role("dialog", name=re.compile("차단할까요"))
        await question.get_by_role("button", name="이 사람 차단").click()
        await expect(page.get_by_text("차단한 사람입니다.")).to_be_visible()
        path = f"/user/{quote(minji.user_id)}/account_data/m.ignored_user_list"
        assert await minji.call("GET", path) == {"ignored_users": {mallory.user_id: {}}}
        await page.get_by_role("button", name="닫기").click()
        await page.get_by_label("대화, 사람, 메시지 찾기").fill("")
        await expect(page.get_by_role("button", name="거절")).to_have_count(0)


async def test_a_group_is_made_and_whoever_asks_is_let_in(web: Web) -> None:
    minji, john, mina = [await web.person(name) for name in ("민지", "John", "Mina")]
    await minji.create_room(invite=[john.user_id], is_direct=True)
    async with (
        web.page(minji, at="#/new") as ours,
        web.page(at="", language="en", size="phone") as theirs,
    ):
        await ours.get_by_label("사진 고르기").set_input_files(
            {"name": "a.png", "mimeType": "image/png", "buffer": PICTURE}
        )
        await ours.get_by_label("대화방 이름").fill("주말 등산")
        await ours.get_by_label("이름이나 아이디로 찾기").fill(john.user_id[1:].split(":")[0])
        await ours.get_by_role("checkbox", name=re.compile("John")).check()
        await ours.get_by_label("주소를 받은 사람이 요청하면 허락").check()
        await check_accessible(ours)
        await ours.get_by_role("button", name="만들기", exact=True).click()
        await ours.wait_for_url("**/#/room/**")
        await expect(row_of(ours, "주말 등산").locator("img")).to_be_visible()

        room = ours.url.split("#/room/")[1]
        await ours.goto(f"{web.url}/#/room/{room}?panel=invite")
        await expect(ours.get_by_role("img", name="대화방 초대 코드")).to_be_visible()
        address = await ours.get_by_label("초대 주소").input_value()
        await check_accessible(ours)

        # A visitor who is signed out signs in and lands where the address leads.
        await theirs.goto(address)
        await theirs.reload()
        await theirs.get_by_label("Username").fill(mina.user_id[1:].split(":")[0])
        await theirs.get_by_label("Password", exact=True).fill("wonderland")
        await theirs.get_by_role("button", name="Sign in", exact=True).click()
        await settled(theirs)
        await expect(theirs.get_by_role("heading", name="주말 등산")).to_be_visible()
        await theirs.get_by_label("A word to them (optional)").fill("저도 가도 될까요?")
        await check_accessible(theirs)
        await theirs.get_by_role("button", name="Ask to join").click()
        await expect(theirs.get_by_text("You have asked.")).to_be_visible()

        await ours.goto(f"{web.url}/#/room/{room}?panel=members")
        await ours.get_by_role("button", name=re.compile("Mina.*들어오기를 요청")).click()
        await ours.get_by_role("button", name="들어오게 하기").click()
        await theirs.goto(f"{web.url}/#/")
        await theirs.get_by_role("button", name="Accept").click()
        await expect(theirs.get_by_role("heading", name="주말 등산")).to_be_visible()
        await ours.get_by_role("dialog").get_by_role("button", name="닫기").click()
        await expect(ours.locator(".member .name", has_text="Mina")).to_be_visible()


async def test_what_a_room_is_and_who_may_what(web: Web) -> None:
    minji, john, mina = [await web.person(name) for name in ("민지", "John", "Mina")]
    room_id = await minji.create_room(name="회의", preset="public_chat")
    await john.join(room_id)
    await mina.join(room_id)
    at = address_of(room_id)
    async with web.page(minji, at=f"{at}?panel=settings") as page:

        async def save(label: str, text: str) -> None:
            await page.get_by_label(label, exact=True).fill(text)
            await (
                page.locator("form", has=page.get_by_label(label, exact=True))
                .get_by_role("button", name="저장")
                .click()
            )

        async def state(event_type: str) -> dict[str, Any]:
            return await minji.call("GET", f"/rooms/{quote(room_id)}/state/{event_type}/")

        await save("이름", "주간 회의")
        await expect(page.get_by_role("heading", name="주간 회의")).to_be_visible()
        await save("주제", "월요일 아홉 시")
        await expect(page.locator("header").get_by_text("월요일 아홉 시")).to_be_visible()
        await page.get_by_label("누가 들어올 수 있나요?").select_option("invite")
        await page.get_by_label("지난 대화를 누가 보나요?").select_option("joined")
        await check_accessible(page)
        local = f"meeting{room_id[1:6].lower()}"
        alias = page.get_by_label(re.compile("^주소 이름"))
        await alias.fill("두 낱말")
        await page.locator("form", has=alias).get_by_role("button", name="저장").click()
        await expect(page.get_by_role("alert")).to_contain_text("빈칸")
        await alias.fill(local)
        await page.locator("form", has=alias).get_by_role("button", name="저장").click()
        await expect(page.locator("form", has=alias).get_by_role("button")).to_have_count(0)
        assert (await state("m.room.join_rules"))["join_rule"] == "invite"
        assert (await state("m.room.history_visibility"))["history_visibility"] == "joined"
        assert (await state("m.room.canonical_alias"))["alias"].startswith(f"#{local}:")

        await page.goto(f"{web.url}/{at}?panel=members")
        await page.get_by_label("참여자 찾기").fill("joh")
        await expect(page.locator(".member")).to_have_count(1)
        await check_accessible(page)
        await page.locator(".member").click()
        card = page.get_by_role("dialog", name="John")
        await card.get_by_label("역할").select_option("moderator")
        await expect(page.locator(".member .tag")).to_have_text("부관리자")
        await card.get_by_role("button", name="내보내기", exact=True).click()
        await (
            page.get_by_role("dialog", name=re.compile("내보낼까요"))
            .get_by_role("button", name="내보내기")
            .click()
        )
        await expect(page.locator(".member")).to_have_count(0)
        await card.get_by_role("button", name="닫기").click()

        await page.get_by_label("참여자 찾기").fill("mina")
        await page.locator(".member").click()
        card = page.get_by_role("dialog", name="Mina")
        await card.get_by_role("button", name="방에서 차단").click()
        await (
            page.get_by_role("dialog", name=re.compile("차단할까요"))
            .get_by_role("button", name="방에서 차단")
            .click()
        )
        await expect(page.locator(".member .tag")).to_have_text("차단됨")
        await card.get_by_role("button", name="방 차단 풀기").click()
        await expect(page.locator(".member")).to_have_count(0)
        await card.get_by_role("button", name="닫기").click()

        await page.goto(f"{web.url}/{at}?panel=info")
        await page.get_by_label("나를 부를 때만").check()
        await check_accessible(page)
        await picture(page, "web-room-page")
        await page.get_by_role("button", name="대화방 나가기").click()
        await page.get_by_role("dialog").get_by_role("button", name="나가기").click()
        await expect(row_of(page, "주간 회의")).to_have_count(0)


async def until_indexed(user: User, term: str) -> None:
    """The server's index has it: it follows what is said at a distance."""
    search = {"search_categories": {"room_events": {"search_term": term}}}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            answer = await user.call("POST", "/search", search)
            if answer["search_categories"]["room_events"]["results"]:
                return
            await asyncio.sleep(0.1)


async def test_one_search_finds_rooms_people_and_messages(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("김철수")
    room_id = await minji.create_room(name="봄 소풍", preset="public_chat")
    await john.join(room_id)
    wanted = await john.send_text(room_id, "도시락은 김밥으로 하겠습니다")
    await until_indexed(minji, "김밥으로")
    async with web.page(minji) as page:
        seek = page.get_by_label("대화, 사람, 메시지 찾기")
        found = page.locator(".found")
        await seek.fill("ㅂㅅㅍ")
        await expect(found.get_by_role("region", name="대화").locator(".name")).to_have_text(
            "봄 소풍"
        )
        await seek.fill("철수")
        await expect(found.get_by_role("region", name="사람").locator(".name")).to_have_text(
            "김철수"
        )
        await seek.fill("김밥으로")
        hit = found.get_by_role("region", name="메시지").get_by_role("link")
        await expect(hit.locator("mark").first).to_have_text("김밥으로")
        await check_accessible(page)
        await hit.click()
        await page.wait_for_url(f"**event={quote(wanted, safe='')}*")
        await page.goto(f"{web.url}/{address_of(room_id)}?panel=search")
        await page.get_by_label("찾을 말").fill("도시락은")
        await expect(page.locator(".room-info .found").get_by_role("link")).to_have_count(1)


async def test_of_many_rooms_those_in_sight_are_drawn_and_keys_reach_all(web: Web) -> None:
    minji = await web.person("민지")
    for number in range(MANY_ROOMS):
        await minji.create_room(name=f"방 {number:03}")
    async with web.page(minji) as page:
        await page.locator(".room-list .opens").first.wait_for()
        assert await page.locator(".room-list li").count() < MANY_ROOMS
        await page.get_by_label("대화, 사람, 메시지 찾기").focus()
        for below in (1, 2):  # a row takes the focus when it has been drawn
            await page.keyboard.press("ArrowDown")
            await expect(page.locator(":focus .name")).to_have_text(f"방 {MANY_ROOMS - below:03}")
        await page.keyboard.press("End")
        await expect(page.locator(":focus .name")).to_have_text("방 000")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/#/room/**")
        await expect(page.locator(".room-list [aria-current] .name")).to_have_text("방 000")


async def test_the_operators_notices_stand_apart(web: Web) -> None:
    minji, operator = await web.person("민지"), await web.person("운영자")
    room_id = await operator.create_room(name="공지", preset="public_chat")
    await minji.join(room_id)
    path = f"/user/{quote(minji.user_id)}/rooms/{quote(room_id)}/tags/m.server_notice"
    await minji.call("PUT", path, {})
    await minji.create_room(name="나중 방")
    async with web.page(minji) as page:
        await expect(page.locator(".room-list .name").first).to_have_text("공지")
        await expect(row_of(page, "공지").get_by_text("운영자 공지")).to_be_visible()
        await row_of(page, "공지").get_by_role("link").click()
        await expect(page.locator(".room-head").get_by_text("운영자 공지")).to_be_visible()


NOTIFICATIONS = """
  window.told = [];
  const Real = Notification;
  window.Notification = class extends Real {
    constructor(title, options) {
      super(title, options);
      window.told.push([title, options.body, this]);
    }
  };
"""


async def told_times(page: Page, times: int) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await page.evaluate("window.told.length") < times:
            await asyncio.sleep(0.05)


async def test_news_is_told_but_of_the_room_in_sight_and_of_muted_ones(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("John")
    rooms = [await minji.create_room(name=name, preset="public_chat") for name in ("가", "나")]
    for room_id in rooms:
        await john.join(room_id)
    async with web.context(minji, permissions=["notifications"]) as context:
        page = await context.new_page()
        await page.add_init_script(NOTIFICATIONS)
        await page.goto(f"{web.url}/{address_of(rooms[0])}")
        await settled(page)
        told = "window.told.map(([title, body]) => [title, body])"
        await john.send_text(rooms[0], "보고 있는 방")
        await john.send_text(rooms[1], "다른 방")
        await told_times(page, 1)
        assert await page.evaluate(told) == [["나", "John: 다른 방"]]
        await page.evaluate("window.told[0][2].onclick()")
        await page.wait_for_url(f"**/{address_of(rooms[1])}")

        await page.goto(f"{web.url}/#/settings/notifications")
        await page.get_by_label("새 메시지를 이 기기에서 알림").uncheck()
        await john.send_text(rooms[0], "꺼져 있음")
        await expect(row_of(page, "가").locator(".line")).to_have_text("John: 꺼져 있음")
        await page.get_by_label("새 메시지를 이 기기에서 알림").check()
        await john.send_text(rooms[0], "켜져 있음")
        await told_times(page, 2)
        assert (await page.evaluate(told))[1:] == [["가", "John: 켜져 있음"]]


async def test_a_phone_shows_it_all_in_the_dark_too(web: Web) -> None:
    minji, john = await web.person("민지"), await web.person("J" * 200)
    room_id = await minji.create_room(name="아주 긴 이름의 대화방 " * 10, invite=[john.user_id])
    await minji.send_text(room_id, "안녕하세요 " * 50)
    panels = ("info", "members", "invite", "settings")
    places = [
        "#/",
        "#/people",
        "#/new",
        *(f"{address_of(room_id)}?panel={each}" for each in panels),
    ]
    async with web.page(minji, size="phone", dark=True) as page:
        for at in places:
            await page.goto(f"{web.url}/{at}")
            await page.locator("h1:visible, h2:visible, .room-list:visible").first.wait_for()
            await check_accessible(page)
