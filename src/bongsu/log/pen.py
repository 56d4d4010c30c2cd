"""What the sequencer asks of the connection that it writes through, and of who hears of commits."""

from collections.abc import Sequence
from typing import Protocol

from bongsu.log.batch import Batch, Head
from bongsu.log.entry import Entry
from bongsu.log.proposal import Accepted


class Pen(Protocol):
    """The one connection that writes. Every method raises `OwnershipLost` when it is broken."""

    async def claim(self, partitions: Sequence[int]) -> dict[int, Head]:
        """Lock, bump the epoch, see it acknowledged, then load heads. Those it got."""
        ...

    async def release(self, partitions: Sequence[int]) -> None: ...

    async def lookup(self, request_ids: Sequence[bytes]) -> dict[bytes, Accepted]:
        """The first answers of requests that were carried out before."""
        ...

    async def write(self, batch: Batch) -> None:
        """Commit, or raise; `PoisonedBatch` if certainly nothing was written."""
        ...

    async def confirm(self, heads: dict[int, Head], unmarked: Sequence[int]) -> None:
        """See that all epochs still stand; record the heads of `unmarked` as durable."""
        ...

    async def abandon(self) -> None:
        """Drop the connection without a word; its locks fall free."""
        ...


class Observer(Protocol):
    """Hears of every batch once it is durable."""

    def committed(
        self, entries: Sequence[Entry], epochs: dict[int, int], seconds: float
    ) -> None: ...
