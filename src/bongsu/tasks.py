"""Background tasks that somebody owns: started, bounded, stopped, and never silently dead."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger()


class TaskOwner:
    """Holds the tasks of one service. One that fails is logged; `stop` cancels and awaits all."""

    def __init__(self, name: str, *, limit: int = 1000) -> None:
        self._name = name
        self._limit = limit
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any] | None:
        """Run `work`; None, and the work dropped, when `limit` tasks run already."""
        if len(self._tasks) >= self._limit:
            work.close()
            return None
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task failed", owner=self._name, exc_info=error)
