"""The bus of a single process: a publish is a call."""

import asyncio
from collections import defaultdict

from bongsu.log.bus import BusUnavailable, Listener, Responder


class MemoryBus:
    """Several nodes of one process (in tests) may share one instance."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = defaultdict(list)
        self._responders: dict[str, Responder] = {}
        self._closed = False

    async def publish(self, subject: str, payload: bytes) -> None:
        if self._closed:
            raise BusUnavailable("The bus is closed")
        for listener in self._listeners[subject]:
            listener(payload)

    async def subscribe(self, subject: str, listener: Listener) -> None:
        self._listeners[subject].append(listener)

    async def serve(self, subject: str, responder: Responder) -> None:
        self._responders[subject] = responder

    async def request(self, subject: str, payload: bytes, timeout_seconds: float) -> bytes:
        responder = self._responders.get(subject)
        if self._closed or responder is None:
            raise BusUnavailable(f"Nobody serves {subject}")
        try:
            return await asyncio.wait_for(responder(payload), timeout_seconds)
        except TimeoutError:
            raise BusUnavailable(f"No answer on {subject}") from None

    async def close(self) -> None:
        self._closed = True
