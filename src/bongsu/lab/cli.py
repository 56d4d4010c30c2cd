"""The commands `bongsu lab …`."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from bongsu.errors import OperatorError
from bongsu.http import logging
from bongsu.lab import control, status, topology
from bongsu.lab import up as starting
from bongsu.lab.isolation import require_isolation
from bongsu.lab.keeper import keep_site
from bongsu.lab.switch import run_switch
from bongsu.lab.table import table
from bongsu.lab.topology import NODES_MAX, SITES_MAX, SITES_MIN
from bongsu.supervisor import until_signalled

WATCH_SECONDS = 1.0

Command = TypeVar("Command", bound=Callable[..., Any])


def _data(command: Command) -> Command:
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("lab"),
        help="The lab's folder.  [lab]",
    )(command)


@click.group()
def command() -> None:
    """Three data centres on this machine, to be killed, cut, hung and healed."""


@command.command()
@_data
@click.option("--sites", type=click.IntRange(SITES_MIN, SITES_MAX), help="How many.  [3]")
@click.option("--nodes", type=click.IntRange(1, NODES_MAX), help="Bongsu nodes a site.  [1]")
@click.option("--isolated", is_flag=True, help="Each site in a network of its own (Linux, root).")
@click.option("--rtt-ms", type=click.FloatRange(0, 1000), help="Between isolated sites.  [0]")
def up(
    data: Path, sites: int | None, nodes: int | None, isolated: bool, rtt_ms: float | None
) -> None:
    """Start everything that does not run, and wait until it serves."""
    lab = _laid_out(data, sites, nodes, isolated, rtt_ms)
    started = time.monotonic()
    asyncio.run(starting.up(lab, click.echo))
    click.echo(table(asyncio.run(status.look(lab))))
    click.echo(f"The lab serves after {time.monotonic() - started:.1f} s.")


@command.command("status")
@_data
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--watch", is_flag=True, help="Again every second, until Ctrl-C.")
def show_status(data: Path, as_json: bool, watch: bool) -> None:
    """Who is primary, who leads, who lags, who holds the partitions."""
    lab = topology.load(data)
    while True:
        seen = asyncio.run(status.look(lab))
        click.echo(msgspec.json.encode(seen).decode() if as_json else table(seen))
        if not watch:
            return
        time.sleep(WATCH_SECONDS)


@command.command()
@_data
@click.argument("site")
@click.option("--what", help="Only this: etcd, patroni, postgres, nats, seaweed, nodes, desk, …")
def kill(data: Path, site: str, what: str | None) -> None:
    """SIGKILL everything in SITE at once."""
    lab = topology.load(data)
    count = control.kill(lab, lab.site(site), what)
    click.echo(f"site {site}: {count} processes killed")


@command.command()
@_data
@click.argument("site")
@click.option("--what", help="Only this; postmaster: Patroni and postmaster, backends live on.")
def hang(data: Path, site: str, what: str | None) -> None:
    """SIGSTOP everything in SITE: connections stay open, nobody answers."""
    lab = topology.load(data)
    count = control.hang(lab, lab.site(site), what)
    click.echo(f"site {site}: {count} processes stopped")


@command.command()
@_data
@click.argument("site")
@click.option("--from", "others", multiple=True, help="Only between SITE and this one.")
@click.option("--one-way", is_flag=True, help="Only what SITE sends is lost.")
@click.option("--clients", is_flag=True, help="This machine's clients lose SITE too.")
def cut(data: Path, site: str, others: tuple[str, ...], one_way: bool, clients: bool) -> None:
    """Lose all packets between SITE and the other sites, silently (needs --isolated)."""
    lab = topology.load(data)
    links = control.cut(lab, lab.site(site), others, one_way=one_way, clients=clients)
    click.echo("cut: " + ", ".join(f"{a} -> {b}" for a, b in links))


@command.command()
@_data
@click.argument("site")
def heal(data: Path, site: str) -> None:
    """Undo whatever was done to SITE."""
    lab = topology.load(data)
    control.heal(lab, lab.site(site))
    click.echo(f"site {site}: healed, see `bongsu lab status`")


@command.command()
@_data
@click.option("--desk", is_flag=True, help="Those of the desks.")
def url(data: Path, desk: bool) -> None:
    """The addresses for clients, one a line."""
    lab = topology.load(data)
    for site in lab.sites:
        for address in [lab.desk_url(site)] if desk else lab.node_urls(site):
            click.echo(address)


@command.command()
@_data
@click.option("--delete", is_flag=True, help="Also delete the lab's data.")
def down(data: Path, delete: bool) -> None:
    """End everything. The data stays, unless --delete is given."""
    lab = topology.find(data)
    if lab is None:
        click.echo("There is no lab.")
        return
    control.down(lab, delete=delete)
    click.echo("The lab is down." if delete else f"The lab is down; its data is in {lab.path}.")


@command.command("site", hidden=True)
@_data
@click.argument("name")
def keep(data: Path, name: str) -> None:
    """Keep one site; only `up` and `heal` know how to start it."""
    lab = topology.load(data)
    logging.configure("json", "info")
    asyncio.run(until_signalled(keep_site(lab, lab.site(name))))


@command.command("switch", hidden=True)
@_data
def switch(data: Path) -> None:
    """The switch between isolated sites; only `up` knows how to start it."""
    lab = topology.load(data)
    asyncio.run(until_signalled(run_switch(lab, Path.cwd())))


def _laid_out(
    data: Path, sites: int | None, nodes: int | None, isolated: bool, rtt_ms: float | None
) -> topology.Lab:
    """The lab that is there, if it is what was asked for; else a new one."""
    lab = topology.find(data)
    if lab is None:
        if isolated:
            require_isolation()
        data.mkdir(parents=True, exist_ok=True)
        return topology.lay_out(
            data, sites=sites or SITES_MIN, nodes=nodes or 1, isolated=isolated, rtt_ms=rtt_ms or 0
        )
    asked = {"--sites": sites, "--nodes": nodes, "--rtt-ms": rtt_ms}
    there = {"--sites": len(lab.sites), "--nodes": lab.nodes, "--rtt-ms": lab.rtt_ms}
    different = [name for name, value in asked.items() if value not in (None, there[name])]
    if isolated and not lab.isolated:
        different.append("--isolated")
    if different:
        raise OperatorError(
            f"The lab in {lab.path} was made otherwise ({', '.join(different)}): "
            "run `bongsu lab down --delete` first, or choose another folder with --data"
        )
    return lab
