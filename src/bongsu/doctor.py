"""`bongsu doctor`: what on this machine would keep the server from running well, and the remedy."""

import asyncio
import os
import platform
import resource
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from bongsu.errors import OperatorError
from bongsu.files.registrations import load_registrations
from bongsu.host.accounts import unprivileged_account, untraversable_parent
from bongsu.nats.server_process import nats_binary
from bongsu.postgres import migrate as migrations
from bongsu.postgres.cluster import run_as, wheel_binaries
from bongsu.postgres.embedded import running_dsn
from bongsu.settings import Settings

PYTHON_MIN = (3, 11)
FREE_BYTES_MIN = 1024**3
FREE_BYTES_GOOD = 10 * 1024**3
OPEN_FILES_GOOD = 16_384
CLOCK_SECONDS_MAX = 1.0
CLOCK_EARLIEST = 1_750_000_000  # a machine that thinks it is before mid-2025 has lost its clock
BINARY_SECONDS_MAX = 10


class Verdict(IntEnum):
    OK = 0
    WARN = 1
    FAIL = 2


@dataclass(frozen=True)
class Finding:
    """One line: a verdict and, unless it is OK, what to do."""

    verdict: Verdict
    what: str


async def examine(settings: Settings) -> list[Finding]:
    """Everything, in the order in which a start would need it. Changes nothing."""
    findings: list[Finding] = []
    for check in CHECKS:
        findings += await asyncio.to_thread(_guarded, check, settings)
    try:
        findings += await _database(settings)
    except OperatorError as error:
        findings.append(_fail(str(error)))
    return findings


def _guarded(check: Callable[[Settings], Iterator[Finding]], settings: Settings) -> list[Finding]:
    try:
        return list(check(settings))
    except OperatorError as error:
        return [_fail(str(error))]


def _python(_: Settings) -> Iterator[Finding]:
    where = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}"
    if sys.version_info < PYTHON_MIN:
        yield _fail(f"{where}: install Python {'.'.join(map(str, PYTHON_MIN))} or later")
    elif platform.system() not in ("Linux", "Darwin"):
        yield _fail(f"{where}: Bongsu runs on Linux and macOS")
    else:
        yield _ok(where)


def _account(settings: Settings) -> Iterator[Finding]:
    if os.geteuid() != 0:
        yield _ok("Not root")
    elif settings.database_url is not None:
        yield _warn("Runs as root: a user of its own would be safer")
    else:
        account = unprivileged_account(settings.data / "postgres", make=False)
        assert account is not None
        blocked = untraversable_parent(settings.data / "postgres", account)
        if blocked is not None:
            yield _fail(f"{account.name} cannot enter {blocked}: run `chmod o+x {blocked}`")
        else:
            yield _ok(f"Root; PostgreSQL will run as {account.name}")


def _data_folder(settings: Settings) -> Iterator[Finding]:
    folder = _nearest_existing(settings.data)
    if not os.access(folder, os.W_OK | os.X_OK):
        yield _fail(f"No permission to write in {folder}: choose another with BONGSU_DATA")
        return
    free = shutil.disk_usage(folder).free
    what = f"Data folder {settings.data}, {free // 1024**2:,} MB free"
    if free < FREE_BYTES_MIN:
        yield _fail(f"{what}: make room for {FREE_BYTES_MIN // 1024**2:,} MB at the least")
    elif free < FREE_BYTES_GOOD:
        yield _warn(f"{what}: the write-ahead log alone may take 4 GB")
    else:
        yield _ok(what)


def _binaries(settings: Settings) -> Iterator[Finding]:
    if settings.database_url is None:
        command = [str(wheel_binaries() / "postgres"), "--version"]
        yield _ok(run_as(command, None, BINARY_SECONDS_MAX).strip())
    if settings.nats_url is None:
        yield _ok(run_as([str(nats_binary()), "--version"], None, BINARY_SECONDS_MAX).strip())


def _open_files(_: Settings) -> Iterator[Finding]:
    limit, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    what = f"{limit:,} open files"
    if limit < OPEN_FILES_GOOD:
        yield _warn(f"{what}: each waiting client needs one; `ulimit -n {OPEN_FILES_GOOD}`")
    else:
        yield _ok(what)


def _port(settings: Settings) -> Iterator[Finding]:
    family = socket.AF_INET6 if ":" in settings.listen_host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind((settings.listen_host, settings.listen_port))
        except OSError as error:
            what = f"Cannot listen on {settings.listen} ({error.strerror})"
            yield _warn(f"{what}: a Bongsu that runs already, or choose another BONGSU_LISTEN")
        else:
            yield _ok(f"{settings.listen} is free")


def _appservices(settings: Settings) -> Iterator[Finding]:
    for each in load_registrations(settings.appservices, settings.server_name):
        yield _ok(f"application service {each.id} at {each.url or 'no URL: it is told nothing'}")


def _clock(_: Settings) -> Iterator[Finding]:
    """Message times come from the clock; order does not."""
    before = time.time() - time.monotonic()
    time.sleep(0.1)
    jump = abs(time.time() - time.monotonic() - before)
    if time.time() < CLOCK_EARLIEST:
        yield _fail("The clock is years behind: set it, and keep it with NTP")
    elif jump > CLOCK_SECONDS_MAX:
        yield _warn(f"The clock jumped {jump:.1f} s just now: keep it with one NTP service")
    else:
        yield _ok(time.strftime("Clock %Y-%m-%d %H:%M:%S UTC", time.gmtime()))


CHECKS = (
    _python, _account, _data_folder, _binaries, _open_files, _port, _clock, _appservices
)  # fmt: skip


async def _database(settings: Settings) -> list[Finding]:
    dsn = settings.database_url or running_dsn(settings.data)
    if dsn is None:
        return [_ok("PostgreSQL does not run; `bongsu serve` starts it")]
    connection = await migrations.connect(dsn)
    try:
        version = await connection.fetchval("SHOW server_version")
        findings = [_ok(f"PostgreSQL {version} answers and takes writes")]
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            value = await connection.fetchval("SELECT current_setting($1)", name)
            if value in ("off", "local"):
                findings.append(_fail(f"{name} is {value}: set it on, or power cuts lose messages"))
        skew = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    finally:
        await connection.close()
    if abs(skew - time.time()) > CLOCK_SECONDS_MAX:
        findings.append(_warn("PostgreSQL's clock and ours differ: keep both with NTP"))
    if difference := await migrations.check(dsn):
        parts = len(difference.missing) + len(difference.unexpected) + len(difference.pending)
        findings.append(_warn(f"The schema differs in {parts} places: see `bongsu db check`"))
    return findings


def _nearest_existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _ok(what: str) -> Finding:
    return Finding(Verdict.OK, what)


def _warn(what: str) -> Finding:
    return Finding(Verdict.WARN, what)


def _fail(what: str) -> Finding:
    return Finding(Verdict.FAIL, what)
