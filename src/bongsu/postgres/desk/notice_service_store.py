"""Services, their components, what probes found, and the lease on writing it."""

from collections.abc import Sequence

from bongsu.desk.audit import Act
from bongsu.desk.notices.stores import Probed
from bongsu.desk.notices.words import Health, Texts
from bongsu.errors import NotFound
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.audit_store import append
from bongsu.postgres.desk.notice_board_store import raise_version
from bongsu.postgres.desk.notice_json import as_json

PROBE_LEASE = "probe"

_PUT_SERVICE = """
INSERT INTO notice_service (service_id, names, place)
VALUES ($1, $2, (SELECT coalesce(max(place), 0) + 1 FROM notice_service))
ON CONFLICT (service_id) DO UPDATE SET names = EXCLUDED.names, retired_ts = NULL
"""
_RETIRE = """
UPDATE notice_service SET retired_ts = $2 WHERE service_id = $1 AND retired_ts IS NULL
RETURNING service_id
"""
_HAS_SERVICE = "SELECT 1 FROM notice_service WHERE service_id = $1 AND retired_ts IS NULL"
_PUT_COMPONENT = """
INSERT INTO notice_component AS old (service_id, site, probe_url, probed, by_hand_note)
VALUES ($1, $2, $3, $4, '{}')
ON CONFLICT (service_id, site) DO UPDATE
   SET probe_url = EXCLUDED.probe_url, probed = EXCLUDED.probed, probed_ts = NULL
 WHERE old.probe_url <> EXCLUDED.probe_url
RETURNING by_hand
"""
_REMOVE_COMPONENT = """
DELETE FROM notice_component WHERE service_id = $1 AND site = $2 RETURNING site
"""
_SET_BY_HAND = """
UPDATE notice_component SET by_hand = $3, by_hand_note = $4, by_hand_ts = $5
 WHERE service_id = $1 AND site = $2 RETURNING coalesce(by_hand, probed) AS health
"""
_CHANGE = """
INSERT INTO notice_change (service_id, site, ts, health, source) VALUES ($1, $2, $3, $4, $5)
"""
_LEASE = """
INSERT INTO notice_lease (name, holder, until_ts) VALUES ($1, $2, $4)
ON CONFLICT (name) DO UPDATE SET holder = EXCLUDED.holder, until_ts = EXCLUDED.until_ts
 WHERE notice_lease.holder = EXCLUDED.holder OR notice_lease.until_ts < $3
RETURNING holder
"""
_HELD = "SELECT holder FROM notice_lease WHERE name = $1 FOR SHARE"
_WAS = """
SELECT probed, by_hand FROM notice_component WHERE service_id = $1 AND site = $2 FOR UPDATE
"""
_PROBED = """
UPDATE notice_component SET probed = $3, probed_ts = $4 WHERE service_id = $1 AND site = $2
"""


class PostgresServices:
    """Implements `desk.notices.stores.ServiceStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put_service(self, service_id: str, names: Texts, act: Act) -> None:
        async def body(connection: Connection) -> None:
            await connection.execute(_PUT_SERVICE, service_id, as_json(names))
            await raise_version(connection)
            await append(connection, act)

        await self._database.write(body)

    async def retire_service(self, service_id: str, at: int, act: Act) -> bool:
        async def body(connection: Connection) -> bool:
            if await connection.fetchrow(_RETIRE, service_id, at) is None:
                return False
            await raise_version(connection)
            await append(connection, act, at)
            return True

        return await self._database.write(body)

    async def put_component(
        self, service_id: str, site: str, probe_url: str, at: int, act: Act
    ) -> None:
        """Without a probe it works until somebody says otherwise; with one nothing is known yet."""
        health = Health.UNKNOWN if probe_url else Health.OPERATIONAL

        async def body(connection: Connection) -> None:
            if await connection.fetchrow(_HAS_SERVICE, service_id) is None:
                raise NotFound("No such service")
            row = await connection.fetchrow(_PUT_COMPONENT, service_id, site, probe_url, health)
            if row is not None and row["by_hand"] is None:
                source = "gap" if probe_url else "hand"
                await connection.execute(_CHANGE, service_id, site, at, health, source)
            await raise_version(connection)
            await append(connection, act, at)

        await self._database.write(body)

    async def remove_component(self, service_id: str, site: str, act: Act) -> bool:
        async def body(connection: Connection) -> bool:
            if await connection.fetchrow(_REMOVE_COMPONENT, service_id, site) is None:
                return False
            await raise_version(connection)
            await append(connection, act)
            return True

        return await self._database.write(body)

    async def set_by_hand(
        self, service_id: str, site: str, health: Health | None, note: Texts, at: int, act: Act
    ) -> bool:
        async def body(connection: Connection) -> bool:
            row = await connection.fetchrow(
                _SET_BY_HAND, service_id, site, health, as_json(note), at
            )
            if row is None:
                return False
            await connection.execute(_CHANGE, service_id, site, at, row["health"], "hand")
            await raise_version(connection)
            await append(connection, act, at)
            return True

        return await self._database.write(body)

    async def hold_lease(self, name: str, holder: str, now: int, until: int) -> bool:
        async def body(connection: Connection) -> bool:
            return await connection.fetchrow(_LEASE, name, holder, now, until) is not None

        return await self._database.write(body, idempotent=True)

    async def record(self, holder: str, found: Sequence[Probed]) -> None:
        async def body(connection: Connection) -> None:
            lease = await connection.fetchrow(_HELD, PROBE_LEASE)
            if lease is None or lease["holder"] != holder:
                return
            changed = [await _record(connection, each) for each in found]
            if any(changed):
                await raise_version(connection)

        await self._database.write(body, idempotent=True)


async def _record(connection: Connection, found: Probed) -> bool:
    """Whether the board shows it otherwise now."""
    key = found.service_id, found.site
    was = await connection.fetchrow(_WAS, *key)
    if was is None:
        return False
    await connection.execute(_PROBED, *key, found.health, found.ts)
    if was["by_hand"] is not None:  # then the probe decides nothing
        return was["probed"] != found.health
    if found.gap_ts is not None:
        await connection.execute(_CHANGE, *key, found.gap_ts, Health.UNKNOWN, "gap")
    if was["probed"] != found.health or found.gap_ts is not None:
        await connection.execute(_CHANGE, *key, found.ts, found.health, "probe")
        return True
    return False
