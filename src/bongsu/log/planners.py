"""One planner for a sequencer out of one per family of proposals."""

from collections.abc import Mapping

from bongsu.log.batch import Batch
from bongsu.log.proposal import Accepted, Proposal
from bongsu.log.sequencer import Planner


class Planners:
    """Passes each proposal to the planner of its class. Implements `Planner` itself."""

    def __init__(self, by_class: Mapping[type[Proposal], Planner]) -> None:
        self._by_class = by_class
        self._all = {id(planner): planner for planner in by_class.values()}.values()

    def hold(self, proposal: Proposal) -> bool:
        return self._by_class[type(proposal)].hold(proposal)

    async def load(self, proposal: Proposal) -> None:
        await self._by_class[type(proposal)].load(proposal)

    def plan(self, proposal: Proposal, batch: Batch) -> Accepted:
        return self._by_class[type(proposal)].plan(proposal, batch)

    def done(self, proposal: Proposal) -> None:
        self._by_class[type(proposal)].done(proposal)

    def forget(self) -> None:
        for planner in self._all:
            planner.forget()
