"""What three sites cost: the same sends to one `bongsu serve` and to a lab on the same cores.

python -m bench.sites                  about five minutes, best on a quiet machine; writes the page
python -m bench.sites --quick          short and small: shows that it works; writes nothing
python -m bench.sites --rtt-ms 2       sites in networks of their own behind a switch (Linux, root)
"""

import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import uvloop
from harness.http import HttpClient
from harness.process import cpu_seconds

from bench import ROOT, ours
from bench.figures import as_text
from bench.load import FULL, QUICK, Scale, World, closed_loop, percentile
from bongsu.lab import process_table, status, topology
from bongsu.lab.topology import Lab

IN_FLIGHT = (1, 64)
WARM_UP_SECONDS = 2.0
COMMAND_SECONDS_MAX = 600.0
POLL_SECONDS = 0.5
PAGE = ROOT / "docs" / "performance-sites.md"
HEAD = ("set-up", "in flight", "sends/s", "p50 ms", "p99 ms",
        "nodes", "PostgreSQL", "all else", "server side", "client")  # fmt: skip
INTRODUCTION = """# What three sites cost

One `bongsu serve` of one process against three sites of one node each, on the same cores: the sites
share them, and in a real deployment would not. CPU is in seconds for 1,000 sends. *All else* is
etcd, Patroni, NATS, SeaweedFS, the witnesses, and the switch if there is one; it runs whether
anybody sends or not. Written by `python -m bench.sites`.
"""
EXPLANATION = """
Where the difference comes from: a commit waits for a second server, and all three receive, write
and replay the same WAL; every entry goes over NATS to the followers of the other two sites; a send
at another site than the primary's makes one more hop there and back. With many sends in flight one
commit carries many of them, which hides the distance: compare the rows of 64 with those of 1.
"""


@dataclass
class Target:
    """A running deployment: what clients reach, and which processes do what."""

    title: str
    url: str
    urls: Sequence[str]  # clients are spread over these
    nodes: Callable[[], Sequence[int]]  # process ids
    databases: Callable[[], Sequence[int]]
    everything: Callable[[], Sequence[int]]

    @property
    def server_pids(self) -> Sequence[int]:
        return self.nodes()

    @property
    def database_pids(self) -> Sequence[int]:
        return self.databases()

    def cpu(self) -> tuple[float, float, float, float]:
        """Seconds of nodes, of PostgreSQL, of all that serves, of this client."""
        nodes, databases = cpu_seconds(self.nodes()), cpu_seconds(self.databases())
        return nodes, databases, cpu_seconds(self.everything()), time.process_time()


@click.command(help=__doc__)
@click.option("--quick", is_flag=True, help="Small and short; the figures mean little.")
@click.option("--rtt-ms", type=float, help="Between the sites, which are isolated then.")
@click.option("--output", type=click.Path(path_type=Path), help="Where the page goes.")
def main(quick: bool, rtt_ms: float | None, output: Path | None) -> None:
    scale = QUICK if quick else FULL
    rows: list[tuple[str, ...]] = [HEAD]
    with _folder() as folder, ours.running(folder) as server:
        rows += uvloop.run(_measure(_one_machine(server), scale))
    with _folder() as folder, _lab(folder / "lab", rtt_ms) as lab:
        for target in _three_sites(lab):
            rows += uvloop.run(_measure(target, scale))
    distance = f"RTT {rtt_ms:g} ms between the sites" if rtt_ms else "no distance between the sites"
    where = f"{os.cpu_count()} cores, Python {platform.python_version()}, {distance}"
    page = (
        f"{INTRODUCTION}\n{time.strftime('%Y-%m-%d')}, {where}:\n\n{as_text(rows)}\n{EXPLANATION}"
    )
    click.echo(page)
    if output or not quick:
        (output or PAGE).write_text(page)


async def _measure(target: Target, scale: Scale) -> list[tuple[str, ...]]:
    """A row for each number of sends in flight."""
    world = World(target, scale, lambda text: click.echo(f"{target.title}: {text}", err=True))
    rooms = await world.rooms()
    clients = [HttpClient(url) for url in target.urls]
    for number, user in enumerate(await world.users(scale.users)):
        user.client = clients[number % len(clients)]

    async def send(number: int) -> None:
        room = rooms[number % len(rooms)]
        sender = room.members[number // len(rooms) % len(room.members)]
        await sender.send_text(room.room_id, f"message {number} of many in many rooms")

    rows: list[tuple[str, ...]] = []
    for in_flight in IN_FLIGHT:
        await closed_loop(send, in_flight=in_flight, seconds=WARM_UP_SECONDS)
        before, begun = target.cpu(), time.monotonic()
        sends = await closed_loop(send, in_flight=in_flight, seconds=scale.seconds)
        seconds = time.monotonic() - begun
        used = [now - then for now, then in zip(target.cpu(), before, strict=True)]
        rows.append(_row(target.title, in_flight, sends, seconds, used))
    await asyncio.gather(*(client.close() for client in clients))
    return rows


def _row(
    title: str, in_flight: int, sends: Sequence[float], seconds: float, used: Sequence[float]
) -> tuple[str, ...]:
    nodes, databases, everything, client = (one / len(sends) * 1000 for one in used)
    cpu = (nodes, databases, max(0.0, everything - nodes - databases), everything, client)
    return (
        title,
        str(in_flight),
        f"{len(sends) / seconds:,.0f}",
        f"{percentile(sends, 50) * 1000:.1f}",
        f"{percentile(sends, 99) * 1000:.1f}",
        *(f"{one:.2f}" for one in cpu),
    )


def _one_machine(server: ours.Ours) -> Target:
    return Target(
        "one machine", server.url, [server.url],
        nodes=lambda: server.server_pids,
        databases=lambda: server.database_pids,
        everything=lambda: [*server.server_pids, *server.database_pids],
    )  # fmt: skip


def _three_sites(lab: Lab) -> list[Target]:
    """Clients where the owners are, and clients everywhere."""
    urls = {site.name: lab.node_urls(site)[0] for site in lab.sites}
    while (primary := asyncio.run(status.look(lab))["primary"]) is None:
        time.sleep(POLL_SECONDS)  # on a busy machine it may not answer in a probe's time

    def of(chosen: Callable[[str], bool]) -> list[int]:
        """Processes by component, the switch's among them."""
        return [p.pid for site in [*lab.sites, None]
                for p in process_table.processes(Path(site.folder) if site else lab.path / "switch")
                if chosen(p.component)]  # fmt: skip

    return [
        Target(
            title, urls[primary], to,
            nodes=lambda: of(lambda name: name.startswith("node")),
            databases=lambda: of(lambda name: name == "postgres"),
            everything=lambda: of(lambda name: True),
        )
        for title, to in [
            ("three sites, clients at the primary's", [urls[primary]]),
            ("three sites, clients at all", list(urls.values())),
        ]
    ]  # fmt: skip


@contextmanager
def _lab(folder: Path, rtt_ms: float | None) -> Iterator[Lab]:
    isolated = [] if rtt_ms is None else ["--isolated", "--rtt-ms", str(rtt_ms)]
    try:
        _lab_command("up", folder, *isolated)
        yield topology.load(folder)
    finally:
        _lab_command("down", folder, "--delete")


def _lab_command(name: str, folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "bongsu.cli", "lab", name, "--data", str(folder), *arguments]
    subprocess.run(command, check=True, timeout=COMMAND_SECONDS_MAX, stdout=sys.stderr)


@contextmanager
def _folder() -> Iterator[Path]:
    """A new one that PostgreSQL's account may enter."""
    with tempfile.TemporaryDirectory(prefix="lab-b-bench-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


if __name__ == "__main__":
    main()
