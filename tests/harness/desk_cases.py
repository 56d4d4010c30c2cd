"""A small investigation by the investigators' pages. All that is private in it is CANARY."""

import re
from typing import Any

from harness.desk import File, Page, Visitor

CANARY = "카나리아-canary"
HOME = "/operator/investigations"


async def open_case(investigator: Visitor) -> str:
    page = await investigator.post(
        HOME,
        {"title_ko": "데이터센터 화재", "title_en": "Fire in a data centre",
         "began": "2022-10-15T15:19:30.250", "ended": "2022-10-20T23:00"},
    )  # fmt: skip
    assert page.status == 200, page.text
    return page.path.rpartition("/")[2]


async def add(investigator: Visitor, case_id: str, kind: str, **fields: Any) -> str:
    """An item; gives the id of the newest of its kind."""
    path = f"{HOME}/{case_id}"
    before = set(re.findall(r"/items/([\w-]+)", (await investigator.get(path)).text))
    page = await investigator.post(f"{path}/new/{kind}", fields)
    assert page.status == 200, page.text
    (made,) = set(re.findall(r"/items/([\w-]+)", page.text)) - before
    return made


async def public_report(investigator: Visitor, case_id: str) -> None:
    """A small report with private things around every public one."""
    private = {"note": CANARY}
    for number in (1, 2):
        page = await investigator.post(
            f"{HOME}/{case_id}/evidence", {"description": CANARY},
            files=[File("file", f"{CANARY}-{number}.log", f"bytes {number}".encode())],
            form_at=f"{HOME}/{case_id}",
        )  # fmt: skip
        assert page.status == 200, page.text
    shown = {"is_public": "yes", "public_name": "battery.log", "caption_ko": "배터리 기록"}
    await investigator.post(f"{HOME}/{case_id}/evidence/1", shown, form_at=f"{HOME}/{case_id}")
    await add(investigator, case_id, "section", heading_ko="요약", body_ko="불이 났다",
              body_en="There was a fire", is_public="yes", **private)  # fmt: skip
    event = await add(
        investigator, case_id, "event", at="2022-10-15T15:19:30.250", uncertainty="0.5",
        text_ko="연기가 보였다", source="log", source_note_ko="배터리 감시", evidence="E1, E2",
        is_public="yes", **private,
    )  # fmt: skip
    await add(
        investigator, case_id, "event", at="2022-10-15T15:20", text_ko=CANARY, source="person"
    )
    direct = await add(
        investigator, case_id, "cause", title_ko="전원이 끊겼다", is_direct="yes", events=[event],
        is_public="yes", **private,
    )  # fmt: skip
    await add(investigator, case_id, "cause", title_ko="이중화가 없었다", parent=direct,
              evidence="1", is_public="yes", **private)  # fmt: skip
    await add(investigator, case_id, "cause", title_ko=CANARY, parent=direct)
    await add(investigator, case_id, "factor", title_ko="공지 페이지도 멈췄다", is_public="yes")
    await add(investigator, case_id, "question", text_ko="왜 경보가 없었나", is_public="yes")
    await investigator.post(
        f"{HOME}/{case_id}/interviews",
        {"held": "2022-10-17T10:00", "person": CANARY, "said": CANARY},
    )


async def publish(author: Visitor, reviewer: Visitor, publisher: Visitor, case_id: str) -> Page:
    page = await author.post(f"{HOME}/{case_id}/drafts", {"summary": "이 판"})
    assert page.status == 200, page.text
    draft = page.path
    found = re.search(r'name="hash" value="([0-9a-f]{64})"', page.text)
    assert found
    hash = {"hash": found[1]}
    same = await author.post(f"{draft}/review", {**hash, "verdict": "approve"}, form_at=draft)
    assert same.status == 403  # the author
    page = await reviewer.post(f"{draft}/review", {**hash, "verdict": "approve"}, form_at=draft)
    assert page.status == 200, page.text
    other = {"hash": "0" * 64}
    assert (await publisher.post(f"{draft}/publish", other, form_at=draft)).status == 409
    page = await publisher.post(f"{draft}/publish", hash, form_at=draft)
    assert page.status == 200, page.text
    return page
