"""The schema applies to a real PostgreSQL, once, whoever tries, and `check` sees what differs."""

import asyncio

import asyncpg
import nats

from bongsu.postgres import migrate as migrations
from bongsu.postgres.database import Database
from bongsu.postgres.embedded import EmbeddedPostgres


async def test_fresh_database_has_no_difference(database_dsn: str) -> None:
    assert not await migrations.check(database_dsn)
    assert await migrations.migrate(database_dsn) == []


async def test_two_at_once_make_one_schema(postgres_engine: EmbeddedPostgres) -> None:
    connection = await asyncpg.connect(postgres_engine.dsn.replace("/bongsu?", "/postgres?"))
    await connection.execute("CREATE DATABASE two_at_once")
    dsn = postgres_engine.dsn.replace("/bongsu?", "/two_at_once?")
    done = await asyncio.gather(*(migrations.migrate(dsn) for _ in range(4)))
    assert sorted(done) == [[], [], [], ["schema"]]
    await connection.execute("DROP DATABASE two_at_once")
    await connection.close()


async def test_check_names_a_lost_and_a_strange_column(
    database: Database, database_dsn: str
) -> None:
    await database.execute("ALTER TABLE schema_version DROP COLUMN applied_ts")
    await database.execute("CREATE TABLE stranger (x bigint)")
    difference = await migrations.check(database_dsn)
    assert difference.missing == ["schema_version.applied_ts bigint NOT NULL"]
    assert difference.unexpected == ["stranger.x bigint"]


async def test_departures_that_were_under_way_become_intents(
    database: Database, database_dsn: str
) -> None:
    for statement in (
        "DROP TABLE intent",
        "ALTER TABLE account ADD COLUMN departure_due bigint",
        "DELETE FROM schema_version WHERE name LIKE '0001%' OR name LIKE '0002%'",
        "INSERT INTO account (user_id, created_at, is_erased, departure_due)"
        " VALUES ('@gone:test', 1, true, 5), ('@here:test', 1, false, NULL)",
    ):
        await database.execute(statement)
    assert await migrations.migrate(database_dsn) == ["0001_intent.pre"]
    assert await migrations.migrate(database_dsn, post=True) == ["0002_departure_due.post"]
    rows = await database.fetch("SELECT kind, key, body, due FROM intent")
    assert [tuple(row) for row in rows] == [("departure", "@gone:test", b'{"erase":true}', 0)]
    difference = await migrations.check(database_dsn)
    assert not difference, difference


async def test_nats_takes_the_token_only(nats_url: str) -> None:
    client = await nats.connect(nats_url)
    subscription = await client.subscribe("hello")
    await client.publish("hello", b"you")
    assert (await subscription.next_msg(timeout=10)).data == b"you"
    await client.close()
