"""Notices over HTTP with a real PostgreSQL: publishing, the public pages, feeds, bad input."""

import asyncio
import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fixtures.desk_house import DeskHouse
from harness.desk import Visitor

from bongsu.desk.roles import Role
from bongsu.users.tokens import now_ms

EVIL = '<script>alert(1)</script>"><img src=x onerror=y>'
HOME = "/operator/notices"
ATOM = "{http://www.w3.org/2005/Atom}"


async def until(is_so: Callable[[], Awaitable[bool]], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not await is_so():
            await asyncio.sleep(0.05)


async def shown(visitor: Visitor, path: str, text: str) -> str:
    """The page at `path` once it shows `text`."""
    page = ""

    async def is_there() -> bool:
        nonlocal page
        page = (await visitor.get(path)).text
        return text in page

    await until(is_there)
    return page


async def add_service(
    publisher: Visitor, service_id: str, korean: str, english: str, site: str = "seoul"
) -> None:
    names = {"service_id": service_id, "name_ko": korean, "name_en": english}
    page = await publisher.post(f"{HOME}/services", names, form_at=HOME)
    assert page.status == 200, page.text
    component = {"service_id": service_id, "site": site, "probe": ""}
    page = await publisher.post(f"{HOME}/components", component, form_at=HOME)
    assert page.status == 200, page.text


def incident(**other: str | list[str]) -> dict[str, str | list[str]]:
    return {
        "kind": "incident", "impact": "major_outage", "title_ko": "메시지 전송 장애",
        "title_en": "Messages are not sent", "service": ["messages"], "phase": "investigating",
        "text_ko": "원인을 찾고 있습니다.", "text_en": "We are looking for the cause.",
        "post_key": "k" * 24, **other,
    }  # fmt: skip


async def test_an_incident_from_the_first_word_to_the_last(desk_house: DeskHouse) -> None:
    publisher = await desk_house.operator("alice", Role.PUBLISHER)
    reader, korean = desk_house.visitor(), desk_house.visitor(language="ko")
    assert "No services are listed yet" in (await reader.get("/")).text
    await add_service(publisher, "messages", "메시지", "Messages")
    await shown(reader, "/", "All services are up")

    page = await publisher.post(f"{HOME}/new", incident())
    assert page.status == 200, page.text
    incident_id = page.path.rpartition("/")[2]
    again = await publisher.post(f"{HOME}/new", incident())
    assert again.path == page.path  # the same form again
    front = await shown(reader, "/", "Messages are not sent")
    assert front.count("Messages are not sent") == 1
    assert "Services are down" in front
    assert "메시지 전송 장애" in await shown(korean, "/", "서비스 장애가 발생했습니다")

    where = f"{HOME}/incidents/{incident_id}"
    for number, phase in enumerate(("identified", "recovering", "resolved")):
        update = {"phase": phase, "text_en": f"Now {phase}.", "post_key": f"key-{number}" * 4}
        for _ in range(2):  # a doubled submit
            assert (await publisher.post(where, update)).status == 200
    await shown(reader, "/", "All services are up")
    page_text = await shown(reader, f"/incidents/{incident_id}", "Now resolved.")
    assert page_text.index("Now resolved") < page_text.index("Now identified")
    assert page_text.count("<li id=") == 4
    assert "한국어 번역이 아직 없습니다" in (await korean.get(f"/incidents/{incident_id}")).text

    feed = ElementTree.fromstring((await reader.get("/feed.atom")).text)
    assert len(feed.findall(f"{ATOM}entry")) == 4
    document = json.loads((await reader.get("/feed.json")).text)
    assert [item["tags"][0] for item in document["items"]] == [
        "resolved", "recovering", "identified", "investigating",
    ]  # fmt: skip
    summary = json.loads((await reader.get("/status.json")).text)
    assert summary["health"] == "operational"
    assert 0 < summary["services"][0]["uptime_90_days"] < 1
    audit = await desk_house.parts.audit.list_latest(100)
    assert sum(entry.action == "notices.add_update" for entry in audit) == 3


async def test_planned_work_weighs_while_it_lasts(desk_house: DeskHouse) -> None:
    publisher = await desk_house.operator("alice", Role.PUBLISHER)
    await add_service(publisher, "messages", "메시지", "Messages")
    zone = desk_house.parts.face.zone
    begins = datetime.now(zone) + timedelta(hours=2)
    planned = incident(
        kind="planned", impact="maintenance", phase="scheduled", title_en="New cables",
        started=begins.strftime("%Y-%m-%dT%H:%M"),
        ends=(begins + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M"),
    )  # fmt: skip
    page = await publisher.post(f"{HOME}/new", planned, form_at=f"{HOME}/new?kind=planned")
    assert page.status == 200, page.text
    reader = desk_house.visitor()
    front = await shown(reader, "/", "New cables")
    assert "All services are up" in front
    board = desk_house.desk.notices.keeper.board
    in_three_quarters = int((begins + timedelta(minutes=30)).timestamp() * 1000)
    assert board.health(in_three_quarters) == "maintenance"
    assert [each.titles["en"] for each in board.planned(now_ms())] == ["New cables"]


WRONG: list[dict[str, str | list[str]]] = [
    {"title_ko": "", "title_en": "  "},
    {"title_en": "x" * 201},
    {"text_en": "x" * 5001},
    {"text_en": "x" * 300_000},
    {"text_en": "bell \x07"},
    {"service": []},
    {"service": ["nothing"]},
    {"impact": "unknown"},
    {"impact": EVIL},
    {"kind": "joke"},
    {"phase": "completed"},
    {"started": "yesterday"},
    {"started": "2999-01-01T00:00"},
    {"started": "0001-01-01T00:00"},
    {"started": (datetime.now(UTC) - timedelta(days=800)).strftime("%Y-%m-%dT%H:%M")},
    {"kind": "planned", "phase": "scheduled"},
    {"post_key": "short"},
]


async def test_a_wrong_notice_is_refused(desk_house: DeskHouse) -> None:
    publisher = await desk_house.operator("alice", Role.PUBLISHER)
    await add_service(publisher, "messages", "메시지", "Messages")
    for wrong in WRONG:
        page = await publisher.post(f"{HOME}/new", incident(**wrong))
        assert page.status in (400, 413), wrong
        assert "<script>alert" not in page.text
    assert await desk_house.database.fetch("SELECT * FROM notice_incident") == []


async def test_html_in_every_field_stays_text(desk_house: DeskHouse) -> None:
    publisher = await desk_house.operator("alice", Role.PUBLISHER)
    await add_service(publisher, "messages", EVIL, EVIL)
    health = {"component": "messages/seoul", "health": "degraded", "note_en": EVIL}
    assert (await publisher.post(f"{HOME}/health", health, form_at=HOME)).status == 200
    evil = incident(title_ko=EVIL, title_en=EVIL, text_ko=EVIL, text_en=f"{EVIL}\n]]>&amp;{EVIL}")
    where = (await publisher.post(f"{HOME}/new", evil)).path
    reader = desk_house.visitor()
    await shown(reader, "/", "]]&gt;")
    public = f"/incidents/{where.rpartition('/')[2]}"
    for visitor, path in ((reader, "/"), (reader, "/history"), (reader, public), (publisher, HOME)):
        text = (await visitor.get(path)).text
        assert "<script>alert" not in text
        assert "<img src=x" not in text
    feed = ElementTree.fromstring((await reader.get("/feed.atom")).text)
    content = feed.find(f"{ATOM}entry/{ATOM}content")
    assert content is not None
    assert content.text == f"{EVIL}\n]]>&amp;{EVIL}"
    for bad in ("", "UPPER", "a b", "x" * 41, "../..", EVIL):
        names = {"service_id": bad, "name_en": "x"}
        assert (await publisher.post(f"{HOME}/services", names, form_at=HOME)).status == 400
    for probe in ("file:///etc/passwd", "http://u:p@host/", "http://[", "gopher://x", EVIL):
        component = {"service_id": "messages", "site": "seoul", "probe": probe}
        assert (await publisher.post(f"{HOME}/components", component, form_at=HOME)).status == 400


async def test_only_publishers_publish(desk_house: DeskHouse) -> None:
    for visitor in (
        await desk_house.operator("bob", Role.ADMIN, Role.APPROVER, Role.ASSESSOR),
        desk_house.visitor(),
    ):
        page = await visitor.get(f"{HOME}/new")
        assert page.status == 403 or page.path.startswith("/operator/sign-in")


async def test_the_copy_is_whole_and_needs_nobody(desk_house: DeskHouse, tmp_path: Path) -> None:
    publisher = await desk_house.operator("alice", Role.PUBLISHER)
    await add_service(publisher, "messages", "메시지", "Messages")
    page = await publisher.post(f"{HOME}/new", incident())
    incident_id = page.path.rpartition("/")[2]
    folder = tmp_path / "desk" / "public"

    async def is_written() -> bool:
        index = folder / "index.en.html"
        return index.exists() and "Messages are not sent" in index.read_text()

    await until(is_written)
    for name in (
        "index.html", "history.ko.html", "feed.ko.atom", "feed.en.json", "status.json",
        f"incident.{incident_id}.ko.html", f"incident.{incident_id}.en.html",
    ):  # fmt: skip
        assert (folder / name).stat().st_size > 0
    html = (folder / "index.en.html").read_text()
    assert f'href="incident.{incident_id}.en.html"' in html
    for reference in _local_references(html):
        assert (folder / reference).exists(), reference
    assert not [path for path in folder.iterdir() if path.name.endswith(".new")]


def _local_references(html: str) -> list[str]:

    found = re.findall(r'(?:href|src)="([^"#?]+)"', html)
    return [each for each in found if "://" not in each]
