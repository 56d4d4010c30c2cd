"""An event loop without a clock: when nobody can go on, time jumps to the next timer."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

TICK_SECONDS = 1e-6  # that every turn of the loop takes, or who polls would stop the time


class _Jumping(selectors.DefaultSelector):
    """Instead of waiting for a socket, moves the time on."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("everybody waits for ever")
        self.loop.now += max(timeout, TICK_SECONDS)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        selector = _Jumping()
        selector.loop = self
        self.now = 1_000.0
        super().__init__(selector)

    def time(self) -> float:
        return self.now


def virtual_monotonic() -> float:
    return asyncio.get_running_loop().time()


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run `main` to its end in virtual time; everything still running then is cancelled."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main)
