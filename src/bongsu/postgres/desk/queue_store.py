"""The operators' queue: pages of it, clusters of look-alikes, numbers."""

from collections.abc import Sequence
from typing import Any

from bongsu.desk.assessment.queue import Cursor, Filter, Row
from bongsu.desk.assessment.stores import Alike, Cluster, Counts
from bongsu.postgres.database import Database
from bongsu.postgres.desk.queue_sql import conditions
from bongsu.postgres.desk.report_facts import FACTS, facts_of

ALIKE_MAX = 20  # look-alikes counted for a row of the list; more are "20"
SAMPLE = 5
CLUSTER_MIN = 2

_RECEIPT = "SELECT report_id FROM report WHERE receipt = $1 ORDER BY received_ts LIMIT 1"
_ALIKE_COUNTS = f"""
SELECT own.report_id, own.kind, sum(other.count)::integer AS count
  FROM report_mark AS own CROSS JOIN LATERAL (
       SELECT count(*) FROM (
           SELECT FROM report_mark AS same
            WHERE same.kind = own.kind AND same.mark = own.mark
              AND same.report_id <> own.report_id LIMIT {ALIKE_MAX}) AS seen) AS other
 WHERE own.report_id = ANY($1) AND other.count > 0
 GROUP BY own.report_id, own.kind
"""
# Several marks of a text may give the same cluster: it is shown once.
_CLUSTERS = f"""
SELECT kind, min(mark) AS mark, size, sample FROM (
    SELECT kind, mark, count(*)::integer AS size,
           (array_agg(report_id ORDER BY report_id))[1:{SAMPLE}] AS sample
      FROM report_mark WHERE kind = $1 GROUP BY kind, mark HAVING count(*) >= {CLUSTER_MIN}
     ORDER BY size DESC, mark LIMIT $2 * 8) AS found
 GROUP BY kind, size, sample ORDER BY size DESC, mark LIMIT $2
"""
_RECEIPTS = "SELECT report_id, receipt FROM report WHERE report_id = ANY($1)"
_ALIKE = """
SELECT report_id, receipt, status, received_ts, kinds FROM (
    SELECT same.report_id, array_agg(DISTINCT same.kind ORDER BY same.kind) AS kinds
      FROM report_mark AS own JOIN report_mark AS same USING (kind, mark)
     WHERE own.report_id = $1 AND same.report_id <> $1
     GROUP BY same.report_id ORDER BY count(*) DESC, same.report_id LIMIT $2) AS alike
  JOIN report USING (report_id) ORDER BY received_ts
"""

_BY_DAY = """
SELECT to_char(to_timestamp(received_ts / 1000.0) AT TIME ZONE $1, 'YYYY-MM-DD') AS day, count(*)
  FROM report GROUP BY day ORDER BY day
"""
_BY_SERVICE = """
SELECT service, count(*) AS count FROM report, unnest(services) AS service
 GROUP BY service ORDER BY count DESC
"""
_BY_STATUS = "SELECT status, count(*) AS count FROM report GROUP BY status ORDER BY count DESC"
_BY_CATEGORY = """
SELECT category, sum(claimed)::bigint, sum(assessed)::bigint FROM (
    SELECT claimed_category AS category, count(*) AS claimed, 0 AS assessed
      FROM report WHERE is_own GROUP BY claimed_category
    UNION ALL
    SELECT category, 0, count(*) FROM report WHERE is_own GROUP BY category) AS each
 GROUP BY category ORDER BY 3 DESC, category
"""
_BY_LOSS = """
SELECT is_paid, coalesce(loss_amount, 0) > 0 AS has_loss, count(*)
  FROM report WHERE is_own GROUP BY is_paid, has_loss ORDER BY is_paid DESC, has_loss DESC
"""
_LOSS_TOTAL = """
SELECT loss_currency, sum(loss_amount)::bigint FROM report
 WHERE loss_currency IS NOT NULL GROUP BY loss_currency ORDER BY loss_currency
"""


class PostgresQueue:
    """Implements `desk.assessment.stores.QueueStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_page(
        self, wanted: Filter, after: Cursor | None, limit: int, *, newest_first: bool
    ) -> Sequence[Row]:
        arguments: list[Any] = []
        where = conditions(wanted, arguments)
        order, beyond = ("DESC", "<") if newest_first else ("ASC", ">")
        if after is not None:
            arguments += after
            where += f" AND (received_ts, report_id) {beyond} "
            where += f"(${len(arguments) - 1}, ${len(arguments)})"
        rows = await self._database.fetch(
            f"SELECT {FACTS}, assessed_version FROM report WHERE {where}"
            f" ORDER BY received_ts {order}, report_id {order} LIMIT {int(limit)}",
            *arguments,
        )
        alike = await self._count_alike([row["report_id"] for row in rows])
        page: list[Row] = []
        for row in rows:
            *values, assessed_version = row.values()
            facts = facts_of(values)
            is_amended = bool(facts.assessment) and facts.version > assessed_version
            page.append(Row(facts, is_amended, alike.get(facts.report_id, {})))
        return page

    async def count(self, wanted: Filter) -> int:
        arguments: list[Any] = []
        where = conditions(wanted, arguments)
        rows = await self._database.fetch(f"SELECT count(*) FROM report WHERE {where}", *arguments)
        return rows[0]["count"]

    async def find_receipt(self, receipt: str) -> str | None:
        row = await self._database.fetchrow(_RECEIPT, receipt)
        return None if row is None else row["report_id"]

    async def list_clusters(self, kind: int, limit: int) -> Sequence[Cluster]:
        rows = await self._database.fetch(_CLUSTERS, kind, limit)
        ids = [report_id for row in rows for report_id in row["sample"]]
        named = await self._database.fetch(_RECEIPTS, ids)
        receipts = {row["report_id"]: row["receipt"] for row in named}
        return [
            Cluster(kind, mark, size, tuple(receipts[id] for id in sample if id in receipts))
            for kind, mark, size, sample in rows
        ]

    async def list_alike(self, report_id: str, limit: int) -> Sequence[Alike]:
        rows = await self._database.fetch(_ALIKE, report_id, limit)
        return [
            Alike(
                row["report_id"], row["receipt"], row["status"], row["received_ts"],
                tuple(row["kinds"]),
            )
            for row in rows
        ]  # fmt: skip

    async def count_all(self, zone: str) -> Counts:
        fetch = self._database.fetch
        by_day = await fetch(_BY_DAY, zone)
        rest = [
            await fetch(query)
            for query in (_BY_SERVICE, _BY_STATUS, _BY_CATEGORY, _BY_LOSS, _LOSS_TOTAL)
        ]
        return Counts(*([tuple(row) for row in rows] for rows in (by_day, *rest)))

    async def _count_alike(self, report_ids: list[str]) -> dict[str, dict[int, int]]:
        found: dict[str, dict[int, int]] = {}
        for row in await self._database.fetch(_ALIKE_COUNTS, report_ids):
            found.setdefault(row["report_id"], {})[row["kind"]] = min(ALIKE_MAX, row["count"])
        return found
