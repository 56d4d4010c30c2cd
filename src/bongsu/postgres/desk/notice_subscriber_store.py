"""Subscribers in PostgreSQL. Where they are written to is sealed; a keyed hash finds it again."""

import hashlib
import hmac

import asyncpg

from bongsu.desk.notices.subscribers import QUESTION, Channel, Subscriber
from bongsu.desk.sealing import Context, Sealer
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.sealing_store import SEALED_COLUMNS, SealedColumn

TABLE = "notice_subscriber"
SEALED_COLUMNS.extend(
    [
        SealedColumn(TABLE, "target", "subscriber_id"),
        SealedColumn(TABLE, "secret", "subscriber_id"),
    ]
)

COLUMNS = "subscriber_id, kind, target, language, services, secret"

_ASK = f"""
INSERT INTO {TABLE} AS old
       (subscriber_id, kind, target, target_hash, secret, language, services, state, asked_ts)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8)
ON CONFLICT (target_hash) DO UPDATE
   SET asked_ts = EXCLUDED.asked_ts, language = EXCLUDED.language, services = EXCLUDED.services
 WHERE old.state = 'waiting' AND old.asked_ts < $9
RETURNING subscriber_id
"""
_QUESTION = f"""
INSERT INTO notice_delivery (subscriber_id, update_id, due_ts) VALUES ($1, {QUESTION}, $2)
"""
_CONFIRM = f"""
UPDATE {TABLE} SET state = 'live'
 WHERE subscriber_id = $1 AND (state = 'live' OR asked_ts > $2) RETURNING {COLUMNS}
"""
_END = f"DELETE FROM {TABLE} WHERE subscriber_id = $1"
_LIVE = f"""
INSERT INTO {TABLE} AS old
       (subscriber_id, kind, target, target_hash, secret, language, services, state, asked_ts)
VALUES ($1, $2, $3, $4, $5, $6, $7, 'live', $8)
ON CONFLICT (target_hash) DO UPDATE SET language = EXCLUDED.language
"""
_SWEEP_WAITING = f"DELETE FROM {TABLE} WHERE state = 'waiting' AND asked_ts < $1"
_SWEEP_DONE = "DELETE FROM notice_delivery WHERE done_ts < $1"
_COUNT = f"SELECT kind, count(*) AS count FROM {TABLE} WHERE state = 'live' GROUP BY kind"


class PostgresSubscribers:
    """Implements `desk.notices.stores.SubscriberStore`."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._hash_key = sealer.file_keys.derive("notice targets")

    async def ask(self, subscriber: Subscriber, now: int, again_after: int) -> None:
        async def body(connection: Connection) -> None:
            row = await connection.fetchrow(_ASK, *self._row(subscriber), now, again_after)
            if row is not None:
                await connection.execute(_QUESTION, row["subscriber_id"], now)

        await self._database.write(body)

    async def confirm(self, subscriber_id: str, asked_after: int) -> Subscriber | None:
        async def body(connection: Connection) -> asyncpg.Record | None:
            return await connection.fetchrow(_CONFIRM, subscriber_id, asked_after)

        row = await self._database.write(body, idempotent=True)
        return None if row is None else as_subscriber(row, self._sealer)

    async def end(self, subscriber_id: str) -> None:
        await self._database.execute(_END, subscriber_id, idempotent=True)

    async def put_live(self, subscriber: Subscriber, now: int) -> None:
        await self._database.execute(_LIVE, *self._row(subscriber), now, idempotent=True)

    async def sweep(self, asked_before: int, done_before: int) -> None:
        await self._database.execute(_SWEEP_WAITING, asked_before, idempotent=True)
        await self._database.execute(_SWEEP_DONE, done_before, idempotent=True)

    async def count(self) -> dict[str, int]:
        return {row["kind"]: row["count"] for row in await self._database.fetch(_COUNT)}

    def _row(self, subscriber: Subscriber) -> tuple[object, ...]:
        name = subscriber.subscriber_id
        seal = self._sealer.seal
        secret = seal(subscriber.secret, Context(TABLE, "secret", name))
        return (
            name,
            subscriber.channel,
            seal(subscriber.target, Context(TABLE, "target", name)),
            self._hash(subscriber),
            secret if subscriber.secret else None,
            subscriber.language,
            list(subscriber.services),
        )

    def _hash(self, subscriber: Subscriber) -> bytes:
        text = f"{subscriber.channel} {subscriber.target}".encode()
        return hmac.new(self._hash_key, text, hashlib.sha256).digest()


def as_subscriber(row: asyncpg.Record, sealer: Sealer) -> Subscriber:
    name, secret = row["subscriber_id"], row["secret"]
    return Subscriber(
        name,
        Channel(row["kind"]),
        sealer.open(row["target"], Context(TABLE, "target", name)),
        row["language"],
        tuple(row["services"]),
        "" if secret is None else sealer.open(secret, Context(TABLE, "secret", name)),
    )
