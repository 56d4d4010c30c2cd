"""The ledger's promises are kept by the database, whoever is connected and whatever they try."""

import asyncio
from typing import Literal

import asyncpg
import pytest
from fixtures.compensation_house import CompensationHouse

from bongsu.desk.compensation.accounts import Entry, Transfer, move
from bongsu.errors import InvalidParam, NotFound, Refused
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.connecting import DESK_SESSION, ROLE
from bongsu.postgres.desk.ledger_store import post

GOOD = move("t1", "a test", "owner", "fund", "KRW", 5_000)

Isolation = Literal["read_committed", "repeatable_read", "serializable"]
_WAITING = "SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'"


async def write(database: Database, *transfers: Transfer) -> None:
    async def body(connection: Connection) -> None:
        await post(connection, transfers, "test", 1)

    await database.write(body)


async def test_what_does_not_balance_is_not_committed(desk_database: Database) -> None:
    for entries in (
        (Entry("owner", "KRW", -5), Entry("fund", "KRW", 4)),
        (Entry("owner", "KRW", -5), Entry("fund", "USD", 5)),
        (Entry("fund", "KRW", 5),),
        (),
    ):
        with pytest.raises(asyncpg.CheckViolationError, match=r"sum to zero|moves nothing"):
            await write(desk_database, Transfer("bad", "", entries))
    assert await desk_database.fetch("SELECT FROM ledger_transfer") == []


async def test_a_transfer_happens_once(compensation: CompensationHouse) -> None:
    await write(compensation.database, GOOD)
    await write(compensation.database, GOOD, GOOD)
    assert await compensation.balance("fund") == 5_000


CHANGES = (
    "UPDATE ledger_entry SET amount = amount * 2",
    "DELETE FROM ledger_entry",
    "DELETE FROM ledger_transfer",
    "UPDATE ledger_balance SET amount = 1",
    "DELETE FROM ledger_balance",
    "INSERT INTO ledger_balance VALUES ('payable:p:r', 'KRW', 1)",
    "UPDATE ledger_transfer SET memo = 'other'",
    "TRUNCATE ledger_entry",
    "TRUNCATE ledger_transfer CASCADE",
    "DELETE FROM payout_line",
    "UPDATE payout_batch SET total = 1",
    "UPDATE programme_version SET text = ''",
    "DELETE FROM programme_approval",
    "UPDATE compensation_decision SET reason = 'x'",
    "DELETE FROM compensation_award",
    "DELETE FROM grant_claim",
)


async def test_nothing_is_changed_or_removed(desk_database: Database, desk_dsn: str) -> None:
    """Neither by the desk's role, nor by the owner of the tables."""
    await write(desk_database, GOOD)
    owner = await asyncpg.connect(desk_dsn, server_settings={"search_path": "desk"})
    try:
        for statement in CHANGES:
            with pytest.raises(
                (asyncpg.InsufficientPrivilegeError, asyncpg.RestrictViolationError)
            ):
                await desk_database.execute(statement)
            with pytest.raises(asyncpg.RestrictViolationError):
                await owner.execute(statement)
    finally:
        await owner.close()


async def test_nobody_adds_to_a_transfer_of_before(desk_database: Database) -> None:
    await write(desk_database, GOOD)
    pair = "INSERT INTO ledger_entry VALUES ($1, 3, 'fund', 'KRW', 1), ($1, 4, 'paid', 'KRW', -1)"
    with pytest.raises(asyncpg.RestrictViolationError, match="t1 is closed"):
        await desk_database.execute(pair, "t1")
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await desk_database.execute(pair, "none")


async def test_checks_made_early_do_not_let_more_in(desk_database: Database) -> None:
    async def body(connection: Connection) -> None:
        await connection.execute("SET CONSTRAINTS ALL DEFERRED")
        await post(connection, [GOOD], "test", 1)
        await connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
        await connection.execute("INSERT INTO ledger_entry VALUES ('t1', 3, 'fund', 'KRW', 9)")

    with pytest.raises(asyncpg.CheckViolationError):
        await desk_database.write(body)


async def test_what_is_owed_never_falls_below_zero(desk_database: Database) -> None:
    await write(desk_database, move("a", "", "fund", "payable:p:r", "KRW", 5))
    with pytest.raises(asyncpg.CheckViolationError, match="below zero"):
        await write(desk_database, move("b", "", "payable:p:r", "transit:x", "KRW", 6))
    await write(desk_database, move("c", "", "payable:p:r", "transit:x", "KRW", 5))


@pytest.mark.parametrize("isolation", ["read_committed", "repeatable_read", "serializable"])
async def test_two_at_once_never_draw_more_than_there_is(
    desk_dsn: str, isolation: Isolation
) -> None:
    """Goal: what one account holds is not spent twice. Method: two transactions begin and look
    before either draws; the second draws while the first is not committed yet."""
    session = {**DESK_SESSION, "role": ROLE}
    watcher, first, second = [
        await asyncpg.connect(desk_dsn, server_settings=each)
        for each in (DESK_SESSION, session, session)
    ]
    async with watcher.transaction():
        await post(watcher, [move("a", "", "claims", "recovery:centre", "KRW", 10)], "test", 1)
    transactions = [each.transaction(isolation=isolation) for each in (first, second)]
    for transaction, connection in zip(transactions, (first, second), strict=True):
        await transaction.start()
        await connection.fetch("SELECT FROM ledger_entry")  # its snapshot is taken

    async def draw_second() -> None:
        await post(second, [move("c", "", "recovery:centre", "fund", "KRW", 7)], "test", 1)
        await transactions[1].commit()

    await post(first, [move("b", "", "recovery:centre", "fund", "KRW", 7)], "test", 1)
    drawing = asyncio.create_task(draw_second())
    while not drawing.done() and not await watcher.fetch(_WAITING, second.get_server_pid()):
        await asyncio.sleep(0.01)
    await transactions[0].commit()
    with pytest.raises((asyncpg.CheckViolationError, asyncpg.SerializationError)):
        await drawing
    held = "SELECT sum(amount) FROM ledger_entry WHERE account = 'recovery:centre'"
    await second.close()
    assert await watcher.fetchval(held) == 3
    await first.close()
    await watcher.close()


async def test_a_table_of_the_same_name_takes_no_check_away(desk_database: Database) -> None:
    """Anybody may make temporary tables, and an unwary function would find those first."""

    async def body(connection: Connection) -> None:
        for table in ("ledger_entry", "ledger_transfer", "ledger_balance"):
            await connection.execute(f"CREATE TEMP TABLE {table} (LIKE {table}) ON COMMIT DROP")
        await connection.execute(
            "INSERT INTO ledger_transfer (transfer, number, made_ts, operator, memo, writer)"
            " VALUES ('x', 1, 1, '', '', pg_current_xact_id())"
        )
        await connection.execute("INSERT INTO ledger_entry VALUES ('x', 1, 'fund', 'KRW', 1)")
        await connection.execute(
            "INSERT INTO desk.ledger_transfer (transfer, made_ts, operator, memo)"
            " VALUES ('x', 1, 'o', '')"
        )

    with pytest.raises(asyncpg.CheckViolationError):
        await desk_database.write(body)


async def test_a_session_with_another_path_is_checked_all_the_same(
    desk_database: Database, desk_dsn: str
) -> None:
    connection = await asyncpg.connect(desk_dsn)
    try:
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(
                "WITH t AS (INSERT INTO desk.ledger_transfer (transfer, made_ts, operator, memo)"
                " VALUES ('x', 1, 'o', '')) SELECT 1"
            )
    finally:
        await connection.close()


async def test_a_claim_on_who_is_liable_is_settled_and_waived(
    compensation: CompensationHouse,
) -> None:
    ledger = compensation.ledger
    with pytest.raises(NotFound):
        await ledger.claim("@op:x", "key-0001", "centre", "KRW", 1_000)
    await ledger.name_party("@op:x", "centre", "The data centre", "its contract")
    with pytest.raises(Refused, match="named already"):
        await ledger.name_party("@op:x", "centre", "Other", "other")
    assert await ledger.claim("@op:x", "key-0001", "centre", "KRW", 1_000)
    assert not await ledger.claim("@op:x", "key-0001", "centre", "KRW", 1_000)
    assert await ledger.settle("@op:x", "key-0002", "centre", "KRW", 700)
    with pytest.raises(Refused, match="below zero"):
        await ledger.settle("@op:x", "key-0003", "centre", "KRW", 301)
    assert await ledger.waive("@op:x", "key-0004", "centre", "KRW", 300)
    assert await compensation.balance("recovery:centre") == 0
    assert await compensation.balance("fund") == 700
    assert await compensation.balance("claims") == -700
    assert await compensation.total() == 0


async def test_amounts_that_cannot_be_are_refused(compensation: CompensationHouse) -> None:
    for currency, amount in (("QQQ", 5), ("KRW", 0), ("KRW", -5), ("KRW", 10**16)):
        with pytest.raises(InvalidParam):
            await compensation.ledger.set_aside("@op:x", "key-0001", currency, amount)
