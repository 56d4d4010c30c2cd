"""Reports come in while PostgreSQL and the desk itself are killed: each answered one is there once.

Goal: no report that was answered is lost, none is stored twice, whatever dies when.
Method: reporters send the real form and, as people do, send it again until they get a receipt. Each
round kills the postmaster, the desk's process, or both, at a random moment. Then everything is
started, the spool empties, and the tables are compared with the receipts.
"""

import asyncio
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from harness.postgres import Postgres
from harness.process import Process, free_port

from bongsu.desk.reports.generator import Generated, generate
from bongsu.desk.reports.generator_form import form_fields

REPORTS = 240
PER_SECOND = 20
PATIENCE_SECONDS = 180.0
BONGSU = str(Path(sys.executable).with_name("bongsu"))

pytestmark = pytest.mark.timeout(900)


class Desk:
    """`bongsu desk` as a process that may be killed and started again on the same port."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.spool = folder / "data" / "desk" / "spool"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / "desk.log"
        self._env = {
            "BONGSU_DATABASE_URL": database_url,
            "BONGSU_DATA": str(folder / "data"),
            "BONGSU_DESK_LISTEN": f"127.0.0.1:{port}",
            "BONGSU_RATE_LIMITS": "false",  # all reporters come from one address here
        }
        subprocess.run([BONGSU, "db", "migrate"], env=self._env, check=True, capture_output=True)
        self.start()

    def start(self) -> None:
        self._process = Process([BONGSU, "desk"], log=self._log, env=self._env)

    def kill(self) -> None:
        self._process.kill_group()

    def stop(self) -> None:
        self._process.stop()


@pytest.fixture
def desk(folder: Path, engine: Postgres) -> Iterator[Desk]:
    desk = Desk(folder, engine.create_database("bongsu"))
    yield desk
    desk.stop()


async def test_reports_survive_what_dies(
    desk: Desk, engine: Postgres, chance: random.Random
) -> None:
    made = list(generate(seed=chance.randrange(1000), count=REPORTS))
    receipts: dict[str, str] = {}
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(kill_now_and_then(desk, engine, chance))
        for report in made:
            tasks.create_task(send_until_answered(session, desk.url, report, receipts))
            await asyncio.sleep(1 / PER_SECOND)
    assert len(receipts) == REPORTS
    await settled(desk)
    stored = engine.sql(
        "SELECT report_id, receipt, evidence_count, (SELECT count(*) FROM desk.report_version AS v"
        " WHERE v.report_id = report.report_id) FROM desk.report ORDER BY 1", "bongsu",
    ).splitlines()  # fmt: skip
    expected = {
        each.submission.report_id: (receipts[each.form_key], len(each.files)) for each in made
    }
    assert stored == [
        f"{id}|{receipt}|{files}|1" for id, (receipt, files) in sorted(expected.items())
    ]
    assert not list((desk.spool / "broken").iterdir())


async def kill_now_and_then(desk: Desk, engine: Postgres, chance: random.Random) -> None:
    for victims in (("database",), ("desk",), ("database", "desk")):
        await asyncio.sleep(chance.uniform(0.5, 2.5))
        if "database" in victims:
            await asyncio.to_thread(engine.kill)
            await asyncio.sleep(chance.uniform(0.0, 2.0))
        if "desk" in victims:
            await asyncio.to_thread(desk.kill)
            desk.start()  # it starts without a database, too
            await asyncio.sleep(chance.uniform(0.0, 2.0))
        if "database" in victims:
            await asyncio.to_thread(engine.start)


async def send_until_answered(
    session: aiohttp.ClientSession, url: str, report: Generated, receipts: dict[str, str]
) -> None:
    """As a person does: the same form again and again. Every receipt must be the same."""
    while True:
        try:
            async with session.get(f"{url}/report") as answer:
                token = re.search(r'name="csrf" value="([0-9a-f]+)"', await answer.text())
            assert token
            form = aiohttp.FormData(quote_fields=False)
            for name, value in [("csrf", token[1]), *form_fields(report)]:
                form.add_field(name, value)
            for name, content in report.files.items():
                form.add_field("evidence", content, filename=name)
            async with session.post(f"{url}/report", data=form) as answer:
                receipt = re.search(r'id="receipt">([^<]+)<', await answer.text())
                assert (answer.status == 200) == (receipt is not None), answer.status
                assert answer.status in (200, 403, 503), answer.status
        except (aiohttp.ClientError, ConnectionError):
            receipt = None
        if receipt is not None:
            assert receipts.setdefault(report.form_key, receipt[1]) == receipt[1]
            return
        await asyncio.sleep(0.3)


async def settled(desk: Desk) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while list((desk.spool / "batches").iterdir()):
            await asyncio.sleep(0.2)
