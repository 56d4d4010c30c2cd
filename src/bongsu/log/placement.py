"""Where owners may sit: in the site of the primary, as each site sees it."""

from typing import Protocol


class Placement(Protocol):
    """Where the primary is, as this node's site sees it."""

    @property
    def site(self) -> str:
        """This node's."""
        ...

    @property
    def is_primary(self) -> bool | None:
        """Whether the primary is in this site; None while nobody can tell."""
        ...

    @property
    def generation(self) -> int:
        """Grows with each new primary."""
        ...

    def heard_of(self, generation: int) -> None:
        """Somebody owns by a primary of this generation, whether or not our site sees it: all
        before it are past, and their servers may hold what the log has not."""
        ...


class OnlySite:
    """Of a deployment in one place: the primary is here, always."""

    site = ""
    is_primary = True
    generation = 0

    def heard_of(self, generation: int) -> None:
        return
