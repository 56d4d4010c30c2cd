"""Chapter three: reports come in by the hundred, and in the middle the database is lost."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import aiohttp

from bongsu.demo.stage import Stage
from bongsu.demo.visitor import Broken, hold
from bongsu.desk.reports.generator import Generated, generate
from bongsu.desk.reports.generator_form import form_fields

CONNECTIONS = 200
UNDER_WAY_MAX = 1_000
ANSWER_SECONDS_MAX = 120.0
SETTLE_SECONDS_MAX = 600.0
TRIES = 3
STEPS = 8  # in which it is told how far it is
LOOK_SECONDS = 0.5
_RECEIPT = re.compile(r'id="receipt">([^<]+)<')
_LINK = re.compile(r'id="private-link" href="([^"]+)"')
Say = Callable[[str], object]
_COUNTED = """
SELECT report_id, receipt, category, (
    SELECT count(*) FROM report_version AS version WHERE version.report_id = report.report_id
) AS versions FROM report
"""


class Pace(NamedTuple):
    """How many reports, and how many a second."""

    reports: int
    rate: float

    @property
    def seconds(self) -> float:
        return self.reports / self.rate


class Answered(NamedTuple):
    receipt: str
    link: str
    is_confirmed: bool

    @classmethod
    def of(cls, page: str) -> "Answered | None":
        """What the page says; None if it is no receipt."""
        receipt, link = _RECEIPT.search(page), _LINK.search(page)
        if receipt is None or link is None:
            return None
        return cls(receipt[1], link[1], 'class="notice good"' in page)


@dataclass
class Intake:
    """What was sent, what was answered by report id, and when the database was away (ms)."""

    made: list[Generated]
    answers: dict[str, Answered] = field(default_factory=dict[str, Answered])
    lost_ts: int = 0
    back_ts: int = 0
    seconds: float = 0.0  # from the first to the last answer

    @property
    def spooled(self) -> int:
        return sum(not answer.is_confirmed for answer in self.answers.values())


async def take_in(stage: Stage, pace: Pace, say: Say) -> Intake:
    """Send all at their times, whatever happens; wait until everything is in the database."""
    say(f"… {pace.reports:,} reports come in, {pace.rate:g} a second")
    intake = Intake(await asyncio.to_thread(_made, pace.reports))
    telling = asyncio.create_task(_tell(intake, stage, say))
    try:
        await _send_all(stage, pace, intake, say)
        await _settle(stage)
    finally:
        telling.cancel()
    return intake


async def _send_all(stage: Stage, pace: Pace, intake: Intake, say: Say) -> None:
    async with aiohttp.ClientSession(
        stage.url,
        connector=aiohttp.TCPConnector(limit=CONNECTIONS),
        cookie_jar=aiohttp.CookieJar(unsafe=True),
        timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS_MAX),
    ) as session:
        async with session.get("/report") as answer:
            found = re.search(r'name="csrf" value="([0-9a-f]+)"', await answer.text())
        if found is None:
            raise Broken("there is no report form")
        losing = asyncio.create_task(_lose_and_bring_back(stage, intake, pace.seconds, say))
        try:
            await _send_each(session, found[1], pace, intake)
            await losing
        finally:
            losing.cancel()


async def _send_each(
    session: aiohttp.ClientSession, token: str, pace: Pace, intake: Intake
) -> None:
    async with asyncio.TaskGroup() as tasks:
        started, room = time.monotonic(), asyncio.Semaphore(UNDER_WAY_MAX)
        for number, report in enumerate(intake.made):
            await asyncio.sleep(max(0.0, started + number / pace.rate - time.monotonic()))
            await room.acquire()  # a machine that is too slow is not buried
            sending = tasks.create_task(_send(session, token, report, intake))
            sending.add_done_callback(lambda _: room.release())
    intake.seconds = time.monotonic() - started


async def _tell(intake: Intake, stage: Stage, say: Say) -> None:
    """How far it is, some times on the way, however long it takes."""
    step, told = max(1, len(intake.made) // STEPS), 0
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if len(intake.answers) // step > told:
            told = len(intake.answers) // step
            batches = len(stage.waiting())
            line = f"… {len(intake.answers):,} of {len(intake.made):,} answered"
            say(f"{line}; batches in the spool: {batches}" if batches else line)


def _made(count: int) -> list[Generated]:
    return list(generate(seed=2022, count=count))


async def judge(stage: Stage, intake: Intake) -> str:
    """Every report exactly once, under the receipt that its reporter was told."""
    rows = {row["report_id"]: row for row in await stage.rows(_COUNTED)}
    sent = {one.submission.report_id for one in intake.made}
    hold(len(intake.answers) == len(sent), f"{len(sent) - len(intake.answers)} were not answered")
    hold(rows.keys() == sent, f"{len(sent - rows.keys())} are lost, {len(rows.keys() - sent)} new")
    wrong = [id for id, one in intake.answers.items() if rows[id]["receipt"] != one.receipt]
    hold(not wrong, f"{len(wrong)} have another receipt than was told")
    doubled = [id for id, row in rows.items() if row["versions"] != 1]
    hold(not doubled, f"{len(doubled)} are doubled")
    hold(intake.spooled > 0, "the loss of the database was not felt: nothing was spooled")
    away = (intake.back_ts - intake.lost_ts) / 1000
    return (
        f"{len(sent):,} reports answered in {intake.seconds:.0f} s, 0 lost, 0 doubled; the "
        f"database was away for {away:.1f} s, {intake.spooled:,} were told: received here, not yet "
        "confirmed"
    )


async def _lose_and_bring_back(stage: Stage, intake: Intake, seconds: float, say: Say) -> None:
    await asyncio.sleep(seconds / 3)
    intake.lost_ts = time.time_ns() // 1_000_000
    stage.lose_database()
    say("… the database is killed: from now on reports go to the local spool")
    await asyncio.sleep(seconds / 6)
    await stage.bring_database_back()
    intake.back_ts = time.time_ns() // 1_000_000
    say("… the database is back: what was spooled is forwarded")


async def _send(
    session: aiohttp.ClientSession, token: str, report: Generated, intake: Intake
) -> None:
    """Who gets no answer sends the same form again, as people do."""
    for attempt in range(TRIES):
        try:
            async with session.post("/report", data=form_of(token, report)) as answer:
                text = await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(1 + attempt)
            continue
        told = Answered.of(text)
        if answer.status == 200 and told is not None:
            intake.answers[report.submission.report_id] = told
            return
        await asyncio.sleep(1 + attempt)


def form_of(token: str, report: Generated) -> aiohttp.FormData:
    """The report as a browser sends it."""
    form = aiohttp.FormData(quote_fields=False)
    for name, value in [("csrf", token), *form_fields(report)]:
        form.add_field(name, value)
    for name, content in report.files.items():
        form.add_field("evidence", content, filename=name, content_type="application/pdf")
    return form


async def _settle(stage: Stage) -> None:
    """Wait until the spool is empty: everything was forwarded."""
    for _ in range(int(SETTLE_SECONDS_MAX / 0.5)):
        if not stage.waiting():
            return
        await asyncio.sleep(0.5)
    raise Broken("the spool is not forwarded")


def categories(made: Sequence[Generated]) -> Counter[str]:
    """What an assessor should find."""
    return Counter(one.true_category.value for one in made)
