"""How a site is lost and comes back."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from bongsu.errors import OperatorError
from bongsu.lab import control, status
from bongsu.lab.topology import Lab, Site

HOWS = ("kill", "cut", "hang")


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
        """Whether every site is there with all its parts."""
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
        count = await asyncio.to_thread(_ways()[self.how], self._lab, self._lab.site(site))
        return f"{self.how} has happened" + (f": {count} processes" if count else "")

    async def heal(self, site: str) -> str:
        await asyncio.to_thread(control.heal, self._lab, self._lab.site(site))
        return "healed"

    async def is_whole(self) -> bool:
        seen = await self._status()
        return seen["primary"] is not None and all(map(_is_well, seen["sites"].values()))

    async def _status(self) -> status.Status:
        return await asyncio.to_thread(lambda: asyncio.run(status.look(self._lab)))


def _ways() -> dict[str, Callable[[Lab, Site], Any]]:
    return {"kill": control.kill, "hang": control.hang, "cut": control.cut}


def _is_well(site: dict[str, Any]) -> bool:
    return site["state"] == "up" and site["components"]["patroni"]["streaming"]
