"""Looks at the deployment from outside while the drill runs: owners, primary, logs."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from bongsu.drill.http_client import ConnectionLost, HttpClient
from bongsu.drill.notes import Event, Notes, Stall
from bongsu.drill.timeline import events_of
from bongsu.lab import status
from bongsu.lab.topology import Lab

POLL_SECONDS = 0.5
ANSWER_SECONDS_MAX = 1.0
STALL_POLL_SECONDS = 0.02
STALL_SECONDS_MIN = 0.05
LOG_BYTES_MAX = 8 * 1024 * 1024
_EPOCH = re.compile(rb'^bongsu_epoch\{partition="\d+"\} ([\d.e+]+)', re.MULTILINE)


async def watch_stalls(notes: Notes) -> None:
    """Write down when the drill itself did not get to run: a silence of ours is nobody's gap."""
    while True:
        due = notes.now() + STALL_POLL_SECONDS
        await asyncio.sleep(STALL_POLL_SECONDS)
        late = notes.now() - due
        if late >= STALL_SECONDS_MIN:
            notes.stalls.append(Stall(due, late))


async def watch_owners(urls: Mapping[str, Sequence[str]], notes: Notes) -> None:
    """Write down which node owns how many partitions, in which epochs, whenever that changes.

    From /metrics, which a real deployment may hide from us: then there is nothing to tell.
    """
    async with asyncio.TaskGroup() as group:
        for site, ways in urls.items():
            for url in ways:
                group.create_task(_watch_owner(site, url, notes))


async def _watch_owner(site: str, url: str, notes: Notes) -> None:
    client, known = HttpClient(url), 0
    try:
        while True:
            epochs = await _epochs(client)
            if epochs is not None and len(epochs) != known:
                newest = f", the newest epoch {max(epochs):.0f}" if epochs else ""
                notes.event(site, "owner", f"{url} owns {len(epochs)} partitions{newest}")
                known = len(epochs)
            await asyncio.sleep(POLL_SECONDS)
    finally:
        await client.close()


async def _epochs(client: HttpClient) -> list[float] | None:
    """Of the partitions that a node owns; None if it does not say."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            answer = await client.request("GET", "/metrics")
    except (ConnectionLost, TimeoutError):
        return None
    return [float(value) for value in _EPOCH.findall(answer.body)] if answer.status == 200 else None


class LabWatch:
    """The lab's own status, polled in a thread, and what its logs say from now on."""

    def __init__(self, lab: Lab, notes: Notes) -> None:
        self.primary: str | None = None
        self._lab, self._notes = lab, notes
        self._states: dict[tuple[str, str], str] = {}
        self._logs = {log: _size(log) for log in self._paths()}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._take(await asyncio.to_thread(self._look))
            await asyncio.sleep(POLL_SECONDS)

    def events(self) -> list[Event]:
        """What the logs have told since we began to watch."""
        found: list[Event] = []
        for (site, part), path in self._paths_by_name().items():
            lines = _new_lines(path, self._logs.get(path, 0))
            found += events_of(site, part, lines, self._notes.at_wall)
        return found

    def _look(self) -> status.Status:
        return asyncio.run(status.look(self._lab))

    def _take(self, seen: status.Status) -> None:
        primary: str | None = seen["primary"]
        if primary != self.primary and primary is not None:
            if self.primary is not None:
                self._notes.event(primary, "postgres", "is the primary now", is_turn=True)
            self.primary = primary
        for site, state in seen["sites"].items():
            for part, said in state["components"].items():
                self._changed(site, part, said["state"])

    def _changed(self, site: str, part: str, state: str) -> None:
        if self._states.get((site, part), state) != state:
            self._notes.event(site, part, state)
        self._states[site, part] = state

    def _paths(self) -> list[Path]:
        return list(self._paths_by_name().values())

    def _paths_by_name(self) -> dict[tuple[str, str], Path]:
        nodes = [f"node{number}" for number in range(self._lab.nodes)]
        return {
            (site.name, part): site.path(part) / f"{part}.log"
            for site in self._lab.sites
            for part in ["witness", "patroni", "etcd", *nodes]
        }


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _new_lines(path: Path, offset: int) -> list[str]:
    try:
        with path.open("rb") as file:
            file.seek(
                offset if _size(path) >= offset else 0
            )  # it may have been cut short meanwhile
            return file.read(LOG_BYTES_MAX).decode(errors="replace").splitlines()
    except OSError:
        return []
