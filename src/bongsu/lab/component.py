"""What a site's keeper needs to know of each thing it runs."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bongsu.errors import OperatorError
from bongsu.host.accounts import Account, give, unprivileged_account, untraversable_parent
from bongsu.host.child_process import Command
from bongsu.lab.topology import Lab, Site

StopSteps = Sequence[tuple[signal.Signals, float]]
POLITE: StopSteps = ((signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))

State = dict[str, Any]
"""What a component said of itself; empty when it did not answer."""


@dataclass(frozen=True)
class Component:
    """One engine of a site, by functions of the lab and the site.

    `prepare` writes its files, `command` starts it, `look` asks how it is (within the time of its
    probes, without an exception).
    """

    name: str
    prepare: Callable[[Lab, Site], None]
    command: Callable[[Lab, Site], Command]
    look: Callable[[Lab, Site], Awaitable[State]]
    after_ready: bool = False  # starts only when the lab's database is there
    finish: Callable[[Site], None] | None = None  # ends what its process leaves behind; may block


def account_of(lab: Lab) -> Account | None:
    """Whom the engines run as: PostgreSQL refuses root, and the others do not need it."""
    return unprivileged_account(lab.path / lab.sites[0].name / "postgres")


def engine_command(
    lab: Lab, folder: Path, argv: Sequence[str], stop_steps: StopSteps = POLITE
) -> Command:
    """`argv` in `folder` as the engines' account.

    A program (a Python in /root, say) that the account cannot reach is run with the right to walk
    through every folder; PostgreSQL refuses to be root, but not that. What stands in the file
    `environment` of `folder`, NAME=value without spaces, is added to that of each process started
    there: another source folder for a node (PYTHONPATH), another clock (LD_PRELOAD, FAKETIME).
    """
    account, program = account_of(lab), Path(argv[0])
    argv = _with_environment(folder, argv)
    if account is not None and untraversable_parent(program, account) is not None:
        argv, account = [*_walking_anywhere(account), *argv], None
    return Command(
        argv=argv,
        account=account,
        environment={"PYTHONDONTWRITEBYTECODE": "1"},
        working_directory=folder,
        stop_steps=stop_steps,
    )


def _with_environment(folder: Path, argv: Sequence[str]) -> Sequence[str]:
    """Set last of all, so that it concerns no program on the way to this one."""
    try:
        lines = (folder / "environment").read_text().split()
    except FileNotFoundError:
        return argv
    return ["env", *lines, *argv]


def _walking_anywhere(account: Account) -> list[str]:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise OperatorError(
            f"The user {account.name} cannot reach Python at {Path(sys.executable).resolve()}: "
            "install util-linux (setpriv), or Bongsu where others may enter"
        )
    capability = "+dac_read_search"
    who = [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
    return [
        setpriv, *who, f"--inh-caps={capability}", f"--ambient-caps={capability}",
        "--pdeathsig=TERM", "--",
    ]  # fmt: skip


def make_folder(path: Path, account: Account | None) -> None:
    """Make a folder that only the engines' account may look into."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    give(path, account)


def write_file(path: Path, text: str, account: Account | None) -> None:
    """Write a configuration for the engines' account alone; whole or not at all."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    give(fresh, account)
    fresh.rename(path)


def toml(values: Mapping[str, Any], tables: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """Texts, numbers and lists as TOML, whose values JSON's resemble; then tables of them."""
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
    for name, table in (tables or {}).items():
        text += f"\n[{name}]\n{toml(table)}"
    return text
