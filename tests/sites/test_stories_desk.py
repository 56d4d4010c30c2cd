"""The desk over three sites: reports come in at each of them while the primary's site is lost."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from fixtures.stage import open_folder_for_lab, stories
from harness.lab import LabUnderTest
from harness.stage import PATIENCE_SECONDS, Stage

from bongsu.demo.intake import Answered, form_of
from bongsu.desk.reports.generator import Generated, generate
from bongsu.lab.keeper import log_of

pytestmark = stories

REPORTS_MAX = 5_000
PAUSE_SECONDS = 0.2  # between two reports at a site
ANSWER_SECONDS_MAX = 30.0  # then a reporter goes to another site with the same form
TOKEN = re.compile(r'name="csrf" value="([0-9a-f]+)"')


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Sites that need not be cut off from one another."""
    with open_folder_for_lab() as folder:
        lab = LabUnderTest(folder / "lab")
        try:
            lab.run("up")
            yield Stage(lab)
        finally:
            lab.run("down", "--delete")


class Crowd:
    """Reporters and readers at every site. Whoever gets no answer goes to the next site."""

    def __init__(self, stage: Stage, seed: int) -> None:
        self.urls = {name: stage.lab.desk_url(stage.site(name)) for name in stage.names}
        self.answers: dict[str, tuple[str, Answered]] = {}  # site and receipt, by report id
        self.sent: list[Generated] = []
        self.unread: Counter[str] = Counter()  # by site
        self.read: Counter[str] = Counter()
        self.is_over = False
        self._made = iter(generate(seed=seed, count=REPORTS_MAX))
        self._token = ""

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """The form is loaded at one site, as a balancer has it, and sent to whichever answers."""
        async with aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS_MAX),
            cookie_jar=aiohttp.DummyCookieJar(),
        ) as self._session:
            async with self._session.get(next(iter(self.urls.values())) + "/report") as answer:
                found = TOKEN.search(await answer.text())
                assert found, answer.status
                self._token = found[1]
                self._cookie = f"desk_visitor={answer.cookies['desk_visitor'].value}"
            async with asyncio.TaskGroup() as tasks:
                for name in self.urls:
                    tasks.create_task(self._report_at(name))
                    tasks.create_task(self._read_at(name))
                try:
                    yield
                finally:
                    self.is_over = True

    async def confirmed_at(self, names: list[str]) -> None:
        """Until a report that is sent from now on is in the database, at each of these sites."""
        before = set(self.answers)

        def seen() -> set[str]:
            new = [told for key, told in self.answers.items() if key not in before]
            return {site for site, answered in new if answered.is_confirmed}

        await until(lambda: seen() >= set(names), f"reports are confirmed at {names}")

    async def spooled(self) -> None:
        """Until a report is received that no second site has."""
        before = set(self.answers)
        await until(
            lambda: any(
                not told.is_confirmed
                for key, (_, told) in self.answers.items()
                if key not in before
            ),
            "a report goes to a spool",
        )

    def stood_at(self, names: list[str]) -> None:
        """The status page was never out of reach there."""
        assert {name: self.unread[name] for name in names} == dict.fromkeys(names, 0)
        assert all(self.read[name] for name in names)

    async def _report_at(self, name: str) -> None:
        names = [name, *(other for other in self.urls if other != name)]
        while not self.is_over:
            report = next(self._made)
            self.sent.append(report)
            for turn in count():
                if await self._send(names[turn % len(names)], report):
                    break
                assert turn < 1_000, f"nobody takes {report.submission.report_id}"
                await asyncio.sleep(PAUSE_SECONDS)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _send(self, to: str, report: Generated) -> bool:
        headers, form = {"Cookie": self._cookie}, form_of(self._token, report)
        with suppress(aiohttp.ClientError, TimeoutError):
            url = f"{self.urls[to]}/report"
            async with self._session.post(url, data=form, headers=headers) as answer:
                told = Answered.of(await answer.text())
                assert told or answer.status == 503, await answer.text()
                if told:
                    self.answers[report.submission.report_id] = to, told
                    return True
        return False

    async def _read_at(self, name: str) -> None:
        """The status page, for ever."""
        while not self.is_over:
            try:
                async with self._session.get(self.urls[name] + "/status.json") as answer:
                    assert answer.status == 200
                    await answer.json()
                    self.read[name] += 1
            except (aiohttp.ClientError, TimeoutError):
                self.unread[name] += 1
            await asyncio.sleep(PAUSE_SECONDS)


async def until(seen: Callable[[], object], what: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not seen():
            await asyncio.sleep(0.1)
    print(f"seen: {what}")


@pytest.mark.parametrize(("how", "seed"), [("kill", 7), ("hang", 8)])
async def test_no_report_is_lost_or_doubled_when_the_primarys_site_goes(
    stage: Stage, how: str, seed: int
) -> None:
    """Goal: reports are taken at every site that stands, each is there once in the end, and the
    status page never goes. Method: lose the primary's site, all of it, with its desk; bring it
    back; compare what reporters were told with the tables; open links at another site."""
    async with at_work(stage, seed) as crowd:
        lost = await stage.primary()
        left = stage.others(lost)
        await getattr(stage, how)(lost)
        await stage.until_primary_is_one_of(left)
        await crowd.confirmed_at(left)
        crowd.stood_at(left)


async def test_the_last_site_takes_reports_alone(stage: Stage) -> None:
    """Goal: without any primary, reports are kept and told to be kept at one site only. Method:
    lose two sites of three, wait for what is spooled at the third, bring them back."""
    async with at_work(stage, 9) as crowd:
        primary = await stage.primary()
        last = stage.others(primary)[0]
        for name in stage.others(last):
            await stage.kill(name)
        for _ in range(3):
            await crowd.spooled()
        crowd.stood_at([last])
        assert spools(stage)


@asynccontextmanager
async def at_work(stage: Stage, seed: int) -> AsyncIterator[Crowd]:
    """From a whole lab to a whole lab, then the verdict."""
    await stage.heal()
    await stage.until_whole()
    before = {row["report_id"] for row in await rows(stage, "SELECT report_id FROM report")}
    crowd = Crowd(stage, seed)
    try:
        async with crowd.at_work():
            await crowd.confirmed_at(stage.names)
            yield crowd
            await stage.heal()
            await stage.until_whole()
            await crowd.confirmed_at(stage.names)
        await until(lambda: not spools(stage), "every spool is empty")
        await judge(stage, crowd, before)
    except BaseException:
        print(last_words(stage))
        raise


async def judge(stage: Stage, crowd: Crowd, before: set[str]) -> None:
    found = await rows(
        stage,
        """SELECT report_id, receipt, evidence_count, received_site, (
               SELECT count(*) FROM report_version AS v WHERE v.report_id = report.report_id
           ) AS versions, (
               SELECT count(*) FROM report_file AS f WHERE f.report_id = report.report_id
           ) AS files FROM report""",
    )
    new = {row["report_id"]: row for row in found if row["report_id"] not in before}
    sent = {report.submission.report_id: report for report in crowd.sent}
    assert new.keys() == sent.keys() == crowd.answers.keys()
    for report_id, row in new.items():
        assert row["receipt"] == crowd.answers[report_id][1].receipt
        assert row["versions"] == 1
        assert row["files"] == row["evidence_count"] == len(sent[report_id].files)
    spooled = sum(not told.is_confirmed for _, told in crowd.answers.values())
    by_site = Counter(row["received_site"] for row in new.values())
    print(f"{len(new)} reports, {spooled} of them spooled, by site {dict(by_site)}")
    print(f"status page read {dict(crowd.read)}, not answered {dict(crowd.unread)}")
    assert by_site.keys() == set(stage.names)
    await open_elsewhere(stage, crowd, list(new)[:: max(1, len(new) // 12)])


async def open_elsewhere(stage: Stage, crowd: Crowd, report_ids: list[str]) -> None:
    """What one site's desk sealed every other one opens."""
    sent = {report.submission.report_id: report for report in crowd.sent}
    async with aiohttp.ClientSession() as session:
        for report_id in report_ids:
            site, told = crowd.answers[report_id]
            for name in stage.others(site):
                async with session.get(crowd.urls[name] + told.link) as answer:
                    page = await answer.text()
                    assert answer.status == 200, page
                assert told.receipt in page
                assert sent[report_id].submission.personal.contact in page


async def rows(stage: Stage, query: str) -> list[asyncpg.Record]:
    """Of the desk's tables, at the primary."""
    primary = stage.site(await stage.primary())
    connection = await asyncpg.connect(
        stage.lab.superuser_url(primary, "bongsu"), server_settings={"search_path": "desk"}
    )
    try:
        return await connection.fetch(query)
    finally:
        await connection.close()


def spools(stage: Stage) -> list[Path]:
    """Batches that wait, at any site; none may be broken."""
    folders = [stage.site(name).path("desk") / "data/desk/spool" for name in stage.names]
    assert not [path for folder in folders for path in (folder / "broken").iterdir()]
    return [path for folder in folders for path in (folder / "batches").iterdir()]


def last_words(stage: Stage) -> str:
    logs = [log_of(stage.site(name), "desk") for name in stage.names]
    ends = [log.read_text(errors="replace")[-6_000:] for log in logs if log.exists()]
    return "\n".join([stage.last_words(), *ends])
