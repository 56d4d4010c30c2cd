"""Machine events and their senders in PostgreSQL."""

from collections.abc import Sequence

import msgspec

from bongsu.desk.audit import Act
from bongsu.desk.investigation.machine_events import MachineEvent, Received, Sender
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append

# In one order, so that two senders of the same events do not wait for each other.
_ADD = """
INSERT INTO machine_event (sender, event_id, at, content, digest, received_ts)
SELECT $1, event_id, at, content, digest, $6
FROM unnest($2::text[], $3::bigint[], $4::bytea[], $5::bytea[])
     AS new (event_id, at, content, digest)
ORDER BY event_id
ON CONFLICT DO NOTHING
"""
_OTHERS = """
SELECT event_id FROM machine_event
JOIN unnest($2::text[], $3::bytea[]) AS new (event_id, digest) USING (event_id)
WHERE sender = $1 AND machine_event.digest <> new.digest ORDER BY event_id
"""
_COUNT = "SELECT count(*) FROM machine_event WHERE sender = $1 AND event_id = ANY($2)"
_BETWEEN = """
SELECT sender, received_ts, content FROM machine_event WHERE at BETWEEN $1 AND $2
ORDER BY at, sender, event_id LIMIT $3
"""
_FIND_SENDER = "SELECT sender FROM machine_sender WHERE token_hash = $1 AND revoked_ts IS NULL"
_PUT_SENDER = """
INSERT INTO machine_sender (sender, token_hash, made_ts, made_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (sender) DO UPDATE SET token_hash = excluded.token_hash, made_ts = excluded.made_ts,
    made_by = excluded.made_by, revoked_ts = NULL
"""
_REVOKE = """
UPDATE machine_sender SET revoked_ts = $2 WHERE sender = $1 AND revoked_ts IS NULL RETURNING sender
"""
_SENDERS = """
SELECT sender, made_ts, made_by, revoked_ts FROM machine_sender ORDER BY sender LIMIT 1000
"""


class _Conflict(Exception):
    """Roll back: some events are there with another content."""

    def __init__(self, event_ids: list[str]) -> None:
        self.event_ids = event_ids


class PostgresMachineEvents:
    """Implements `desk.investigation.machine_events.MachineEventStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, sender: str, events: Sequence[MachineEvent], now: int) -> list[str]:
        ids = [event.id for event in events]
        digests = [event.digest for event in events]
        times = [event.at for event in events]
        contents = [msgspec.json.encode(event) for event in events]

        async def body(connection: Connection) -> None:
            await connection.execute(_ADD, sender, ids, times, contents, digests, now)
            if others := await connection.fetch(_OTHERS, sender, ids, digests):
                raise _Conflict([row["event_id"] for row in others])

        try:
            await self._database.write(body, idempotent=True)
        except _Conflict as conflict:
            return conflict.event_ids
        return []

    async def count(self, sender: str, event_ids: Sequence[str]) -> int:
        row = await self._database.fetchrow(_COUNT, sender, list(event_ids), confirmed=True)
        return 0 if row is None else row["count"]

    async def list_between(self, began: int, ended: int, limit: int) -> list[Received]:
        rows = await self._database.fetch(_BETWEEN, began, ended, limit)
        return [Received(row["sender"], row["received_ts"], _event(row["content"])) for row in rows]

    async def find_sender(self, token_hash: bytes) -> str | None:
        row = await self._database.fetchrow(_FIND_SENDER, token_hash, confirmed=True)
        return None if row is None else row["sender"]

    async def put_sender(self, sender: str, token_hash: bytes, now: int, act: Act) -> None:
        async def body(connection: Connection) -> None:
            await connection.execute(_PUT_SENDER, sender, token_hash, now, act.actor)
            await append(connection, act, now)

        await self._database.write(body)

    async def revoke_sender(self, sender: str, now: int, act: Act) -> bool:
        async def body(connection: Connection) -> bool:
            if await connection.fetchrow(_REVOKE, sender, now) is None:
                return False
            await append(connection, act, now)
            return True

        return await self._database.write(body)

    async def list_senders(self) -> list[Sender]:
        return [Sender(*row) for row in await self._database.fetch(_SENDERS, confirmed=True)]


def _event(content: bytes) -> MachineEvent:
    return msgspec.json.decode(content, type=MachineEvent)
