"""Who an engine runs as. PostgreSQL refuses to run as root, so root lends it another account."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bongsu.errors import OperatorError

ACCOUNT_NAME = "bongsu"
_FALLBACK_NAME = "nobody"
_USERADD_SECONDS_MAX = 20


@dataclass(frozen=True)
class Account:
    """An account of the operating system."""

    name: str
    uid: int
    gid: int


def current_account() -> Account:
    """Whom this process runs as."""
    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:  # containers often run under a number without a name
        return Account(str(uid), uid, os.getegid())
    return Account(entry.pw_name, uid, os.getegid())


def unprivileged_account(data: Path, *, make: bool = True) -> Account | None:
    """Whom to become for an engine that refuses root; None if we are not root.

    The present owner of `data` goes on owning it, else the system account `bongsu` (made when
    missing and possible, unless `make` is off), else `nobody`.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return _by_uid(data.stat().st_uid)
    return _by_name(ACCOUNT_NAME) or (_make_account() if make else None) or _nobody()


def require_traversable(path: Path, account: Account) -> None:
    """Raise `OperatorError` if `account` cannot walk down to `path`."""
    blocked = untraversable_parent(path, account)
    if blocked is not None:
        raise OperatorError(
            f"PostgreSQL runs as the user {account.name}, who cannot enter {blocked}: "
            f"run `chmod o+x {blocked}`, or put the data elsewhere (BONGSU_DATA=/var/lib/bongsu)"
        )


def untraversable_parent(path: Path, account: Account) -> Path | None:
    """The first folder above `path`, from the root down, that `account` cannot enter."""
    for folder in reversed(path.resolve().parents):
        if folder.exists() and not _may_enter(folder, account):
            return folder
    return None


def give(path: Path, account: Account | None) -> None:
    """Make `account` the owner of `path` (which is not walked into)."""
    if account is not None:
        os.chown(path, account.uid, account.gid)


def _may_enter(folder: Path, account: Account) -> bool:
    status = folder.stat()
    if status.st_uid == account.uid:
        return bool(status.st_mode & 0o100)
    if status.st_gid == account.gid:
        return bool(status.st_mode & 0o010)
    return bool(status.st_mode & 0o001)


def _make_account() -> Account | None:
    useradd = shutil.which("useradd")
    if useradd is None:
        return None
    command = [useradd, "--system", "--user-group", "--no-create-home"]
    command += ["--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", ACCOUNT_NAME]
    try:
        subprocess.run(command, capture_output=True, timeout=_USERADD_SECONDS_MAX, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return _by_name(ACCOUNT_NAME)  # made by us, or at the same moment by another


def _nobody() -> Account:
    account = _by_name(_FALLBACK_NAME)
    if account is None:
        raise OperatorError(
            "PostgreSQL refuses to run as root and there is no other account: "
            f"run `useradd --system {ACCOUNT_NAME}`, or start Bongsu as an ordinary user"
        )
    return account


def _by_name(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(name, entry.pw_uid, entry.pw_gid)


def _by_uid(uid: int) -> Account:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(str(uid), uid, uid)
    return Account(entry.pw_name, uid, entry.pw_gid)
