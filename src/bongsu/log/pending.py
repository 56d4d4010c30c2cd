"""A proposal on its way through the sequencer, and what the sequencer asks of its planners."""

import asyncio
from collections.abc import Collection
from time import monotonic
from typing import Protocol

from bongsu.log.batch import Batch
from bongsu.log.position import partition_of
from bongsu.log.proposal import Accepted, Proposal


class Pending:
    """A proposal on its way. Several requests may wait for it; with none left it is dropped."""

    __slots__ = ("deadline", "future", "loads", "partition", "proposal", "waiters")

    def __init__(self, proposal: Proposal) -> None:
        self.proposal = proposal
        self.partition = partition_of(proposal.key)
        self.deadline = 0.0  # the latest of those who wait
        self.loads = 0
        self.waiters = 0
        self.future: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()

    @property
    def is_wanted(self) -> bool:
        """Whether somebody still waits, and not longer than he would."""
        return self.waiters > 0 and monotonic() <= self.deadline

    async def wait(self, deadline: float) -> Accepted:
        """The answer. Who is cancelled here leaves; the proposal goes on for the others."""
        self.deadline = max(self.deadline, deadline)
        self.waiters += 1
        try:
            return await asyncio.shield(self.future)
        finally:
            self.waiters -= 1

    def answer(self, outcome: "Accepted | Exception") -> None:
        if self.future.done():
            return
        if isinstance(outcome, Exception):
            self.future.set_exception(outcome)
            self.future.exception()  # asked for here: its waiters may all be gone
        else:
            self.future.set_result(outcome)


class Planner(Protocol):
    """Knows what proposals mean. Its memory is true as long as the ownership lasts."""

    def is_ready(self, proposal: Proposal) -> bool:
        """Whether all that `plan` needs is in memory now."""
        ...

    async def load(self, proposal: Proposal) -> None:
        """Bring into memory what `is_ready` missed. May raise `Refused`."""
        ...

    def plan(self, proposal: Proposal, batch: Batch) -> Accepted:
        """Authorise and append, changing memory at once. Raises `Refused` before any change."""
        ...

    def settle(self) -> None:
        """All that memory holds is durable: what exceeds its bounds may go, and only now."""
        ...

    def forget(self, partitions: Collection[int]) -> None:
        """Drop all memory of `partitions`, and ignore what is still being loaded."""
        ...

    def undo(self, key: str) -> None:
        """Drop all memory of one room or user: the batch that changed it was not written."""
        ...
