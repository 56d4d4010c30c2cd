"""Damage reports at 200 a second while PostgreSQL is killed: none lost, none doubled.

    python -m bench.desk_intake [--seconds 60] [--rate 200] [--without-kill]

`bongsu desk` runs as a process of its own, on a PostgreSQL of its own with fsync on. Reporters send
the real form (some with evidence), open loop: each at its time, however slow the answers are. After
a third of the time the postmaster is killed (SIGKILL) with its children, and started again after
another sixth. In the end every answered report must be in the database exactly once, with its
evidence. Exit code 1 if one is missing, doubled, or without its evidence.
"""

import asyncio
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import click
from harness.postgres import Postgres
from harness.process import Process, free_port

from bench import OUT, ROOT
from bongsu.demo.intake import form_of
from bongsu.desk.reports.generator import Generated, generate
from bongsu.desk.reports.keys import derive

BONGSU = str(Path(sys.executable).with_name("bongsu"))
READY_SECONDS_MAX = 60.0
SETTLE_SECONDS_MAX = 180.0
ANSWER_SECONDS_MAX = 60.0
CONNECTIONS = 400


class Answer(NamedTuple):
    status: int
    seconds: float
    is_confirmed: bool
    receipt: str | None


@click.command()
@click.option("--seconds", default=60, help="How long reports come in.")
@click.option("--rate", default=200, help="Reports a second.")
@click.option("--without-kill", is_flag=True, help="Leave PostgreSQL alone.")
def main(seconds: int, rate: int, without_kill: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="bongsu-intake-", dir="/tmp") as folder:
        os.chmod(folder, 0o711)
        figures = asyncio.run(_measure(Path(folder), seconds, rate, kill=not without_kill))
    OUT.mkdir(exist_ok=True)
    (OUT / "desk_intake.json").write_text(json.dumps(figures, indent=2) + "\n")
    click.echo(json.dumps(figures, indent=2))
    if figures["lost"] or figures["doubled"] or figures["without_evidence"]:
        raise SystemExit(1)


async def _measure(folder: Path, seconds: int, rate: int, *, kill: bool) -> dict[str, Any]:
    click.echo(f"making {seconds * rate:,} forms")
    made = list(generate(seed=2022, count=seconds * rate))
    postgres = Postgres(folder / "postgres", {"shared_buffers": "128MB", "max_wal_size": "2GB"})
    postgres.start()
    desk, url = _desk(folder, postgres.create_database("bongsu"))
    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS_MAX),
        ) as session:
            token = await _token(session, url)
            before = _cpu(desk.pid)
            killer = asyncio.create_task(_kill(postgres, seconds) if kill else asyncio.sleep(0))
            answers = await _send_all(session, url, token, made, rate)
            await killer
            cpu_seconds = _cpu(desk.pid) - before
        await _settle(folder / "data" / "desk" / "spool")
        return _judge(made, answers, postgres) | {"desk_cpu_seconds": round(cpu_seconds, 1)}
    finally:
        desk.stop()
        postgres.stop()


def _desk(folder: Path, database_url: str) -> tuple[Process, str]:
    port = free_port()
    env = {
        "BONGSU_DATABASE_URL": database_url,
        "BONGSU_DATA": str(folder / "data"),
        "BONGSU_DESK_LISTEN": f"127.0.0.1:{port}",
        "BONGSU_RATE_LIMITS": "false",  # all reporters come from one address here
        "BONGSU_LOG_LEVEL": "warning",
    }
    migrating = Process([BONGSU, "db", "migrate"], log=folder / "migrate.log", env=env, cwd=ROOT)
    while migrating.running:
        time.sleep(0.1)
    desk = Process([BONGSU, "desk"], log=folder / "desk.log", env=env, cwd=ROOT)
    return desk, f"http://127.0.0.1:{port}"


async def _token(session: aiohttp.ClientSession, url: str) -> str:
    """Wait for the form; gives its token. The cookie that belongs to it stays in the session."""
    async with asyncio.timeout(READY_SECONDS_MAX):
        while True:
            try:
                async with session.get(f"{url}/report") as answer:
                    text = await answer.text()
                found = re.search(r'name="csrf" value="([0-9a-f]+)"', text)
                assert found, text[:500]
                return found[1]
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.1)


async def _kill(postgres: Postgres, seconds: int) -> None:
    await asyncio.sleep(seconds / 3)
    click.echo("PostgreSQL is killed")
    await asyncio.to_thread(postgres.kill)
    await asyncio.sleep(seconds / 6)
    await asyncio.to_thread(postgres.start)
    click.echo("PostgreSQL is back")


async def _send_all(
    session: aiohttp.ClientSession, url: str, token: str, made: list[Generated], rate: int
) -> dict[str, Answer]:
    """By report id, what each reporter was answered last. Who gets no answer sends again once."""
    answers: dict[str, Answer] = {}
    loop, start = asyncio.get_running_loop(), asyncio.get_running_loop().time()

    async def send(report: Generated) -> None:
        for _ in range(2):
            answer = await _send(session, url, token, report)
            answers[report.submission.report_id] = answer
            if answer.status == 200:
                return
            await asyncio.sleep(2)

    async with asyncio.TaskGroup() as tasks:
        for number, report in enumerate(made):
            wait = start + number / rate - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            tasks.create_task(send(report))
    return answers


async def _send(session: aiohttp.ClientSession, url: str, token: str, report: Generated) -> Answer:
    began = time.perf_counter()
    try:
        async with session.post(f"{url}/report", data=form_of(token, report)) as answer:
            text = await answer.text()
    except (aiohttp.ClientError, TimeoutError) as error:
        click.echo(f"no answer: {error!r}")
        return Answer(0, time.perf_counter() - began, False, None)
    if answer.status != 200:
        errors = re.findall(r'<li><a href="#(\w+)"|<h1>([^<]+)', text)
        click.echo(f"{answer.status}: {errors}", err=True)
    receipt = re.search(r'id="receipt">([^<]+)<', text)
    is_confirmed = 'class="notice good"' in text
    seconds = time.perf_counter() - began
    return Answer(answer.status, seconds, is_confirmed, receipt and receipt[1])


async def _settle(spool: Path) -> None:
    """Wait until everything spooled is forwarded."""
    async with asyncio.timeout(SETTLE_SECONDS_MAX):
        while any((spool / "batches").iterdir()):
            await asyncio.sleep(0.5)


def _judge(made: list[Generated], answers: dict[str, Answer], postgres: Postgres) -> dict[str, Any]:
    lines = postgres.sql(
        "SELECT report_id, receipt, evidence_count, (SELECT count(*) FROM desk.report_version AS v"
        " WHERE v.report_id = report.report_id) FROM desk.report", "bongsu",
    ).splitlines()  # fmt: skip
    rows = {line.split("|")[0]: line.split("|") for line in lines}
    kept = {id: answer for id, answer in answers.items() if answer.status == 200}
    files = {report.submission.report_id: len(report.files) for report in made}
    seconds = sorted(answer.seconds for answer in kept.values())
    assert all(derive(report.form_key).report_id in files for report in made[:100])
    return {
        "sent": len(made),
        "answered": len(kept),
        "refused": Counter(str(a.status) for a in answers.values() if a.status != 200),
        "confirmed": sum(answer.is_confirmed for answer in kept.values()),
        "spooled": sum(not answer.is_confirmed for answer in kept.values()),
        "lost": len(kept.keys() - rows.keys()),
        "doubled": len(lines) - len(rows) + sum(row[3] != "1" for row in rows.values()),
        "wrong_receipt": sum(rows[id][1] != kept[id].receipt for id in kept if id in rows),
        "without_evidence": sum(int(rows[id][2]) != files[id] for id in kept if id in rows),
        "seconds_median": round(statistics.median(seconds), 3),
        "seconds_p99": round(seconds[int(len(seconds) * 0.99)], 3),
        "seconds_max": round(seconds[-1], 3),
    }


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
