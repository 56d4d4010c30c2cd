"""Chapters one and two: it burns, and people are told while it burns."""

import asyncio

from bongsu.demo.stage import People, Stage
from bongsu.demo.visitor import Broken, Visitor

HOME = "/operator/notices"
TITLE = "Fire in a data centre"
FOUND = "A battery burnt, the power is off. Messages move to the other centre."
SHOWN_SECONDS_MAX = 120.0


async def fire(stage: Stage, people: People) -> str:
    """A service at two sites, and the incident."""
    paul = people.publisher
    names = {"service_id": "messages", "name_ko": "메시지", "name_en": "Messages"}
    await paul.post(f"{HOME}/services", names, at=HOME)
    for site in ("pangyo", "anyang"):
        await paul.post(f"{HOME}/components", {"service_id": "messages", "site": site}, at=HOME)
    form = await paul.get(f"{HOME}/new")
    await paul.post(
        f"{HOME}/new",
        {
            "post_key": form.hidden("post_key"), "kind": form.hidden("kind"), "title_en": TITLE,
            "title_ko": "데이터센터 화재", "service": "messages", "impact": "major_outage",
            "phase": "investigating", "text_en": "Messages cannot be sent.",
            "text_ko": "메시지를 보낼 수 없습니다.",
        },
        at=f"{HOME}/new",
    )  # fmt: skip
    await _shown(stage.visitor(), "/?lang=en", TITLE)
    return "the notice stands on the status page"


async def told(stage: Stage, people: People) -> str:
    """What was found, a while later; readers of the feed have it too."""
    paul = people.publisher
    path = (await paul.get(HOME)).found(rf'href="({HOME}/incidents/[^"]+)"')
    form = await _shown(paul, path, 'name="post_key"')
    update = {
        "post_key": form, "phase": "identified", "text_en": FOUND,
        "text_ko": "배터리가 타서 전원이 꺼졌습니다.",
    }  # fmt: skip
    await paul.post(path, update, at=path)
    reader = stage.visitor()
    for page in ("/?lang=en", "/feed.json?lang=en"):
        await _shown(reader, page, FOUND)
    return "a timed update stands on the page and in the feed"


async def _shown(reader: Visitor, path: str, text: str) -> str:
    """Wait until the page, which is rendered now and then, shows `text`; gives its form's key."""
    for _ in range(int(SHOWN_SECONDS_MAX / 0.5)):
        page = await reader.get(path)
        if text in page.text:
            return page.hidden("post_key") if "post_key" in page.text else ""
        await asyncio.sleep(0.5)
    raise Broken(f"{path} does not show {text!r}")
