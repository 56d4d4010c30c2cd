"""What operators wait for with 105,116 reports in the tables.

    python -m bench.desk_queue [--reports 105116]

Fills a fresh PostgreSQL with the generator's reports and times the facts, pages of the queue, the
search, the clusters, the numbers and a recount in bulk, each as the median of five.
"""

import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import click

from bench.desk_filled import MARKER, Figures, measured
from bongsu.desk.assessment.decision import Change
from bongsu.desk.assessment.queue import Cursor, Filter
from bongsu.desk.audit import Act
from bongsu.desk.reports.generator import OPENED_TS, REPORTS
from bongsu.desk.reports.marks import MarkKind
from bongsu.desk.reports.words import Category
from bongsu.postgres.database import Database
from bongsu.postgres.desk.assessment_store import PostgresAssessments
from bongsu.postgres.desk.queue_store import PostgresQueue
from bongsu.postgres.desk.report_facts import PostgresReportFacts

TIMES = 5


@click.command()
@click.option("--reports", default=REPORTS, help="How many there are.")
def main(reports: int) -> None:
    async def measure(database: Database) -> Figures:
        return await _measure(database, reports)

    measured("desk_queue", reports, measure)


async def _measure(database: Database, reports: int) -> Figures:
    figures: Figures = {}
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
    return figures


async def _median(look: Callable[[], Awaitable[Any]]) -> float:
    seconds: list[float] = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await look()
        seconds.append(time.perf_counter() - began)
    return round(statistics.median(seconds), 3)


if __name__ == "__main__":
    main()
