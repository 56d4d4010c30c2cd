"""A forgotten password at the browser client's door, with the real letter; offered only by a server
that sends mail."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from harness.bongsu import Bongsu
from harness.matrix import MatrixError, User, login
from letters import Post, give_address, new_address
from playwright.async_api import Page, expect
from web_browser import Web, check_accessible, in_one_browser, opened_browser, picture, settled
from web_letters import open_link

pytestmark = in_one_browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def with_mail(mailing: tuple[Bongsu, Post]) -> AsyncIterator[Web]:
    async with opened_browser() as browser:
        web = Web(mailing[0].url, browser)
        yield web
        await web.close()


async def test_a_forgotten_password_is_set_anew(with_mail: Web, post: Post) -> None:
    """As on a phone: the page is put away while its person reads the letter."""
    minji = await with_mail.person("민지")
    other = await minji.login_again()
    address = await give_address(minji.client, post, minji)
    async with with_mail.page(size="phone") as page:
        await page.get_by_role("button", name="비밀번호를 잊으셨나요?").click()
        await page.get_by_label("이메일 주소").fill(address)
        await check_accessible(page)
        await page.get_by_role("button", name="링크 보내기").click()
        await expect(page.get_by_text(f"{address} 주소를 쓰는 계정이 있으면")).to_be_focused()
        await check_accessible(page)
        await picture(page, "web-forgotten")

        await set_password(page, "새로 지은 비밀번호")
        await expect(page.get_by_role("alert")).to_contain_text("링크를 열지 않았거나")
        letter = await post.letter_to(address)
        await page.reload()
        await open_link(page, letter)
        await set_password(page, "새로 지은 비밀번호")
        await settled(page)
        assert await page.evaluate("() => sessionStorage.length") == 0
    assert (await login(minji.client, minji.user_id, "새로 지은 비밀번호")).user_id == minji.user_id
    assert await is_refused(minji, "wonderland")
    with pytest.raises(MatrixError):
        await other.call("GET", "/account/whoami")


async def test_other_devices_stay_signed_in_if_wanted(with_mail: Web, post: Post) -> None:
    minji = await with_mail.person("민지")
    address = await give_address(minji.client, post, minji)
    async with with_mail.page(language="en") as page:
        await page.get_by_role("button", name="Forgot your password?").click()
        await page.get_by_label("E-mail address").fill(address)
        await page.get_by_role("button", name="Send the link").click()
        await post.letter_to(address)
        await page.get_by_role("button", name="Send it again").click()
        await expect(page.get_by_text("It was sent once more.")).to_be_visible()
        await open_link(page, await post.letter_to(address))
        await page.get_by_label("Sign out of all other devices").uncheck()
        await page.get_by_label("New password").fill("a much better one")
        await page.get_by_role("button", name="Change it and sign in").click()
        await settled(page)
    assert (await minji.call("GET", "/account/whoami"))["user_id"] == minji.user_id


async def test_nobody_learns_who_has_an_account(with_mail: Web, post: Post) -> None:
    """The page says the same for an address of nobody; no letter goes out, and it can be left."""
    address = new_address()
    async with with_mail.page() as page:
        await page.get_by_role("button", name="비밀번호를 잊으셨나요?").click()
        await page.get_by_label("이메일 주소").fill(address)
        await page.get_by_role("button", name="링크 보내기").click()
        await expect(page.get_by_text(f"{address} 주소를 쓰는 계정이 있으면")).to_be_visible()
        await page.get_by_role("button", name="다른 주소 쓰기").click()
        await expect(page.get_by_label("이메일 주소")).to_be_visible()
        await page.get_by_role("button", name="계정이 있으신가요? 로그인").click()
        await expect(page.get_by_role("button", name="로그인", exact=True)).to_be_visible()
    assert post.count() == 0


async def test_a_server_without_mail_offers_nothing(web: Web) -> None:
    async with web.page() as page:
        async with page.expect_response(re.compile("/_matrix/client/versions")):
            await page.reload()
        await page.get_by_role("button", name="로그인", exact=True).wait_for()
        await expect(page.get_by_text("비밀번호를 잊으셨나요?")).to_have_count(0)


async def set_password(page: Page, password: str) -> None:
    await page.get_by_label("새 비밀번호").fill(password)
    await page.get_by_role("button", name="비밀번호 바꾸고 로그인").click()


async def is_refused(user: User, password: str) -> bool:
    try:
        await login(user.client, user.user_id, password)
    except MatrixError:
        return True
    return False
