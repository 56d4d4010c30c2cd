"""Blocking calls on files, a few at a time, while the loop goes on."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bongsu.errors import Unavailable

T = TypeVar("T")


class FileThreads:
    """`trouble` says what cannot be used when the operating system refuses."""

    def __init__(self, threads_max: int, name: str, trouble: str) -> None:
        self._threads = ThreadPoolExecutor(threads_max, name)
        self._trouble = trouble

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Call in a thread. A cancelled caller leaves only after it: no file is closed under it."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise
        except OSError as error:
            raise Unavailable(f"{self._trouble} ({error.strerror})") from error

    async def close(self) -> None:
        """Return once all that runs has ended."""
        await asyncio.to_thread(self._threads.shutdown)
