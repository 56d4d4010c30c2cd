"""The rehearsal of docs/operate/backup.md: a base backup and archived WAL, the loss of everything,
a restore to a moment, another incarnation of the log, and a server that goes on from there."""

import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from harness.bongsu import Bongsu
from harness.http import HttpClient
from harness.matrix import User, register
from harness.postgres import _BIN, Postgres  # pyright: ignore[reportPrivateUsage]

from bongsu.errors import OperatorError
from bongsu.postgres.identity import renew_incarnation
from bongsu.sites.description import describe
from bongsu.sites.programs import archive_wal, restore_wal

RECOVERY_SECONDS_MAX = 60.0
NEWEST_MAX = 10  # events of a room that a first sync shows without a filter


class Vault:
    """A site's archive, filled and read by the programs that a site is given."""

    def __init__(self, folder: Path) -> None:
        addresses = {name: f"10.0.0.{n}" for n, name in enumerate("abc", 1)}
        description = describe(
            {"sites": addresses, "server_name": "localhost", "backup": str(folder)}
        )
        self.wal, self.base = folder / "wal", folder / "base"
        self.archive, self.restore = folder / "archive-wal", folder / "restore-wal"
        site = description.site("a")
        for path in (self.wal, self.base):
            path.mkdir(parents=True)
            path.chmod(0o777)  # the test's PostgreSQL is another user's
        for program, text in ((self.archive, archive_wal(site)), (self.restore, restore_wal(site))):
            program.write_text(text)
            program.chmod(0o755)
        folder.chmod(0o755)

    @property
    def archiving(self) -> dict[str, str]:
        return {"archive_mode": "always", "archive_command": f"{self.archive} %p %f"}

    def back_up(self, postgres: Postgres) -> Path:
        target = self.base / "one"
        subprocess.run(
            [str(_BIN / "pg_basebackup"), f"--pgdata={target}", "--wal-method=fetch",
             "--checkpoint=fast", f"--dbname={postgres.url('postgres')}"],
            check=True, capture_output=True, user=_owner(postgres), cwd="/",
        )  # fmt: skip
        subprocess.run([str(_BIN / "pg_verifybackup"), "--quiet", str(target)], check=True)
        return target


class Restored(Postgres):
    """A server on a copy of `backup`, recovered from the vault to the moment `until`."""

    def __init__(self, folder: Path, backup: Path, vault: Vault, until: str) -> None:
        self._backup = backup
        recovery = {
            "restore_command": f"{vault.restore} %f %p",
            "recovery_target_time": until,
            "recovery_target_action": "promote",
        }
        super().__init__(folder, recovery)

    def _initialise(self) -> None:
        self.directory.mkdir()
        shutil.copytree(self._backup, self.directory / "data")
        (self.directory / "data" / "recovery.signal").touch()
        (self.directory / "data").chmod(0o700)
        if self._user:
            subprocess.run(["chown", "-R", self._user, str(self.directory)], check=True)


@pytest.fixture
def vault(data_folder: Path) -> Vault:
    return Vault(data_folder / "vault")


@pytest.fixture
def lost(data_folder: Path, vault: Vault) -> Iterator[Postgres]:
    """The server that will be lost."""
    postgres = Postgres(data_folder / "lost", vault.archiving)
    postgres.start()
    yield postgres
    postgres.stop()


async def test_a_restore_to_a_moment_loses_what_came_later_and_says_so_to_every_client(
    data_folder: Path, vault: Vault, lost: Postgres
):
    database_url = lost.create_database("bongsu")
    async with _serving(data_folder / "before", database_url) as client:
        alice = await register(client, "alice")
        room = await alice.create_room()
        backup = vault.back_up(lost)
        for n in range(20):
            await alice.send_text(room, f"kept {n}")
        moment = lost.sql("SELECT clock_timestamp()")
        await alice.send_text(room, "too late")
        since = (await alice.sync())["next_batch"]
        with pytest.raises(OperatorError, match="still runs"):
            await renew_incarnation(database_url)
    lost.sql("SELECT pg_switch_wal()")
    lost.stop()  # it archives what is left before it ends

    restored = Restored(data_folder / "restored", backup, vault, moment)
    restored.start()
    try:
        _wait_until_promoted(restored)
        url = restored.url("bongsu")
        async with _serving(data_folder / "after", url, renewed=True) as client:
            alice.client = client  # still signed in; a transaction id is not used twice
            answer = await alice.sync(since)
            timeline = answer["rooms"]["join"][room]["timeline"]
            assert timeline["limited"]
            assert _texts(timeline)[-1] == "kept 19"
            assert len(timeline["events"]) <= NEWEST_MAX
            state = answer["rooms"]["join"][room]["state"]["events"]
            assert "m.room.create" in {event["type"] for event in state}
            # Life goes on, from the new token incrementally.
            await alice.send_text(room, "after")
            answer = await alice.sync(answer["next_batch"], timeout=10_000)
            assert _texts(answer["rooms"]["join"][room]["timeline"]) == ["after"]
            assert "too late" not in await _history(alice, room)
            assert len([text for text in await _history(alice, room) if "kept" in text]) == 20
    finally:
        restored.stop()


async def test_a_database_without_a_log_has_no_incarnation_to_renew(database_dsn: str):
    with pytest.raises(OperatorError, match="no log"):
        await renew_incarnation(database_dsn)


async def test_the_archive_takes_a_file_twice_but_never_another_content(tmp_path: Path):
    vault = Vault(tmp_path / "vault")
    segment = tmp_path / "segment"

    def archive(content: bytes) -> int:
        segment.write_bytes(content)
        return subprocess.run([str(vault.archive), str(segment), "0001"], check=False).returncode

    assert archive(b"one") == 0
    assert archive(b"one") == 0
    assert archive(b"two") != 0
    assert (vault.wal / "0001").read_bytes() == b"one"


@asynccontextmanager
async def _serving(
    data: Path, database_url: str, *, renewed: bool = False
) -> AsyncIterator[HttpClient]:
    """A client of a server on that database, whose log has first been renewed if so wished."""
    bongsu = Bongsu(data, database_url=database_url)
    if renewed:
        assert "every client will sync anew" in bongsu.run("db", "new-incarnation")
    bongsu.start()
    client = HttpClient(bongsu.url)
    try:
        yield client
    finally:
        await client.close()
        bongsu.stop()


def _wait_until_promoted(postgres: Postgres) -> None:
    deadline = time.monotonic() + RECOVERY_SECONDS_MAX
    while postgres.sql("SELECT pg_is_in_recovery()") == "t":
        assert time.monotonic() < deadline, "recovery does not end"
        time.sleep(0.1)


async def _history(user: User, room: str) -> list[str]:
    answer = await user.call("GET", f"/rooms/{quote(room)}/messages?dir=b&limit=100")
    return [event["content"].get("body", "") for event in answer["chunk"]]


def _texts(timeline: dict[str, Any]) -> list[str]:
    return [event["content"].get("body", "") for event in timeline["events"]]


def _owner(postgres: Postgres) -> str:
    return postgres.directory.owner()
