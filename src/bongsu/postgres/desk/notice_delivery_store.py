"""Deliveries: claimed row by row, so that each is one desk's however many there are."""

from collections.abc import Sequence

import asyncpg
import msgspec

from bongsu.desk.notices.subscribers import Delivery, Notice
from bongsu.desk.notices.words import Health, Kind
from bongsu.desk.sealing import Sealer
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.claims import claim_readable
from bongsu.postgres.desk.notice_board_store import as_update
from bongsu.postgres.desk.notice_subscriber_store import as_subscriber

_CLAIM = """
UPDATE notice_delivery SET claimed_by = $1, claimed_until = $3
 WHERE delivery_id IN (
       SELECT delivery_id FROM notice_delivery
        WHERE done_ts IS NULL AND due_ts <= $2 AND claimed_until < $2
        ORDER BY due_ts, delivery_id LIMIT $4 FOR UPDATE SKIP LOCKED)
RETURNING delivery_id
"""
_CLAIMED = """
SELECT delivery_id, attempts, subscriber_id, subscriber.kind, target, language,
       subscriber.services, secret, update_id, update.incident_id, update.phase, update.ts,
       update.texts, incident.kind AS incident_kind, impact, titles,
       incident.services AS incident_services, started_ts, ends_ts
  FROM notice_delivery
  JOIN notice_subscriber AS subscriber USING (subscriber_id)
  LEFT JOIN notice_update AS update USING (update_id)
  LEFT JOIN notice_incident AS incident USING (incident_id)
 WHERE delivery_id = ANY($1) ORDER BY delivery_id
"""
_FINISH = """
UPDATE notice_delivery SET done_ts = $3, outcome = $4, claimed_until = 0
 WHERE delivery_id = $1 AND claimed_by = $2 AND done_ts IS NULL RETURNING subscriber_id
"""
_SUCCEEDED = "UPDATE notice_subscriber SET failures = 0 WHERE subscriber_id = $1 AND failures > 0"
_FAILED = "UPDATE notice_subscriber SET failures = failures + 1 WHERE subscriber_id = $1"
_END_SILENT = """
DELETE FROM notice_subscriber WHERE subscriber_id = $1 AND kind <> 'room' AND failures >= $2
"""
_POSTPONE = """
UPDATE notice_delivery SET due_ts = $3, attempts = attempts + 1, claimed_until = 0
 WHERE delivery_id = $1 AND claimed_by = $2 AND done_ts IS NULL
"""
_NEXT = """
SELECT min(greatest(due_ts, claimed_until)) AS due FROM notice_delivery WHERE done_ts IS NULL
"""
_COUNT_DUE = "SELECT count(*) AS count FROM notice_delivery WHERE done_ts IS NULL"
_COUNT_BY_KIND = """
SELECT kind, count(*) AS count FROM notice_delivery JOIN notice_subscriber USING (subscriber_id)
 WHERE done_ts IS NULL GROUP BY kind
"""

FAILURES_MAX = 10  # updates in a row that reached nobody: then the subscription ends
DELIVERED = "delivered"


class PostgresDeliveries:
    """Implements `desk.notices.stores.DeliveryStore`."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer

    async def claim(self, holder: str, now: int, until: int, limit: int) -> Sequence[Delivery]:
        return await claim_readable(
            self._database, _CLAIM, _CLAIMED, holder, now, until, limit,
            make=self._delivery, what="a subscriber",
        )  # fmt: skip

    async def finish(self, delivery_id: int, holder: str, now: int, outcome: str) -> None:
        async def body(connection: Connection) -> None:
            row = await connection.fetchrow(_FINISH, delivery_id, holder, now, outcome)
            if row is None:
                return
            name = row["subscriber_id"]
            if outcome == DELIVERED:
                await connection.execute(_SUCCEEDED, name)
                return
            await connection.execute(_FAILED, name)
            await connection.execute(_END_SILENT, name, FAILURES_MAX)

        await self._database.write(body, idempotent=True)

    async def postpone(self, delivery_id: int, holder: str, due: int) -> None:
        await self._database.execute(_POSTPONE, delivery_id, holder, due)

    async def next_due(self) -> int | None:
        row = await self._database.fetchrow(_NEXT, confirmed=True)
        return None if row is None else row["due"]

    async def count_due(self) -> int:
        row = await self._database.fetchrow(_COUNT_DUE)
        return 0 if row is None else row["count"]

    async def count_due_by_kind(self) -> dict[str, int]:
        """By the subscribers' channel."""
        return {row["kind"]: row["count"] for row in await self._database.fetch(_COUNT_BY_KIND)}

    def _delivery(self, row: asyncpg.Record) -> Delivery:
        subscriber = as_subscriber(row, self._sealer)
        return Delivery(row["delivery_id"], subscriber, _notice(row), row["attempts"])


def _notice(row: asyncpg.Record) -> Notice | None:
    if row["incident_id"] is None:
        return None
    return Notice(
        row["incident_id"], Kind(row["incident_kind"]), Health(row["impact"]),
        msgspec.json.decode(row["titles"]), tuple(row["incident_services"]), row["started_ts"],
        row["ends_ts"], as_update(row),
    )  # fmt: skip
