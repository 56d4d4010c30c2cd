"""Incidents and their updates; publishing one makes its deliveries in the same transaction."""

from bongsu.desk.audit import Act
from bongsu.desk.notices.drafts import IncidentDraft, UpdateDraft
from bongsu.desk.notices.words import ENDS, Kind
from bongsu.errors import InvalidParam
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append
from bongsu.postgres.desk.notice_board_store import raise_version
from bongsu.postgres.desk.notice_json import as_json

_KNOWN = "SELECT service_id FROM notice_service WHERE service_id = ANY($1) AND retired_ts IS NULL"
_BEFORE = "SELECT incident_id FROM notice_incident WHERE post_key = $1"
_INSERT = """
INSERT INTO notice_incident
       (incident_id, kind, impact, titles, services, started_ts, ends_ts, phase, post_key)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (post_key) DO NOTHING RETURNING incident_id
"""
_LOCK = "SELECT kind, services FROM notice_incident WHERE incident_id = $1 FOR UPDATE"
_SENT = "SELECT 1 FROM notice_update WHERE post_key = $1"
_ADD = """
INSERT INTO notice_update (incident_id, phase, ts, texts, author, post_key)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING update_id
"""
# An incident ends with its last update and goes on with any other; planned work keeps its end.
_MOVE = """
UPDATE notice_incident
   SET phase = $2, ends_ts = CASE WHEN $3 THEN $4 WHEN kind = 'incident' THEN NULL ELSE ends_ts END
 WHERE incident_id = $1
"""
_DELIVER = """
INSERT INTO notice_delivery (subscriber_id, update_id, due_ts)
SELECT subscriber_id, $1, $2 FROM notice_subscriber
 WHERE state = 'live' AND (services = '{}' OR services && $3)
ON CONFLICT (subscriber_id, update_id) WHERE update_id > 0 DO NOTHING
"""


class PostgresIncidents:
    """Implements `desk.notices.stores.IncidentStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(
        self, incident_id: str, draft: IncidentDraft, author: str, at: int, act: Act
    ) -> str:
        async def body(connection: Connection) -> str:
            known = await connection.fetch(_KNOWN, list(draft.services))
            if len(known) != len(draft.services):
                raise InvalidParam("It names a service that is not there")
            made = await connection.fetchrow(
                _INSERT, incident_id, draft.kind, draft.impact, as_json(draft.titles),
                list(draft.services), draft.started_ts, draft.ends_ts, draft.first.phase,
                draft.first.post_key,
            )  # fmt: skip
            if made is None:
                return await connection.fetchval(_BEFORE, draft.first.post_key)
            await _add(connection, incident_id, draft.services, draft.first, author, at)
            await append(connection, act, at)
            return incident_id

        return await self._database.write(body)

    async def add_update(
        self, incident_id: str, draft: UpdateDraft, author: str, at: int, act: Act
    ) -> bool:
        async def body(connection: Connection) -> bool:
            incident = await connection.fetchrow(_LOCK, incident_id)
            if incident is None:
                return False
            if await connection.fetchrow(_SENT, draft.post_key) is not None:
                return True
            await _add(connection, incident_id, incident["services"], draft, author, at)
            await append(connection, act, at)
            return True

        return await self._database.write(body)

    async def kind_of(self, incident_id: str) -> Kind | None:
        query = "SELECT kind FROM notice_incident WHERE incident_id = $1"
        row = await self._database.fetchrow(query, incident_id, confirmed=True)
        return None if row is None else Kind(row["kind"])


async def _add(
    connection: Connection,
    incident_id: str,
    services: tuple[str, ...] | list[str],
    draft: UpdateDraft,
    author: str,
    at: int,
) -> None:
    update_id = await connection.fetchval(
        _ADD, incident_id, draft.phase, at, as_json(draft.texts), author, draft.post_key
    )
    await connection.execute(_MOVE, incident_id, draft.phase, draft.phase in ENDS, at)
    await connection.execute(_DELIVER, update_id, at, list(services))
    await raise_version(connection)
