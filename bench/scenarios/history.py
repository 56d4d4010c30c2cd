"""What a send costs when the log is long: our own server, its tables filled from outside.

A past of millions of events cannot be sent in reasonable time, so it is copied in by SQL while the
server is stopped: each room's last message again and again, under ids of their own.
"""

import asyncio
from typing import TYPE_CHECKING, cast

from bench.load import World
from bench.scenarios.sends import many_rooms

if TYPE_CHECKING:
    from bench.ours import Ours

SHORT_HISTORY = 10_000
WARM_UPS = 2
EVENTS_PER_STATEMENT = 500_000

_COUNT = "SELECT count(*) FROM entry WHERE event_id IS NOT NULL"
_INDEXES = "SELECT indexdef FROM pg_indexes WHERE tablename = 'entry' AND indexname <> 'entry_pkey'"
_DROP_INDEXES = """\
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT indexname FROM pg_indexes
        WHERE tablename = 'entry' AND indexname <> 'entry_pkey'
    LOOP EXECUTE 'DROP INDEX ' || quote_ident(name); END LOOP;
END $$"""
# Dense positions, rooms interleaved within each partition; the heads follow in the same statement.
_COPY = """\
WITH template AS (
    SELECT DISTINCT ON (key) partition, key, kind, body, facts FROM entry
    WHERE event_id IS NOT NULL ORDER BY key, position DESC
), chosen AS (
    SELECT * FROM template ORDER BY key LIMIT {rooms}
), copied AS (
    INSERT INTO entry (partition, position, kind, key, event_id, request_id, body, facts)
    SELECT partition,
        head + row_number() OVER (PARTITION BY partition ORDER BY n, key), kind, key,
        '$' || translate(rtrim(encode(sha256(id), 'base64'), '='), '+/', '-_'),
        substr(sha256('request' || id), 1, 16), body, facts
    FROM chosen JOIN partition USING (partition), generate_series(1, {each}) AS n,
        convert_to(key || ' {run} ' || n, 'UTF8') AS id
    RETURNING partition, position
), heads AS (
    SELECT partition, max(position) AS head FROM copied GROUP BY partition
)
UPDATE partition SET head = heads.head, durable_through = heads.head
FROM heads WHERE partition.partition = heads.partition"""


async def long_history(world: World) -> dict[str, float]:
    """CPU of a send with millions of events stored, against the same with ten thousand."""
    homeserver = cast("Ours", world.homeserver)  # this scenario runs on no other
    rooms = await world.rooms()
    for room in rooms:
        await room.members[0].send_text(room.room_id, "to be repeated in a long history")
    await _grow(world, homeserver, SHORT_HISTORY)
    short = await _cost(world)
    await _grow(world, homeserver, world.scale.stored_events)
    long = await _cost(world)
    return {
        "short_history_cpu_per_1000": short,
        "long_history_cpu_per_1000": long,
        "history_cost_percent": (long / short - 1) * 100,
    }


async def _cost(world: World) -> float:
    """CPU of a thousand sends, after as many seconds that are not measured.

    The first change of a page after a checkpoint writes all of it into the WAL. A checkpoint comes
    every five minutes, and half a minute of this load touches nearly every page of the indexes of
    ids: what comes after it is the usual state.
    """
    for _ in range(WARM_UPS):
        await many_rooms(world)
    return (await many_rooms(world))["send_cpu_per_1000"]


async def _grow(world: World, homeserver: "Ours", events: int) -> None:
    """Stop the server, fill its log up to `events` room events, start it again."""
    world.say(f"growing the log to {events:,} events")
    await asyncio.to_thread(homeserver.bongsu.stop)
    await asyncio.to_thread(_fill, world, homeserver, events)
    await asyncio.to_thread(homeserver.bongsu.start)


def _fill(world: World, homeserver: "Ours", events: int) -> None:
    def sql(statement: str) -> str:
        return homeserver.postgres.sql(statement, homeserver.database, seconds_max=1800)

    rooms = world.scale.rooms
    stored = int(sql(_COUNT))
    indexes = sql(_INDEXES).splitlines()
    sql(_DROP_INDEXES)
    while stored < events:
        each = max(1, min(EVENTS_PER_STATEMENT, events - stored) // rooms)
        sql(_COPY.format(rooms=rooms, each=each, run=stored))
        stored += each * rooms
    for index in indexes:
        sql(index)
    sql("VACUUM ANALYZE entry")  # else autovacuum would do it while we measure
    sql("CHECKPOINT")
