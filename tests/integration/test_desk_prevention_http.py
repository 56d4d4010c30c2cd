"""Measures, statements and briefings over HTTP."""

import asyncio
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from fixtures.desk_house import DeskHouse
from fixtures.drill_reports import drill_report, drill_run
from harness.desk import File, Page, Visitor
from harness.desk_api import call, sender_token

from bongsu.desk.roles import Role
from bongsu.desk.statements.briefings import LINES_MAX
from bongsu.rooms.canonical_json import canonical_json

MEASURES = "/operator/measures"
PLAN = {
    "title_ko": "전원을 둘로", "title_en": "Two feeds", "description_ko": "인입을 둘로 나눈다",
    "owner": "시설팀", "due": "2020-01-01T00:00", "cause": "case/cause", "asked": "drill",
    "drills": "1", "how": "kill", "role": "any", "is_public": "yes",
}  # fmt: skip


async def prove(operator: Visitor, measure: str, name: str, body: bytes) -> int:
    page = await operator.post(
        f"{measure}/proof", files=[File("proof", name, body)], form_at=measure
    )
    return page.status


def later(seconds: float) -> float:
    """Unix time after the measure was made: no proof is older than it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).timestamp()


async def test_a_measure_is_closed_by_its_proof_and_opened_by_a_drill_that_fails(
    desk_house: DeskHouse,
) -> None:
    ann = await desk_house.operator("ann", Role.INVESTIGATOR)
    visitor = desk_house.visitor()
    page = await ann.post(f"{MEASURES}/new", PLAN)
    measure = page.path
    public = measure.removeprefix("/operator")
    assert "overdue" in (await visitor.get("/measures")).text
    assert await prove(ann, measure, "word.txt", b"we have done it") == 400
    tomorrow = drill_report(drill_run(began=later(2 * 24 * 3600)))
    assert await prove(ann, measure, "tomorrow.json", tomorrow) == 400
    assert (
        await prove(ann, measure, "bad.json", drill_report(drill_run(began=later(1), lost=1)))
        == 200
    )
    assert "does not hold" in (await visitor.get(public)).text
    assert "overdue" in (await visitor.get("/measures")).text
    assert await prove(ann, measure, "good.json", drill_report(drill_run(began=later(2)))) == 200
    closed = await visitor.get(public)
    assert "closed" in closed.text
    assert "good.json" not in closed.text  # how files are called is nobody's business
    assert "@ann" not in closed.text
    assert "overdue" not in (await visitor.get("/measures")).text

    token = await sender_token(ann)
    failed = drill_report(drill_run(began=later(100), lost=2))
    status, told = await call(desk_house, "POST", "/api/drill-reports", token=token, body=failed)
    assert (status, told["reopened"]) == (200, [measure.rpartition("/")[2]])
    assert "opened again" in (await visitor.get(public)).text
    _, listed = await call(desk_house, "GET", "/api/measures")
    assert [(one["state"], one["is_overdue"]) for one in listed["measures"]] == [("reopened", True)]


async def test_a_test_run_proves_what_is_asked_and_a_hidden_measure_stays_hidden(
    desk_house: DeskHouse,
) -> None:
    ann = await desk_house.operator("ann", Role.PUBLISHER)
    tests = {**PLAN, "asked": "tests", "patterns": "t::test_feed*", "is_public": ""}
    measure = (await ann.post(f"{MEASURES}/new", tests)).path
    visitor = desk_house.visitor()
    assert (await visitor.get(measure.removeprefix("/operator"))).status == 404
    assert "Two feeds" not in (await visitor.get("/measures")).text
    moment = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
    report = (
        f'<testsuite timestamp="{moment}"><testcase classname="t" name="test_feed_b"/></testsuite>'
    )
    assert await prove(ann, measure, "bomb.xml", b"<!DOCTYPE x><testsuite/>") == 400
    assert await prove(ann, measure, "report.xml", report.encode()) == 200
    assert "closed" in (await ann.get(measure)).text
    assert (await desk_house.visitor().get(measure)).path.startswith("/operator/sign-in")


async def test_a_statement_in_three_languages_shows_its_versions_and_hashes(
    desk_house: DeskHouse,
) -> None:
    cyd = await desk_house.operator("cyd", Role.PUBLISHER)
    fields: dict[str, Any] = {
        "kind": "apology", "language": ["ko", "en", "ja"],
        "title_0": "사과드립니다", "body_0": "서비스가 멈춰 죄송합니다.",
        "title_1": "Apology", "body_1": "We are sorry <script>alert(1)</script>",
        "title_2": "お詫び", "body_2": "申し訳ございません",
    }  # fmt: skip
    page = await cyd.post("/operator/statements", fields)
    path = page.path
    first = await cyd.post(f"{path}/publish", {"revision": "1"}, form_at=path)
    assert first.status == 200, first.text
    doubled = await cyd.post(f"{path}/publish", {"revision": "1"}, form_at=path)
    assert doubled.status == 400
    fields["body_0"] = "서비스가 오래 멈춰 죄송합니다."
    assert (await cyd.post(path, {**fields, "revision": "1"})).status == 200
    assert (await cyd.post(path, {**fields, "revision": "1"})).status == 409
    second = await cyd.post(f"{path}/publish", {"revision": "2"}, form_at=path)
    public = second.path.rpartition("/")[0]

    visitor = desk_house.visitor(language="ko")
    shown = (await visitor.get(f"{public}/2")).text
    assert re.search(r"<ins>\s?오래\s?</ins>", shown)
    assert "서비스가 멈춰 죄송합니다." in (await visitor.get(f"{public}/1")).text
    assert "お詫び" in (await visitor.get(f"{public}/1?in=ja")).text
    assert "<script>alert" not in (await visitor.get(f"{public}/1?in=en")).text
    before = "00" * 32
    for number in (1, 2):
        status, told = await call(desk_house, "GET", f"/api{public}/{number}")
        assert (status, told["previous_hash"]) == (200, before)
        content = [told["statement_id"], number, told["published_ts"], told["texts"]]
        hashed = hashlib.sha256(bytes.fromhex(before) + canonical_json(content)).hexdigest()
        assert hashed == told["hash"]  # anybody can work it out
        assert hashed in (await visitor.get(f"{public}/{number}")).text
        before = hashed
    assert (await visitor.get(f"{public}/3")).status == 404


async def test_a_briefing_reaches_those_who_watch_and_those_who_reload(
    desk_house: DeskHouse,
) -> None:
    cyd = await desk_house.operator("cyd", Role.PUBLISHER)
    page = await cyd.post(
        "/operator/briefings", {"title_ko": "브리핑", "starts": "2026-11-26T10:00"}
    )
    path = page.path
    public = path.removeprefix("/operator")
    await cyd.post(f"{path}/state", {"state": "live"}, form_at=path)
    async with (
        aiohttp.ClientSession(desk_house.url) as session,
        session.get(f"{public}/stream?lang=ko") as stream,
    ):
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        for number in (1, 2):
            line = {"key": f"k{number}", "speaker": "대표", "said_ko": f"말 {number}\n둘째 줄"}
            for _ in range(2):  # a doubled submit is one line
                assert (await cyd.post(f"{path}/lines", line, form_at=path)).status == 200
            assert await _next(stream, "line") == {
                "number": number, "speaker": "대표", "text": f"말 {number}\n둘째 줄",
                "corrects": None,
            }  # fmt: skip
        await cyd.post(f"{path}/state", {"state": "ended"}, form_at=path)
        async with asyncio.timeout(30):
            rest = (await stream.content.read()).decode()  # and the stream ends
        assert "event: state\ndata: ended" in rest
    reloaded = await desk_house.visitor(language="ko").get(public)
    assert reloaded.text.count('<li id="line-') == 2
    async with (
        aiohttp.ClientSession(desk_house.url) as session,
        session.get(f"{public}/stream", headers={"Last-Event-ID": "1"}) as stream,
    ):
        async with asyncio.timeout(30):
            rest = (await stream.content.read()).decode()
        assert rest.count("event: line") == 1
        assert "id: 2" in rest
    line = {"key": "late", "speaker": "대표", "said_ko": "늦은 말"}
    assert (await cyd.post(f"{path}/lines", line, form_at=path)).status == 409


async def _next(stream: aiohttp.ClientResponse, event: str) -> Any:
    """The data of the next event of this name, without its time."""
    async with asyncio.timeout(30):
        while (await stream.content.readline()).decode().strip() != f"event: {event}":
            pass
        data = (await stream.content.readline()).decode().removeprefix("data: ")
    told = json.loads(data)
    del told["at"]
    return told


async def test_a_long_briefing_shows_its_latest_lines_and_ends_somewhere(
    desk_house: DeskHouse,
) -> None:
    cyd = await desk_house.operator("cyd", Role.PUBLISHER)
    fields = {"title_ko": "긴 브리핑", "starts": "2026-11-26T10:00"}
    path = (await cyd.post("/operator/briefings", fields)).path
    public = path.removeprefix("/operator")
    await cyd.post(f"{path}/state", {"state": "live"}, form_at=path)
    await cyd.post(f"{path}/lines", {"key": "k", "speaker": "대표", "said_ko": "말"}, form_at=path)
    await desk_house.database.execute(
        "INSERT INTO briefing_line"
        " SELECT briefing_id, made, made::text, said_ts, speaker, said,"
        " CASE made WHEN 449 THEN 1 END"
        " FROM briefing_line, generate_series(2, 449) AS made"
    )
    await desk_house.database.execute("UPDATE briefing SET lines = 449")
    visitor = desk_house.visitor()
    assert _numbers(await visitor.get(public)) == list(range(250, 450))
    page = await visitor.get(f"{public}?after=0")
    assert _numbers(page) == list(range(1, 201))
    assert page.text.count("prose corrected") == 1  # by a line that is not on this page
    assert f'href="{public}?after=200"' in page.text
    assert _numbers(await visitor.get(f"{public}?after=999999")) == list(range(250, 450))
    async with aiohttp.ClientSession(desk_house.url) as session:
        async with session.get(f"{public}/stream?after=100") as stream, asyncio.timeout(30):
            assert "event: reload" in (await stream.content.read()).decode()
        async with session.get(f"{public}/stream?after=449") as stream:
            line = {"key": "next", "speaker": "대표", "said_ko": "다음"}
            assert (await cyd.post(f"{path}/lines", line, form_at=path)).status == 200
            assert (await _next(stream, "line"))["number"] == 450
    wrong = {"key": "w", "speaker": "대표", "said_ko": "다음", "corrects": "451"}
    assert (await cyd.post(f"{path}/lines", wrong, form_at=path)).status == 400
    await desk_house.database.execute("UPDATE briefing SET lines = $1", LINES_MAX)
    full = {"key": "full", "speaker": "대표", "said_ko": "더"}
    assert (await cyd.post(f"{path}/lines", full, form_at=path)).status == 409


def _numbers(page: Page) -> list[int]:
    return [int(number) for number in re.findall(r'<li id="line-(\d+)">', page.text)]
