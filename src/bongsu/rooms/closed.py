"""Rooms that administrators closed: blocked ones, which nobody enters, and purged ones."""

from typing import Literal, Protocol

from bongsu.errors import Forbidden, NotFound

Closure = Literal["blocked", "purged"]


class ClosedRooms(Protocol):
    async def closure(self, room_id: str) -> Closure | None:
        """How a room is closed, None if it is open. Asked of the primary."""
        ...


async def check_open(closed: ClosedRooms | None, room_id: str) -> None:
    """Refuse whoever would enter a closed room, or bring somebody into it."""
    closure = None if closed is None else await closed.closure(room_id)
    if closure == "purged":
        raise NotFound("Unknown room")
    if closure == "blocked":
        raise Forbidden("This room has been blocked on this server")
