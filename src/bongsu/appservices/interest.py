"""Which entries of the log concern one application service.

A room concerns it while a user of its namespaces is joined, or by its id or alias. How many such
users a room has is counted as of each position: read once where the reading of the log begins, and
kept up by the member events that pass. So the same entries are found whenever the log is read.
Aliases are not in the log; they are looked up as they stand.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Protocol

from bongsu.appservices.namespaces import Service
from bongsu.log.entry import Entry, EventFacts, Kind
from bongsu.log.position import partition_of

ROOMS_COUNTED_MAX = 20_000
ROOMS_OF_USER_MAX = 500  # looked at for who shares a room with the service


class Memberships(Protocol):
    async def list_joined_at(self, room_id: str, position: int) -> Sequence[str]:
        """Who is joined as of a position of the room's partition."""
        ...

    async def list_rooms_of(self, user_id: str, limit: int) -> Sequence[str]:
        """Rooms that somebody is joined to now."""
        ...

    async def aliases_of(self, room_ids: Sequence[str]) -> Mapping[str, Sequence[str]]: ...


class Interest:
    """Told of each entry once and in order; `forget` before it begins elsewhere."""

    def __init__(self, service: Service, memberships: Memberships) -> None:
        self._service = service
        self._memberships = memberships
        self._joined: OrderedDict[str, int] = OrderedDict()  # of the service, by room
        self._by_alias: set[str] = set()  # rooms of the present batch whose alias matches

    def forget(self) -> None:
        self._joined.clear()

    async def prepare(self, entries: Sequence[Entry]) -> None:
        """Look up once what all of these entries need."""
        if not self._service.aliases:
            return
        rooms = {entry.key for entry in entries if entry.kind in (Kind.EVENT, Kind.RECEIPT)}
        found = await self._memberships.aliases_of(sorted(rooms))
        self._by_alias = {
            room for room, aliases in found.items() if self._service.aliases.match_any(aliases)
        }

    async def of_event(self, entry: Entry, facts: EventFacts) -> bool:
        before = await self._count(entry.key, entry.position - 1)
        after = before + self._change(facts)
        self._joined[entry.key] = after
        return before > 0 or after > 0 or self._is_about(facts) or self._is_named(entry.key)

    async def of_room(self, room_id: str, position: int) -> bool:
        """Whether what happens in a room after `position`, besides its events, concerns it."""
        return self._is_named(room_id) or await self._count(room_id, position) > 0

    async def of_user(self, user_id: str, vector: Sequence[int]) -> bool:
        """Whether somebody is one of the service's users or shares a room with one."""
        if self._service.has_user(user_id):
            return True
        for room_id in await self._memberships.list_rooms_of(user_id, ROOMS_OF_USER_MAX):
            if await self.of_room(room_id, vector[partition_of(room_id)]):
                return True
        return False

    async def _count(self, room_id: str, position: int) -> int:
        known = self._joined.get(room_id)
        if known is None:
            joined = await self._memberships.list_joined_at(room_id, position)
            known = self._joined[room_id] = sum(map(self._service.has_user, joined))
            if len(self._joined) > ROOMS_COUNTED_MAX:
                self._joined.popitem(last=False)
        else:
            self._joined.move_to_end(room_id)
        return known

    def _change(self, facts: EventFacts) -> int:
        """By how much an event changes the number of the service's joined users."""
        if facts.membership is None or not self._service.has_user(facts.state_key or ""):
            return 0
        return (facts.membership == "join") - (facts.membership_before == "join")

    def _is_about(self, facts: EventFacts) -> bool:
        member = facts.state_key if facts.membership is not None else None
        return self._service.has_user(facts.sender) or (
            member is not None and self._service.has_user(member)
        )

    def _is_named(self, room_id: str) -> bool:
        return room_id in self._by_alias or self._service.rooms.match(room_id)
