"""A request that its application answers without a task: a poll like the last one.

An application that has answered a request may offer to take the connection's next one by a plain
call (`OFFER_AGAIN` in the scope's extensions), if that differs in its target alone. It then
answers at once or much later, or declines: the request is then run as any other, and its scope
says how long it has waited already.

This is no part of ASGI: under other servers nothing is offered, and everything runs as a task.
"""

from collections.abc import Callable
from time import perf_counter
from typing import Protocol

from bongsu.http import wire

OFFER_AGAIN = "bongsu.offer_again"
WAITED_SECONDS = "bongsu.waited_seconds"

OK = wire.status_line(200)


class Taken(Protocol):
    """What an application holds of a request that it took and has not answered yet."""

    def cancel(self) -> None:
        """The client is gone."""
        ...


class Reply(Protocol):
    """By which a request that was taken is ended: one of these, once, after `take`."""

    def answer(self, body: bytes) -> None:
        """200 with `body`."""
        ...

    def decline(self) -> None:
        """Run it as any other request after all."""
        ...


class Again(Protocol):
    """An application's offer. `headers` are those of each answer."""

    headers: wire.EncodedHeaders

    def take(self, target: bytes, reply: Reply) -> Taken | None:
        """Take the request for `target`. None: run it as any other."""
        ...

    def answered(self, seconds: float) -> None:
        """A request that was taken was answered so long after it came."""
        ...


OfferAgain = Callable[[Again], None]


class Line(Protocol):
    """What such a request needs of its connection."""

    @property
    def date(self) -> bytes: ...
    @property
    def is_last(self) -> bool: ...
    def write(self, data: bytes) -> None: ...
    def finish(self, exchange: "Repeated") -> None: ...
    def run(self, target: bytes, waited_seconds: float) -> None: ...


class Repeated:
    """In its connection it stands where an `Exchange` would. Implements `Reply`."""

    __slots__ = ("_again", "_begun", "_line", "_taken", "_target", "keep_alive", "started")

    body_complete = True

    def __init__(self, line: Line, again: Again, target: bytes) -> None:
        self._line = line
        self._again = again
        self._target = target
        self._begun = perf_counter()
        self._taken: Taken | None = None
        self.keep_alive = True
        self.started = False

    def take(self) -> bool:
        """Whether the application took the request."""
        self._taken = self._again.take(self._target, self)
        return self._taken is not None

    def cancel(self) -> None:
        """Nobody waits for the answer any more."""
        if self._taken is not None:
            self._taken.cancel()
            self._taken = None
            self._line.finish(self)  # break the cycle: the connection and this hold each other

    def drop_body(self) -> int:
        return 0

    def answer(self, body: bytes) -> None:
        line, end = self._line, b"\r\n"
        self.started, self._taken = True, None
        if line.is_last:
            self.keep_alive, end = False, wire.CLOSE + end
        length = b"content-length: %d\r\n" % len(body)
        line.write(b"".join((OK, line.date, self._again.headers.wire, length, end, body)))
        self._again.answered(perf_counter() - self._begun)
        line.finish(self)

    def decline(self) -> None:
        self._taken = None
        self._line.run(self._target, perf_counter() - self._begun)
