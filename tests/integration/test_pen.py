"""The pen on a real PostgreSQL: who may write, and what counts as written."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from harness.quorum import until_commits_wait

from bongsu.errors import Refused
from bongsu.log.batch import Batch, Head, ProfileRow
from bongsu.log.entry import Kind
from bongsu.log.position import partition_of
from bongsu.log.proposal import (
    Accepted,
    OwnershipLost,
    PoisonedBatch,
    fresh_request_id,
)
from bongsu.memory.bus import MemoryBus
from bongsu.node.heart import Heart
from bongsu.postgres.cluster import EngineSettings
from bongsu.postgres.database import Database
from bongsu.postgres.embedded import EmbeddedPostgres
from bongsu.postgres.log_sql import TERMINATE_HOLDERS
from bongsu.postgres.migrate import migrate
from bongsu.postgres.pen import LOCK_SPACE, PostgresPen
from bongsu.users.proposals import ChangeDeviceList, PutProfileField

USER = "@alice:test"
HOME = partition_of(USER)
OTHER = (HOME + 1) % 64
WAIT_SECONDS_MAX = 60.0
LONG = os.urandom(20_000).hex()  # too long for a page of an index, even compressed

PEN_BACKENDS = """
SELECT pid FROM pg_stat_activity
WHERE application_name = 'bongsu pen' AND datname = current_database()
"""


@pytest.fixture
async def pens(database_dsn: str) -> AsyncIterator[tuple[PostgresPen, PostgresPen]]:
    pair = PostgresPen(database_dsn, "one"), PostgresPen(database_dsn, "two")
    yield pair
    for pen in pair:
        await pen.abandon()


def batch_of(heads: dict[int, Head], *, user: str = USER, rows: bool = False) -> Batch:
    batch = Batch(heads)
    for partition in heads:
        entry = batch.append(
            Kind.DEVICE_LIST, user, b"", request_id=fresh_request_id(), partition=partition
        )
        if rows:
            batch.add(
                (user, partition),
                ProfileRow(f"{user}{partition}", "displayname", entry.position, b"null"),
            )
    return batch


async def entries(database: Database) -> list[tuple[int, int]]:
    rows = await database.fetch("SELECT partition, position FROM entry ORDER BY 1, 2")
    return [(row["partition"], row["position"]) for row in rows]


async def test_only_one_pen_gets_a_partition_and_the_next_one_goes_on(
    pens: tuple[PostgresPen, PostgresPen], database: Database
) -> None:
    one, two = pens
    heads = await one.claim([HOME])
    assert heads == {HOME: Head(1, 0)}
    assert await two.claim([HOME]) == {}
    assert await two.claim([HOME, OTHER]) == {OTHER: Head(1, 0)}
    await one.write(batch_of(heads))
    await one.release([HOME])
    assert await two.claim([HOME]) == {HOME: Head(2, 1)}


@pytest.mark.parametrize("rows", [False, True], ids=["one statement", "transaction"])
async def test_a_deposed_pen_writes_nothing_in_any_partition(
    pens: tuple[PostgresPen, PostgresPen], database: Database, rows: bool
) -> None:
    """The fence alone, as on engines whose locks mean nothing: one of two epochs has moved on."""
    one, _ = pens
    heads = await one.claim([HOME, OTHER])
    await database.execute("UPDATE partition SET epoch = epoch + 1 WHERE partition = $1", OTHER)
    with pytest.raises(OwnershipLost):
        await one.write(batch_of(heads, rows=rows))
    assert await entries(database) == []
    moved = await database.fetch("SELECT 1 FROM partition WHERE head > 0")
    assert not moved
    assert not await database.fetch("SELECT 1 FROM profile")
    with pytest.raises(OwnershipLost):
        await one.confirm(heads, [])


async def test_a_bump_waits_for_what_the_deposed_one_is_writing(
    pens: tuple[PostgresPen, PostgresPen], database: Database, database_dsn: str
) -> None:
    """Between write and bump there is an order: either the entry counts, or it is not there."""
    one, _ = pens
    heads = await one.claim([HOME])
    other = await asyncpg.connect(database_dsn)
    try:
        async with other.transaction():
            await other.execute("UPDATE partition SET epoch = epoch + 1 WHERE partition = $1", HOME)
            writing = asyncio.create_task(one.write(batch_of(heads)))
            await blocked(database)
        with pytest.raises(OwnershipLost):
            await writing
    finally:
        await other.close()
    assert await entries(database) == []


async def blocked(database: Database) -> int:
    """The pid of a pen's backend, once it waits for a lock or its quorum."""
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while not (
            rows := await database.fetch(
                PEN_BACKENDS + "AND wait_event_type IN ('Lock', 'IPC') AND state = 'active'"
            )
        ):
            await asyncio.sleep(0.01)
    return rows[0]["pid"]


async def test_a_backend_that_is_terminated_in_the_middle_leaves_the_outcome_unknown(
    pens: tuple[PostgresPen, PostgresPen], database: Database, database_dsn: str
) -> None:
    one, two = pens
    heads = await one.claim([HOME])
    other = await asyncpg.connect(database_dsn)
    try:
        async with other.transaction():
            await other.execute("SELECT 1 FROM partition WHERE partition = $1 FOR UPDATE", HOME)
            writing = asyncio.create_task(one.write(batch_of(heads)))
            await database.fetch("SELECT pg_terminate_backend($1)", await blocked(database))
            with pytest.raises(OwnershipLost):
                await writing
    finally:
        await other.close()
    assert await two.claim([HOME]) == {HOME: Head(2, 0)}


async def test_a_cancelled_writer_drops_the_socket_and_cancels_no_commit(
    pens: tuple[PostgresPen, PostgresPen], database: Database, database_dsn: str
) -> None:
    one, _ = pens
    heads = await one.claim([HOME])
    other = await asyncpg.connect(database_dsn)
    try:
        async with other.transaction():
            await other.execute("SELECT 1 FROM partition WHERE partition = $1 FOR UPDATE", HOME)
            writing = asyncio.create_task(one.write(batch_of(heads)))
            await blocked(database)
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
    finally:
        await other.close()
    with pytest.raises(OwnershipLost):
        await one.write(batch_of(heads))


async def test_a_read_only_database_is_no_ones(database_dsn: str, database: Database) -> None:
    name = (await database.fetchrow("SELECT current_database()"))[0]  # type: ignore[index]
    await database.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    pen = PostgresPen(database_dsn, "one")
    with pytest.raises(OwnershipLost):
        await pen.claim([HOME])
    await pen.abandon()


@pytest.mark.parametrize(
    "bad", ["nul\x00", "surrogate\ud800", LONG], ids=["nul", "surrogate", "long"]
)
async def test_what_the_engine_cannot_store_is_poison_and_leaves_no_trace(
    pens: tuple[PostgresPen, PostgresPen], database: Database, bad: str
) -> None:
    one, _ = pens
    heads = await one.claim([HOME])
    batch = batch_of(heads)
    batch.add(bad, ProfileRow(USER, bad, 1, b"null"))
    with pytest.raises(PoisonedBatch):
        await one.write(batch)
    assert await entries(database) == []


async def test_only_the_guilty_one_of_a_batch_is_refused(
    database_dsn: str, database: Database
) -> None:
    heart = Heart("one", database_dsn, database, MemoryBus(), "test", alone=True)
    await heart.start()
    try:
        innocent = [
            ChangeDeviceList(key=f"@{n}:test", request_id=fresh_request_id()) for n in range(20)
        ]
        guilty = PutProfileField(
            key=USER, request_id=fresh_request_id(), field="nul\x00", value=None
        )
        outcomes = await asyncio.gather(
            *(heart.log.propose(p) for p in [*innocent[:10], guilty, *innocent[10:]]),
            return_exceptions=True,
        )
        assert [type(o) for o in outcomes] == [Accepted] * 10 + [Refused] + [Accepted] * 10
        assert len(await entries(database)) == 20
    finally:
        await heart.stop()


async def test_a_commit_that_did_not_wait_for_its_quorum_is_not_acknowledged(
    data_folder: Path,
) -> None:
    """Goal: a cancelled wait, which PostgreSQL reports as a success, acknowledges nothing.

    Method: name a standby that is not there, send, and cancel the wait from another session. The
    ownership must end, and stay ended while no epoch can be acknowledged; once the quorum is back
    the retry gets its answer, and the message is there once.
    """
    extra = {"fsync": "off", "full_page_writes": "off"}
    engine = EmbeddedPostgres(data_folder, EngineSettings(memory_mb=64, extra=extra))
    dsn = await engine.start()
    try:
        await migrate(dsn)
        pool = await asyncpg.create_pool(dsn, min_size=1, max_size=8)
        database = Database(pool)
        heart = Heart("one", dsn, database, MemoryBus(), "test", alone=True)
        await heart.start()
        first = ChangeDeviceList(key=USER, request_id=fresh_request_id())
        await heart.log.propose(first)
        await name_standby(dsn, "nowhere")
        second = ChangeDeviceList(key=USER, request_id=fresh_request_id())
        asked = asyncio.create_task(heart.sequencer.submit(second, WAIT_SECONDS_MAX))
        pid = await blocked(database)
        await database.fetch("SELECT pg_cancel_backend($1)", pid)
        with pytest.raises(OwnershipLost):
            await asked
        assert not heart.sequencer.heads
        assert heart.follower.applied[HOME] == 1
        await asyncio.sleep(0.5)
        assert not heart.sequencer.heads, "an epoch was taken that no quorum has"
        await name_standby(dsn, "")
        accepted = await heart.log.propose(second, WAIT_SECONDS_MAX)
        assert accepted.position == 2
        assert await entries(database) == [(HOME, 1), (HOME, 2)]
        await heart.stop()
        await database.close()
    finally:
        await engine.stop()


async def name_standby(dsn: str, name: str) -> None:
    connection = await asyncpg.connect(dsn, server_settings={"synchronous_commit": "off"})
    await connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    await connection.execute("SELECT pg_reload_conf()")
    async with asyncio.timeout(WAIT_SECONDS_MAX):
        while await connection.fetchval("SHOW synchronous_standby_names") != name:
            await asyncio.sleep(0.01)
    if name:
        await until_commits_wait(dsn)
    await connection.close()


HOLDER = """
import asyncio, sys
from bongsu.postgres.pen import PostgresPen

async def hold():
    pen = PostgresPen(sys.argv[1], "holder")
    heads = await pen.claim([int(sys.argv[2])])
    print("claimed" if heads else "not claimed", flush=True)
    while True:
        await pen.confirm(heads, [])
        await asyncio.sleep(0.2)

asyncio.run(hold())
"""


async def test_a_stopped_holder_loses_its_lock_and_finds_out(
    database_dsn: str, database: Database
) -> None:
    """Keepalives don't see a stopped process: the kernel answers them. The idle timeout does."""
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, database_dsn, str(HOME),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    contender = PostgresPen(database_dsn, "contender")
    try:
        assert holder.stdout is not None
        assert await holder.stdout.readline() == b"claimed\n"
        assert await contender.claim([HOME]) == {}
        terminated = await database.fetch(TERMINATE_HOLDERS, LOCK_SPACE, [HOME])
        assert not terminated, "a holder who lives was taken for a silent one"
        holder.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(WAIT_SECONDS_MAX):
            while not (heads := await contender.claim([HOME])):
                await asyncio.sleep(0.1)
        assert heads == {HOME: Head(2, 0)}
        holder.send_signal(signal.SIGCONT)
        assert await asyncio.wait_for(holder.wait(), WAIT_SECONDS_MAX) == 1
    finally:
        if holder.returncode is None:
            holder.kill()
            await holder.wait()
        await contender.abandon()
