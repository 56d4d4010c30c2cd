"""Intents in PostgreSQL. Its clock alone counts: those of the nodes may differ."""

from collections.abc import Collection, Sequence

from bongsu.log.intents import Intent
from bongsu.postgres.database import Connection, Database

_IN_SECONDS = "((extract(epoch FROM clock_timestamp()) + {}::float8) * 1000)::bigint"

_RECORD = f"""
INSERT INTO intent (key, intent_id, kind, body, due)
VALUES ($1, $2, $3, $4, {_IN_SECONDS.format("$5")}) ON CONFLICT DO NOTHING
"""

_CLAIM = f"""
UPDATE intent SET due = {_IN_SECONDS.format("$2")}
 WHERE (key, intent_id) IN (
    SELECT key, intent_id FROM intent WHERE kind = ANY($1) AND due <= {_IN_SECONDS.format("0")}
     ORDER BY due LIMIT $3 FOR UPDATE SKIP LOCKED
 )
RETURNING kind, key, intent_id, body
"""

_LEASE = f"""
UPDATE intent SET due = greatest(due, {_IN_SECONDS.format("$2")}) WHERE intent_id = ANY($1)
"""

_RELEASE = f"UPDATE intent SET due = {_IN_SECONDS.format('0')} WHERE intent_id = ANY($1)"

_STRIKE = "DELETE FROM intent WHERE key = $1 AND intent_id = $2"


class PostgresIntentStore:
    """Implements `log.intents.IntentStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, intent: Intent, lease_seconds: float) -> None:
        async def body(connection: Connection) -> None:
            await insert_intent(connection, intent, lease_seconds)

        await self._database.write(body, idempotent=True)

    async def claim(
        self, kinds: Collection[str], lease_seconds: float, limit: int
    ) -> Sequence[Intent]:
        async def body(connection: Connection) -> Sequence[Intent]:
            rows = await connection.fetch(_CLAIM, list(kinds), lease_seconds, limit)
            return [Intent(*row) for row in rows]

        return await self._database.write(body)

    async def lease(self, intent_ids: Collection[bytes], seconds: float) -> None:
        await self._database.execute(_LEASE, list(intent_ids), seconds, idempotent=True)

    async def release(self, intent_ids: Collection[bytes]) -> None:
        await self._database.execute(_RELEASE, list(intent_ids), idempotent=True)

    async def strike(self, intent: Intent) -> None:
        await self._database.execute(_STRIKE, intent.key, intent.intent_id, idempotent=True)


async def insert_intent(connection: Connection, intent: Intent, lease_seconds: float = 0) -> None:
    """Within the transaction from which the intent follows. Without a lease anybody may begin."""
    await connection.execute(
        _RECORD, intent.key, intent.intent_id, intent.kind, intent.body, lease_seconds
    )
