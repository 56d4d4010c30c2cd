"""How long a dry run of compensation takes over all reports of October 2022.

    python -m bench.desk_dry_run [--reports 105116]

Fills a fresh PostgreSQL with the generator's reports and reads them as the desk reads them. Three
runs: of the first version of the rules of day 76; of a second against it; and of both with every
combination of facts evaluated anew, which is the most that a programme of this size can cost.
Meanwhile another task of the same process says how long it waited for its turn: the messenger may
run beside it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from importlib.resources import files

import click

from bench.desk_filled import Figures, measured
from bongsu.desk.compensation import evaluating
from bongsu.desk.compensation.dry_run import DryRun, dry_run
from bongsu.desk.compensation.text_form import parse_programme
from bongsu.desk.reports.generator import REPORTS
from bongsu.postgres.database import Database
from bongsu.postgres.desk.report_facts import PostgresReportFacts

LIMIT_SECONDS = 10.0
TURN_SECONDS = 0.005
EXAMPLE = files("bongsu.desk.compensation") / "examples" / "day-76.yaml"


@click.command()
@click.option("--reports", default=REPORTS, help="How many there are.")
def main(reports: int) -> None:
    measured("desk_dry_run", reports, _measure)


async def _measure(database: Database) -> Figures:
    stream = PostgresReportFacts(database).stream_facts
    text = EXAMPLE.read_text("utf-8")
    first, _ = parse_programme(text)
    second, _ = parse_programme(text.replace("{money: 30_000}", "{money: 40_000}"))
    figures: Figures = {"limit_seconds": LIMIT_SECONDS}
    figures["first_version"], _ = await _timed(lambda: dry_run(stream(), first))
    figures["against_it"], result = await _timed(lambda: dry_run(stream(), second, first))
    evaluating.KNOWN_MAX = 0
    figures["nothing_remembered"], _ = await _timed(lambda: dry_run(stream(), second, first))
    assert result.changes is not None
    figures["counted"], figures["given"] = result.counted, result.given
    figures["asked"], figures["sums"] = result.asked, result.sums
    figures["more_money"] = result.changes.more_money
    return figures


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
