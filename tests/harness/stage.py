"""A lab on which stories are played under load, and what its clients were promised at the end.

The load and the verdict are the drill's: senders, readers and uploaders at every site write down
what was acknowledged, and read all of it back. Nothing here asserts how long anything takes.
"""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import asyncpg

from bongsu.drill.drill import Drill, whole
from bongsu.drill.load import Pace
from bongsu.drill.losses import LabLoss
from bongsu.drill.verdict import Run
from bongsu.lab import control, isolation, process_table
from bongsu.lab.keeper import log_of
from bongsu.lab.topology import Site
from harness.lab import LabUnderTest

PATIENCE_SECONDS = 300.0  # until something that must happen has happened, on a machine that starves
WHOLE_SECONDS_MAX = 300.0
POLL_SECONDS = 0.1
LOG_LINES = 40
PACE = Pace(senders=2, rooms=6, pause_seconds=0.1, upload_seconds=1.0)


class Stage:
    """The lab's sites by name, and what may be done to them."""

    def __init__(self, under_test: LabUnderTest) -> None:
        self.under_test = under_test
        self.lab = under_test.layout
        self.names = [site.name for site in self.lab.sites]

    def site(self, name: str) -> Site:
        return self.lab.site(name)

    def others(self, *names: str) -> list[str]:
        return [name for name in self.names if name not in names]

    async def primary(self) -> str:
        """The primary's site, once there is one."""
        return (await self.under_test.wait(lambda status: status["primary"]))["primary"]

    async def until_primary_is_one_of(self, names: Collection[str]) -> str:
        """Wait until the primary is there."""
        found = await self.under_test.wait(
            lambda status: status["primary"] in names, seconds_max=PATIENCE_SECONDS
        )
        return found["primary"]

    async def kill(self, name: str, what: str | None = None) -> None:
        await asyncio.to_thread(control.kill, self.lab, self.site(name), what)

    async def hang(self, name: str, what: str | None = None) -> None:
        await asyncio.to_thread(control.hang, self.lab, self.site(name), what)

    async def heal(self, *names: str) -> None:
        """By the command: what it starts outlives it, and is no child of ours."""
        for name in names or self.names:
            await asyncio.to_thread(self.under_test.run, "heal", name)

    async def restart(self, name: str, component: str) -> None:
        """Ask a component to end, as an upgrade does; its site's keeper starts it again."""
        leaving = set(self.processes(name, component))
        for pid in leaving:
            process_table.send(pid, signal.SIGTERM)
        while leaving & set(self.processes(name, component)):
            await asyncio.sleep(POLL_SECONDS)
        await self.until_whole()

    def processes(self, name: str, component: str) -> list[int]:
        found = process_table.processes(Path(self.site(name).folder))
        return [process.pid for process in found if process.component == component]

    async def switch_wal(self) -> None:
        """Let the primary begin a new WAL file, and so the others, if there is one."""
        name = await self.primary()
        connection = await asyncpg.connect(self.lab.superuser_url(self.site(name)), timeout=10)
        try:
            await connection.execute("SELECT pg_switch_wal()")
        except asyncpg.PostgresError as error:  # its disk is full, or it is primary no more
            print(f"no new WAL file at {name}: {error}")
        finally:
            await connection.close()

    def cut(self, *links: isolation.Link) -> None:
        """These links and no others, each one way."""
        isolation.change_cuts(self.lab, lambda _: set(links))

    async def until_whole(self) -> None:
        """Every part of every site answers, every replica streams, all partitions have owners."""
        assert await whole(LabLoss(self.lab, "kill"), WHOLE_SECONDS_MAX), self.under_test.status()

    def last_words(self) -> str:
        """How it stands, and the ends of the logs that say why: a failed story's lab is deleted."""
        words = [self.under_test.run("status")]
        for name, component in product(self.names, ("patroni", "witness", "node0")):
            log = log_of(self.site(name), component)
            lines = log.read_text(errors="replace").splitlines() if log.exists() else []
            words += [f"--- {log}", *lines[-LOG_LINES:]]
        return "\n".join(words)

    @asynccontextmanager
    async def under_load(self) -> AsyncIterator["Load"]:
        """Clients at every site, from a whole lab to a whole lab; then the verdict."""
        await self.heal()
        await self.until_whole()
        load = Load({name: self.lab.node_urls(self.site(name)) for name in self.names})
        playing = asyncio.create_task(load.drill.play(load.script))
        try:
            await load.until(load.begun.is_set, "the load begins", playing)
            await load.goes_on()
            yield load
            await self.heal()
            await self.until_whole()
            await load.goes_on()
            load.ended.set()
            run = await playing
        except BaseException:
            print(self.last_words())
            raise
        finally:
            if not playing.done():
                playing.cancel()
                await asyncio.wait({playing})
        _check(run)


class Load:
    """Clients at work while a story happens."""

    def __init__(self, urls: dict[str, list[str]]) -> None:
        self.drill = Drill(urls, "story", PACE, say=lambda line: None)
        self.begun, self.ended = asyncio.Event(), asyncio.Event()
        self._names = list(urls)

    @property
    def now(self) -> float:
        return self.drill.notes.now()

    async def script(self, drill: Drill) -> None:
        self.begun.set()
        await self.ended.wait()

    async def goes_on(self, through: Collection[str] | None = None) -> None:
        """Wait until a message that is first sent from now on is acknowledged at each site."""
        since, wanted = self.now, set(self._names if through is None else through)
        acknowledged = self.drill.notes.acknowledgements

        def seen() -> bool:
            return wanted <= {one.site for one in acknowledged if one.at - one.waited > since}

        await self.until(seen, f"acknowledgements at {sorted(wanted)}")

    def acknowledged_after(self, moment: float) -> list[Any]:
        return [one for one in self.drill.notes.acknowledgements if one.at > moment]

    async def until(
        self, seen: Callable[[], bool], what: str, playing: "asyncio.Task[Run] | None" = None
    ) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not seen():
            if playing is not None and playing.done():
                playing.result()  # its exception tells more
            assert time.monotonic() < deadline, f"not in {PATIENCE_SECONDS:.0f} s: {what}"
            await asyncio.sleep(POLL_SECONDS)


def _check(run: Run) -> None:
    """0 lost, doubled, reordered; every reader saw all of it once; no media lost."""
    print(_account(run))
    assert run.ledger.clean, f"{run.ledger}: {_first(run)}"
    assert not run.stream_faults, run.stream_faults[:5]
    assert not run.media.lost, run.media.lost[:5]
    assert not run.unfinished, run.unfinished


def _first(run: Run) -> list[str]:
    ledger = run.ledger
    return [*ledger.lost[:3], *ledger.doubled[:3], *ledger.reordered[:3], *ledger.changed[:3]]


def _account(run: Run) -> str:
    """What a person wants to know of a story that went well."""
    times = sorted(one.at for one in run.acknowledgements)
    gap = max((b - a for a, b in pairwise(times)), default=0.0)
    troubles = Counter(f"{one.what} {one.site} {one.status}" for one in run.troubles)
    told = ", ".join(f"{what} x{count}" for what, count in troubles.most_common(8))
    return f"{run.ledger}; longest gap {gap:.1f} s; failed tries: {told or 'none'}"
