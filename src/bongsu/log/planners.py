"""One planner for a sequencer out of one per family of proposals."""

from collections.abc import Collection, Mapping

from bongsu.log.batch import Batch
from bongsu.log.pending import Planner
from bongsu.log.proposal import Accepted, Proposal


class Planners:
    """Passes each proposal to the planner of its class. Implements `Planner` itself."""

    def __init__(self, by_class: Mapping[type[Proposal], Planner]) -> None:
        self._by_class = by_class
        self._all = tuple({id(planner): planner for planner in by_class.values()}.values())

    def is_ready(self, proposal: Proposal) -> bool:
        return self._by_class[type(proposal)].is_ready(proposal)

    async def load(self, proposal: Proposal) -> None:
        await self._by_class[type(proposal)].load(proposal)

    def plan(self, proposal: Proposal, batch: Batch) -> Accepted:
        return self._by_class[type(proposal)].plan(proposal, batch)

    def settle(self) -> None:
        for planner in self._all:
            planner.settle()

    def forget(self, partitions: Collection[int]) -> None:
        for planner in self._all:
            planner.forget(partitions)

    def undo(self, key: str) -> None:
        for planner in self._all:
            planner.undo(key)
