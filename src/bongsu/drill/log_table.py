"""What a lab's log holds, asked of the primary's table: past every server, cache and replica."""

import asyncio
from collections.abc import Sequence

import asyncpg
import orjson

from bongsu.drill.ledger import Found, History
from bongsu.drill.load import MARK
from bongsu.lab import status
from bongsu.lab.topology import Lab
from bongsu.log.entry import Kind

RETRY_SECONDS = 0.5
ANSWER_SECONDS_MAX = 30.0

EVENTS = """
SELECT key, event_id, body FROM entry WHERE key = ANY($1) AND kind = $2 ORDER BY key, position
"""


async def read_log(lab: Lab, rooms: Sequence[str]) -> History:
    """The drill's messages of each room as they are stored; tried until a primary answers."""
    while True:
        seen = await status.look(lab)
        if seen["primary"] is not None:
            try:
                return await _read(lab.superuser_url(lab.site(seen["primary"]), "bongsu"), rooms)
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                pass
        await asyncio.sleep(RETRY_SECONDS)


async def _read(url: str, rooms: Sequence[str]) -> History:
    connection = await asyncpg.connect(url, timeout=ANSWER_SECONDS_MAX)
    try:
        rows = await connection.fetch(EVENTS, rooms, Kind.EVENT, timeout=ANSWER_SECONDS_MAX)
    finally:
        connection.terminate()
    history: dict[str, list[Found]] = {room_id: [] for room_id in rooms}
    for row in rows:
        mark = orjson.loads(row["body"]).get("content", {}).get(MARK)
        if mark is not None:
            history[row["key"]].append(Found(row["event_id"], mark))
    return history
