"""How long a dry run of compensation takes over all reports of October 2022.

    python -m bench.desk_dry_run [--reports 105116]

Fills a fresh PostgreSQL with the generator's reports and reads them as the desk reads them. Three
runs: of the first version of the rules of day 76; of a second against it; and of both with every
combination of facts evaluated anew, which is the most that a programme of this size can cost.
Meanwhile another task of the same process says how long it waited for its turn: the messenger may
run beside it.
"""

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import asyncpg
import click
from harness.postgres import Postgres

from bench import OUT
from bongsu.desk.compensation import evaluating
from bongsu.desk.compensation.dry_run import DryRun, dry_run
from bongsu.desk.compensation.text_form import parse_programme
from bongsu.desk.reports.generator import REPORTS, generate
from bongsu.desk.reports.marks import Marker
from bongsu.desk.reports.preparing import PlacedFile, Preparer
from bongsu.desk.sealing import FileKeys, Sealer
from bongsu.postgres.database import Database
from bongsu.postgres.desk.connecting import DESK_SESSION, assume_role
from bongsu.postgres.desk.report_facts import PostgresReportFacts
from bongsu.postgres.desk.report_intake_store import PostgresReportIntake
from bongsu.postgres.migrate import DESK, migrate

BATCH = 500
LIMIT_SECONDS = 10.0
TURN_SECONDS = 0.005
EXAMPLE = files("bongsu.desk.compensation") / "examples" / "day-76.yaml"


@click.command()
@click.option("--reports", default=REPORTS, help="How many there are.")
def main(reports: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bongsu-dry-run-", dir="/tmp") as folder:
        os.chmod(folder, 0o711)
        postgres = Postgres(
            Path(folder) / "postgres", {"shared_buffers": "256MB", "max_wal_size": "2GB"}
        )
        postgres.start()
        try:
            figures = asyncio.run(_measure(postgres.create_database("bongsu"), reports))
        finally:
            postgres.stop()
    OUT.mkdir(exist_ok=True)
    (OUT / "desk_dry_run.json").write_text(json.dumps(figures, indent=2) + "\n")
    click.echo(json.dumps(figures, indent=2))


async def _measure(dsn: str, reports: int) -> dict[str, Any]:
    await migrate(dsn)
    await migrate(dsn, tables=DESK)
    pool = await asyncpg.create_pool(
        dsn, min_size=1, max_size=4, server_settings=DESK_SESSION, init=assume_role
    )
    database = Database(pool)
    await _fill(database, reports)
    await pool.execute("ANALYZE")
    stream = PostgresReportFacts(database).stream_facts
    text = EXAMPLE.read_text("utf-8")
    first, _ = parse_programme(text)
    second, _ = parse_programme(text.replace("{money: 30_000}", "{money: 40_000}"))
    figures: dict[str, Any] = {"reports": reports, "limit_seconds": LIMIT_SECONDS}
    figures["first_version"], _ = await _timed(lambda: dry_run(stream(), first))
    figures["against_it"], result = await _timed(lambda: dry_run(stream(), second, first))
    evaluating.KNOWN_MAX = 0
    figures["nothing_remembered"], _ = await _timed(lambda: dry_run(stream(), second, first))
    assert result.changes is not None
    figures["counted"], figures["given"] = result.counted, result.given
    figures["asked"], figures["sums"] = result.asked, result.sums
    figures["more_money"] = result.changes.more_money
    await database.close()
    return figures


async def _fill(database: Database, reports: int) -> None:
    preparer = Preparer(Sealer(FileKeys([b"k" * 32])), Marker(b"m" * 32))
    store, batch = PostgresReportIntake(database), []
    for number, made in enumerate(generate(count=reports), 1):
        placed = [PlacedFile(name, bytes(32), len(made.files[name]), ("",)) for name in made.files]
        batch.append(preparer.report(made.submission, placed))
        if len(batch) == BATCH or number == reports:
            await store.insert(batch, 1)
            batch = []


async def _timed(job: Callable[[], Awaitable[DryRun]]) -> tuple[dict[str, float], DryRun]:
    waits: list[float] = []
    watching = asyncio.create_task(_watch(waits))
    wall, cpu = time.perf_counter(), time.process_time()
    result = await job()
    figures = {
        "seconds": round(time.perf_counter() - wall, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "others_waited_ms_max": round(max(waits, default=0) * 1000),
    }
    watching.cancel()
    return figures, result


async def _watch(waits: list[float]) -> None:
    """How much later than asked a short sleep of another task ends."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(TURN_SECONDS)
        waits.append(time.perf_counter() - began - TURN_SECONDS)


if __name__ == "__main__":
    main()
