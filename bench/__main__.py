"""Measure both servers, print the table, write JSON and a picture.

python -m bench                        everything, about half an hour
python -m bench --quick                small and short: shows that it works
python -m bench --only sends,latency   some scenarios
python -m bench --without-rival        ours alone
"""

import os
import platform
import resource
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import uvloop

from bench import OUT, ROOT, ours, rival
from bench.figures import as_text, table
from bench.load import FULL, QUICK, Homeserver, Scale, World
from bench.picture import draw
from bench.record import Record
from bench.scenarios import history, keys, rooms, sends, sliding, syncs

OPEN_FILES = 65_536


@dataclass(frozen=True)
class Scenario:
    """One kind of load; some make sense on our server only, or take the rival hours."""

    run: Callable[[World], Awaitable[dict[str, float]]]
    on_rival: bool = True
    on_fresh_server: bool = False


# Those that send most come last: what is indexed after them would be counted with the next.
SCENARIOS = {
    "busy-room": Scenario(syncs.busy_room),
    "first-sync": Scenario(syncs.first_sync),
    "latency": Scenario(sends.one_sender),
    "create": Scenario(rooms.create_rooms),
    "joins": Scenario(rooms.joins),
    "sliding": Scenario(sliding.large_account),
    "keys": Scenario(keys.large_room),
    "large-account": Scenario(syncs.large_account, on_rival=False, on_fresh_server=True),
    "idle-polls": Scenario(syncs.idle_polls, on_rival=False, on_fresh_server=True),
    "hot-room": Scenario(sends.hot_room),
    "sends": Scenario(sends.many_rooms),
    "history": Scenario(history.long_history, on_rival=False, on_fresh_server=True),
}


@click.command(help=__doc__)
@click.option("--only", default="", help="Scenarios by name, with commas: " + ", ".join(SCENARIOS))
@click.option("--quick", is_flag=True, help="Small and short; the figures mean little.")
@click.option("--without-rival", is_flag=True, help="Do not measure Synapse.")
@click.option("--without-ours", is_flag=True, help="Measure Synapse alone.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder of the JSON and picture.")
def main(
    only: str, quick: bool, without_rival: bool, without_ours: bool, output: Path | None
) -> None:
    names = only.split(",") if only else list(SCENARIOS)
    if unknown := set(names) - set(SCENARIOS):
        raise click.BadParameter(f"no such scenario: {', '.join(sorted(unknown))}")
    scale = QUICK if quick else FULL
    _allow_open_files()
    found: dict[str, dict[str, dict[str, float]]] = {name: {} for name in names}
    if not without_ours:
        for group in _servers_for(names):
            for name, figures in _measure("bongsu", ours.running, group, scale).items():
                found[name]["bongsu"] = figures
    if not without_rival:
        shared = [name for name in names if SCENARIOS[name].on_rival]
        for name, figures in _measure("synapse", rival.running, shared, scale).items():
            found[name]["synapse"] = figures
    _report(found, quick=quick, output=output or (OUT if quick else ROOT / "docs"))


def _servers_for(names: list[str]) -> list[list[str]]:
    """The scenarios that share one server, and each that wants a fresh one for itself."""
    shared = [name for name in names if not SCENARIOS[name].on_fresh_server]
    alone = [[name] for name in names if SCENARIOS[name].on_fresh_server]
    return [group for group in (shared, *alone) if group]


def _measure(
    title: str,
    start: Callable[[Path], AbstractContextManager[Homeserver]],
    names: list[str],
    scale: Scale,
) -> dict[str, dict[str, float]]:
    """By scenario, the figures of one server, which is started fresh and stopped afterwards."""
    if not names:
        return {}
    directory = Path(tempfile.mkdtemp(prefix=f"bench-{title}-"))
    directory.chmod(0o755)  # PostgreSQL runs as another user
    begun = time.monotonic()

    def say(text: str) -> None:
        click.echo(f"{time.monotonic() - begun:6.0f} s  {title}: {text}", err=True)

    async def run(homeserver: Homeserver) -> dict[str, dict[str, float]]:
        world, found = World(homeserver, scale, say), dict[str, dict[str, float]]()
        for name in names:
            say(name)
            part = await SCENARIOS[name].run(world)
            say(", ".join(f"{key} {value:,.2f}" for key, value in part.items()))
            found[name] = part
        return found

    try:
        say("starting")
        with start(directory) as homeserver:
            return uvloop.run(run(homeserver))
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _report(found: dict[str, dict[str, dict[str, float]]], *, quick: bool, output: Path) -> None:
    """Print this run; put it into the record, and the whole record into table and picture."""
    run = Record({name: dict(sides) for name, sides in found.items()})
    click.echo(as_text(table(run.of("bongsu"), run.of("synapse"))))
    output.mkdir(parents=True, exist_ok=True)
    record = Record.read(output)
    context: dict[str, Any] = {
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "quick": quick,
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "synapse_version": rival.VERSION,
    }
    for name, sides in found.items():
        if not record.put(name, sides, on_rival=SCENARIOS[name].on_rival, context=context):
            click.echo(f"{name}: one side alone, printed and not kept")
    text = as_text(table(record.of("bongsu"), record.of("synapse")))
    if quick:
        text += "\n\nA quick run: far fewer users, rooms, polls and events than the titles say."
    record.write(output)
    (output / "performance-table.md").write_text(text + "\n")
    draw(record.of("bongsu"), record.of("synapse"), output / "performance.svg")
    click.echo(f"written: {output}/performance.json, performance-table.md, performance.svg")


def _allow_open_files() -> None:
    """Ten thousand polls need as many open files, here and in the server, which inherits it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


if __name__ == "__main__":
    main()
