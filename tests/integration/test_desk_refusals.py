"""Refusals are said in the reader's language: Korean here; programs get the English as ever."""

import json
import re

from fixtures.compensation_house import DAY_76
from fixtures.desk_house import DeskHouse
from harness.desk import PASSWORD, File, Page, Visitor
from harness.desk_api import call
from harness.desk_cases import HOME as CASES
from harness.desk_cases import add, open_case
from harness.report_form import report_with_evidence

from bongsu.desk.roles import Role

BENEFITS = "/operator/compensation/benefits"
_ALERT = re.compile(r'role="alert">(.*?)</(?:p|div)>', re.DOTALL)


def alert(page: Page) -> str:
    """What stands in a page's one alert."""
    (found,) = _ALERT.findall(page.text)
    return found


async def korean(house: DeskHouse, name: str) -> Visitor:
    """Somebody with every role who reads Korean."""
    await house.operator(name, *Role)
    visitor = house.visitor(language="ko")
    await visitor.sign_in(name)
    return visitor


async def test_operators_are_refused_in_korean(desk_house: DeskHouse) -> None:
    visitor = desk_house.visitor(language="ko")
    assert alert(await visitor.sign_in("nobody")) == "이름이나 비밀번호가 맞지 않습니다."
    too_many = [File(f"file{n}", "a.txt", b"x") for n in range(3)]
    page = await visitor.post("/operator/sign-in", files=too_many)
    assert (page.status, "양식을 읽을 수 없습니다" in alert(page)) == (400, True)

    mina = await korean(desk_house, "mina")
    report = f"/operator/reports/r/{await report_with_evidence(desk_house)}"
    form = await mina.get(report)
    base = dict(re.findall(r'name="(version|assessment|entry_key)" value="([^"]+)"', form.text))
    notices = {"service_id": "Messages!", "name_ko": "메시지"}
    for path, form_at, fields, said in (
        ("/operator/people", "", {"name": "mina"}, "역할을 하나 이상 골라 주세요."),
        ("/operator/people", "", {"name": "a b", "role": "admin"}, "a b: localhost의 사용자가"),
        ("/operator/machines", "", {"sender": "a/b"}, "1자에서"),
        ("/operator/notices/services", "/operator/notices", notices, "아이디는 a-z"),
        (f"{report}/decide", report, base | {"reason": "x"}, "정한 것이 없습니다."),
        (CASES, "", {"title_ko": "", "began": "2026-10-15T15:30"}, "제목: 적어도 한 언어로는"),
        ("/operator/statements", "", {"kind": "apology"}, "1개에서 20개까지의 언어"),
    ):
        page = await mina.post(path, fields, form_at=form_at or path)
        assert (page.status, said in alert(page)) == (400, True), (path, alert(page))


async def test_drafts_and_programmes_say_in_korean_what_is_missing(desk_house: DeskHouse) -> None:
    mina = await korean(desk_house, "mina")
    case_id = await open_case(mina)
    await add(mina, case_id, "cause", title_ko="배터리", is_public="yes")
    here = f"{CASES}/{case_id}"
    page = await mina.get(here)
    assert "본문이 하나도 없습니다." in page.text
    page = await mina.post(f"{here}/drafts", {"summary": "x"})
    assert (page.status, "공개된 증거 자료도 공개된 기록도 없습니다." in alert(page)) == (400, True)

    save, fields = "/operator/compensation/save", {"text": DAY_76, "note": "", "based_on": "0"}
    page = await mina.post(save, fields, form_at="/operator/compensation/new")
    assert (page.status, "무엇을 왜 바꿨는지" in page.text) == (400, True)
    page = await mina.post(save, fields | {"note": "x"}, form_at="/operator/compensation/new")
    assert page.status == 200
    page = await mina.post(save, fields | {"note": "x"}, form_at="/operator/compensation/new")
    assert (page.status, "1판이 생겼습니다" in page.text) == (409, True)


async def test_a_page_is_refused_in_korean_and_a_program_in_english(desk_house: DeskHouse) -> None:
    mina = await korean(desk_house, "mina")
    order = {"batch": "ABCDEFGH23456789", "kind": "coupon"}
    page = await mina.post(BENEFITS, order, form_at=BENEFITS)
    assert (page.status, alert(page)) == (409, "이 종류로 넘길 것이 없습니다.")
    token = await desk_house.parts.people.sign_in("mina", PASSWORD)
    told = await call(
        desk_house, "POST", "/api/compensation/benefit-batches", token=token,
        body=json.dumps(order).encode(),
    )  # fmt: skip
    message = "Nothing of this kind is waiting to be handed over"
    assert told == (409, {"code": "COMPENSATION_NOTHING_OWED", "message": message})
