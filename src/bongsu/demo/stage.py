"""Where the story plays: a PostgreSQL that can be lost, a desk as a process of its own, people."""

import asyncio
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import asyncpg

from bongsu.demo.visitor import Broken, Visitor
from bongsu.desk.audit import Act, Break, verify
from bongsu.desk.people import Operator
from bongsu.desk.roles import Role
from bongsu.ids import UserId
from bongsu.postgres.account_store import PostgresAccountStore
from bongsu.postgres.cluster import EngineSettings
from bongsu.postgres.database import Database
from bongsu.postgres.desk.audit_store import PostgresAudit
from bongsu.postgres.desk.operator_store import PostgresOperators
from bongsu.postgres.device_store import PostgresDeviceStore
from bongsu.postgres.embedded import EmbeddedPostgres
from bongsu.postgres.migrate import DESK, migrate
from bongsu.users.accounts import Account
from bongsu.users.passwords import Passwords
from bongsu.users.tokens import now_ms

SERVER_NAME = "demo.example"
PASSWORD = "a fire in October"
MEMORY_MB = 128
CONNECTIONS_MAX = 150
READY_SECONDS_MAX = 120.0
STOP_SECONDS_MAX = 30.0
LOG_CHARS_SHOWN = 2_000


class People(NamedTuple):
    """Who works at the desk in this story: no two of them are one."""

    publisher: Visitor
    assessor: Visitor
    approver: Visitor
    second: Visitor
    investigator: Visitor


ROLES: tuple[tuple[str, Role], ...] = (
    ("paul", Role.PUBLISHER),
    ("anna", Role.ASSESSOR),
    ("ben", Role.APPROVER),
    ("cora", Role.APPROVER),
    ("ines", Role.INVESTIGATOR),
)


class Stage:
    """`folder` is where everything lies. Made by `set_up`."""

    def __init__(self, folder: Path, engine: EmbeddedPostgres, url: str) -> None:
        self.folder = folder
        self.url = url
        self._engine = engine
        self._visitors: list[Visitor] = []

    def visitor(self) -> Visitor:
        visitor = Visitor(self.url)
        self._visitors.append(visitor)
        return visitor

    async def people(self) -> People:
        """Accounts of the messenger with one role each, signed in."""
        await self._make_accounts()
        return People(*[await self._signed_in(name) for name, _ in ROLES])

    async def rows(self, query: str, *arguments: Any) -> Sequence[Any]:
        """What the desk's tables hold, for judging."""
        connection = await asyncpg.connect(
            self._engine.dsn, server_settings={"search_path": "desk"}
        )
        try:
            return await connection.fetch(query, *arguments)
        finally:
            await connection.close()

    async def audit(self) -> tuple[int, Break | None]:
        """How many acts the audit log holds, and where its chain breaks."""
        async with self._database() as database:
            return await verify(PostgresAudit(database))

    def lose_database(self) -> None:
        """The postmaster dies as in a power cut; its children follow."""
        os.kill(self._engine.pid, signal.SIGKILL)

    async def bring_database_back(self) -> None:
        await self._engine.start()

    def waiting(self) -> list[Path]:
        """Batches of reports that wait in the desk's spool."""
        return list((self.folder / "data" / "desk" / "spool" / "batches").iterdir())

    async def close(self) -> None:
        for visitor in self._visitors:
            await visitor.close()

    async def _make_accounts(self) -> None:
        passwords = Passwords()
        password_hash = await passwords.hash(PASSWORD)
        passwords.close()
        async with self._database("public") as database:
            accounts = PostgresAccountStore(database, PostgresDeviceStore(database, []))
            for name, _ in ROLES:
                account = Account(_user_id(name), password_hash, False, False, now_ms())
                await accounts.create(account, None, None)
        async with self._database() as database:
            operators = PostgresOperators(database)
            for name, role in ROLES:
                operator = Operator(_user_id(name), frozenset({role}))
                await operators.put(operator, now_ms(), _added(name))

    async def _signed_in(self, name: str) -> Visitor:
        visitor = self.visitor()
        fields = {"name": name, "password": PASSWORD}
        await visitor.post("/operator/sign-in", fields, at="/operator/sign-in")
        return visitor

    @asynccontextmanager
    async def _database(self, schema: str = "desk") -> AsyncGenerator[Database]:
        pool = await asyncpg.create_pool(
            self._engine.dsn, min_size=1, max_size=2, server_settings={"search_path": schema}
        )
        database = Database(pool)
        try:
            yield database
        finally:
            await database.close()


@asynccontextmanager
async def set_up() -> AsyncGenerator[Stage]:
    """A stage that is gone afterwards, whatever happened on it."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bongsu-demo-")))
        os.chmod(folder, 0o711)  # the engine's own account goes through it
        engine = EmbeddedPostgres(
            folder / "postgres",
            EngineSettings(memory_mb=MEMORY_MB, connections_max=CONNECTIONS_MAX),
        )
        dsn = await engine.start()
        stack.push_async_callback(engine.stop)
        await migrate(dsn)
        await migrate(dsn, tables=DESK)
        port = _free_port()
        desk = await _start_desk(folder, dsn, port)
        stack.push_async_callback(_stop, desk)
        stage = Stage(folder, engine, f"http://127.0.0.1:{port}")
        stack.push_async_callback(stage.close)
        await _wait_for(stage.url, desk, folder / "desk.log")
        try:
            yield stage
        except Broken as broken:
            raise Broken(f"{broken}\n{_last_words(folder / 'desk.log')}".rstrip()) from None


async def _start_desk(folder: Path, dsn: str, port: int) -> asyncio.subprocess.Process:
    settings = {
        "BONGSU_DATABASE_URL": dsn,
        "BONGSU_DATA": str(folder / "data"),
        "BONGSU_SERVER_NAME": SERVER_NAME,
        "BONGSU_DESK_LISTEN": f"127.0.0.1:{port}",
        "BONGSU_DESK_TITLE": "Bongsu demo",
        "BONGSU_DESK_PAYER_NAME": "Bongsu",
        "BONGSU_DESK_PAYER_BANK": "BONGKRSE",
        "BONGSU_DESK_PAYER_ACCOUNT": "110-1-22",
        "BONGSU_RATE_LIMITS": "false",  # all reporters come from one address here
        "BONGSU_LOG_LEVEL": "warning",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BONGSU_")}
    with (folder / "desk.log").open("wb") as log:
        return await asyncio.create_subprocess_exec(
            str(Path(sys.executable).with_name("bongsu")), "desk", env={**kept, **settings},
            stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL, cwd=folder,
        )  # fmt: skip


async def _wait_for(url: str, desk: asyncio.subprocess.Process, log: Path) -> None:
    try:
        async with asyncio.timeout(READY_SECONDS_MAX), aiohttp.ClientSession(url) as session:
            while True:
                if desk.returncode is not None:
                    raise Broken(f"the desk does not start: {_last_words(log)}")
                try:
                    async with session.get("/report"):
                        return
                except aiohttp.ClientConnectorError:
                    await asyncio.sleep(0.1)
    except TimeoutError:
        raise Broken(f"the desk did not answer in {READY_SECONDS_MAX:.0f} s") from None


async def _stop(desk: asyncio.subprocess.Process) -> None:
    if desk.returncode is None:
        desk.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS_MAX):
            await desk.wait()
    except TimeoutError:
        desk.kill()
        await desk.wait()


def _last_words(log: Path) -> str:
    return log.read_text("utf-8", "replace")[-LOG_CHARS_SHOWN:]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _user_id(name: str) -> UserId:
    return UserId(f"@{name}:{SERVER_NAME}")


def _added(name: str) -> Act:
    return Act("demo", "desk.put_operator", _user_id(name))
