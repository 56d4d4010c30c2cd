"""How nodes hear of each other. It only makes things quick: whatever it loses is read from the log.

Delivery is at most once, in order per publisher at best. Two implementations, one contract suite:
`memory.bus` inside one process, `nats.bus` between processes and sites.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

MESSAGE_BYTES_MAX = 900_000  # NATS refuses payloads over 1 MiB

Listener = Callable[[bytes], None]
Responder = Callable[[bytes], Awaitable[bytes]]


class Bus(Protocol):
    """Publish to all, or ask one. Subjects: `entries`, `heads`, `node.ID.propose`."""

    async def publish(self, subject: str, payload: bytes) -> None:
        """Send to every other subscriber and this one. Never blocks for long, may be lost."""
        ...

    async def subscribe(self, subject: str, listener: Listener) -> None:
        """Call `listener` with each payload until the bus is closed."""
        ...

    async def serve(self, subject: str, responder: Responder) -> None:
        """Answer requests on `subject` until the bus is closed."""
        ...

    async def request(self, subject: str, payload: bytes, timeout_seconds: float) -> bytes:
        """Ask whoever serves `subject`. Raises `BusUnavailable` if nobody answers in time, at once
        `NobodyServes` if there is nobody to ask."""
        ...

    async def close(self) -> None: ...


class BusUnavailable(Exception):
    """Nobody answered, or the bus is gone. The request may or may not have been carried out."""


class NobodyServes(BusUnavailable):
    """Nobody serves the subject at this moment. The request was not carried out."""
