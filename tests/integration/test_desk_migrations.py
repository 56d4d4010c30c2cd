"""The road of the desk's tables: from those of a release before to the present ones, with what they
hold, and nothing is missing at its end."""

from pathlib import Path

import asyncpg
import pytest

from bongsu.desk.compensation.accounts import Transfer, move
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.ledger_store import post
from bongsu.postgres.migrate import DESK, check, migrate

LEDGER_BEFORE = Path(__file__).parents[1] / "fixtures" / "desk_ledger_before.sql"


async def test_a_fresh_desk_has_every_step_behind_it(desk_dsn: str) -> None:
    assert await migrate(desk_dsn, post=True, tables=DESK) == []
    assert not await check(desk_dsn, DESK)


async def test_check_sees_a_trigger_that_is_gone_or_does_something_else(
    desk_dsn: str, database_owner: Database
) -> None:
    await database_owner.execute("DROP TRIGGER ledger_entry_fixed ON desk.ledger_entry")
    await database_owner.execute(
        "CREATE OR REPLACE FUNCTION desk.payout_check_change() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN RETURN NEW; END'"
    )
    difference = await check(desk_dsn, DESK)
    assert _triggers(difference.missing) == {"ledger_entry_fixed", "payout_line_changes"}
    assert _triggers(difference.unexpected) == {"payout_line_changes"}


async def test_a_ledger_of_before_keeps_its_sums_and_is_guarded(
    desk_dsn: str, desk_database: Database
) -> None:
    owner = await asyncpg.connect(desk_dsn, server_settings={"search_path": "desk"})
    await owner.execute("DELETE FROM schema_version WHERE name = '0001_ledger_statements.pre'")
    await owner.execute(LEDGER_BEFORE.read_text("utf-8"))
    assert await check(desk_dsn, DESK)
    await _write(
        desk_database,
        move("a", "", "fund", "payable:p:r", "KRW", 9),
        move("b", "", "payable:p:r", "transit:BATCH", "KRW", 4),
        move("c", "", "claims", "recovery:centre", "USD", 7),
    )

    assert await migrate(desk_dsn, tables=DESK) == ["0001_ledger_statements.pre"]
    difference = await check(desk_dsn, DESK)
    assert not difference, difference
    assert await migrate(desk_dsn, tables=DESK) == []
    rows = await desk_database.fetch("SELECT * FROM ledger_balance ORDER BY account")
    assert [tuple(row) for row in rows] == [
        ("payable:p:r", "KRW", 5),
        ("recovery:centre", "USD", 7),
        ("transit:BATCH", "KRW", 4),
    ]
    await _write(desk_database, move("d", "", "payable:p:r", "transit:BATCH", "KRW", 5))
    with pytest.raises(asyncpg.CheckViolationError, match="below zero"):
        await _write(desk_database, move("e", "", "payable:p:r", "transit:BATCH", "KRW", 1))
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await desk_database.execute("UPDATE ledger_balance SET amount = 1000000")
    await owner.close()


async def _write(database: Database, *transfers: Transfer) -> None:
    async def body(connection: Connection) -> None:
        await post(connection, transfers, "test", 1)

    await database.write(body)


def _triggers(lines: list[str]) -> set[str]:
    return {line.split()[2] for line in lines if line.startswith("CREATE TRIGGER ")}
