"""From the messenger to the desk, over real HTTP: one click, and one's own reports.

`bongsu serve` runs both. A page of the messenger's own origin, in a real browser, does what a
browser client does.
"""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from desk_browser import needs_chromium, opened_browser, opened_page
from harness.bongsu import Bongsu, running
from harness.desk import Page, Visitor
from harness.process import free_port, open_folder
from integration.test_desk_reports_pages import link, receipt, report
from playwright.async_api import Error

from bongsu.engines import any_database
from bongsu.settings import Settings

DESK_PORT = free_port()
DESK = f"http://127.0.0.1:{DESK_PORT}"
CLIENT_PORT = free_port()
OWN_REPORTS = f"{DESK}/api/reporter/reports"
FOR_THE_DESK = {"org.bongsu.audience": "desk"}
STRANGER = "https://evil.example"


@pytest.fixture(scope="module")
def server() -> Iterator[Bongsu]:
    settings = {
        "BONGSU_DESK_LISTEN": f"127.0.0.1:{DESK_PORT}",
        "BONGSU_DESK_CLIENT_ORIGINS": f"http://127.0.0.1:{CLIENT_PORT}",
    }
    with open_folder() as folder, running(folder, settings=settings) as bongsu:
        for name in ("alice", "bob"):
            bongsu.run("user", "add", name, stdin="wonderland\n")
        yield bongsu


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    visitor = Visitor(DESK)
    yield visitor
    await visitor.close()


class Messenger:
    """Somebody's client."""

    def __init__(self, server: Bongsu, http: aiohttp.ClientSession, name: str) -> None:
        self.user_id = f"@{name}:localhost"
        self._server, self._http = server, http
        self._headers: dict[str, str] = {}

    async def log_in(self) -> "Messenger":
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": self.user_id},
            "password": "wonderland",
        }
        answer = await self._post("/_matrix/client/v3/login", body)
        self._headers = {"Authorization": f"Bearer {answer['access_token']}"}
        return self

    async def openid(self, body: dict[str, str] | None = None) -> dict[str, Any]:
        path = f"/_matrix/client/v3/user/{self.user_id}/openid/request_token"
        return await self._post(path, body or {})

    async def token(self) -> str:
        return (await self.openid(FOR_THE_DESK))["access_token"]

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        url = self._server.url + path
        async with self._http.post(url, json=body, headers=self._headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


async def enter(visitor: Visitor, fields: dict[str, str], origin: str | None = None) -> Page:
    return await visitor.post("/report/enter", fields, token="", origin=origin)


async def list_own(http: aiohttp.ClientSession, token: str, **headers: str) -> tuple[int, Any]:
    given = {"Authorization": f"Bearer {token}", **headers}
    async with http.get(OWN_REPORTS, headers=given) as answer:
        return answer.status, await answer.json()


async def test_clients_find_the_desk(server: Bongsu, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{server.url}/.well-known/matrix/client") as answer:
        assert (await answer.json())["org.bongsu.desk"] == {"base_url": DESK}


async def test_one_click_fills_the_account_in_and_the_messenger_lists_the_report(
    server: Bongsu, http: aiohttp.ClientSession, visitor: Visitor
) -> None:
    alice, bob = [await Messenger(server, http, name).log_in() for name in ("alice", "bob")]
    given = await alice.openid(FOR_THE_DESK)
    fields = {name: given[name] for name in ("access_token", "matrix_server_name")}
    form = await enter(visitor, fields, server.url)
    assert (form.status, form.path) == (200, "/report")
    assert "@alice:localhost" in form.text
    sent = await report(visitor)
    status, told = await list_own(http, await alice.token())
    assert status == 200
    (own,) = told["reports"]
    assert (own["receipt"], own["status"], own["category"]) == (receipt(sent), "received", "shop")
    assert not told["has_more"]
    nobody = Visitor(DESK)  # the link is all that is needed
    try:
        path = own["url"].removeprefix(DESK)
        assert receipt(sent) in (await nobody.get(path)).text
        assert receipt(sent) in (await nobody.get(link(sent))).text
        assert (await nobody.get(path[:-1] + ("0" if path[-1] != "0" else "1"))).status == 404
        withdrawn = await nobody.post(f"{path}/withdraw", {"entry_key": "k"}, form_at=path)
        assert "Withdrawn" in withdrawn.text
    finally:
        await nobody.close()
    assert (await list_own(http, await alice.token()))[1]["reports"][0]["status"] == "withdrawn"
    assert (await list_own(http, await bob.token()))[1]["reports"] == []


async def test_forged_expired_and_foreign_tokens_are_refused(
    server: Bongsu, http: aiohttp.ClientSession, visitor: Visitor
) -> None:
    alice = await Messenger(server, http, "alice").log_in()
    good = await alice.token()
    refused = [
        {"access_token": "bgo_" + "A" * 32},
        {"access_token": good[:-1] + ("A" if good[-1] != "A" else "B")},
        {"access_token": good, "matrix_server_name": "evil.example"},
        {"access_token": ""},
        {},
    ]
    for fields in refused:
        page = await enter(visitor, fields, server.url)
        assert page.status == 400, fields
        assert "@alice" not in (await visitor.get("/report")).text
    assert (await list_own(http, "bgo_" + "A" * 32))[1]["code"] == "DESK_TOKEN"
    assert (await list_own(http, ""))[0] == 401
    expired = await alice.token()
    async with any_database(Settings(data=server.data)) as dsn:
        connection = await asyncpg.connect(dsn)
        await connection.execute("UPDATE short_token SET expires_at = 1")
        await connection.close()
    assert (await enter(visitor, {"access_token": expired}, server.url)).status == 400
    assert (await list_own(http, expired))[0] == 401


async def test_what_others_were_given_opens_no_reports(
    server: Bongsu, http: aiohttp.ClientSession, visitor: Visitor
) -> None:
    """A widget's token may fill the form in; it lists nothing. One for the desk is for it alone."""
    alice = await Messenger(server, http, "alice").log_in()
    widgets = (await alice.openid())["access_token"]
    status, told = await list_own(http, widgets)
    assert (status, told["code"]) == (403, "DESK_AUDIENCE")
    assert "@alice:localhost" in (await enter(visitor, {"access_token": widgets})).text
    userinfo = f"{server.url}/_matrix/federation/v1/openid/userinfo?access_token="
    async with http.get(userinfo + await alice.token()) as answer:
        assert answer.status == 401
    async with http.get(userinfo + widgets) as answer:
        assert (await answer.json())["sub"] == "@alice:localhost"


async def test_another_site_brings_nobody_in_unasked(
    server: Bongsu, http: aiohttp.ClientSession, visitor: Visitor
) -> None:
    """Goal: nobody reports as an attacker who then reads it. Method: his page posts his token."""
    bob = await Messenger(server, http, "bob").log_in()
    for origin in (STRANGER, "null"):
        asked = await enter(visitor, {"access_token": await bob.token()}, origin)
        assert "Report as @bob:localhost?" in asked.text
        assert "@bob" not in (await visitor.get("/report")).text
    ticket = asked.path.partition("ticket=")[2]
    forged = await visitor.post("/report/enter/confirm", {"ticket": ticket}, token="0" * 64)
    assert forged.status == 403
    confirmed = await visitor.post("/report/enter/confirm", {"ticket": ticket}, form_at=asked.path)
    assert "@bob:localhost" in confirmed.text
    assert (await visitor.get("/report/enter?ticket=" + "x" * 2000)).status == 400


async def test_only_the_messengers_origin_may_read(
    server: Bongsu, http: aiohttp.ClientSession
) -> None:
    alice = await Messenger(server, http, "alice").log_in()
    asks = {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization",
    }
    for origin, allowed in (
        (server.url, server.url),
        (
            server.url.replace("127.0.0.1", "localhost"),
            server.url.replace("127.0.0.1", "localhost"),
        ),
        (STRANGER, None),
        ("null", None),
    ):
        async with http.options(OWN_REPORTS, headers={"Origin": origin, **asks}) as answer:
            assert answer.headers.get("Access-Control-Allow-Origin") == allowed
            assert answer.status == (200 if allowed else 400)
        for token in (await alice.token(), "forged"):  # refusals, too, are for clients to read
            headers = {"Authorization": f"Bearer {token}", "Origin": origin}
            async with http.get(OWN_REPORTS, headers=headers) as answer:
                assert answer.headers.get("Access-Control-Allow-Origin") == allowed
                assert "Access-Control-Allow-Credentials" not in answer.headers
    async with http.get(f"{DESK}/report", headers={"Origin": server.url}) as answer:
        assert "Access-Control-Allow-Origin" not in answer.headers
    async with http.get(f"{DESK}/status.json", headers={"Origin": STRANGER}) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@needs_chromium
async def test_a_browser_client_shows_notices_files_a_report_and_lists_it(
    server: Bongsu, http: aiohttp.ClientSession
) -> None:
    alice = await Messenger(server, http, "alice").log_in()
    token = await alice.token()
    async with (
        client_at(CLIENT_PORT) as client,
        client_at(free_port()) as stranger,
        opened_browser() as browser,
        opened_page(browser, language="en") as page,
    ):
        await page.goto(client)
        status = await page.evaluate(f"fetch('{DESK}/status.json').then(answer => answer.json())")
        assert status["health"] == "operational"
        ask = f"fetch('{OWN_REPORTS}', {{headers: {{Authorization: 'Bearer {token}'}}}})"
        told = await page.evaluate(f"{ask}.then(answer => answer.json())")
        assert {each["category"] for each in told["reports"]} <= {"shop"}
        refused = await page.evaluate(
            f"fetch('{OWN_REPORTS}', {{headers: {{Authorization: 'Bearer x'}}}})"
            ".then(answer => answer.json())"
        )
        assert refused["code"] == "DESK_TOKEN"
        async with page.context.expect_page() as opened:
            await page.evaluate(
                """([action, token]) => {
                    const form = document.createElement('form')
                    Object.assign(form, {method: 'post', action, target: '_blank', rel: 'noopener'})
                    const field = document.createElement('input')
                    Object.assign(field, {type: 'hidden', name: 'access_token', value: token})
                    form.append(field)
                    document.body.append(form)
                    form.submit()
                }""",
                [f"{DESK}/report/enter?lang=ko", token],
            )
        form = await opened.value
        await form.get_by_text("@alice:localhost").wait_for()
        assert form.url == f"{DESK}/report"
        assert await form.locator("html").get_attribute("lang") == "ko"
        await page.goto(stranger)
        with pytest.raises(Error, match="Failed to fetch"):
            await page.evaluate(ask)


@asynccontextmanager
async def client_at(port: int) -> AsyncIterator[str]:
    """A page of a client, served at an origin of its own."""

    async def page(request: web.BaseRequest) -> web.Response:
        html = "<!doctype html><html lang=en><title>A client</title><body></body></html>"
        return web.Response(text=html, content_type="text/html")

    runner = web.ServerRunner(web.Server(page))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()
