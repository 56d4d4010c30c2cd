"""Investigations over HTTP: from machine events to two published versions, and what never gets out.

The method against leaks: everything that is private holds the same canary, and no public page, no
JSON, no PDF and no file of a published version may hold it.
"""

import hashlib
import io
import json
import os
import re
from typing import Any

import aiohttp
import pytest
from fixtures.desk_house import DeskHouse
from fixtures.drill_reports import BEGAN, drill_report, drill_run
from harness.desk import File, Page, Visitor
from harness.desk_cases import CANARY, HOME, add, open_case, public_report, publish
from pypdf import PdfReader

from bongsu.desk.roles import Role
from bongsu.pdf.report import FONTS


@pytest.fixture
def desk_settings() -> dict[str, str]:
    """A scanner that knows one virus."""
    return {"desk_scan_command": "sh -c '! grep -q EICAR'"}


async def machine(
    house: DeskHouse, method: str, path: str, token: str, body: bytes = b""
) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method, house.url + path, data=io.BytesIO(body) if body else None, headers=headers
        ) as answer,
    ):
        return answer.status, json.loads(await answer.read())


async def token_for(investigator: Visitor, sender: str) -> str:
    page = await investigator.post("/operator/machines", {"sender": sender})
    found = re.search(r"<code>(bge_[\w-]+)</code>", page.text)
    assert found, page.text
    assert found[1] not in (await investigator.get("/operator/machines")).text
    return found[1]


async def test_a_case_becomes_two_versions_and_nothing_private_gets_out(
    desk_house: DeskHouse,
) -> None:
    ann = await desk_house.operator("ann", Role.INVESTIGATOR)
    bob = await desk_house.operator("bob", Role.APPROVER)
    cyd = await desk_house.operator("cyd", Role.PUBLISHER)
    case_id = await open_case(ann)
    await public_report(ann, case_id)
    page = await publish(ann, bob, cyd, case_id)
    assert page.path == f"/investigations/{case_id}/1"

    changed = await ann.get(f"{HOME}/{case_id}")
    section = re.search(r"/items/([\w-]+)\">요약", changed.text)
    assert section
    item = f"{HOME}/{case_id}/items/{section[1]}"
    fields = {
        "version": "1",
        "heading_ko": "요약",
        "body_ko": "배터리에서 불이 났다",
        "is_public": "yes",
    }
    assert (await ann.post(item, fields)).status == 200
    assert (await ann.post(item, fields)).status == 409  # somebody else was quicker
    await publish(ann, bob, cyd, case_id)

    visitor = desk_house.visitor(language="ko")
    versions = [await visitor.get(f"/investigations/{case_id}/{n}") for n in (1, 2)]
    assert "불이 났다" in versions[0].text
    assert "배터리에서 불이 났다" in versions[1].text
    assert "2022-10-15 15:19:30.250 ± 0.5 s" in versions[1].text
    difference = await visitor.get(f"/investigations/{case_id}/2/changes")
    assert "<ins>배터리에서 </ins>" in difference.text
    public = [*versions, difference, await visitor.get("/investigations")]
    public.append(await visitor.get(f"/investigations/{case_id}"))
    assert all(one.status == 200 for one in public)

    status, told = await machine(desk_house, "GET", "/api/investigations", "")
    assert (status, [one["version"] for one in told["investigations"]]) == (200, [2])
    for number in (1, 2):
        async with aiohttp.ClientSession(desk_house.url) as session:
            answer = await session.get(f"/api/investigations/{case_id}/{number}")
            body = await answer.read()
        hash = hashlib.sha256(body).hexdigest()
        assert hash in versions[number - 1].text
        public.append(Page(200, "", body.decode(), {}))
    file = await visitor.get(f"/files/investigations/{case_id}/1")
    assert (file.text, file.headers["Content-Type"]) == ("bytes 1", "application/octet-stream")
    assert file.headers["Content-Disposition"].startswith('attachment; filename="battery.log"')
    assert "sandbox" in file.headers["Content-Security-Policy"]
    assert (await visitor.get(f"/files/investigations/{case_id}/2")).status == 404
    public.append(Page(200, "", str(file.headers), {}))
    for each in public:
        assert CANARY not in each.text
        assert "@ann" not in each.text
        assert "canary" not in each.text


async def test_a_file_is_taken_from_the_public_and_the_version_stays(
    desk_house: DeskHouse,
) -> None:
    """Goal: evidence that names somebody by mistake does not stay public for ever."""
    ann = await desk_house.operator("ann", Role.INVESTIGATOR)
    bob = await desk_house.operator("bob", Role.APPROVER)
    cyd = await desk_house.operator("cyd", Role.PUBLISHER)
    case_id = await open_case(ann)
    await public_report(ann, case_id)
    await publish(ann, bob, cyd, case_id)
    visitor = desk_house.visitor()
    before = await visitor.get(f"/investigations/{case_id}/1")
    assert (await visitor.get(f"/files/investigations/{case_id}/1")).status == 200

    here = f"{HOME}/{case_id}"
    assert (await ann.post(f"{here}/evidence/1", {"is_public": "no"}, form_at=here)).status == 200
    gone = await visitor.get(f"/files/investigations/{case_id}/1")
    assert gone.status == 410
    assert "no longer public" in gone.text
    after = await visitor.get(f"/investigations/{case_id}/1")
    assert (after.status, after.text) == (200, before.text)  # its hash is what it was
    (act, *_) = await desk_house.parts.audit.list_latest(1)
    assert act.action == "investigation.show_evidence"


async def test_the_paper_holds_the_report_and_nothing_private(desk_house: DeskHouse) -> None:
    if not FONTS.is_dir() and "CI" not in os.environ:
        pytest.skip("the font is missing: install Debian's fonts-nanum")
    ann = await desk_house.operator("ann", Role.INVESTIGATOR)
    bob = await desk_house.operator("bob", Role.INVESTIGATOR, Role.PUBLISHER)
    case_id = await open_case(ann)
    await public_report(ann, case_id)
    await publish(ann, bob, bob, case_id)
    async with aiohttp.ClientSession(desk_house.url) as session:
        bodies = [
            await (await session.get(f"/investigations/{case_id}/1/report.pdf?lang={each}")).read()
            for each in ("ko", "ko", "en")
        ]
    assert bodies[0] == bodies[1]
    texts = [
        "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(body)).pages)
        for body in bodies
    ]
    assert "데이터센터 화재" in texts[0]
    assert "이중화가 없었다" in texts[0]
    assert "There was a fire" in texts[2]
    assert CANARY not in "".join(texts)
    assert b"canary" not in b"".join(bodies)


async def test_machines_send_events_and_investigators_take_them_up(desk_house: DeskHouse) -> None:
    ann = await desk_house.operator("ann", Role.INVESTIGATOR)
    token = await token_for(ann, "drill-lab")
    report = drill_report(drill_run())
    status, told = await machine(desk_house, "POST", "/api/drill-reports", token, report)
    assert (status, told["known"], told["reopened"]) == (200, 0, [])
    status, again = await machine(desk_house, "POST", "/api/drill-reports", token, report)
    assert (again["new"], again["known"]) == (0, told["new"])
    event = {"id": "e1", "at": int(BEGAN * 1000) + 1, "what": "<b>smoke</b>", "kind": "alarm"}
    body = json.dumps({"events": [event]}).encode()
    assert await machine(desk_house, "POST", "/api/machine-events", token, body) == (
        200, {"new": 1, "known": 0},
    )  # fmt: skip
    other = json.dumps({"events": [event | {"what": "water"}]}).encode()
    assert (await machine(desk_house, "POST", "/api/machine-events", token, other))[0] == 409

    case_id = await open_case(ann)
    fields = {"title_ko": "가", "began": "2026-01-01T00:00", "ended": ""}
    await ann.post(f"{HOME}/{case_id}", fields, form_at=f"{HOME}/{case_id}")
    page = await ann.get(f"{HOME}/{case_id}/machine")
    assert "&lt;b&gt;smoke" in page.text
    keys = re.findall(r'name="event" value="([^"]+)"', page.text)
    assert len(keys) == told["new"] + 1
    for _ in range(2):  # a doubled submit takes nothing twice
        page = await ann.post(f"{HOME}/{case_id}/machine", {"event": keys})
        assert page.status == 200
    assert len(re.findall(r"/items/", page.text)) == len(keys)

    await ann.post(
        "/operator/machines/revoke", {"sender": "drill-lab"}, form_at="/operator/machines"
    )
    status, refusal = await machine(desk_house, "POST", "/api/machine-events", token, body)
    assert (status, refusal["code"]) == (401, "M_UNKNOWN_TOKEN")


WRONG_BATCHES = [
    (b"", 400),
    (b"{", 400),
    (b'{"events":[{"id":"a","at":1,"what":"x","secret":1}]}', 400),
    (b'{"events":[{"id":"","at":1,"what":"x"}]}', 400),
    (b'{"events":[{"id":"a","at":99999999999999,"what":"x"}]}', 400),
    (b'{"events":[{"id":"a","at":1,"what":"x","uncertainty_ms":-1}]}', 400),
    (b'{"events":[{"id":"a\\u0000","at":1,"what":"x"}]}', 400),
    (b'{"events":[{"id":"a","at":1,"what":"x"},{"id":"a","at":2,"what":"x"}]}', 409),
    (b" " * (5 * 1024 * 1024), 413),
    (b"[" * 100_000, 400),
]


async def test_what_is_no_batch_of_events_is_refused(desk_house: DeskHouse) -> None:
    ann = await desk_house.operator("ann", Role.INVESTIGATOR)
    token = await token_for(ann, "x")
    for body, status in WRONG_BATCHES:
        answer, refusal = await machine(desk_house, "POST", "/api/machine-events", token, body)
        assert (answer, set(refusal)) == (status, {"code", "message"}), body[:80]
    status, told = await machine(desk_house, "POST", "/api/machine-events", "bge_forged", b"{}")
    assert (status, told["code"]) == (401, "M_UNKNOWN_TOKEN")


async def test_only_investigators_open_a_case(desk_house: DeskHouse) -> None:
    ann = await desk_house.operator("ann", Role.INVESTIGATOR)
    case_id = await open_case(ann)
    await public_report(ann, case_id)
    interview = re.search(
        r"/interviews/([\w-]+)\"", (await ann.get(f"{HOME}/{case_id}/interviews")).text
    )
    assert interview
    path = f"{HOME}/{case_id}/interviews"
    opened = await ann.post(f"{path}/{interview[1]}", form_at=path)
    assert CANARY in opened.text
    private = await ann.post(
        f"{HOME}/{case_id}/evidence/2/file", form_at=f"{HOME}/{case_id}", follow=False
    )
    ticket = private.headers["Location"]
    assert (await desk_house.visitor().get(ticket)).text == "bytes 2"
    assert (await desk_house.visitor().get(ticket[:-1] + "x")).status == 404
    audit = await desk_house.parts.audit.list_latest(2)
    assert [one.action for one in audit] == [
        "investigation.look_at_evidence", "investigation.look_at_interview",
    ]  # fmt: skip
    for role in set(Role) - {Role.INVESTIGATOR}:
        other = await desk_house.operator(f"eve-{role}", role)
        for below in ("", "/interviews", "/machine", "/new/cause"):
            assert (await other.get(f"{HOME}/{case_id}{below}")).status == 403
    stranger = desk_house.visitor()
    assert (await stranger.get(f"{HOME}/{case_id}")).path.startswith("/operator/sign-in")
    assert (await stranger.get(f"/investigations/{case_id}")).status == 404
    status, _ = await machine(desk_house, "GET", "/api/machine-events", "")
    assert status == 401


async def test_a_draft_with_a_hanging_cause_is_not_made(desk_house: DeskHouse) -> None:
    ann = await desk_house.operator("ann", Role.INVESTIGATOR)
    case_id = await open_case(ann)
    await add(ann, case_id, "section", heading_ko="요약", body_ko="x", is_public="yes")
    await add(ann, case_id, "cause", title_ko="그냥", is_public="yes")
    page = await ann.post(f"{HOME}/{case_id}/drafts", {"summary": "x"})
    assert page.status == 400
    assert "stands on no public evidence" in page.text


async def test_an_infected_file_is_no_evidence(desk_house: DeskHouse) -> None:
    ann = await desk_house.operator("ann", Role.INVESTIGATOR)
    case_id = await open_case(ann)
    path = f"{HOME}/{case_id}"
    for body, status in ((b"EICAR", 400), (b"a log", 200)):
        file = File("file", "a.log", body)
        page = await ann.post(f"{path}/evidence", {"description": "x"}, files=[file], form_at=path)
        assert page.status == status, page.text
    assert re.findall(r"<strong>(E\d)</strong>", page.text) == ["E1"]
