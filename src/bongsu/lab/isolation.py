"""Sites in network namespaces behind a switch, so that links between them can be cut and slowed.

Each site's namespace has its address on `lo`, so that nothing inside it notices a lost switch, and
one TUN device whose other end the switch holds (see `switch`). The machine itself has a device of
its own at the switch: from it clients and the `lab` commands reach every site.

    links.json    [["a", "b"], …]: from a to b nothing passes; "host" is the machine itself
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from bongsu.errors import OperatorError
from bongsu.lab.topology import Lab, Site

HOST = "host"
COMMAND_SECONDS_MAX = 10.0
MTU = 9000

Link = tuple[str, str]
"""From where to where packets go."""


def require_isolation() -> None:
    """Raise `OperatorError` where namespaces or TUN devices cannot be made."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        raise OperatorError("--isolated needs Linux and root; without it links cannot be cut")
    if not Path("/dev/net/tun").exists():
        raise OperatorError("--isolated needs /dev/net/tun: run `modprobe tun`")
    if shutil.which("ip") is None:
        raise OperatorError("--isolated needs ip: run `apt-get install iproute2`")


def namespace(lab: Lab, site: Site) -> str:
    """The name by which `ip netns` knows a site."""
    return f"bongsu{lab.number}-{site.name}"


def device(lab: Lab) -> str:
    """The TUN device's name, in every namespace."""
    return f"bongsu{lab.number}"


def inside(lab: Lab, site: Site, command: list[str]) -> list[str]:
    """`command` as it runs within the site's network."""
    if not lab.isolated:
        return command
    return ["ip", "netns", "exec", namespace(lab, site), *command]


def make_namespaces(lab: Lab) -> None:
    """Make what is missing of the sites' namespaces."""
    there = {line.split()[0] for line in _ip("netns", "list").splitlines() if line}
    for site in lab.sites:
        name = namespace(lab, site)
        if name not in there:
            _ip("netns", "add", name)
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", name, "addr", "replace", f"{site.address}/32", "dev", "lo")


def delete_namespaces(lab: Lab) -> None:
    """Remove them; what still runs in one keeps it until it ends."""
    there = {line.split()[0] for line in _ip("netns", "list").splitlines() if line}
    for name in there & {namespace(lab, site) for site in lab.sites}:
        _ip("netns", "delete", name)


def connect_device(lab: Lab, site: Site | None) -> None:
    """Set the switch's device up and route the lab through it; None: the machine's own."""
    within = ["-n", namespace(lab, site)] if site else []
    address = site.address if site else lab.host_address
    if site is None:
        _ip("addr", "replace", f"{address}/32", "dev", device(lab))
    _ip(*within, "link", "set", device(lab), "mtu", str(MTU), "up")
    _ip(*within, "route", "replace", lab.network, "dev", device(lab), "src", address)


def cuts(lab: Lab) -> set[Link]:
    """The links that are cut."""
    try:
        return set(msgspec.json.decode(links_file(lab).read_bytes(), type=list[Link]))
    except FileNotFoundError:
        return set()


def change_cuts(lab: Lab, change: Callable[[set[Link]], set[Link]]) -> set[Link]:
    """Replace the cut links by what `change` makes of them, one command at a time.

    Gives them as they are then. The switch looks every few milliseconds.
    """
    with lab.path.joinpath("links.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        links = change(cuts(lab))
        fresh = links_file(lab).with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(sorted(links)))
        fresh.rename(links_file(lab))
    return links


def links_file(lab: Lab) -> Path:
    return lab.path / "links.json"


def links_of(lab: Lab, site: Site, others: Iterable[str], *, one_way: bool) -> set[Link]:
    """From `site` to each of the others, and back unless `one_way`."""
    out = {(site.name, other) for other in others}
    return out if one_way else out | {(other, this) for this, other in out}


def _ip(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["ip", *arguments], capture_output=True, text=True, check=False,
            timeout=COMMAND_SECONDS_MAX,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise OperatorError(f"ip {' '.join(arguments)}: {error}") from None
    if done.returncode != 0:
        raise OperatorError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout
