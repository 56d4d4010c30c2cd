"""Letters of the server, read beside the browser client."""

import re
from email.message import EmailMessage

from letters import link_in
from playwright.async_api import Page, expect


async def open_link(page: Page, letter: EmailMessage) -> None:
    """In another tab, and press the button there: opening alone confirms nothing."""
    tab = await page.context.new_page()
    await tab.goto(link_in(letter))
    await tab.get_by_role("button").click()
    await expect(tab.locator("body")).to_contain_text(re.compile("확인되었습니다|Confirmed"))
    await tab.close()
