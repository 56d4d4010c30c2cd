"""The rooms of a person, the latest active first.

Kept in memory for whoever syncs: what happened since the last look moves a few rooms. The first
look asks for the last event of every room in one query.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence

import msgspec

from bongsu.log.entry import LoggedEvent
from bongsu.sync.history import INVITE, JOIN, KNOCK, History
from bongsu.sync.hot_user import HotUser
from bongsu.sync.hub import Hub
from bongsu.sync.sources import Span, SyncStore

ROOMS_KEPT_MAX = 1_000_000  # in all lists together: some 100 MB
ACTIVITIES_MAX = 500_000


class _Stamped(msgspec.Struct):
    origin_server_ts: int


_STAMPED = msgspec.json.Decoder(_Stamped)


def stamp(body: bytes) -> int:
    """When an event was sent, in milliseconds since the epoch."""
    return _STAMPED.decode(body).origin_server_ts


class _Kept:
    """One person's list. `rooms` by id, each with when it was last active."""

    __slots__ = ("choice", "counted", "moment", "order", "rooms", "user")

    def __init__(self, user: HotUser) -> None:
        self.user = user
        self.moment = 0
        self.counted = 0  # rooms, when it was put by
        self.choice: tuple[object, ...] = ()  # what decides which invites are shown
        self.rooms: dict[str, int] = {}
        self.order: Sequence[str] = ()


class RoomLists:
    def __init__(self, hub: Hub, store: SyncStore) -> None:
        self._hub = hub
        self._store = store
        self._people: OrderedDict[str, _Kept] = OrderedDict()
        self._count = 0
        # By room, the position of its last event and when that was.
        self._active: OrderedDict[str, tuple[int, int]] = OrderedDict()

    async def load(self, user: HotUser) -> Sequence[str]:
        """Ids of the rooms that every list of the person is chosen from."""
        kept = self._people.get(user.user_id)
        choice = (user.blocks_invites, user.ignored)
        is_new = kept is None or kept.user is not user or kept.choice != choice
        if kept is None or is_new:
            kept = _Kept(user)
            kept.choice = choice
        moment = user.moment
        touched = list(user.histories) if is_new else user.rooms_since(kept.moment)
        if touched:
            known = [user.histories[room_id] for room_id in touched if room_id in user.histories]
            await self._refresh(kept, known)
        kept.moment = moment
        self._put_by(kept)
        return kept.order

    def _put_by(self, kept: _Kept) -> None:
        before = self._people.pop(kept.user.user_id, None)
        self._count -= before.counted if before is not None else 0
        kept.counted = len(kept.rooms)
        self._count += kept.counted
        self._people[kept.user.user_id] = kept
        while self._count > ROOMS_KEPT_MAX and len(self._people) > 1:
            self._count -= self._people.popitem(last=False)[1].counted

    async def _refresh(self, kept: _Kept, histories: Sequence[History]) -> None:
        listed: list[tuple[History, int]] = []
        for history in histories:
            if is_listed(kept.user, history):
                listed.append((history, 0))
            else:
                kept.rooms.pop(history.room_id, None)
        for room_id, ts in await self._activities([history for history, _ in listed]):
            kept.rooms[room_id] = ts
        kept.order = sorted(kept.rooms, key=kept.rooms.__getitem__, reverse=True)

    async def _activities(self, histories: Iterable[History]) -> list[tuple[str, int]]:
        """When each room was last active, for somebody with that history."""
        found: list[tuple[str, int]] = []
        unknown: list[Span] = []
        vector = self._hub.pin().vector
        for history in histories:
            ts = self._known_activity(history)
            if ts is None:
                last = history.changes[-1].position
                through = vector[history.partition] if history.latest == JOIN else last
                unknown.append(Span(history.room_id, 0, through))
            else:
                found.append((history.room_id, ts))
        for room_id, events in (await self._store.load_timelines(unknown, 1)).items():
            found.append((room_id, self._note(events[-1]) if events else 0))
        return found

    def _known_activity(self, history: History) -> int | None:
        feed = self._hub.feed(history.room_id)
        if feed is None or history.latest != JOIN:
            return None
        if feed.events:
            return self._note(feed.events[-1])
        known = self._active.get(history.room_id)
        return known[1] if known is not None and known[0] >= feed.floor else None

    def _note(self, event: LoggedEvent) -> int:
        known = self._active.get(event.room_id)
        if known is None or known[0] != event.position:
            known = self._active[event.room_id] = (event.position, stamp(event.body))
            if len(self._active) > ACTIVITIES_MAX:
                self._active.popitem(last=False)
        return known[1]


def is_listed(user: HotUser, history: History) -> bool:
    """Whether a room is on the list of everybody with that history, whatever they were sent.

    Not the rooms that one left oneself, was never in, or forgot; nor unwanted invites.
    """
    if not history.changes:
        return False
    last = history.changes[-1]
    match last.membership:
        case "join" | "knock":
            return True
        case "invite":
            return not (user.blocks_invites or last.sender in user.ignored)
        case _:
            is_own = last.membership == "leave" and last.sender == user.user_id
            return not is_own and was_joined(history) and history.forgotten < last.position


def was_joined(history: History) -> bool:
    return any(change.membership == JOIN for change in history.changes)


def is_pending(membership: str) -> bool:
    return membership in (INVITE, KNOCK)
