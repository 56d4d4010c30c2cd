"""Changes of health that the notices recorded."""

from collections.abc import Sequence

from bongsu.desk.investigation.health_events import HealthChange
from bongsu.postgres.database import Database

_AFTER = """
SELECT change_id, service_id, site, ts, health, source FROM notice_change
WHERE change_id > $1 ORDER BY change_id LIMIT $2
"""


class PostgresHealthChanges:
    """Implements `desk.investigation.health_events.HealthReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_after(self, change_id: int, limit: int) -> Sequence[HealthChange]:
        rows = await self._database.fetch(_AFTER, change_id, limit)
        return [HealthChange(*row) for row in rows]
