"""The desk's core on a real PostgreSQL: audit chain, operators and sessions, sealing, rotation."""

from pathlib import Path

import asyncpg
import pytest

from bongsu.desk.audit import Act, verify
from bongsu.desk.people import Desk, Operators, People
from bongsu.desk.roles import Role
from bongsu.desk.sealing import Context, FileKeys, KeyUnknown, SealBroken, Sealer, new_key
from bongsu.errors import Forbidden, NotFound
from bongsu.files.desk_keys import add_file_key, load_file_keys
from bongsu.ids import UserId
from bongsu.postgres.database import Connection, Database
from bongsu.postgres.desk.accounts import DeskAccounts
from bongsu.postgres.desk.audit_store import PostgresAudit, append
from bongsu.postgres.desk.connecting import ROLE
from bongsu.postgres.desk.operator_store import PostgresOperators, PostgresOperatorSessions
from bongsu.postgres.desk.sealing_store import SEALED_COLUMNS, PostgresSealingKeys, SealedColumn
from bongsu.postgres.migrate import DESK, check
from bongsu.users.passwords import Passwords

SERVER = "example.org"
ALICE = UserId("@alice:example.org")
CLOCK_MS = 1_700_000_000_000


async def test_schema_is_as_migrated_and_the_role_may_not_touch_the_log(
    desk_database: Database, desk_dsn: str
) -> None:
    assert not await check(desk_dsn, DESK)
    row = await desk_database.fetchrow("SELECT current_user AS name")
    assert row is not None
    assert row["name"] == ROLE
    for statement in (
        "DELETE FROM audit_entry",
        "UPDATE audit_entry SET actor = 'nobody'",
        "SELECT * FROM public.entry",
        "UPDATE public.account SET is_admin = true",
    ):
        with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedTableError)):
            await desk_database.execute(statement)


async def test_chain_holds_until_somebody_changes_a_row(
    desk_database: Database, desk_dsn: str
) -> None:
    audit = PostgresAudit(desk_database)
    assert await verify(audit) == (0, None)
    for number in range(1, 6):
        act = Act("@alice:example.org", "notices.post_update", f"incident{number}", {"n": number})
        assert await desk_database.write(lambda c, act=act: append(c, act)) == number
    assert await verify(audit) == (5, None)

    owner = await asyncpg.connect(desk_dsn)
    try:
        await owner.execute("UPDATE desk.audit_entry SET actor = 'x' WHERE number = 3")
        count, broken = await verify(audit)
        assert count == 2
        assert broken is not None
        assert broken.number == 3
        await owner.execute("DELETE FROM desk.audit_entry WHERE number >= 3")
        count, broken = await verify(audit)
        assert (count, broken and broken.number) == (2, 3)
    finally:
        await owner.close()


async def test_an_act_that_fails_leaves_no_entry(desk_database: Database) -> None:
    async def body(connection: Connection) -> None:
        await append(connection, Act("x", "y.z", ""))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await desk_database.write(body)
    assert await verify(PostgresAudit(desk_database)) == (0, None)


async def test_signed_in_for_as_long_as_account_and_role_last(
    desk_database: Database, desk_dsn: str
) -> None:
    passwords = Passwords()
    pool = await asyncpg.create_pool(desk_dsn, min_size=1, max_size=2)
    messenger = Database(pool)
    await messenger.execute(
        "INSERT INTO account (user_id, password_hash, is_guest, is_admin, created_at)"
        " VALUES ($1, $2, false, false, 1)",
        ALICE,
        await passwords.hash("wonderland"),
    )
    operators = PostgresOperators(desk_database)
    desk = Desk(DeskAccounts(messenger), operators, PostgresOperatorSessions(desk_database))
    now = CLOCK_MS
    people = People(desk, passwords, server_name=SERVER, clock=lambda: now)
    roles = Operators(desk, server_name=SERVER)

    with pytest.raises(Forbidden, match="no role"):
        await people.sign_in("alice", "wonderland")
    await roles.put("command line", "alice", frozenset({Role.PUBLISHER, Role.ADMIN}))
    for name, password in (("alice", "wrong"), ("bob", "wonderland"), ("@alice:other", "x")):
        with pytest.raises(Forbidden, match="Wrong name or password"):
            await people.sign_in(name, password)
    with pytest.raises(NotFound):
        await roles.put("command line", "nobody", frozenset({Role.ADMIN}))

    token = await people.sign_in("@alice:example.org", "wonderland")
    operator = await people.who(token)
    assert operator is not None
    assert operator.may(Role.ADMIN)
    assert not operator.may(Role.APPROVER)
    assert await people.who("bgd_" + "x" * 32) is None

    await messenger.execute("UPDATE account SET locked_at = 5")
    assert await people.who(token) is None
    await messenger.execute("UPDATE account SET locked_at = NULL")
    assert await people.who(token) is not None
    now += 13 * 3600 * 1000
    assert await people.who(token) is None
    now = CLOCK_MS
    await roles.remove("command line", "alice")
    assert await people.who(token) is None
    passwords.close()
    await messenger.close()


async def test_sealed_fields_outlive_a_rotation(desk_database: Database, tmp_path: Path) -> None:
    path = tmp_path / "desk" / "keys"
    sealer = Sealer(load_file_keys(path))
    keys = PostgresSealingKeys(desk_database, sealer)
    context = Context("operator", "user_id", "1")
    early = sealer.seal("before any data key", context)
    await keys.learn()
    late = sealer.seal("010-1234-5678", context)
    assert sealer.open(early, context) == "before any data key"
    with pytest.raises(SealBroken):
        sealer.open(late, Context("operator", "user_id", "2"))
    with pytest.raises(SealBroken):
        sealer.open(late[:-1] + bytes([late[-1] ^ 1]), context)

    await desk_database.execute("CREATE TEMPORARY TABLE IF NOT EXISTS none_here (x int)")
    add_file_key(path)
    sealer = Sealer(load_file_keys(path))
    keys = PostgresSealingKeys(desk_database, sealer)
    await keys.learn()
    assert await keys.rotate("command line", pause_seconds=0) == 0
    with pytest.raises(KeyUnknown):
        sealer.open(late, context)  # no table holds it: its key is forgotten
    other = PostgresSealingKeys(desk_database, Sealer(FileKeys([new_key()])))
    with pytest.raises(KeyUnknown, match="copy it"):
        await other.learn()


async def test_rotation_seals_every_registered_column_anew(
    desk_database: Database, desk_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await asyncpg.connect(desk_dsn)
    await owner.execute("CREATE TABLE desk.secret (id text PRIMARY KEY, body bytea)")
    await owner.execute("GRANT ALL ON desk.secret TO bongsu_desk")
    await owner.close()
    monkeypatch.setattr(
        "bongsu.postgres.desk.sealing_store.SEALED_COLUMNS",
        [*SEALED_COLUMNS, SealedColumn("secret", "body", "id")],
    )
    sealer = Sealer(load_file_keys(tmp_path / "keys"))
    keys = PostgresSealingKeys(desk_database, sealer)
    await keys.learn()
    for number in range(7):
        blob = sealer.seal(f"text {number}", Context("secret", "body", str(number)))
        await desk_database.execute("INSERT INTO secret VALUES ($1, $2)", str(number), blob)
    before = sealer.latest_key_id
    assert await keys.rotate("command line", pause_seconds=0) == 7
    assert sealer.latest_key_id > before
    for row in await desk_database.fetch("SELECT id, body FROM secret"):
        assert sealer.is_current(row["body"])
        text = sealer.open(row["body"], Context("secret", "body", row["id"]))
        assert text == f"text {row['id']}"
