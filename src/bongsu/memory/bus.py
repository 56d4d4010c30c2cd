"""The bus of a single process: a publish is a call."""

import asyncio
from collections import defaultdict

import structlog

from bongsu.log.bus import BusUnavailable, Listener, NobodyServes, Responder
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

RESPONDERS_MAX = 10_000  # requests answered at once


class MemoryBus:
    """Several nodes of one process (in tests) may share one instance."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = defaultdict(list)
        self._responders: dict[str, Responder] = {}
        self._closed = False
        self._tasks = TaskOwner("memory bus", limit=RESPONDERS_MAX)

    async def publish(self, subject: str, payload: bytes) -> None:
        if self._closed:
            raise BusUnavailable("The bus is closed")
        for listener in self._listeners[subject]:
            try:
                listener(payload)
            except Exception:
                log.exception("a listener failed", subject=subject)

    async def subscribe(self, subject: str, listener: Listener) -> None:
        self._listeners[subject].append(listener)

    async def serve(self, subject: str, responder: Responder) -> None:
        self._responders[subject] = responder

    async def request(self, subject: str, payload: bytes, timeout_seconds: float) -> bytes:
        responder = self._responders.get(subject)
        if self._closed or responder is None:
            raise NobodyServes(f"Nobody serves {subject}")
        answering = self._tasks.start(self._answer(responder, payload))
        if answering is None:
            raise BusUnavailable(f"Too many requests on {subject}")
        # Who asks may go; the answer is worked out all the same, as between processes.
        done, _ = await asyncio.wait({answering}, timeout=timeout_seconds)
        if not done or answering.cancelled() or answering.exception() is not None:
            raise BusUnavailable(f"No answer on {subject}")
        return answering.result()

    async def _answer(self, responder: Responder, payload: bytes) -> bytes:
        return await responder(payload)

    async def close(self) -> None:
        self._closed = True
        await self._tasks.stop()
