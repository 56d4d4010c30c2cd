"""Who is typing in which room. Spec: "Typing Notifications"."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import msgspec

from bongsu.errors import Forbidden
from bongsu.ids import RoomId, UserId
from bongsu.log.bus import Bus
from bongsu.log.entry import Entry, Kind, decode_facts
from bongsu.presence.deadlines import Deadlines
from bongsu.presence.gossip import Gossip
from bongsu.presence.versions import Versions
from bongsu.rooms.reading import Member
from bongsu.tasks import TaskOwner

SUBJECT = "ephemeral.typing"
TIMEOUT_SECONDS_MIN = 1.0
TIMEOUT_SECONDS_MAX = 120.0
TIMEOUT_SECONDS_DEFAULT = 30.0
SWEEP_SECONDS = 0.5
USERS_PER_ROOM_MAX = 50  # with more the list says no more than "many", and costs every member
ROOMS_MAX = 50_000
VERSIONS_MAX = 100_000
MEMBERS_CACHED_MAX = 20_000
PUBLISHING_MAX = 1_000

_MESSAGE_FACTS = (b'["m.room.message",', b'["m.room.encrypted",')
_MEMBER_FACTS = b'["m.room.member",'

RoomListener = Callable[[str], None]


class TypingFrame(msgspec.Struct, frozen=True, array_like=True):
    """Somebody types for `seconds` more; 0: stopped. `source` is the node that heard it."""

    source: str
    room_id: str
    user_id: str
    seconds: float


class MemberReader(Protocol):
    async def member(self, room_id: str, user_id: str) -> Member | None: ...


class LogFollower(Protocol):
    def listen(
        self,
        listener: Callable[[Sequence[Entry]], None],
        jumped: Callable[[int], None] | None = None,
    ) -> None: ...


class TypingService:
    """Implements `sync.sources.TypingSource`. `clock` gives seconds that never go back."""

    def __init__(
        self,
        bus: Bus,
        members: MemberReader,
        follower: LogFollower,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gossip = Gossip(bus, SUBJECT, TypingFrame, self._on_frame)
        self._members = members
        self._clock = clock
        self._rooms: dict[str, dict[str, float]] = {}  # user: until when, in order of beginning
        self._deadlines: Deadlines[tuple[str, str]] = Deadlines()
        self._versions = Versions(VERSIONS_MAX)
        self._joined: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._joined_epoch = 0  # counts what may have made a membership being read outdated
        self._listeners: list[RoomListener] = []
        self._somebody = asyncio.Event()
        self._tasks = TaskOwner("typing", limit=PUBLISHING_MAX)
        follower.listen(self._on_entries, self._on_jump)

    async def start(self) -> None:
        await self._gossip.start()
        self._tasks.start(self._run())

    async def stop(self) -> None:
        await self._tasks.stop()

    # -- TypingSource --------------------------------------------------------------------------

    @property
    def source(self) -> str:
        return self._gossip.source

    @property
    def cursor(self) -> int:
        return self._versions.cursor

    def version(self, room_id: str) -> int:
        return self._versions.of(room_id)

    def users(self, room_id: str) -> Sequence[str]:
        return list(self._rooms.get(room_id, ()))

    def active_rooms(self) -> Collection[str]:
        return self._rooms.keys()

    def listen(self, listener: RoomListener) -> None:
        self._listeners.append(listener)

    # -- what clients say ----------------------------------------------------------------------

    async def set_typing(
        self, room_id: RoomId, user_id: UserId, typing: bool, timeout_ms: int | None
    ) -> None:
        """Typing for `timeout_ms`, cut to 1..120 s, or stopped. `Forbidden` for who is not in."""
        await self._check_joined(room_id, user_id)
        seconds = _seconds(timeout_ms) if typing else 0.0
        if not typing and user_id not in self._rooms.get(room_id, ()):
            return
        self._set(room_id, user_id, seconds)
        frame = TypingFrame(self.source, room_id, user_id, seconds)
        self._tasks.start(self._gossip.say(frame))

    async def _check_joined(self, room_id: str, user_id: str) -> None:
        key = (room_id, user_id)
        if key in self._joined:
            self._joined.move_to_end(key)
            return
        epoch = self._joined_epoch
        member = await self._members.member(room_id, user_id)
        if member is None or member.membership != "join":
            raise Forbidden("You are not in the room")
        if epoch == self._joined_epoch:
            self._joined[key] = None
            if len(self._joined) > MEMBERS_CACHED_MAX:
                self._joined.popitem(last=False)

    def _on_frame(self, frame: TypingFrame) -> None:
        """What another node says."""
        self._set(frame.room_id, frame.user_id, min(frame.seconds, TIMEOUT_SECONDS_MAX))

    # -- what the log says ---------------------------------------------------------------------

    def _on_entries(self, entries: Sequence[Entry]) -> None:
        """A message ends its sender's typing, a departure too; both without a word of the client.

        `facts` begins with the event's type, so that a look at it costs no decoding.
        """
        for entry in entries:
            if entry.kind != Kind.EVENT:
                continue
            if entry.facts.startswith(_MEMBER_FACTS):
                facts = decode_facts(entry.facts)
                self._joined_epoch += 1
                self._joined.pop((entry.key, facts.state_key or ""), None)
                if facts.membership != "join":
                    self._set(entry.key, facts.state_key or "", 0)
            elif entry.key in self._rooms and entry.facts.startswith(_MESSAGE_FACTS):
                self._set(entry.key, decode_facts(entry.facts).sender, 0)

    def _on_jump(self, partition: int) -> None:
        self._joined_epoch += 1
        self._joined.clear()

    # -- the lists -----------------------------------------------------------------------------

    def _set(self, room_id: str, user_id: str, seconds: float) -> None:
        users = self._rooms.get(room_id)
        if seconds <= 0:
            if users is not None and users.pop(user_id, None) is not None:
                self._changed(room_id)
            return
        if users is None:
            if len(self._rooms) >= ROOMS_MAX:
                return
            users = self._rooms[room_id] = {}
        is_new = user_id not in users
        if is_new and len(users) >= USERS_PER_ROOM_MAX:
            return
        users[user_id] = until = self._clock() + seconds
        self._deadlines.set((room_id, user_id), until)
        self._somebody.set()
        if is_new:
            self._changed(room_id)

    def _changed(self, room_id: str) -> None:
        if not self._rooms[room_id]:
            del self._rooms[room_id]
        self._versions.bump(room_id)
        for listener in self._listeners:
            listener(room_id)

    def sweep(self) -> None:
        """Drop everybody whose time is over."""
        now = self._clock()
        for room_id, user_id in self._deadlines.pop_due(now):
            until = self._rooms.get(room_id, {}).get(user_id)
            if until is not None and until > now:
                self._deadlines.set((room_id, user_id), until)
            elif until is not None:
                self._set(room_id, user_id, 0)

    async def _run(self) -> None:
        while True:
            await self._somebody.wait()
            await asyncio.sleep(SWEEP_SECONDS)
            self.sweep()
            if not self._deadlines:
                self._somebody.clear()


def _seconds(timeout_ms: int | None) -> float:
    if timeout_ms is None:
        return TIMEOUT_SECONDS_DEFAULT
    longest_ms = int(TIMEOUT_SECONDS_MAX * 1000)
    return max(TIMEOUT_SECONDS_MIN, min(timeout_ms, longest_ms) / 1000)
