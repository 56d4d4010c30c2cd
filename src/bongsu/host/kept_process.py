"""A child process that is started again whenever it dies, ever more slowly if it keeps dying."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from bongsu.host.child_process import ChildProcess

TEND_SECONDS = 10.0

_log = structlog.get_logger()


@dataclass
class Backoff:
    """Seconds to wait before the next start of something that keeps dying.

    Doubles from `first` to `most`; a life of `healthy_after` seconds starts it afresh.
    """

    first: float = 0.2
    most: float = 10.0
    healthy_after: float = 30.0
    _next: float = 0.0

    def after_life_of(self, seconds: float) -> float:
        if seconds >= self.healthy_after or not self._next:
            self._next = self.first
        wait, self._next = self._next, min(self._next * 2, self.most)
        return wait


class KeptProcess:
    """What `launch` starts, kept alive by `run` and ended by `stop`.

    `tend` is called every `TEND_SECONDS` while it lives.
    """

    def __init__(
        self,
        name: str,
        launch: Callable[[], ChildProcess],
        tend: Callable[[], object] = lambda: None,
    ) -> None:
        self._name = name
        self._launch = launch
        self._tend = tend
        self._process: ChildProcess | None = None
        self._stopping = False

    @property
    def process(self) -> ChildProcess:
        """The present life of it."""
        assert self._process is not None, "not started"
        return self._process

    def start(self) -> ChildProcess:
        """Start it, or start it anew. A dead one is taken leave of first: until then its id looks
        alive, and a PostgreSQL finds its own lock held."""
        if self._process is not None:
            _ = self._process.exit_code
        self._process = self._launch()
        return self._process

    async def run(self) -> None:
        """Keep it alive until `stop` or cancelled (which leaves it alive)."""
        loop = asyncio.get_running_loop()
        backoff, born = Backoff(), loop.time()
        while not self._stopping:
            if not await self.process.wait(TEND_SECONDS):
                self._tend_safely()
                continue
            if self._stopping:
                return
            wait = backoff.after_life_of(loop.time() - born)
            exit_code = self.process.exit_code
            _log.error("process died", name=self._name, exit_code=exit_code, restart_in=wait)
            await asyncio.sleep(wait)
            if not self._stopping:
                born = loop.time()
                self._start_safely()

    async def stop(self) -> None:
        """End it, within the bounds of its command, for good."""
        self._stopping = True
        if self._process is not None and not await self._process.stop():
            _log.error("process will not stop", name=self._name, pid=self._process.pid)

    def _start_safely(self) -> None:
        try:
            self.start()
        except OSError as error:  # no memory, no descriptors: try again after a longer wait
            _log.error("process does not start", name=self._name, error=str(error))

    def _tend_safely(self) -> None:
        try:
            self._tend()
        except OSError as error:
            _log.warning("process cannot be tended", name=self._name, error=str(error))
