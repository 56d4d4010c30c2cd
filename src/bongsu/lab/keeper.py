"""`bongsu lab site`: keeps one site's processes alive, as its init systems would.

It starts everything at once: each engine waits for the others by itself, as it must after a real
power cut. What dies is started again, ever more slowly, unless it is held down on purpose. SIGTERM
ends the site in order, nodes first. A SIGKILL of the keeper takes its children along.
"""

import asyncio
import os
from pathlib import Path

import structlog

from bongsu.host.child_process import ChildProcess, Command
from bongsu.host.folder_lock import FolderLock
from bongsu.host.kept_process import Backoff
from bongsu.lab.component import Component
from bongsu.lab.sites import components
from bongsu.lab.topology import Lab, Site

WATCH_SECONDS = 0.1
HEALTHY_AFTER_SECONDS = 10.0
BACKOFF_SECONDS_MAX = 2.0
LOG_BYTES_MAX = 16 * 1024 * 1024

_log = structlog.get_logger()


def held_mark(site: Site, component: str) -> Path:
    """A file that says: killed on purpose, do not start it."""
    return Path(site.folder) / "held" / component


def log_of(site: Site, component: str) -> Path:
    """Where a component's output goes."""
    return site.path(component) / f"{component}.log"


async def keep_site(lab: Lab, site: Site) -> None:
    """Keep `site` until cancelled, then stop it in order. `OperatorError` if another keeps it."""
    lock = FolderLock(Path(site.folder))
    kept = [_Kept(lab, site, component) for component in components(lab)]
    try:
        async with asyncio.TaskGroup() as group:
            for one in kept:
                group.create_task(one.run())
    finally:  # the tasks are gone, their children live until here
        for names in _stop_order(kept):
            await asyncio.gather(*(one.stop() for one in names))
        lock.release()


def _stop_order(kept: "list[_Kept]") -> "list[list[_Kept]]":
    """Nodes, then the witness, then the engines, then etcd, which Patroni needs to say goodbye."""
    nodes = [one for one in kept if one.component.after_ready]
    first, last = [one for one in kept if one.name == "witness"], kept[:1]
    return [nodes, first, [one for one in kept if one not in nodes + first + last], last]


class _Kept:
    """One component, in all its lives."""

    def __init__(self, lab: Lab, site: Site, component: Component) -> None:
        self._lab, self._site, self.component = lab, site, component
        self._log_file = log_of(site, component.name)
        self._process: ChildProcess | None = None

    @property
    def name(self) -> str:
        return self.component.name

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        backoff = Backoff(most=BACKOFF_SECONDS_MAX, healthy_after=HEALTHY_AFTER_SECONDS)
        while True:
            await self._until_wanted()
            born = loop.time()
            self._start()
            while self._process is not None and not await self._process.wait(1.0):
                self._bound_log()
            wait = backoff.after_life_of(loop.time() - born)
            code = self._process.exit_code if self._process else None
            _log.warning("ended", name=self.name, exit_code=code, again_in=wait)
            await asyncio.sleep(wait)

    async def stop(self) -> None:
        if self._process is not None and not await self._process.stop():
            _log.error("will not stop", name=self.name, pid=self._process.pid)
        if self.component.finish is not None:
            await asyncio.to_thread(self.component.finish, self._site)
        _log.info("stopped", name=self.name)

    async def _until_wanted(self) -> None:
        waits_for_lab = self.component.after_ready
        held = held_mark(self._site, self.name)
        while held.exists() or (waits_for_lab and not self._lab.ready_mark.exists()):
            await asyncio.sleep(WATCH_SECONDS)

    def _start(self) -> None:
        command = self.component.command(self._lab, self._site)
        try:
            self._process = ChildProcess(_logged(command, self._log_file))
        except OSError as error:  # no memory, no descriptors: try again after a longer wait
            self._process = None
            _log.error("does not start", name=self.name, error=str(error))
            return
        _log.info("started", name=self.name, pid=self._process.pid)

    def _bound_log(self) -> None:
        """Cut a long log: it is in append mode, so whoever writes goes on at its new end."""
        if self._log_file.stat().st_size > LOG_BYTES_MAX:
            os.truncate(self._log_file, 0)


def _logged(command: Command, output: Path) -> Command:
    return Command(
        argv=command.argv,
        account=command.account,
        environment=command.environment,
        working_directory=command.working_directory,
        output=output,
        stop_steps=command.stop_steps,
    )
