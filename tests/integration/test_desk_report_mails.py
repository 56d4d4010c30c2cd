"""Reporters are told by e-mail: over real SMTP, each once, and nothing of what a report holds."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from fixtures.desk_house import DeskHouse
from harness.desk_api import call
from harness.mailbox import Mailbox
from harness.report_form import Filed, file_report

from bongsu.desk.reports import mailing
from bongsu.desk.reports.mailing import MailKind, Outcome, ReportMails, address_in
from bongsu.desk.roles import Role
from bongsu.http.desk.report_mail_words import ReportMailWording
from bongsu.mail.sender import SmtpMailer
from bongsu.mail.server import parse_smtp_url
from bongsu.postgres.desk.report_mail_store import PostgresReportMails
from bongsu.users.tokens import now_ms

QUEUE = "/operator/reports"


class Post:
    """The worker of one desk, run by hand: the desk's own one has no mail server."""

    def __init__(self, house: DeskHouse, mailbox: Mailbox, port: int) -> None:
        self.house, self.mailbox, self._port = house, mailbox, port
        self.store = PostgresReportMails(house.database, house.parts.sealer)
        self.later = 0

    def worker(self, name: str = "one") -> ReportMails:
        server = parse_smtp_url(f"smtp://127.0.0.1:{self._port}")
        mailer = SmtpMailer(server, "Desk <desk@example.org>")
        wording = ReportMailWording(self.house.parts.face)
        return ReportMails(self.store, mailer, wording, name, lambda: now_ms() + self.later)

    async def outcomes(self) -> list[tuple[str, str | None]]:
        rows = await self.house.database.fetch(
            "SELECT kind, outcome FROM report_mail ORDER BY mail_id"
        )
        return [tuple(row) for row in rows]

    async def decide(self, filed: Filed, token: str, assessment: int, **order: Any) -> int:
        body = {"version": 1, "assessment": assessment, "reason": "확인", "key": f"d{assessment}"}
        path = f"/api/reports/{filed.report_id}/decisions"
        status, _ = await call(self.house, "POST", path, token=token, body=_json(body | order))
        return status


@pytest.fixture
async def post(desk_house: DeskHouse) -> AsyncIterator[Post]:
    mailbox = Mailbox()
    yield Post(desk_house, mailbox, await mailbox.start())
    await mailbox.stop()


async def test_a_question_a_decision_and_an_answered_appeal_are_told(
    desk_house: DeskHouse, post: Post
) -> None:
    """In the reporter's language; neither the link's secret nor what was written is in a mail."""
    korean = await file_report(desk_house, contact="mina@example.org, 010-1234-5678")
    english = await file_report(desk_house, language="en", contact="Ann <ann@example.net>")
    token = await _assessor(desk_house)
    question = {"text": "영수증 사진을 보내 주시겠어요?", "key": "q"}
    for _ in range(2):  # a doubled submit
        path = f"/api/reports/{korean.report_id}/questions"
        await call(desk_house, "POST", path, token=token, body=_json(question))
    assert await post.worker().send_due() == 1
    accept = {"change": {"status": "accepted"}, "message": "30,000원을 드립니다"}
    assert await post.decide(korean, token, 0, change={"category": "shop"}) == 200  # nobody's news
    assert await post.decide(korean, token, 1, **accept) == 200
    assert await post.decide(english, token, 0, **accept) == 200
    assert await post.worker().send_due() == 2
    appeal = {"text": "더 잃었습니다", "entry_key": "a1"}
    await english.visitor.post(f"{english.link}/appeal", appeal, form_at=english.link)
    assert await post.decide(english, token, 1, change={"status": "in_review"}) == 200
    assert await post.decide(english, token, 2, change={}, files={"1": True}, message="새") == 200
    assert await post.worker().send_due() == 1
    first, *together, last = post.mailbox.mails  # two went side by side, in either order
    mails = [first, *sorted(together, key=lambda mail: str(mail["To"]), reverse=True), last]
    assert [mail["To"] for mail in mails] == [
        "mina@example.org", "mina@example.org", "ann@example.net", "ann@example.net",
    ]  # fmt: skip
    assert f"피해 신고 {korean.receipt}: 여쭐 것이 있습니다" in mails[0]["Subject"]
    assert "결정되었습니다" in mails[1]["Subject"]
    assert "decided" in mails[2]["Subject"]
    for mail, filed in zip(mails, (korean, korean, english, english), strict=True):
        text = mail.as_string() + mail.get_content()
        assert filed.receipt in text
        for secret in (filed.link.rpartition("/")[2], "미나", "영수증", "30,000", "010-1234"):
            assert secret not in text
    assert len({mail["Message-ID"] for mail in mails}) == 4


async def test_an_appeal_that_is_answered_is_told_as_one(desk_house: DeskHouse, post: Post) -> None:
    filed = await file_report(desk_house)
    token = await _assessor(desk_house)
    assert await post.decide(filed, token, 0, change={"status": "refused"}) == 200
    appeal = {"text": "아닙니다", "entry_key": "a1"}
    page = await filed.visitor.post(f"{filed.link}/appeal", appeal, form_at=filed.link)
    assert page.status == 200, page.text[-500:]
    assert await post.decide(filed, token, 1, change={"status": "accepted"}) == 200
    assert await post.outcomes() == [(MailKind.DECISION, None), (MailKind.APPEAL, None)]


async def test_many_decisions_are_told_once_each_by_several_desks(
    desk_house: DeskHouse, post: Post
) -> None:
    """Three desks at once, a mail server that is away for a time; a bulk act that fails tells
    nobody, one ordered twice tells everybody once."""
    for number in range(24):
        await file_report(desk_house, contact=f"u{number}@example.org", files=())
    await file_report(desk_house, contact="010-1234-5678", files=())  # a telephone
    await file_report(desk_house, contact="", files=())
    token = await _assessor(desk_house)
    order: dict[str, Any] = {
        "key": "b", "filter": "statuses=received", "expected": 25, "reason": "모두 받아들인다",
        "change": {"status": "accepted"},
    }  # fmt: skip
    path = "/api/reports/decisions"
    assert (await call(desk_house, "POST", path, token=token, body=_json(order)))[0] == 409
    assert await post.outcomes() == []
    for _ in range(2):
        body = _json(order | {"expected": 26})
        assert (await call(desk_house, "POST", path, token=token, body=body))[0] == 200
    desks = [post.worker(name) for name in ("one", "two", "three")]
    post.mailbox.answer = "451 later"
    while any(await asyncio.gather(*(desk.send_due() for desk in desks))):
        pass
    assert post.mailbox.mails == []
    post.mailbox.answer = "250 OK"
    post.later = mailing.BACK_OFF_SECONDS[0] * 1000 + 1000
    while any(await asyncio.gather(*(desk.send_due() for desk in desks))):
        pass
    told = sorted(mail["To"] for mail in post.mailbox.mails)
    assert told == sorted(f"u{number}@example.org" for number in range(24))
    outcomes = [outcome for _, outcome in await post.outcomes()]
    assert outcomes.count(Outcome.SENT) == 24
    assert outcomes.count(Outcome.NO_ADDRESS) == 1  # who left no contact at all was not queued
    assert len(outcomes) == 25


async def test_what_a_dead_desk_had_claimed_is_sent_under_the_same_name(
    desk_house: DeskHouse, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It dies after the mail server took the mail: nobody can know, so it is sent again, and the
    receiver can tell by its Message-ID."""
    filed = await file_report(desk_house)
    assert await post.decide(filed, await _assessor(desk_house), 0,
                             change={"status": "refused"}) == 200  # fmt: skip

    async def dies(*_: object) -> None:
        raise ConnectionResetError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(post.store, "finish", dies)
        with pytest.raises(ConnectionResetError):
            await post.worker("dead").send_due()
    assert await post.worker("two").send_due() == 0  # it is still the dead one's
    post.later = mailing.CLAIM_MS + 1000
    assert await post.worker("two").send_due() == 1
    first, second = post.mailbox.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert await post.worker("two").send_due() == 0


async def test_refused_erased_amended_and_old_mails(desk_house: DeskHouse, post: Post) -> None:
    token = await _assessor(desk_house)
    refused, erased, old = [await file_report(desk_house) for _ in range(3)]
    for filed in (refused, erased, old):
        assert await post.decide(filed, token, 0, change={"status": "refused"}) == 200
    page = await erased.visitor.post(f"{erased.link}/erase", {"sure": "yes"}, form_at=erased.link)
    assert page.status == 200
    await desk_house.database.execute(
        "UPDATE report_mail SET queued_ts = 1 WHERE report_id = $1", old.report_id
    )
    assert await post.worker().sweep() == 1
    post.mailbox.answer = "550 no such person"
    assert await post.worker().send_due() == 2
    assert post.mailbox.mails == []
    rows = await desk_house.database.fetch("SELECT report_id, outcome FROM report_mail")
    assert {row[0]: row[1] for row in rows} == {
        refused.report_id: Outcome.REFUSED, erased.report_id: Outcome.NO_ADDRESS,
        old.report_id: Outcome.GIVEN_UP,
    }  # fmt: skip
    post.later = mailing.KEPT_MS + 60_000
    assert await post.worker().sweep() == 0
    assert await post.outcomes() == []  # forgotten


def test_addresses_are_found_in_what_people_write() -> None:
    for contact, found in (
        ("mina@example.org", "mina@example.org"), ("메일: Mina@EXAMPLE.org", "Mina@example.org"),
        ("010-1234-5678 / a.b+c@example.co.kr", "a.b+c@example.co.kr"), ("010-1234", None),
        ("a@b\r\nBcc: all@example.org", "a@b"), ("", None), ("@", None),
    ):  # fmt: skip
        assert address_in(contact) == found, contact


async def _assessor(house: DeskHouse) -> str:
    await house.operator("bob", Role.ASSESSOR)
    return await house.parts.people.sign_in("bob", "wonderland")


def _json(body: Any) -> bytes:
    return msgspec.json.encode(body)
