"""Work that is begun is finished, whoever still waits for it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_running: set[asyncio.Task[Any]] = set()


async def complete(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`. If the caller is cancelled (its client went away), `work` goes on.

    For steps that belong together: a change that is committed and what must be told of it.
    """
    task = asyncio.create_task(work)
    _running.add(task)
    task.add_done_callback(_forget)
    return await asyncio.shield(task)


def _forget(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled():
        task.exception()  # its caller may be gone: the loop need not complain
