"""Which processes belong to a site, asked of the kernel.

Every process of the lab works in its own folder under the site's, PostgreSQL's included. So the
working directory says to which site and component a process belongs, whoever started it and
whoever died meanwhile; there is no pid file that could lie. A person's shell in such a folder is
told apart by a word in the environment of all that the lab starts (and by PostgreSQL's program,
which overwrites its environment with its title).
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

MARK = "IN_BONGSU_LAB"  # no BONGSU_…: those are settings
KEEPER = "keeper"  # the component that a site's keeper shows as: it works in the site's folder
_PASS_SECONDS = 0.02
_PASSES_MAX = 250


@dataclass(frozen=True)
class Process:
    """One living process of a site."""

    pid: int
    component: str
    stopped: bool


def processes(folder: Path) -> list[Process]:
    """All that work in `folder` or below, the keeper first."""
    found = list(_scan(str(folder.resolve())))
    return sorted(found, key=lambda process: process.component != KEEPER)


def kill_all(folder: Path, chosen: Callable[[Process], bool] = lambda _: True) -> int:
    """SIGKILL the chosen ones until none is left; gives how many there were."""
    killed: set[int] = set()
    for _ in range(_PASSES_MAX):
        alive = [process for process in processes(folder) if chosen(process)]
        if not alive:
            break
        for process in alive:
            send(process.pid, signal.SIGKILL)
            killed.add(process.pid)
        time.sleep(_PASS_SECONDS)
    return len(killed)


def stop_all(folder: Path, chosen: Callable[[Process], bool] = lambda _: True) -> int:
    """SIGSTOP the chosen ones, and what they forked meanwhile; gives how many."""
    count = 0
    for _ in range(_PASSES_MAX):
        alive = [process for process in processes(folder) if chosen(process)]
        running = [process for process in alive if not process.stopped]
        count = len(alive)
        if not running:
            break
        for process in running:
            send(process.pid, signal.SIGSTOP)
        time.sleep(_PASS_SECONDS)
    return count


def continue_all(folder: Path) -> int:
    """SIGCONT all that are stopped, the keeper last: nothing looks dead to it; gives how many."""
    stopped = [process for process in processes(folder) if process.stopped]
    for process in reversed(stopped):
        send(process.pid, signal.SIGCONT)
    return len(stopped)


def _scan(root: str) -> Iterator[Process]:
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            place = os.readlink(f"/proc/{entry.name}/cwd")
            if place != root and not place.startswith(root + "/"):
                continue
            if not _is_ours(entry.name):
                continue
            stat = Path(f"/proc/{entry.name}/stat").read_text()
        except OSError:  # gone meanwhile, or another user's
            continue
        state = stat.rpartition(")")[2].split()[0]
        component = place[len(root) + 1 :].partition("/")[0] or KEEPER
        if state not in "ZX":
            yield Process(int(entry.name), component, state in "Tt")


def _is_ours(pid: str) -> bool:
    if os.path.basename(os.readlink(f"/proc/{pid}/exe")).startswith("postgres"):
        return True
    return f"\0{MARK}=".encode() in b"\0" + Path(f"/proc/{pid}/environ").read_bytes()


def send(pid: int, number: signal.Signals) -> None:
    """Signal a process that may be gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
