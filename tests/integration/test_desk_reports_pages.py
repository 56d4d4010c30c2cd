"""The public pages of damage reports, over HTTP against a real desk."""

import asyncio
import re
from typing import Any

import pytest
from fixtures.desk_house import DeskHouse
from harness.desk import File, Page, Visitor
from harness.read_only import read_only

from bongsu.desk.reports.keys import new_form_key
from bongsu.desk.reports.receipt import parse_receipt
from bongsu.users.openid import PURPOSE
from bongsu.users.tokens import hash_token, now_ms

EVIL = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>"
GOOD = {
    "category": "shop",
    "services": ["messages", "channel"],
    "damage": "lost_sales",
    "started": "2026-10-15T15:30",
    "utc_offset": "540",
    "loss_amount": "300,000",
    "loss_currency": "KRW",
    "country": "KR",
    "description": "주문을 하나도 받지 못했습니다.",
    "reckoning": "하루 매출",
    "name": "홍길동",
    "contact": "shop@example.org",
}


async def report(visitor: Visitor, *, files: tuple[File, ...] = (), **changed: Any) -> Page:
    """Send the form; a second call with the same form_key is a doubled submit."""
    fields = GOOD | {"form_key": new_form_key()} | changed
    return await visitor.post("/report", fields, files=files)


def link(page: Page) -> str:
    found = re.search(r'id="private-link" href="([^"]+)"', page.text)
    assert found, page.text[-3000:]
    return found[1]


def receipt(page: Page) -> str:
    found = re.search(r'id="receipt">([^<]+)<', page.text)
    assert found, page.text[-3000:]
    return found[1]


async def test_report_and_follow(desk_house: DeskHouse) -> None:
    visitor = desk_house.visitor(language="ko")
    page = await report(visitor, files=(File("evidence", "sales.pdf", b"%PDF-1.4 x" * 1000),))
    assert page.status == 200
    assert "안전하게 저장되었습니다" in page.text
    assert parse_receipt(receipt(page)) == receipt(page)
    anybody = desk_house.visitor()  # the link is all that is needed
    shown = await anybody.get(link(page))
    for text in (receipt(page), "홍길동", "300,000 KRW", "하루 매출", "sales.pdf", "Received"):
        assert text in shown.text


async def test_a_doubled_submit_gets_the_first_receipt(desk_house: DeskHouse) -> None:
    visitor, key = desk_house.visitor(), new_form_key()
    first = await report(visitor, form_key=key)
    second = await report(visitor, form_key=key, description="another text")
    assert (link(first), receipt(first)) == (link(second), receipt(second))
    assert "received before" in second.text
    (row,) = await desk_house.database.fetch("SELECT count(*) FROM report")
    assert row[0] == 1
    assert "another text" not in (await visitor.get(link(first))).text


async def test_mistakes_come_back_with_all_that_was_typed(desk_house: DeskHouse) -> None:
    page = await report(desk_house.visitor(), started="", description=EVIL, category="king")
    assert page.status == 422
    assert "This is needed." in page.text
    assert "&lt;script&gt;" in page.text
    assert "<script>alert" not in page.text
    assert 'value="shop@example.org"' in page.text
    (row,) = await desk_house.database.fetch("SELECT count(*) FROM report")
    assert row[0] == 0


async def test_markup_in_every_field_is_shown_as_text(desk_house: DeskHouse) -> None:
    visitor = desk_house.visitor()
    fields = dict.fromkeys(("description", "reckoning", "name", "contact"), EVIL)
    fields |= {"payout_holder": EVIL, "payout_bank": EVIL, "payout_account": EVIL[:64]}
    page = await report(visitor, files=(File("evidence", f"{EVIL}.pdf", b"x"),), **fields)
    shown = await visitor.get(link(page))
    amend = await visitor.get(link(page) + "/amend")
    for each in (page, shown, amend):
        assert each.status == 200
        assert "<script>alert" not in each.text
        assert "<img src=x" not in each.text
    assert "&lt;script&gt;" in shown.text


@pytest.mark.parametrize(
    "token", ["x", "A" * 43, "../../etc/passwd", "%00", "한" * 43, "A" * 5000, "' OR '1'='1"]
)
async def test_forged_links_find_nothing(desk_house: DeskHouse, token: str) -> None:
    await report(desk_house.visitor())
    for path in (f"/report/r/{token}", f"/report/r/{token}/amend"):
        page = await desk_house.visitor().get(path)
        assert page.status in (404, 414)
        assert "홍길동" not in page.text


async def test_a_receipt_number_opens_nothing(desk_house: DeskHouse) -> None:
    page = await report(desk_house.visitor())
    shown = await desk_house.visitor().get(f"/report/r/{receipt(page)}")
    assert shown.status == 404


async def test_amending_keeps_what_was_said(desk_house: DeskHouse) -> None:
    visitor = desk_house.visitor()
    page = await report(visitor, files=(File("evidence", "one.pdf", b"one"),))
    path = link(page)
    changed = GOOD | {"base": "1", "loss_amount": "500000", "take_back": "1"}
    for _ in range(2):  # the second is a doubled submit
        shown = await visitor.post(
            f"{path}/amend", changed, form_at=f"{path}/amend",
            files=[File("evidence", "two.pdf", b"two")],
        )  # fmt: skip
        assert shown.status == 200, shown.text
    assert "500,000 KRW" in shown.text
    assert "300,000 KRW" in shown.text  # the version before
    assert "one.pdf (3 B) · taken back" in shown.text
    assert shown.text.count("two.pdf") == 1
    late = await visitor.post(
        f"{path}/amend", changed | {"loss_amount": "9"}, form_at=f"{path}/amend"
    )
    assert late.status == 409
    assert "changed meanwhile" in late.text
    (row,) = await desk_house.database.fetch(
        "SELECT version, loss_amount, evidence_count FROM report"
    )
    assert tuple(row) == (2, 500_000, 1)


async def test_withdraw_and_erase(desk_house: DeskHouse) -> None:
    visitor = desk_house.visitor()
    page = await report(visitor, files=(File("evidence", "one.pdf", b"one"),))
    path = link(page)
    shown = await visitor.post(
        f"{path}/withdraw", {"text": "sorry", "entry_key": "k"}, form_at=path
    )
    assert "Withdrawn" in shown.text
    again = await visitor.post(
        f"{path}/withdraw", {"text": "sorry", "entry_key": "k"}, form_at=path
    )
    assert again.status == 200
    late = await visitor.post(f"{path}/appeal", {"text": "no", "entry_key": "l"}, form_at=path)
    assert late.status == 409
    shown = await visitor.post(f"{path}/erase", form_at=path)
    for text in ("홍길동", "하루 매출", "sorry", "one.pdf"):
        assert text not in shown.text
    rows = await desk_house.database.fetch(
        "SELECT coalesce(name, contact, description, reckoning) FROM report_version"
    )
    assert [row[0] for row in rows] == [None]
    assert not await desk_house.database.fetch("SELECT FROM report_mark")
    folder = desk_house.parts.settings.desk_data / "evidence" / "blobs"
    assert not [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.filterwarnings("ignore:Sending a large body")
async def test_files_too_large_too_many_and_bombs(desk_house: DeskHouse) -> None:
    visitor = desk_house.visitor()
    page = await report(visitor, files=(File("evidence", "big.bin", bytes(21 * 1024 * 1024)),))
    assert page.status == 413
    assert "larger than 20 MB" in page.text
    assert 'value="shop@example.org"' in page.text
    page = await report(visitor, files=tuple(File("evidence", f"{n}", b"x") for n in range(11)))
    assert page.status == 400
    bomb = b"PK\x03\x04" + b"\0" * 2000 + b"PK\x05\x06"  # never looked into
    page = await report(visitor, files=(File("evidence", "bomb.zip", bomb),))
    assert page.status == 200
    (row,) = await desk_house.database.fetch("SELECT size FROM report_file")
    assert row[0] == len(bomb)
    staged = desk_house.parts.settings.desk_data / "spool" / "staged"
    async with asyncio.timeout(60):  # what was refused is removed behind the answer
        while list(staged.iterdir()):
            await asyncio.sleep(0.1)


@pytest.mark.filterwarnings("ignore:Sending a large body")
async def test_a_hundred_megabytes_are_refused_before_they_are_read(desk_house: DeskHouse) -> None:
    visitor = desk_house.visitor()
    files = tuple(File("evidence", f"{n}", bytes(11 * 1024 * 1024)) for n in range(9))
    page = await report(visitor, files=files)
    assert page.status == 413


async def test_no_field_takes_the_memory_of_a_file(desk_house: DeskHouse) -> None:
    visitor = desk_house.visitor()
    long = "x" * 300_000
    assert (await report(visitor, name=long)).status == 413
    page = await report(visitor, name=long, files=(File("evidence", "a", b"x"),))
    assert page.status in (400, 413)


async def test_one_click_from_the_messenger(desk_house: DeskHouse, database_owner: Any) -> None:
    server = desk_house.parts.settings.server_name
    await desk_house.add_account("alice")
    await database_owner.execute(
        "INSERT INTO public.short_token (token_hash, purpose, user_id, expires_at)"
        " VALUES ($1, $2, $3, $4)",
        hash_token("bgo_good"), PURPOSE, f"@alice:{server}", now_ms() + 60_000,
    )  # fmt: skip
    visitor = desk_house.visitor()
    for fields in ({"access_token": "bgo_forged"}, {}, {"access_token": "bgo_good",
                   "matrix_server_name": "evil.example"}):  # fmt: skip
        refused = await visitor.post("/report/enter", fields, token="none")
        assert refused.status == 400
    entered = await visitor.post(
        "/report/enter", {"access_token": "bgo_good", "matrix_server_name": server}, token="none"
    )
    assert f"@alice:{server}" in entered.text
    await report(visitor)
    (row,) = await desk_house.database.fetch("SELECT account_id FROM report")
    assert row[0] == f"@alice:{server}"
    left = await visitor.post("/report/leave", form_at="/report")
    assert f"@alice:{server}" not in left.text


async def test_without_a_writable_database_the_report_is_received_here(
    desk_house: DeskHouse, desk_dsn: str
) -> None:
    """Goal: intake goes on without a primary, and everything arrives once, evidence too.

    Method: the database is made read-only, as a standby is, and writable again.
    """
    visitor = desk_house.visitor(language="ko")
    key = new_form_key()
    evidence = File("evidence", "one.pdf", b"one")
    async with read_only(desk_dsn):
        page = await report(visitor, form_key=key, files=(evidence,))
        assert page.status == 200
        assert "이곳에 받아 두었고, 두 번째 장소에서는 아직 확인되지 않았습니다" in page.text
        again = await report(visitor, form_key=key, files=(evidence,))
        assert (link(again), receipt(again)) == (link(page), receipt(page))
        shown = await visitor.get(link(page))
        assert shown.status == 503
        assert "이곳에 받아 두었습니다" in shown.text
    async with asyncio.timeout(60):
        while (shown := await visitor.get(link(page))).status != 200:
            await asyncio.sleep(0.2)
    assert "one.pdf" in shown.text
    rows = await desk_house.database.fetch(
        "SELECT (SELECT count(*) FROM report), (SELECT count(*) FROM report_file)"
    )
    assert tuple(rows[0]) == (1, 1)
