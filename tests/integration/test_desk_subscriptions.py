"""Subscriptions over real SMTP and real HTTP; deliveries by several desks at once, each once."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from fixtures.desk_house import DeskHouse
from harness.mailbox import Mailbox

from bongsu.desk.notices import delivering
from bongsu.desk.notices.delivering import Delivering
from bongsu.desk.notices.publishing import Publishing
from bongsu.desk.notices.subscribers import (
    Channel,
    DeliveryFailed,
    Links,
    Notice,
    Subscriber,
    webhook_signature,
)
from bongsu.desk.notices.subscribing import Subscribing
from bongsu.desk.notices.words import Health
from bongsu.desk.roles import Role
from bongsu.desk.sealing import Sealer
from bongsu.files.desk_keys import load_file_keys
from bongsu.postgres.database import Database
from bongsu.postgres.desk.notice_delivery_store import PostgresDeliveries
from bongsu.postgres.desk.notice_incident_store import PostgresIncidents
from bongsu.postgres.desk.notice_service_store import PostgresServices
from bongsu.postgres.desk.notice_subscriber_store import PostgresSubscribers
from bongsu.users.tokens import now_ms

HOME = "/operator/notices"
DUE_NOW = "UPDATE notice_delivery SET due_ts = 0 WHERE done_ts IS NULL"


async def until(is_so: Callable[[], bool | Awaitable[bool]], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while True:
            found = is_so()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.05)


class Receiver:
    """Somebody's server that gets webhooks."""

    def __init__(self) -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.status = 200
        self.url = ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/hook", self._take)
        app.router.add_get("/health", self._health)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        self.requests.append((dict(request.headers), await request.read()))
        return web.Response(status=self.status)

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response(status=self.status)


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    mailbox = Mailbox()
    yield mailbox
    await mailbox.stop()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


@pytest.fixture
async def desk_settings(mailbox: Mailbox) -> dict[str, Any]:
    return {
        "smtp_url": f"smtp://127.0.0.1:{await mailbox.start()}",
        "smtp_from": "Desk <desk@example.org>",
        "outgoing_allowed_networks": ("127.0.0.1/32",),
        "desk_public_url": "http://status.example.org",
    }


async def publish(house: DeskHouse, key: str, english: str, service: str = "messages") -> None:
    """A service (if it is not there) and an incident of it."""
    database = house.parts.database
    publishing = Publishing(PostgresServices(database), PostgresIncidents(database))
    if not house.desk.notices.keeper.board.services:
        await publishing.put_service("@t:localhost", service, {"en": "Messages", "ko": "메시지"})
        await publishing.put_component("@t:localhost", service, "seoul", "")
        await until(lambda: bool(house.desk.notices.keeper.board.services))
    await publishing.publish(
        "@t:localhost", kind="incident", impact="major_outage", titles={"en": english},
        services=[service], started_ts=None, ends_ts=None, post_key=key * 16,
        phase="investigating", texts={"en": f"{english}: we look.", "ko": "찾고 있습니다."},
    )  # fmt: skip


def path_of(text: str, what: str) -> str:
    found = re.search(rf"http://status\.example\.org(/{what}/\S+)", text)
    assert found, text
    return found[1].rstrip(">")


async def test_by_mail_asked_confirmed_told_and_ended_by_one_click(
    desk_house: DeskHouse, mailbox: Mailbox
) -> None:
    await publish(desk_house, "a", "Early")
    visitor = desk_house.visitor(language="ko")
    fields = {"channel": "email", "target": "Reader@Example.ORG", "service": ["messages"]}
    for _ in range(3):  # an impatient visitor gets one mail
        page = await visitor.post("/subscribe", fields)
        assert page.status == 200
    await until(lambda: bool(mailbox.mails))
    question = mailbox.mails[0]
    assert question["To"] == "Reader@example.org"
    assert "구독을 확인" in question["Subject"]
    confirm = path_of(question.get_content(), "subscribe/confirm")

    await visitor.get(confirm)  # a mail scanner looks at the link: that confirms nothing
    await publish(desk_house, "b", "Unheard")
    assert (await visitor.post(confirm)).status == 200
    await publish(desk_house, "c", "Fire in\nthe battery room")
    await until(lambda: len(mailbox.mails) == 2)
    told = mailbox.mails[1]
    assert "Fire in the battery room" in told["Subject"]
    assert "찾고 있습니다." in told.get_content()
    assert told["Message-ID"].startswith("<notice-")
    assert told["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    end = path_of(told["List-Unsubscribe"], "unsubscribe")
    assert (await visitor.get(end)).status == 200  # looking at it ends nothing

    async with (
        aiohttp.ClientSession() as mail_program,  # without cookies, without a form
        mail_program.post(f"{visitor.url}{end}", data=b"List-Unsubscribe=One-Click") as answer,
    ):
        assert answer.status == 200
    await publish(desk_house, "d", "Nobody hears")
    await asyncio.sleep(0)
    assert await desk_house.database.fetch("SELECT * FROM notice_subscriber") == []
    for forged in ("x" * 24 + "." + "0" * 64, end.rpartition("/")[2][:-1] + "0", "%00", "a"):
        page = await visitor.post(f"/subscribe/confirm/{forged}", form_at="/subscribe")
        assert page.status == 404
    assert len(mailbox.mails) == 2


async def test_a_mail_server_that_is_down_delays_and_one_that_refuses_ends_it(
    desk_house: DeskHouse, mailbox: Mailbox
) -> None:
    visitor = desk_house.visitor()
    mailbox.answer = "451 later"
    assert (
        await visitor.post("/subscribe", {"channel": "email", "target": "a@example.org"})
    ).status == 200

    async def is_postponed() -> bool:
        rows = await desk_house.database.fetch("SELECT attempts FROM notice_delivery")
        return [row["attempts"] for row in rows] == [1]

    await until(is_postponed)
    mailbox.answer = "250 OK"
    await desk_house.database.execute(DUE_NOW)
    await until(lambda: len(mailbox.mails) == 1)

    mailbox.answer = "550 nobody here"
    await visitor.post("/subscribe", {"channel": "email", "target": "b@example.org"})

    async def outcomes() -> bool:
        rows = await desk_house.database.fetch("SELECT outcome FROM notice_delivery")
        return sorted(str(row["outcome"]) for row in rows) == ["delivered", "refused"]

    await until(outcomes)


async def test_wrong_addresses_are_refused(desk_house: DeskHouse, mailbox: Mailbox) -> None:
    visitor = desk_house.visitor()
    for target in (
        "", "nobody", "a@b@c", "a b@example.org", "a@example.org\r\nBcc: x@y.z", "<a@b.c>",
        "a" * 300 + "@example.org",
    ):  # fmt: skip
        page = await visitor.post("/subscribe", {"channel": "email", "target": target})
        assert page.status == 400, target
    for target in ("ftp://x/", "javascript:alert(1)", "https://u:p@x/", "http://", "x" * 2000):
        page = await visitor.post("/subscribe", {"channel": "webhook", "target": target})
        assert page.status == 400, target
    page = await visitor.post("/subscribe", {"channel": "room", "target": "!a:b"})
    assert page.status == 400
    assert await desk_house.database.fetch("SELECT * FROM notice_subscriber") == []
    assert mailbox.mails == []


async def test_by_webhook_signed_and_tried_again(desk_house: DeskHouse, receiver: Receiver) -> None:
    await publish(desk_house, "a", "Early")
    visitor = desk_house.visitor()
    target = {"channel": "webhook", "target": f"{receiver.url}/hook"}
    assert (await visitor.post("/subscribe", target)).status == 200
    await until(lambda: bool(receiver.requests))
    headers, body = receiver.requests[0]
    question = _json(body)
    assert question["type"] == "subscription.confirm"
    assert _is_signed(headers, body, question["secret"])
    assert not _is_signed(headers, body + b" ", question["secret"])
    await visitor.post(path_of(question["confirm_url"], "subscribe/confirm"))

    receiver.status = 500
    await publish(desk_house, "b", "Fire")
    await until(lambda: len(receiver.requests) == 2)
    receiver.status = 204

    async def is_postponed() -> bool:
        await desk_house.database.execute(DUE_NOW)
        return len(receiver.requests) == 3

    await until(is_postponed)
    (first, _), (again, body) = receiver.requests[1:]
    assert first["webhook-id"] == again["webhook-id"]
    assert _is_signed(again, body, question["secret"])
    document = _json(body)
    assert document["incident"]["titles"] == {"en": "Fire"}
    assert document["update"]["phase"] == "investigating"


async def test_a_webhook_inside_the_network_is_never_asked(
    desk_house: DeskHouse, receiver: Receiver
) -> None:
    """The settings of this test allow 127.0.0.1 only: its IPv6 sister is inside, too."""
    visitor = desk_house.visitor()
    for target in ("http://[::1]:8080/hook", "http://169.254.169.254/latest/", "http://10.0.0.1/"):
        page = await visitor.post("/subscribe", {"channel": "webhook", "target": target})
        assert page.status == 200  # nobody is told what our network looks like

    async def are_refused() -> bool:
        rows = await desk_house.database.fetch("SELECT outcome FROM notice_delivery")
        return [row["outcome"] for row in rows] == ["refused"] * 3

    await until(are_refused)
    assert receiver.requests == []


async def test_health_by_probe_is_believed_after_two_failures(
    desk_house: DeskHouse, receiver: Receiver
) -> None:
    area = desk_house.desk.notices
    publisher = await desk_house.operator("alice", Role.PUBLISHER)
    await publisher.post(f"{HOME}/services", {"service_id": "x", "name_en": "X"}, form_at=HOME)
    component = {"service_id": "x", "site": "seoul", "probe": f"{receiver.url}/health"}
    await publisher.post(f"{HOME}/components", component, form_at=HOME)

    def health() -> Health | None:
        services = area.keeper.board.services
        return services[0].components[0].health if services and services[0].components else None

    await until(lambda: health() is Health.UNKNOWN)
    await area.prober.stop()  # from here on the test decides when it asks
    seen: list[Health | None] = []
    for status in (200, 503, 503, 200):
        receiver.status = status
        await area.prober.run_once()
        await area.keeper.refresh()
        seen.append(health())
    assert seen == [
        Health.OPERATIONAL, Health.OPERATIONAL, Health.MAJOR_OUTAGE, Health.OPERATIONAL,
    ]  # fmt: skip
    await publisher.post(
        f"{HOME}/health", {"component": "x/seoul", "health": "degraded"}, form_at=HOME
    )
    await area.prober.run_once()
    await area.keeper.refresh()
    assert health() is Health.DEGRADED  # by hand goes before


class Telling:
    """A channel that counts, and loses its temper for the first time of some."""

    def __init__(self) -> None:
        self.told: Counter[str] = Counter()

    async def tell(self, name: str, subscriber: Subscriber, notice: Notice) -> None:
        await asyncio.sleep(0.001)
        self.told[name] += 1

    async def ask(self, name: str, subscriber: Subscriber) -> None:
        raise DeliveryFailed("nobody is asked here")


async def subscribed(database: Database, sealer: Sealer, count: int) -> None:
    store = PostgresSubscribers(database, sealer)
    for number in range(count):
        name, target = f"subscriber-{number:08d}", f"person{number}@example.org"
        await store.put_live(Subscriber(name, Channel.EMAIL, target, "ko", ()), now_ms())


async def test_many_desks_deliver_each_update_once(desk_database: Database, tmp_path: Path) -> None:
    sealer = Sealer(load_file_keys(tmp_path / "keys"))
    await subscribed(desk_database, sealer, 120)
    publishing = Publishing(PostgresServices(desk_database), PostgresIncidents(desk_database))
    await publishing.put_service("@t:x", "messages", {"en": "Messages"})
    incident = await publishing.publish(
        "@t:x", kind="incident", impact="degraded", titles={"en": "T"}, services=["messages"],
        started_ts=None, ends_ts=None, post_key="k" * 16, phase="identified", texts={"en": "x"},
    )  # fmt: skip
    await asyncio.gather(
        *(  # the same form, and two others, at once
            publishing.add_update(
                "@t:x", incident, post_key=key * 16, phase="recovering", texts={"en": "x"}
            )
            for key in ("m", "m", "n", "o")
        )
    )
    telling = Telling()
    desks = [
        Delivering(PostgresDeliveries(desk_database, sealer), {Channel.EMAIL: telling}, f"desk{n}")
        for n in range(4)
    ]

    async def work(desk: Delivering) -> None:
        while await desk.run_once():
            pass

    await asyncio.gather(*map(work, desks))
    assert len(telling.told) == 120 * 4
    assert set(telling.told.values()) == {1}


async def test_a_claim_of_a_desk_that_died_is_taken_over(
    desk_database: Database, tmp_path: Path
) -> None:
    sealer = Sealer(load_file_keys(tmp_path / "keys"))
    await subscribed(desk_database, sealer, 3)
    publishing = Publishing(PostgresServices(desk_database), PostgresIncidents(desk_database))
    await publishing.put_service("@t:x", "messages", {"en": "Messages"})
    await publishing.publish(
        "@t:x", kind="incident", impact="degraded", titles={"en": "T"}, services=["messages"],
        started_ts=None, ends_ts=None, post_key="k" * 16, phase="identified", texts={"en": "x"},
    )  # fmt: skip
    store = PostgresDeliveries(desk_database, sealer)
    now = now_ms()
    claimed = await store.claim("dead", now, now + delivering.CLAIM_MS, 2)
    assert len(claimed) == 2
    telling = Telling()
    later = now
    desk = Delivering(store, {Channel.EMAIL: telling}, "alive", clock=lambda: later)
    assert await desk.run_once() == 1
    later = now + delivering.CLAIM_MS + 1
    assert await desk.run_once() == 2
    await store.finish(claimed[0].delivery_id, "dead", now, "refused")  # it was not dead after all
    rows = await desk_database.fetch("SELECT outcome FROM notice_delivery")
    assert {row["outcome"] for row in rows} == {"delivered"}
    assert set(telling.told.values()) == {1}


async def test_nobody_confirms_after_two_days(desk_database: Database, tmp_path: Path) -> None:
    sealer = Sealer(load_file_keys(tmp_path / "keys"))
    store, links = PostgresSubscribers(desk_database, sealer), Links(b"key", "https://x")
    now = now_ms()
    subscribing = Subscribing(store, links, clock=lambda: now)
    await subscribing.ask("email", "a@example.org", "ko", [])
    (row,) = await desk_database.fetch("SELECT subscriber_id, target FROM notice_subscriber")
    assert b"example" not in row["target"]
    signed = links.confirm(row["subscriber_id"]).rpartition("/")[2]
    assert await subscribing.confirm(links.end(row["subscriber_id"]).rpartition("/")[2]) is None
    now += 49 * 3600 * 1000
    assert await subscribing.confirm(signed) is None
    await subscribing.sweep()
    assert await desk_database.fetch("SELECT * FROM notice_subscriber") == []
    assert await desk_database.fetch("SELECT * FROM notice_delivery") == []


def _json(body: bytes) -> Any:
    return json.loads(body)


def _is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    name, seconds = headers["webhook-id"], int(headers["webhook-timestamp"])
    return headers["webhook-signature"] == webhook_signature(secret, name, seconds, body)
