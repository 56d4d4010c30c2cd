"""Whose device lists a reader must fetch anew, and whose they need no longer follow.

    changed   who shares a room with the reader now, and whose devices changed since, or who did
              not share that room all the while: they may have changed unseen
    left      who shared a room with the reader then and shares none now

`changed` may name too many, never too few: a device that is missed is not written to. `left` never
names one who still shares a room. Both are computed when they are asked for, from positions, so
that any node goes on from any token. Spec: client-server API, "Tracking the device list for a
user".
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import NamedTuple

import structlog

from bongsu.errors import Unavailable
from bongsu.log.entry import LoggedEvent
from bongsu.log.position import Vector
from bongsu.sync.history import JOIN, History
from bongsu.sync.hot_user import HotUser
from bongsu.sync.room_feed import RoomFeed
from bongsu.sync.sources import DeviceListStore, MemberChange, Span
from bongsu.tasks import TaskOwner

log = structlog.get_logger()

CHANGES_MAX = 10_000
ROOMS_SECONDS_MAX = 10.0  # how long an answer waits for the rooms of who is not connected here
RETRY_SECONDS = 0.5

Feeds = Callable[[str], RoomFeed | None]


class DeviceLists(NamedTuple):
    changed: Collection[str] = ()
    left: Collection[str] = ()


NOTHING = DeviceLists()


class _Change(NamedTuple):
    moment: int
    user_id: str
    rooms: Sequence[str]  # those the user was joined to
    reader: str = ""  # the one to whom it matters, if it matters to one alone


class RecentChanges:
    """Changes of device lists that this process saw, each with the rooms where it matters.

    `load_rooms` reads a user's rooms as of now or later. `tell` wakes who watches rooms and gives
    the moment at which it did. A user who joins a room afterwards is `changed` there for that.
    Until the rooms are known a change belongs to every moment, and answers wait for it: an answer
    that covers its position but not the change would lose it.
    """

    def __init__(
        self,
        load_rooms: Callable[[str], Awaitable[Sequence[str]]],
        tell: Callable[[Sequence[str]], int],
    ) -> None:
        self._load_rooms = load_rooms
        self._tell = tell
        self._changes: deque[_Change] = deque()
        self._floor = 0  # moment of the last change that was forgotten
        self._unknown: dict[str, int] = {}  # users whose rooms are being read, and how often asked
        self._settled = asyncio.Event()
        self._settled.set()
        self._tasks = TaskOwner("device lists")

    async def stop(self) -> None:
        await self._tasks.stop()

    def add(self, user_id: str, rooms: Sequence[str] | None) -> None:
        """A change of now. `rooms` None: they have to be read."""
        if rooms is not None:
            return self._append(user_id, rooms)
        self._unknown[user_id] = self._unknown.get(user_id, 0) + 1
        if self._settled.is_set():
            self._settled.clear()
            self._tasks.start(self._read_rooms())

    def add_for(self, moment: int, user_id: str, reader: str) -> None:
        """To `reader` alone the keys of `user_id` look different."""
        self._keep(_Change(moment, user_id, (), reader))

    def forget(self, moment: int) -> None:
        """Up to `moment` something is missing here."""
        self._floor = max(self._floor, moment)

    def is_quiet_since(self, moment: int) -> bool:
        """Whether it is known here that nobody's devices changed after `moment`."""
        last = self._changes[-1].moment if self._changes else 0
        return self._settled.is_set() and moment >= max(self._floor, last, 1)

    async def since(self, moment: int, user: HotUser) -> set[str] | None:
        """Users whose devices changed after `moment` and matter to `user`; None if that is not
        known here. `Unavailable` if the rooms of one of them cannot be read."""
        if not self._settled.is_set():
            try:
                async with asyncio.timeout(ROOMS_SECONDS_MAX):
                    await self._settled.wait()
            except TimeoutError:
                raise Unavailable("Rooms of others could not be read") from None
        if moment < self._floor or not moment:
            return None
        found: set[str] = set()
        for change in reversed(self._changes):
            if change.moment <= moment:
                break
            if user.user_id == (change.reader or change.user_id) or any(
                _is_joined(user.histories.get(room)) for room in change.rooms
            ):
                found.add(change.user_id)
        return found

    def _append(self, user_id: str, rooms: Sequence[str]) -> None:
        self._keep(_Change(self._tell(rooms), user_id, rooms))

    def _keep(self, change: _Change) -> None:
        self._changes.append(change)
        if len(self._changes) > CHANGES_MAX:
            self._floor = self._changes.popleft().moment

    async def _read_rooms(self) -> None:
        while self._unknown:
            user_id, asked = next(iter(self._unknown.items()))
            try:
                rooms = await self._load_rooms(user_id)
            except Unavailable as error:
                log.debug("rooms not read", reason=error.message)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if self._unknown[user_id] == asked:  # else there was another change meanwhile
                del self._unknown[user_id]
                self._append(user_id, rooms)
        self._settled.set()


def _is_joined(history: History | None) -> bool:
    return history is not None and history.latest == JOIN


class DeviceListReader:
    """Computes `DeviceLists` for intervals of the log."""

    def __init__(self, store: DeviceListStore, recent: RecentChanges, feeds: Feeds) -> None:
        self._store = store
        self._recent = recent
        self._feeds = feeds

    async def read(
        self,
        user: HotUser,
        old: Vector,
        new: Vector,
        room_ids: Iterable[str],
        moment: int = 0,
    ) -> DeviceLists:
        """What happened after `old` up to `new`. `room_ids` are all rooms of the reader in which
        anything did; `moment` is that of `old` in this process, 0 if it knows none."""
        changed = await self._recent.since(moment, user)
        if changed is None:
            rooms = [room_id for room_id, _ in _joined_at(user, new)]
            changed = await self._store.load_changed(old, user.user_id, rooms)
        work = _sort(user, old, new, room_ids)
        candidates: set[str] = set()
        for change in await self._member_changes(work.steady):
            if change.joined:
                changed.add(change.user_id)
            if change.before == JOIN and change.membership != JOIN:
                candidates.add(change.user_id)
        if work.entered:
            changed |= await self._store.load_joined(work.entered)
        if work.left:
            candidates |= await self._store.load_joined(work.left)
        candidates.discard(user.user_id)
        if not candidates:
            return DeviceLists(changed) if changed else NOTHING
        sharing = await self._store.load_sharing_at(list(candidates), _joined_at(user, new))
        left = candidates - sharing
        return DeviceLists(changed - left, left)

    async def _member_changes(self, spans: Sequence[Span]) -> list[MemberChange]:
        """From the feeds as far as they reach back, else from the tables."""
        changes: list[MemberChange] = []
        unknown: list[Span] = []
        for span in spans:
            feed = self._feeds(span.room_id)
            events = feed.between(span.after, span.through) if feed else None
            if events is None:
                unknown.append(span)
            else:
                changes += _changes_in(events)
        if unknown:
            changes += await self._store.load_member_changes(unknown)
        return changes


class _Work(NamedTuple):
    steady: list[Span]  # the reader was joined all the while
    entered: list[tuple[str, int]]  # and is joined at its end
    left: list[tuple[str, int]]  # was joined at its beginning, and not all the while


def _sort(user: HotUser, old: Vector, new: Vector, room_ids: Iterable[str]) -> _Work:
    work = _Work([], [], [])
    for room_id in dict.fromkeys(room_ids):
        history = user.histories.get(room_id)
        if history is None:
            continue
        after, through = old[history.partition], new[history.partition]
        if after >= through:
            continue
        if history.is_joined_throughout(after, through):
            work.steady.append(Span(room_id, after, through))
            continue
        if history.at(through) == JOIN:
            work.entered.append((room_id, through))
        if history.at(after) == JOIN:
            work.left.append((room_id, after))
    return work


def _joined_at(user: HotUser, vector: Vector) -> list[tuple[str, int]]:
    """Rooms the user is joined to at a vector, each with its position there."""
    return [
        (room_id, vector[history.partition])
        for room_id, history in user.histories.items()
        if history.at(vector[history.partition]) == JOIN
    ]


def _changes_in(events: Sequence[LoggedEvent]) -> list[MemberChange]:
    changes: dict[str, MemberChange] = {}
    for event in events:
        facts = event.facts
        if facts.membership is None:
            continue
        user_id = facts.state_key or ""
        first = changes.get(user_id)
        before = facts.membership_before or "leave"
        joined = facts.membership == JOIN and before != JOIN
        changes[user_id] = MemberChange(
            user_id,
            first.before if first else before,
            facts.membership,
            joined or (first is not None and first.joined),
        )
    return list(changes.values())
