"""Starting and ending the detached processes that outlive the command which started them."""

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

from bongsu.errors import OperatorError
from bongsu.lab import isolation, process_table
from bongsu.lab.component import account_of
from bongsu.lab.keeper import held_mark
from bongsu.lab.sites import components
from bongsu.lab.topology import Lab, Site, remove_seaweed_sockets

ORPHAN_SECONDS_MAX = 5.0
SWITCH_SECONDS_MAX = 10.0
_POLL_SECONDS = 0.05


def prepare_site(lab: Lab, site: Site) -> None:
    """Write every file of a site; the present ones are replaced."""
    folder = Path(site.folder)
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711 if account_of(lab) else 0o700)
    held_mark(site, "").mkdir(exist_ok=True)
    for component in components(lab):
        component.prepare(lab, site)


def is_kept(site: Site) -> bool:
    """Whether a keeper lives, even a hung one: it holds a lock as long as it does."""
    return is_locked(Path(site.folder))


def is_locked(folder: Path) -> bool:
    """Whether a living process holds the folder's lock."""
    try:
        with (folder / "bongsu.lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def start_keeper(lab: Lab, site: Site) -> bool:
    """Start the site's keeper unless it runs; whether it was started.

    What a killed keeper left behind gets a moment to end, as it was told, and is then killed.
    """
    if is_kept(site):
        return False
    _end_orphans(Path(site.folder))
    remove_seaweed_sockets(site)
    command = isolation.inside(lab, site, lab_command("site", lab.path, site.name))
    detach(command, Path(site.folder), Path(site.folder) / "keeper.log")
    return True


def ensure_network(lab: Lab) -> None:
    """Namespaces and the switch between them, where sites are isolated."""
    if not lab.isolated:
        return
    isolation.require_isolation()
    isolation.make_namespaces(lab)
    folder = switch_folder(lab)
    folder.mkdir(exist_ok=True)
    if not is_locked(folder):
        detach(lab_command("switch", lab.path), folder, folder / "switch.log")
        wait_until_locked(folder, SWITCH_SECONDS_MAX, folder / "switch.log")


def switch_folder(lab: Lab) -> Path:
    return lab.path / "switch"


def lab_command(name: str, data: Path, *arguments: str) -> list[str]:
    """A command of ours as another process."""
    own = [sys.executable, "-m", "bongsu.cli", "lab"]
    return [*own, name, "--data", str(data), *arguments]


def detach(command: list[str], folder: Path, log: Path) -> None:
    """Run `command` in `folder`, apart from this shell and this command's end."""
    with log.open("ab") as output:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=folder,
            env={**os.environ, process_table.MARK: "1"},
            start_new_session=True,
        )


def wait_until_locked(folder: Path, seconds_max: float, log: Path) -> None:
    """Until the process that was started for `folder` holds its lock."""
    deadline = time.monotonic() + seconds_max
    while not is_locked(folder):
        if time.monotonic() > deadline:
            raise OperatorError(f"A process did not start: see {log}")
        time.sleep(_POLL_SECONDS)


def _end_orphans(folder: Path) -> None:
    deadline = time.monotonic() + ORPHAN_SECONDS_MAX
    while process_table.processes(folder) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    process_table.kill_all(folder)
