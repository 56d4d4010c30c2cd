"""What operators wait for with 105,116 reports in the tables.

    python -m bench.desk_queue [--reports 105116]

Fills a fresh PostgreSQL with the generator's reports and times the facts, pages of the queue, the
search, the clusters, the numbers and a recount in bulk, each as the median of five.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import click
from harness.postgres import Postgres

from bench import OUT
from bongsu.desk.assessment.decision import Change
from bongsu.desk.assessment.queue import Cursor, Filter
from bongsu.desk.audit import Act
from bongsu.desk.reports.generator import OPENED_TS, REPORTS, generate
from bongsu.desk.reports.marks import Marker, MarkKind
from bongsu.desk.reports.preparing import PlacedFile, Preparer
from bongsu.desk.reports.words import Category
from bongsu.desk.sealing import FileKeys, Sealer
from bongsu.postgres.database import Database
from bongsu.postgres.desk.assessment_store import PostgresAssessments
from bongsu.postgres.desk.connecting import DESK_SESSION, assume_role
from bongsu.postgres.desk.queue_store import PostgresQueue
from bongsu.postgres.desk.report_facts import PostgresReportFacts
from bongsu.postgres.desk.report_intake_store import PostgresReportIntake
from bongsu.postgres.migrate import DESK, migrate

BATCH = 500
TIMES = 5
MARKER = Marker(b"m" * 32)


@click.command()
@click.option("--reports", default=REPORTS, help="How many there are.")
def main(reports: int) -> None:
    with tempfile.TemporaryDirectory(prefix="bongsu-queue-", dir="/tmp") as folder:
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
    (OUT / "desk_queue.json").write_text(json.dumps(figures, indent=2) + "\n")
    click.echo(json.dumps(figures, indent=2))


async def _measure(dsn: str, reports: int) -> dict[str, Any]:
    await migrate(dsn)
    await migrate(dsn, tables=DESK)
    pool = await asyncpg.create_pool(
        dsn, min_size=1, max_size=4, server_settings=DESK_SESSION, init=assume_role
    )
    database = Database(pool)
    figures: dict[str, Any] = {"reports": reports}
    figures["insert_seconds"] = await _fill(database, reports)
    await pool.execute("ANALYZE")
    queue, facts = PostgresQueue(database), PostgresReportFacts(database)

    async def stream() -> None:
        count = 0
        async for _ in facts.stream_facts():
            count += 1
        assert count == reports

    middle = Cursor(OPENED_TS + 6 * 86_400_000, "")
    shops = Filter(claimed_categories=("user",), services=("channel",), is_own=True)
    looks: dict[str, Callable[[], Awaitable[Any]]] = {
        "facts": stream,
        "first_page": lambda: queue.list_page(Filter(), None, 50, newest_first=False),
        "page_in_the_middle": lambda: queue.list_page(Filter(), middle, 50, newest_first=False),
        "filtered_page": lambda: queue.list_page(shops, middle, 50, newest_first=True),
        "filtered_count": lambda: queue.count(shops),
        "search_words": lambda: queue.count(Filter(words=tuple(MARKER.words("위약금 제주")))),
        "clusters_text": lambda: queue.list_clusters(MarkKind.TEXT, 50),
        "clusters_payout": lambda: queue.list_clusters(MarkKind.PAYOUT, 50),
        "numbers": lambda: queue.count_all("Asia/Seoul"),
    }
    for name, look in looks.items():
        figures[f"{name}_seconds"] = await _median(look)
    figures["found_in_bulk"] = await queue.count(shops)
    began = time.perf_counter()
    await PostgresAssessments(database).decide_bulk(
        "bulk", shops, figures["found_in_bulk"], Change(category=Category.SHOP), "recount", 1,
        Act("bench", "assessment.decide_bulk", "bulk"),
    )  # fmt: skip
    figures["bulk_seconds"] = round(time.perf_counter() - began, 2)
    await database.close()
    return figures


async def _fill(database: Database, reports: int) -> float:
    """Seconds that the inserts took."""
    preparer = Preparer(Sealer(FileKeys([b"k" * 32])), MARKER)
    store, spent, batch = PostgresReportIntake(database), 0.0, []
    for number, made in enumerate(generate(count=reports), 1):
        placed = [PlacedFile(name, bytes(32), len(made.files[name]), ("",)) for name in made.files]
        batch.append(preparer.report(made.submission, placed))
        if len(batch) == BATCH or number == reports:
            began = time.perf_counter()
            await store.insert(batch, 1)
            spent += time.perf_counter() - began
            batch = []
    return round(spent, 1)


async def _median(look: Callable[[], Awaitable[Any]]) -> float:
    seconds: list[float] = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await look()
        seconds.append(time.perf_counter() - began)
    return round(statistics.median(seconds), 3)


if __name__ == "__main__":
    main()
