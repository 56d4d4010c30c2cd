"""What nodes tell each other without a record: what is lost is said again, or was not worth it."""

import secrets
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import msgspec
import structlog

from bongsu.log.bus import Bus, BusUnavailable

log = structlog.get_logger()


class Frame(Protocol):
    """`source` is the node that says it."""

    @property
    def source(self) -> str: ...


F = TypeVar("F", bound=Frame)


class Gossip(Generic[F]):
    """Frames of one kind under one subject of the bus. `hear` gets those of other nodes."""

    def __init__(self, bus: Bus, subject: str, kind: type[F], hear: Callable[[F], None]) -> None:
        self.source = secrets.token_hex(8)
        self._bus = bus
        self._subject = subject
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._hear = hear

    async def start(self) -> None:
        await self._bus.subscribe(self._subject, self._on_message)

    async def say(self, frame: F) -> None:
        try:
            await self._bus.publish(self._subject, msgspec.msgpack.encode(frame))
        except BusUnavailable as error:
            log.debug("not said", subject=self._subject, reason=str(error))

    def _on_message(self, payload: bytes) -> None:
        try:
            frame = self._decoder.decode(payload)
        except msgspec.DecodeError:
            return  # of another release
        if frame.source != self.source:
            self._hear(frame)
