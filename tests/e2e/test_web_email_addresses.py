"""E-mail addresses in the browser client's settings, with real letters: added, used, removed; and
what is said when it does not go well."""

import re
from collections.abc import AsyncIterator

import pytest_asyncio
from harness.bongsu import Bongsu
from harness.matrix import User, call
from letters import (
    ACCOUNT,
    Post,
    ask,
    by_password,
    follow,
    give_address,
    mailing_server,
    new_address,
)
from playwright.async_api import Browser, Locator, Page, Route, expect
from web_browser import Web, check_accessible, in_one_browser, opened_browser, picture, settled
from web_letters import open_link

pytestmark = in_one_browser

LETTERS_AT_ONCE = 5  # to one address
LATER = "() => Object.assign(Date, { now: ((now) => () => now() + 60_000)(Date.now) })"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with opened_browser() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def with_mail(mailing: tuple[Bongsu, Post], browser: Browser) -> AsyncIterator[Web]:
    web = Web(mailing[0].url, browser)
    yield web
    await web.close()


async def test_an_address_is_added_used_and_removed(with_mail: Web, post: Post) -> None:
    """As on a phone: the page is put away while its person reads the letter."""
    minji, address = await with_mail.person("민지"), new_address()
    async with with_mail.page(minji, at="#/settings/email", size="phone") as page:
        part = page.get_by_role("region", name="이메일", exact=True)
        await part.get_by_role("button", name="이메일 주소 추가").click()
        await expect(part.get_by_label("이메일 주소")).to_be_focused()
        await part.get_by_label("이메일 주소").fill(address.upper())
        await check_accessible(page)
        await part.get_by_role("button", name="링크 보내기").click()
        await expect(part.get_by_text("주소로 편지를 보냈습니다")).to_be_focused()
        await check_accessible(page)
        await picture(page, "web-email", whole=False, at="#email")

        dialog = await confirm(page, "확인했습니다", "wrong")
        await expect(dialog.get_by_role("alert")).to_have_text("비밀번호가 맞지 않습니다.")
        await check_accessible(page)
        await dialog.get_by_label("비밀번호", exact=True).fill("wonderland")
        await dialog.get_by_role("button", name="등록").click()
        await expect(dialog.get_by_role("alert")).to_contain_text("링크를 열어 확인하지 않았거나")
        letter = await post.letter_to(address)
        await page.reload()
        await settled(page)
        await open_link(page, letter)
        await confirm(page, "확인했습니다", "wonderland")
        await page.get_by_text("이메일 주소를 등록했습니다").wait_for()
        await expect(part.get_by_role("listitem")).to_have_text([re.compile(address)])
        await expect(part.get_by_role("heading")).to_be_focused()
        assert await addresses_of(minji) == [address]
        assert await page.evaluate("() => sessionStorage.getItem('bongsu.email-letter')") is None

        await forget_password(with_mail, post, address, "새로 지은 비밀번호")

        await part.get_by_role("button", name=f"{address} 지우기").click()
        question = page.get_by_role("dialog")
        await expect(question).to_contain_text("마지막 주소입니다")
        await question.get_by_role("button", name="취소").click()
        assert await addresses_of(minji) == [address]
        await part.get_by_role("button", name=f"{address} 지우기").click()
        await question.get_by_role("button", name="지우기", exact=True).click()
        await page.get_by_text("이메일 주소를 지웠습니다").wait_for()
        await expect(part.get_by_role("listitem")).to_have_count(0)
        await expect(part.get_by_role("heading")).to_be_focused()
        assert await addresses_of(minji) == []


async def test_what_goes_wrong_is_told_and_what_was_typed_stays(with_mail: Web, post: Post) -> None:
    """By the keyboard alone, in the dark."""
    minji = await with_mail.person("Minji")
    own, free = await give_address(minji.client, post, minji), new_address()
    async with with_mail.page(minji, at="#/settings/email", language="en", dark=True) as page:
        part = page.get_by_role("region", name="E-mail", exact=True)
        await part.get_by_role("button", name="Add an e-mail address").press("Enter")
        field = part.get_by_label("E-mail address")
        for typed, told in (
            (f"{'x' * 70}@example.org", "This is no e-mail address"),
            (own.upper(), "Your account has this address already"),
        ):
            await field.fill(typed)
            await page.keyboard.press("Enter")
            await expect(part.get_by_role("alert")).to_contain_text(told)
            await expect(field).to_have_value(typed)
        await page.route("**/requestToken", lambda route: route.abort("connectionfailed"))
        await field.fill(free)
        await page.keyboard.press("Enter")
        await expect(part.get_by_role("alert")).to_contain_text("The server cannot be reached")
        await check_accessible(page)
        await page.get_by_role("link", name="Outages").click()
        await page.get_by_role("link", name="Settings").click()
        await expect(field).to_have_value(free)
        await page.unroute("**/requestToken")
        await field.press("Enter")
        await expect(part.get_by_text(f"A letter is on its way to {free}")).to_be_focused()
        await post.letter_to(free)
        await check_accessible(page)
        await part.get_by_role("button", name="Use another address").press("Enter")
        await expect(field).to_be_focused()
        await expect(field).to_have_value(free)
        await field.press("Enter")
        await open_link(page, await post.letter_to(free))
        await page.route("**/account/3pid/add", lose_answer)
        dialog = await confirm(page, "I have confirmed it", "wonderland")
        await expect(dialog.get_by_role("alert")).to_contain_text("cannot be reached")
        await page.unroute("**/account/3pid/add")
        await dialog.get_by_role("button", name="Add").press("Enter")
        await page.get_by_text("The e-mail address has been added").wait_for()
        await expect(part.get_by_role("listitem")).to_contain_text([own, free])


async def test_letters_are_few(browser: Browser) -> None:
    """The page asks for no more at once, and however it is asked, the server sends no more."""
    with mailing_server(BONGSU_RATE_LIMITS="on") as (bongsu, post):
        web, address = Web(bongsu.url, browser), new_address()
        minji = await web.person("Minji")
        async with web.page(minji, at="#/settings/email", language="en") as page:
            part = await ask_for_letter(page, address)
            again = part.get_by_role("button", name="Send it again")
            await again.click()
            await expect(part.get_by_role("alert")).to_contain_text("It has just been sent")
            for letters in range(2, LETTERS_AT_ONCE + 1):
                await page.evaluate(LATER)
                await again.click()
                await expect(part.get_by_role("status")).to_contain_text(f"sent {letters} times")
            await expect(again).to_be_focused()
            await page.evaluate(LATER)
            await again.click()
            await expect(part.get_by_role("alert")).to_contain_text(
                "5 letters have been sent there"
            )
            await part.get_by_role("button", name="Use another address").click()
            await part.get_by_role("button", name="Send the link").click()
            await expect(part.get_by_role("alert")).to_contain_text("Too many attempts.")
            await expect(part.get_by_role("alert")).to_contain_text("minutes")
            await expect(part.get_by_label("E-mail address")).to_have_value(address)
        for _ in range(LETTERS_AT_ONCE):
            await post.letter_to(address)
        assert post.count() == 0
        await web.close()


async def test_an_address_that_another_took_meanwhile(with_mail: Web, post: Post) -> None:
    minji, john = await with_mail.person("Minji"), await with_mail.person("John")
    address = new_address()
    async with with_mail.page(minji, at="#/settings/email", language="en") as page:
        await ask_for_letter(page, address)
        letter = await post.letter_to(address)
        proof = await ask(john.client, "account/3pid", address)
        assert await follow(john.client, post, address) == 200
        body = {**proof, "auth": by_password(john)}
        await call(john.client, "POST", f"{ACCOUNT}/3pid/add", body, token=john.token)
        await open_link(page, letter)
        dialog = await confirm(page, "I have confirmed it", "wonderland")
        await expect(dialog.get_by_role("alert")).to_contain_text("Another account uses")
    assert await addresses_of(minji) == []


async def test_a_server_without_mail_says_so(web: Web) -> None:
    minji = await web.person("민지")
    async with web.page(minji, at="#/settings/email") as page:
        part = page.get_by_role("region", name="이메일", exact=True)
        await expect(part).to_contain_text("이 서버는 메일을 보내지 않아")
        await expect(part.get_by_role("button")).to_have_count(0)


async def ask_for_letter(page: Page, address: str) -> Locator:
    """The part of the settings, in English, the letter being on its way."""
    part = page.get_by_role("region", name="E-mail", exact=True)
    await part.get_by_role("button", name="Add an e-mail address").click()
    await part.get_by_label("E-mail address").fill(address)
    await part.get_by_role("button", name="Send the link").click()
    await part.get_by_text("A letter is on its way").wait_for()
    return part


async def confirm(page: Page, name: str, password: str) -> Locator:
    """Say that the link was opened, and give the password; the dialog."""
    await page.get_by_role("button", name=name).press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label(re.compile("^(비밀번호|Password)$")).fill(password)
    await page.keyboard.press("Enter")
    return dialog


async def forget_password(web: Web, post: Post, address: str, password: str) -> None:
    """Set another one at the door, and be signed in by it; other devices stay signed in."""
    async with web.page() as page:
        await page.get_by_role("button", name="비밀번호를 잊으셨나요?").click()
        await page.get_by_label("이메일 주소").fill(address)
        await page.get_by_role("button", name="링크 보내기").click()
        await open_link(page, await post.letter_to(address))
        await page.get_by_label("다른 기기에서 모두 로그아웃").uncheck()
        await page.get_by_label("새 비밀번호").fill(password)
        await page.get_by_role("button", name="비밀번호 바꾸고 로그인").click()
        await settled(page)


async def lose_answer(route: Route) -> None:
    """The server does what it was asked to, and nobody hears of it."""
    await route.fetch()
    await route.abort("connectionreset")


async def addresses_of(user: User) -> list[str]:
    return [each["address"] for each in (await user.call("GET", "/account/3pid"))["threepids"]]
