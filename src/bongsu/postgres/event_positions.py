"""Where events stand in their room."""

from collections.abc import Mapping, Sequence

from bongsu.postgres.database import Database

POSITIONS = "SELECT event_id, position FROM entry WHERE event_id = ANY($2::text[]) AND key = $1"


class PostgresEventPositions:
    """Implements `rooms.read_markers.EventPositions`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def positions(self, room_id: str, event_ids: Sequence[str]) -> Mapping[str, int]:
        rows = await self._database.fetch(POSITIONS, room_id, list(event_ids), confirmed=True)
        return {row["event_id"]: row["position"] for row in rows}
