"""How many rooms somebody has unread, by the counts that sync shows.

Kept for those who were pushed something lately. A room is counted anew only when something
happened in it since, or its member read in it; then only that room.
"""

from collections import OrderedDict
from itertools import islice

from bongsu.log.entry import (
    Entry,
    Kind,
    Receipt,
    decode_account_data,
    decode_facts,
    decode_receipt,
)
from bongsu.sync.history import JOIN, Change, History
from bongsu.sync.hot_user import DECISIVE_TYPES, HotUser
from bongsu.sync.hub import READ_MARKERS
from bongsu.sync.room_feed import MEMBER
from bongsu.sync.sources import FollowerLike, SyncStore
from bongsu.sync.streams.unread import count_afresh
from bongsu.sync.unread import Unread

PEOPLE_MAX = 5_000
ROOMS_MAX = 2_000  # of one person; further ones are not counted
HEADS_MAX = 500_000  # rooms of all these people

_MEMBER_FACTS = b'["' + MEMBER.encode() + b'",'


class Person:
    """Somebody's rooms and what is unread in them. `user` holds memberships, rules, ignored."""

    __slots__ = ("to_recount", "unread", "user")

    def __init__(self, user: HotUser) -> None:
        self.user = user
        self.unread: dict[str, Unread] = {}
        self.to_recount: set[str] = set()

    @property
    def rooms_unread(self) -> int:
        return sum(map(_is_unread, self.unread.values()))

    def is_unread(self, room_id: str) -> bool:
        return room_id in self.unread and _is_unread(self.unread[room_id])


class Badges:
    def __init__(self, follower: FollowerLike, store: SyncStore) -> None:
        self._follower = follower
        self._store = store
        self._people: OrderedDict[str, Person] = OrderedDict()
        self._heads: dict[str, int] = {}  # of rooms of these people: the last event's position
        self._loading: set[str] = set()  # who did not change since their load began

    async def person(self, user_id: str) -> Person:
        """Somebody with the counts of now."""
        person = self._people.get(user_id)
        if person is None:
            person = await self._load(user_id)
        else:
            self._people.move_to_end(user_id)
        await self._recount(person)
        return person

    def on_entry(self, entry: Entry) -> None:
        """Note what makes counts or people stale. A dictionary lookup for most entries."""
        match entry.kind:
            case Kind.EVENT:
                if entry.key in self._heads:
                    self._heads[entry.key] = entry.position
                if entry.facts.startswith(_MEMBER_FACTS) and (self._people or self._loading):
                    self._drop(decode_facts(entry.facts).state_key or "")
            case Kind.RECEIPT:
                if entry.key in self._heads or self._loading:
                    self._on_receipt(entry.key, decode_receipt(entry.body))
            case Kind.ACCOUNT_DATA:
                is_known = entry.key in self._people or entry.key in self._loading
                if is_known and decode_account_data(entry.body).type in DECISIVE_TYPES:
                    self._drop(entry.key)
            case _:
                pass

    def clear(self) -> None:
        self._people.clear()
        self._heads.clear()
        self._loading.clear()

    def _on_receipt(self, room_id: str, receipt: Receipt) -> None:
        self._loading.discard(receipt.user_id)
        person = self._people.get(receipt.user_id)
        if person is not None and receipt.receipt_type in READ_MARKERS:
            person.to_recount.add(room_id)

    def _drop(self, user_id: str) -> None:
        self._people.pop(user_id, None)
        self._loading.discard(user_id)

    async def _load(self, user_id: str) -> Person:
        self._loading.add(user_id)
        vector = self._follower.applied
        await self._store.reach(vector)
        user = HotUser(user_id)
        for record in await self._store.load_memberships(user_id):
            history = user.history(record.room_id)
            if record.position <= vector[history.partition]:
                history.add(Change(*record[1:]))
        for record in await self._store.load_account_data(user_id, 0, DECISIVE_TYPES):
            user.apply_account_data(record)
        person = Person(user)
        if user_id in self._loading:
            self._loading.discard(user_id)
            self._admit(person)
        return person

    def _admit(self, person: Person) -> None:
        if len(self._heads) > HEADS_MAX:
            self.clear()
        self._people[person.user.user_id] = person
        for history in _counted(person):
            self._heads.setdefault(history.room_id, 0)
        if len(self._people) > PEOPLE_MAX:
            self._people.popitem(last=False)

    async def _recount(self, person: Person) -> None:
        """What lies behind the vector taken here is counted anew the next time."""
        vector = self._follower.applied
        moved = [history for history in _counted(person) if self._has_moved(person, history)]
        person.to_recount.clear()
        if not moved:
            return
        await self._store.reach(vector)
        person.unread.update(await count_afresh(self._store, person.user, vector, moved))

    def _has_moved(self, person: Person, history: History) -> bool:
        unread = person.unread.get(history.room_id)
        if unread is None or history.room_id in person.to_recount:
            return True
        return self._heads.get(history.room_id, 0) > unread.through


def _counted(person: Person) -> list[History]:
    joined = (history for history in person.user.histories.values() if history.latest == JOIN)
    return list(islice(joined, ROOMS_MAX))


def _is_unread(unread: Unread) -> bool:
    return unread.totals(by_thread=False)[0] > 0
