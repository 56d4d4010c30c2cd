"""How a site is lost and comes back."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from bongsu.errors import OperatorError
from bongsu.lab import control, status
from bongsu.lab.isolation import Link
from bongsu.lab.topology import Lab, Site
from bongsu.log.position import PARTITIONS

_WAYS: dict[str, Callable[[Lab, Site], int | list[Link]]] = {
    "kill": control.kill,
    "cut": control.cut,  # clients still reach the site: it must not acknowledge anything
    "hang": control.hang,
}
HOWS = tuple(_WAYS)


class Loss(Protocol):
    """One way to lose a site. What is said goes on the timeline."""

    @property
    def how(self) -> str: ...

    async def primary(self) -> str | None:
        """The site that holds the primary, if that is known."""
        ...

    async def lose(self, site: str) -> str: ...

    async def heal(self, site: str) -> str: ...

    async def is_whole(self) -> bool:
        """Whether every site is there with all its parts, and every partition has an owner."""
        ...


class LabLoss:
    """A site of the lab is killed (SIGKILL), hung (SIGSTOP) or cut off from the others."""

    def __init__(self, lab: Lab, how: str) -> None:
        if how == "cut" and not lab.isolated:
            raise OperatorError("--how cut: needs sites with links, made by `lab up --isolated`")
        self.how = how
        self._lab = lab

    async def primary(self) -> str | None:
        return (await self._status())["primary"]

    async def lose(self, site: str) -> str:
        done = await asyncio.to_thread(_WAYS[self.how], self._lab, self._lab.site(site))
        if isinstance(done, int):
            return f"{self.how} has happened: {done} processes"
        return f"{self.how} has happened: {len(done)} links"

    async def heal(self, site: str) -> str:
        await asyncio.to_thread(control.heal, self._lab, self._lab.site(site))
        return "healed"

    async def is_whole(self) -> bool:
        seen = await self._status()
        sites = seen["sites"].values()
        owned = sum(
            part.get("partitions", 0) for site in sites for part in site["components"].values()
        )
        return seen["primary"] is not None and owned == PARTITIONS and all(map(_is_well, sites))

    async def _status(self) -> status.Status:
        return await asyncio.to_thread(lambda: asyncio.run(status.look(self._lab)))


def _is_well(site: dict[str, Any]) -> bool:
    return site["state"] == "up" and site["components"]["patroni"]["streaming"]
