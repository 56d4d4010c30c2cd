"""What may happen to a site, and how it is undone. Each returns when it has happened."""

import shutil
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from bongsu.errors import OperatorError
from bongsu.lab import isolation, process_table
from bongsu.lab.keeper import held_mark
from bongsu.lab.launch import prepare_site, start_keeper, switch_folder
from bongsu.lab.patroni import postmaster_pid
from bongsu.lab.process_table import KEEPER, Process
from bongsu.lab.sites import components
from bongsu.lab.switch import LOOK_SECONDS
from bongsu.lab.topology import Lab, Site, give_back, remove_seaweed_sockets

DOWN_SECONDS_MAX = 30.0
_POLL_SECONDS = 0.05


def kill(lab: Lab, site: Site, what: str | None = None) -> int:
    """SIGKILL everything in the site, or one component, which then stays dead until `heal`.

    `what`: a component's name, or `nodes`, or `postgres` (Patroni starts it again or fails over).
    Gives the number of processes killed.
    """
    if what is None:
        return process_table.kill_all(Path(site.folder))
    chosen = _chosen(lab, what)
    for name in sorted({component.name for component in components(lab)}):
        if chosen(Process(0, name, False)):
            held_mark(site, name).touch()
    if what == "postgres":  # once: Patroni may start it again
        return _signal_once(site, chosen, signal.SIGKILL)
    return process_table.kill_all(Path(site.folder), chosen)


def hang(lab: Lab, site: Site, what: str | None = None) -> int:
    """SIGSTOP everything in the site, or one component; sockets stay open and nobody answers.

    `what` as for `kill`, or `postmaster`: Patroni and the postmaster, while its backends live on.
    """
    if what is None:
        return process_table.stop_all(Path(site.folder))
    if what == "postmaster":
        postmaster = _postmaster(site)
        return process_table.stop_all(
            Path(site.folder),
            lambda process: process.component == "patroni" or process.pid == postmaster,
        )
    return process_table.stop_all(Path(site.folder), _chosen(lab, what))


def cut(
    lab: Lab,
    site: Site,
    others: Sequence[str] = (),
    *,
    one_way: bool = False,
    clients: bool = False,
) -> list[isolation.Link]:
    """Lose every packet between the site and the other sites, without a word to anybody.

    `others`: only those. `one_way`: only what the site sends. `clients`: also those between the
    site and this machine, where clients live. Gives all links that are cut now.
    """
    if not lab.isolated:
        raise OperatorError(
            "Links can only be cut between isolated sites: `bongsu lab down --delete`, then "
            "`bongsu lab up --isolated` (Linux, root)"
        )
    names = [lab.site(name).name for name in others] or [o.name for o in lab.others(site)]
    if clients:
        names.append(isolation.HOST)
    more = isolation.links_of(lab, site, names, one_way=one_way)
    links = isolation.change_cuts(lab, lambda cut: cut | more)
    time.sleep(2 * LOOK_SECONDS)
    return sorted(links)


def heal(lab: Lab, site: Site) -> None:
    """Undo whatever was done to the site: it goes on, or starts again."""
    if lab.isolated:
        isolation.change_cuts(lab, lambda cut: {link for link in cut if site.name not in link})
    process_table.continue_all(Path(site.folder))
    shutil.rmtree(held_mark(site, ""), ignore_errors=True)
    prepare_site(lab, site)
    start_keeper(lab, site)


def down(lab: Lab, *, delete: bool = False) -> None:
    """End every process of the lab, in order as far as they obey; `delete` its files too."""
    for site in lab.sites:
        process_table.continue_all(Path(site.folder))
    for site in lab.sites:
        _signal_once(site, lambda process: process.component == KEEPER, signal.SIGTERM)
    deadline = time.monotonic() + DOWN_SECONDS_MAX
    while _any_left(lab) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    for site in lab.sites:
        process_table.kill_all(Path(site.folder))
        remove_seaweed_sockets(site)
    if lab.isolated:
        process_table.kill_all(switch_folder(lab))
        isolation.delete_namespaces(lab)
    if delete:
        _delete(lab)


def _any_left(lab: Lab) -> bool:
    for site in lab.sites:
        left = process_table.processes(Path(site.folder))
        if left and left[0].component != KEEPER:
            process_table.kill_all(Path(site.folder))  # nobody keeps them: nobody would stop them
        elif left:
            return True
    return False


def _delete(lab: Lab) -> None:
    for folder in (*(Path(site.folder) for site in lab.sites), switch_folder(lab)):
        shutil.rmtree(folder, ignore_errors=True)
    for name in ("ready", "links.json", "links.lock", "desk_keys", "bongsu.lock", "lab.json"):
        (lab.path / name).unlink(missing_ok=True)
    give_back(lab)
    if not any(lab.path.iterdir()):
        lab.path.rmdir()


def _chosen(lab: Lab, what: str) -> Callable[[Process], bool]:
    names = [component.name for component in components(lab)] + ["postgres"]
    if what == "nodes":
        return lambda process: process.component.startswith("node")
    if what not in names:
        raise OperatorError(f"--what: {what!r} is none of {', '.join(names)}, nodes")
    return lambda process: process.component == what


def _postmaster(site: Site) -> int:
    pid = postmaster_pid(site)
    if pid is None:
        raise OperatorError(f"No PostgreSQL runs in site {site.name}")
    return pid


def _signal_once(site: Site, chosen: Callable[[Process], bool], number: signal.Signals) -> int:
    found = [process for process in process_table.processes(Path(site.folder)) if chosen(process)]
    for process in found:
        process_table.send(process.pid, number)
    return len(found)
