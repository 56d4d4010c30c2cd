"""What a desk's /metrics tells, and whom."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from fixtures.desk_house import DeskHouse
from harness.desk_api import call
from harness.read_only import read_only
from harness.report_form import file_report
from prometheus_client.parser import text_string_to_metric_families

from bongsu.desk.roles import Role

Figures = dict[tuple[str, ...], float]


async def figures(house: DeskHouse) -> Figures:
    """Every sample by its name and its labels' values, in the order of the labels' names."""
    page = await house.visitor().get("/metrics")
    assert page.status == 200, page.text
    assert page.headers["Content-Type"].startswith("text/plain")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
    }


async def seen(house: DeskHouse, is_so: Callable[[Figures], bool]) -> Figures:
    async with asyncio.timeout(60):
        while not is_so(found := await figures(house)):
            await asyncio.sleep(0.1)
    return found


async def test_requests_pages_reports_and_mails_are_counted(desk_house: DeskHouse) -> None:
    filed = await file_report(desk_house)
    await desk_house.operator("bob", Role.ASSESSOR)
    token = await desk_house.parts.people.sign_in("bob", "wonderland")
    path = f"/api/reports/{filed.report_id}"
    body = '{"text": "언제였나요?", "key": "k"}'.encode()
    assert (await call(desk_house, "POST", f"{path}/questions", token=token, body=body))[0] == 200
    assert (await call(desk_house, "GET", f"{path}", token="bad"))[0] == 401
    visitor = desk_house.visitor()
    for _ in range(3):
        await visitor.get("/")
    assert (await visitor.get("/no/such/page")).status == 404
    found = await seen(desk_house, lambda each: each["bongsu_desk_copy_age_seconds", "folder"] >= 0)
    assert found["bongsu_desk_database_up",] == 1
    assert found["bongsu_http_requests_total", "/report", "200", "POST"] == 1
    assert found["bongsu_http_requests_total", "/api/reports/{id}", "401", "GET"] == 1
    assert found["bongsu_http_requests_total", "unknown", "404", "unknown"] == 1
    assert found["bongsu_http_request_seconds_count", "/report", "POST"] == 1
    assert found["bongsu_desk_pages_from_memory_total", "200"] == 3
    assert found["bongsu_desk_reports_total", "accepted"] == 1
    assert found["bongsu_desk_mails_waiting",] == 1  # there is no mail server
    assert found["bongsu_desk_deliveries_waiting", "webhook"] == 0
    assert found["bongsu_desk_spool_bytes_max",] > 0


async def test_a_spool_shows_while_the_database_is_away(
    desk_house: DeskHouse, desk_dsn: str
) -> None:
    async with read_only(desk_dsn):
        await file_report(desk_house)
        found = await figures(desk_house)
        assert found["bongsu_desk_reports_total", "spooled"] == 1
        assert found["bongsu_desk_spool_batches",] == 1
        assert found["bongsu_desk_spool_bytes",] > 0
    await seen(desk_house, lambda each: each["bongsu_desk_reports_total", "forwarded"] == 1)
    await seen(desk_house, lambda each: each["bongsu_desk_spool_batches",] == 0)


async def test_whoever_comes_through_a_proxy_finds_nothing(desk_house: DeskHouse) -> None:
    headers = {"X-Forwarded-For": "127.0.0.1"}
    async with (
        aiohttp.ClientSession(desk_house.url) as session,
        session.get("/metrics", headers=headers) as answer,
    ):
        assert answer.status == 404


class TestElsewhere:
    @pytest.fixture
    def desk_settings(self) -> dict[str, Any]:
        return {"desk_metrics_networks": ("192.0.2.0/24",)}

    async def test_others_find_nothing(self, desk_house: DeskHouse) -> None:
        assert (await desk_house.visitor().get("/metrics")).status == 404
