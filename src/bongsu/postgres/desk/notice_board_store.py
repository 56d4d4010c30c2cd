"""The board read from its tables."""

from collections import defaultdict
from collections.abc import Sequence

import asyncpg
import msgspec

from bongsu.desk.notices.board import Board, Change, Component, Incident, Service, Update
from bongsu.desk.notices.words import Health, Kind, Phase
from bongsu.postgres.database import Connection, Database

INCIDENTS_MAX = 500
CHANGES_MAX = 50_000

_VERSION = "SELECT version FROM notice_board"
RAISE_VERSION = "UPDATE notice_board SET version = version + 1"
_SERVICES = """
SELECT service_id, names FROM notice_service WHERE retired_ts IS NULL ORDER BY place, service_id
"""
_COMPONENTS = """
SELECT service_id, site, probe_url, probed, probed_ts, by_hand, by_hand_note, by_hand_ts
  FROM notice_component ORDER BY service_id, site
"""
_INCIDENTS = f"""
SELECT incident_id, kind, impact, titles, services, started_ts, ends_ts, phase
  FROM notice_incident
 WHERE phase NOT IN ('resolved', 'completed') OR ends_ts IS NULL OR ends_ts >= $1
 ORDER BY started_ts DESC, incident_id LIMIT {INCIDENTS_MAX}
"""
_UPDATES = """
SELECT update_id, incident_id, phase, ts, texts FROM notice_update
 WHERE incident_id = ANY($1) ORDER BY update_id DESC
"""
# Of each component the last change before, so that its health at `since` is known.
_CHANGES = f"""
(SELECT DISTINCT ON (service_id, site) service_id, site, ts, health, change_id FROM notice_change
  WHERE ts < $1 ORDER BY service_id, site, ts DESC, change_id DESC)
UNION ALL
(SELECT service_id, site, ts, health, change_id FROM notice_change
  WHERE ts >= $1 ORDER BY ts DESC, change_id DESC LIMIT {CHANGES_MAX})
 ORDER BY ts, change_id
"""


class PostgresBoard:
    """Implements `desk.notices.stores.BoardStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load_version(self) -> int:
        (row,) = await self._database.fetch(_VERSION, confirmed=True)
        return row["version"]

    async def load_board(self, since: int, now: int) -> Board:
        """The version first: what changes while this reads makes it read again."""
        version = await self.load_version()
        fetch = self._database.fetch
        incidents = await fetch(_INCIDENTS, since)
        updates = await fetch(_UPDATES, [row["incident_id"] for row in incidents])
        components = await fetch(_COMPONENTS)
        services = await fetch(_SERVICES)
        changes = await fetch(_CHANGES, since)
        return Board(
            version,
            now,
            _services(services, components),
            _incidents(incidents, updates),
            [
                Change(row["service_id"], row["site"], row["ts"], Health(row["health"]))
                for row in changes
            ],
        )


async def raise_version(connection: Connection) -> None:
    """Let every desk read the board anew."""
    await connection.execute(RAISE_VERSION)


def _services(
    services: Sequence[asyncpg.Record], components: Sequence[asyncpg.Record]
) -> list[Service]:
    of_service: defaultdict[str, list[Component]] = defaultdict(list)
    for row in components:
        by_hand = None if row["by_hand"] is None else Health(row["by_hand"])
        of_service[row["service_id"]].append(
            Component(
                row["service_id"],
                row["site"],
                row["probe_url"],
                Health(row["probed"]),
                row["probed_ts"],
                by_hand,
                msgspec.json.decode(row["by_hand_note"]),
                row["by_hand_ts"],
            )
        )
    return [
        Service(row["service_id"], msgspec.json.decode(row["names"]), of_service[row["service_id"]])
        for row in services
    ]


def _incidents(
    incidents: Sequence[asyncpg.Record], updates: Sequence[asyncpg.Record]
) -> list[Incident]:
    of_incident: defaultdict[str, list[Update]] = defaultdict(list)
    for row in updates:
        of_incident[row["incident_id"]].append(as_update(row))
    return [
        Incident(
            row["incident_id"],
            Kind(row["kind"]),
            Health(row["impact"]),
            msgspec.json.decode(row["titles"]),
            row["services"],
            row["started_ts"],
            row["ends_ts"],
            Phase(row["phase"]),
            of_incident[row["incident_id"]],
        )
        for row in incidents
    ]


def as_update(row: asyncpg.Record) -> Update:
    return Update(
        row["update_id"], row["incident_id"], Phase(row["phase"]), row["ts"],
        msgspec.json.decode(row["texts"]),
    )  # fmt: skip
