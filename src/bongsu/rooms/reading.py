"""What services may ask about rooms: answers as of now, and never a stale no."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from bongsu.log.entry import LoggedEvent


class RoomInfo(msgspec.Struct, frozen=True):
    """A room's row."""

    room_id: str
    version: str
    creator: str
    joined_count: int
    invited_count: int


class Member(msgspec.Struct, frozen=True):
    """Somebody's membership as it stands: what it is, since which position, by whose act."""

    user_id: str
    membership: str
    position: int
    event_id: str
    sender: str


class RoomReader(Protocol):
    """Reads of rooms. A negative is never stale: it is asked again at the primary."""

    async def room(self, room_id: str) -> RoomInfo | None: ...

    async def member(self, room_id: str, user_id: str) -> Member | None: ...

    async def state_event(self, room_id: str, type: str, state_key: str) -> LoggedEvent | None: ...

    async def list_state(
        self, room_id: str, *, types: Sequence[str] | None = None, at: int | None = None
    ) -> list[LoggedEvent]:
        """State in force now or at position `at`; all of it, or of some types."""
        ...

    async def list_joined(self, room_id: str, limit: int) -> list[str]:
        """User ids of joined members."""
        ...

    async def list_rooms_of(self, user_id: str) -> list[tuple[str, Member]]:
        """Every room the user has a membership in, with its latest."""
        ...


class Profiles(Protocol):
    async def member_profile(self, user_id: str) -> Mapping[str, Any]:
        """`displayname` and `avatar_url` as member events carry them, absent ones left out."""
        ...


class AliasReader(Protocol):
    async def room_of(self, alias: str) -> str | None: ...


class Aliases(AliasReader, Protocol):
    async def create(self, alias: str, room_id: str, creator: str) -> bool:
        """False if the alias is taken."""
        ...

    async def delete(self, alias: str) -> None: ...

    async def move(self, old_room: str, new_room: str) -> int:
        """Let all aliases of one room lead to another; how many there were."""
        ...


class ReservedAliases(Protocol):
    def check_alias(self, alias: str, by: str | None) -> None:
        """M_EXCLUSIVE unless the application service `by`, or None for a person, may make it."""
        ...


class InviteRules(Protocol):
    async def blocks(self, user_id: str, sender: str) -> bool:
        """Whether `user_id` lets no invitation of `sender` reach them."""
        ...


class PublicRooms(Protocol):
    async def publish(self, room_id: str, public: bool) -> None: ...

    async def move(self, old_room: str, new_room: str) -> None:
        """The new room takes the old one's place in the directory, if it had one."""
        ...
