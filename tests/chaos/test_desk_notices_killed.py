"""The database is killed, and the desk after it: the notices stand, say of when they are, and what
was published in between is told once to everybody when the database is back."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from harness.desk import Visitor
from harness.mailbox import Mailbox
from harness.postgres import Postgres
from harness.process import free_port, open_folder

from bongsu.desk.notices.publishing import Publishing
from bongsu.desk.notices.subscribers import Channel, Subscriber
from bongsu.desk.sealing import Sealer
from bongsu.files.desk_keys import load_file_keys
from bongsu.postgres.database import Database
from bongsu.postgres.desk.connecting import DESK_SESSION
from bongsu.postgres.desk.notice_incident_store import PostgresIncidents
from bongsu.postgres.desk.notice_service_store import PostgresServices
from bongsu.postgres.desk.notice_subscriber_store import PostgresSubscribers
from bongsu.postgres.migrate import DESK, migrate
from bongsu.users.tokens import now_ms

SUBSCRIBERS = 40
PATIENCE_SECONDS = 120.0

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def place() -> Iterator[Path]:
    with open_folder() as folder:
        yield folder


@pytest.fixture
def postgres(place: Path) -> Iterator[Postgres]:
    postgres = Postgres(place / "postgres")
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.stop()


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    mailbox = Mailbox()
    yield mailbox
    await mailbox.stop()


class DeskProcess:
    """`bongsu desk`, on a data folder of its own but the same keys, as at a site."""

    def __init__(self, place: Path, name: str, dsn: str, smtp_port: int) -> None:
        self.port = free_port()
        self._log = place / f"{name}.log"
        (place / name).mkdir()
        self._env = {
            **os.environ,
            "BONGSU_DATA": str(place / name),
            "BONGSU_DATABASE_URL": dsn,
            "BONGSU_DESK_LISTEN": f"127.0.0.1:{self.port}",
            "BONGSU_DESK_KEYS": str(place / "keys"),
            "BONGSU_DESK_PUBLIC_URL": "http://status.example.org",
            "BONGSU_SMTP_URL": f"smtp://127.0.0.1:{smtp_port}",
            "BONGSU_SMTP_FROM": "desk@example.org",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [str(Path(sys.executable).parent / "bongsu"), "desk"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, env=self._env, stdout=log, stderr=log)

    def kill(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait()


async def test_notices_outlive_the_database_and_the_desk(
    place: Path, postgres: Postgres, mailbox: Mailbox
) -> None:
    dsn = postgres.create_database("bongsu")
    await migrate(dsn)
    await migrate(dsn, tables=DESK)
    sealer = Sealer(load_file_keys(place / "keys"))
    port = await mailbox.start()
    desks = [DeskProcess(place, name, dsn, port) for name in ("seoul", "busan")]
    visitor = Visitor(f"http://127.0.0.1:{desks[0].port}")
    try:
        for desk in desks:
            desk.start()
        async with opened(dsn) as database:
            subscribers = PostgresSubscribers(database, sealer)
            for number in range(SUBSCRIBERS):
                target = f"person{number}@example.org"
                name = f"subscriber-{number:06}"
                await subscribers.put_live(
                    Subscriber(name, Channel.EMAIL, target, "en", ()), now_ms()
                )
            await publish(database, "Fire", "a" * 16)
        await until(lambda: shows(visitor, "Fire"))
        await until(lambda: told(mailbox, "Fire"))
        async with opened(dsn) as database:  # or whoever comes next tells some of it again
            await until(lambda: is_written_down(database))

        await asyncio.to_thread(postgres.kill)
        await until(lambda: shows(visitor, "The database cannot be reached now"))
        assert await shows(visitor, "Fire")
        assert '"database":false' in (await visitor.get("/health")).text
        desks[0].kill()
        desks[0].start()  # without a database: from what it kept on disk
        await until(lambda: shows(visitor, "Fire"))
        assert await shows(visitor, "The database cannot be reached now")
        assert (await visitor.get("/subscribe")).status == 200
        assert (await visitor.get("/operator/sign-in")).status == 200
        copy = (place / "seoul" / "desk" / "public" / "index.en.html").read_text()
        assert "Fire" in copy

        await asyncio.to_thread(postgres.start)
        async with opened(dsn) as database:
            await publish(database, "Smoke", "b" * 16)
        await until(lambda: shows(visitor, "Smoke"))
        assert not await shows(visitor, "The database cannot be reached now")
        await until(lambda: told(mailbox, "Smoke"))
        names = [str(mail["Message-ID"]) for mail in mailbox.mails]
        assert len(names) == len(set(names)) == 2 * SUBSCRIBERS
    finally:
        await visitor.close()
        for desk in desks:
            desk.stop()


async def publish(database: Database, title: str, post_key: str) -> None:
    publishing = Publishing(PostgresServices(database), PostgresIncidents(database))
    await publishing.put_service("@t:x", "messages", {"en": "Messages"})
    await publishing.publish(
        "@t:x", kind="incident", impact="major_outage", titles={"en": title},
        services=["messages"], started_ts=None, ends_ts=None, post_key=post_key,
        phase="identified", texts={"en": "We know why."},
    )  # fmt: skip


async def told(mailbox: Mailbox, title: str) -> bool:
    return sum(title in mail["Subject"] for mail in mailbox.mails) >= SUBSCRIBERS


async def is_written_down(database: Database) -> bool:
    """That all have been told."""
    done = "SELECT count(*) AS n FROM notice_delivery WHERE outcome = 'delivered'"
    return (await database.fetch(done))[0]["n"] >= SUBSCRIBERS


async def shows(visitor: Visitor, text: str) -> bool:
    try:
        return text in (await visitor.get("/")).text
    except (aiohttp.ClientError, OSError):
        return False


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await is_so():
            await asyncio.sleep(0.1)


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[Database]:
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=2, server_settings=DESK_SESSION)
    database = Database(pool)
    try:
        yield database
    finally:
        await database.close()
