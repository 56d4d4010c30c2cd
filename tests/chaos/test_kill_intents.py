"""The server dies in the middle of work over many rooms: the next one completes it, once.

Method: locks on two small tables hold an upgrade and a named creation between two of their steps;
a new name and an account's end have enough rooms to be caught among them. Then SIGKILL, and the
history of every room tells what was done and how often.
"""

import asyncio
from collections import Counter
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest
from harness.bongsu import StartServer
from harness.http import HttpClient
from harness.matrix import User, register
from harness.postgres import Postgres

ROOMS = 40
NAME = {"displayname": "New"}
BEGIN_SECONDS_MAX = 60.0
COMPLETE_SECONDS_MAX = 120.0
pytestmark = pytest.mark.timeout(600)


async def test_interrupted_work_is_completed_once(
    engine: Postgres, start_server: StartServer
) -> None:
    dsn = engine.create_database("bongsu")
    bongsu = start_server(database_url=dsn)
    client = HttpClient(bongsu.url)
    host, renamed, leaver = [await register(client, name) for name in ("host", "new", "gone")]
    rooms = [await host.create_room(preset="public_chat") for _ in range(ROOMS)]
    for room in rooms:
        await renamed.join(room)
        await leaver.join(room)
    old = await host.create_room(preset="public_chat", room_alias_name="old", visibility="public")

    locks = await asyncpg.connect(dsn)
    transaction = locks.transaction()
    await transaction.start()
    await locks.execute("LOCK TABLE alias, public_room IN SHARE MODE")  # may be read
    upgrade = host.call("POST", f"/rooms/{quote(old)}/upgrade", {"new_version": "11"})
    creation = host.create_room(room_alias_name="new", visibility="public")
    asked = [asyncio.create_task(each) for each in (upgrade, creation)]
    async with asyncio.timeout(BEGIN_SECONDS_MAX):
        while await _count(locks, "m.room.tombstone") < 1:
            await asyncio.sleep(0.01)
        while await _count(locks, "m.room.create") < ROOMS + 3:
            await asyncio.sleep(0.01)
        await _deactivate(leaver)
        while not (left := await _members(locks, leaver, "leave")):
            await asyncio.sleep(0.01)
        await renamed.call("PUT", f"/profile/{quote(renamed.user_id)}/displayname", NAME)
        while not (told := await _members(locks, renamed, "join") - ROOMS):
            await asyncio.sleep(0.01)
    assert left < ROOMS, "not caught in the middle"
    assert told < ROOMS, "not caught in the middle"
    await asyncio.to_thread(bongsu.kill)
    await asyncio.gather(*asked, return_exceptions=True)
    await client.close()
    await transaction.rollback()

    await asyncio.to_thread(bongsu.start)
    async with asyncio.timeout(COMPLETE_SECONDS_MAX):
        while await locks.fetchval("SELECT count(*) FROM intent"):
            await asyncio.sleep(0.1)
    await _expect_completed_once(locks, old, renamed, leaver)
    await locks.close()


async def _deactivate(user: User) -> None:
    auth = {"type": "m.login.password", "user": user.user_id, "password": "wonderland"}
    await user.call("POST", "/account/deactivate", {"auth": auth})


async def _count(connection: Any, type: str) -> int:
    return await connection.fetchval("SELECT count(*) FROM state WHERE type = $1", type)


async def _members(connection: Any, user: User, membership: str) -> int:
    return await connection.fetchval(
        "SELECT count(*) FROM membership WHERE user_id = $1 AND membership = $2",
        user.user_id,
        membership,
    )


async def _expect_completed_once(connection: Any, old: str, renamed: User, leaver: User) -> None:
    assert await _count(connection, "m.room.create") == ROOMS + 3
    assert await _count(connection, "m.room.tombstone") == 1
    assert await _members(connection, renamed, "join") == 2 * ROOMS
    assert await _members(connection, leaver, "leave") == ROOMS
    aliases = await connection.fetch("SELECT alias, room_id FROM alias ORDER BY alias")
    assert [row["alias"].partition(":")[0] for row in aliases] == ["#new", "#old"]
    new, replacement = (row["room_id"] for row in aliases)
    assert len({old, replacement, new}) == 3
    public = await connection.fetch("SELECT room_id FROM public_room")
    assert {row["room_id"] for row in public} == {replacement, new}
    changes = Counter(
        (row["room_id"], row["type"])
        for row in await connection.fetch("SELECT room_id, type FROM state WHERE state_key = ''")
    )
    assert changes[old, "m.room.canonical_alias"] == 2  # set, and taken away
    assert changes[old, "m.room.power_levels"] == 2  # set, and raised
    assert changes[replacement, "m.room.canonical_alias"] == 1
    assert changes[new, "m.room.canonical_alias"] == 1
