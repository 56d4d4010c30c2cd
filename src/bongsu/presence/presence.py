"""Who is there. Spec: "Presence"."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Protocol, cast

import msgspec

from bongsu.errors import Forbidden, InvalidParam
from bongsu.ids import UserId
from bongsu.log.bus import Bus
from bongsu.log.entry import Entry, Kind
from bongsu.presence.deadlines import Deadlines
from bongsu.presence.gossip import Gossip
from bongsu.presence.person import Person, Presence, Shown
from bongsu.presence.typing import LogFollower
from bongsu.presence.versions import Versions
from bongsu.rooms.client_event import Device
from bongsu.tasks import TaskOwner

SUBJECT = "ephemeral.presence"
TICK_SECONDS = 0.25  # changes of so long travel in one frame
REPEAT_SECONDS = 30.0  # everybody here is told again: to nodes that start, or missed it
VIEWS_PER_FRAME_MAX = 200
PERSONS_MAX = 200_000
OFFLINE_KEPT_MAX = 20_000  # whose last activity and message are still known
STATUS_MSG_CHARACTERS_MAX = 500

UserListener = Callable[[str], None]


class PersonView(msgspec.Struct, frozen=True, array_like=True):
    """A person by the devices on one node. Times are ages in seconds, as clocks differ."""

    user_id: str
    state: Presence
    active_ago: float | None
    status_msg: str | None
    status_ago: float | None


class PresenceFrame(msgspec.Struct, frozen=True, array_like=True):
    source: str
    views: list[PersonView]


class Sharing(Protocol):
    async def shares_room(self, user_id: str, other: str) -> bool:
        """Whether both are joined to some room."""
        ...


class PresenceService:
    """Implements `sync.sources.PresenceSource`. `clock` gives seconds that never go back."""

    def __init__(
        self,
        bus: Bus,
        sharing: Sharing,
        follower: LogFollower,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gossip = Gossip(bus, SUBJECT, PresenceFrame, self._on_frame)
        self._sharing = sharing
        self._clock = clock
        self._persons: dict[str, Person] = {}
        self._present: dict[str, None] = {}  # who is not offline
        self._offline: OrderedDict[str, None] = OrderedDict()  # who is, longest first
        self._untold: set[str] = set()
        self._repeat_at = clock() + REPEAT_SECONDS
        self._deadlines: Deadlines[str] = Deadlines()
        self._versions = Versions(PERSONS_MAX)
        self._listeners: list[UserListener] = []
        self._somebody = asyncio.Event()
        self._tasks = TaskOwner("presence")
        follower.listen(self._on_entries)

    async def start(self) -> None:
        await self._gossip.start()
        self._tasks.start(self._run())

    async def stop(self) -> None:
        """Say nothing: whoever was here is elsewhere in a moment, or falls silent."""
        await self._tasks.stop()

    # -- PresenceSource ------------------------------------------------------------------------

    @property
    def source(self) -> str:
        return self._gossip.source

    @property
    def cursor(self) -> int:
        return self._versions.cursor

    def version(self, user_id: str) -> int:
        return self._versions.of(user_id)

    def event(self, user_id: str) -> bytes | None:
        person = self._persons.get(user_id)
        if person is None:
            return None
        content = _content(person.shown, person.last_active_ago_ms(self._clock()))
        event = {"type": "m.presence", "sender": user_id, "content": content}
        return msgspec.json.encode(event)

    def active_users(self) -> Collection[str]:
        return self._present.keys()

    def listen(self, listener: UserListener) -> None:
        self._listeners.append(listener)

    def touch(self, device: Device, presence: str) -> None:
        person = self._person(device.user_id, make=presence != "offline")
        now = self._clock()
        if person is not None and person.is_news(device.device_id, presence, now):
            person.synced(device.device_id, cast(Presence, presence), now)
            self._refresh(device.user_id, person)

    # -- what clients say and ask --------------------------------------------------------------

    def set(self, device: Device, presence: Presence, status_msg: str | None) -> None:
        """Set the presence of one device, and the message of its person (None: no message)."""
        if status_msg is not None and len(status_msg) > STATUS_MSG_CHARACTERS_MAX:
            raise InvalidParam("status_msg is too long")
        person = self._person(device.user_id, make=True)
        if person is not None:
            person.set(device.device_id, presence, status_msg or None, self._clock())
            self._untold.add(device.user_id)
            self._refresh(device.user_id, person)

    async def get(self, requester: UserId, user_id: UserId) -> dict[str, Any]:
        """The content of somebody's presence; `Forbidden` for who shares no room with them."""
        if requester != user_id and not await self._sharing.shares_room(requester, user_id):
            raise Forbidden("You are not allowed to see their presence")
        person = self._persons.get(user_id)
        if person is None:
            return _content(Shown(), None)
        return _content(person.shown, person.last_active_ago_ms(self._clock()))

    # -- what the log says ---------------------------------------------------------------------

    def _on_entries(self, entries: Sequence[Entry]) -> None:
        """Whoever sends an event is there, if any of their devices syncs."""
        if not self._present:
            return
        for entry in entries:
            if entry.kind == Kind.EVENT:
                user_id = _sender(entry.facts)
                if user_id in self._present:
                    self._acted(user_id)

    def _acted(self, user_id: str) -> None:
        person = self._persons[user_id]
        person.acted(self._clock())
        if not person.shown.currently_active:
            self._refresh(user_id, person)

    # -- what nodes tell each other ------------------------------------------------------------

    def _on_frame(self, frame: PresenceFrame) -> None:
        for view in frame.views:
            self._hear(frame.source, view)

    def _hear(self, node: str, view: PersonView) -> None:
        person = self._person(view.user_id, make=view.state != "offline")
        if person is not None:
            now = self._clock()
            person.heard(node, view.state, _at(now, view.active_ago), now)
            person.heard_status(view.status_msg, _at(now, view.status_ago))
            self._refresh(view.user_id, person)

    def _view(self, user_id: str, now: float) -> PersonView:
        person = self._persons.get(user_id)
        if person is None:
            return PersonView(user_id, "offline", None, None, None)
        person.told = person.here(now)
        active_ago = None if person.active_at is None else now - person.active_at
        status_ago = None if person.status_at is None else now - person.status_at
        return PersonView(user_id, person.told, active_ago, person.status_msg, status_ago)

    async def flush(self) -> None:
        """Tell the other nodes what changed here, and everything from time to time."""
        now = self._clock()
        if now >= self._repeat_at:
            self._repeat_at = now + REPEAT_SECONDS
            self._untold.update(u for u in self._present if self._persons[u].devices)
        views = [self._view(user_id, now) for user_id in self._untold]
        self._untold.clear()
        for first in range(0, len(views), VIEWS_PER_FRAME_MAX):
            part = views[first : first + VIEWS_PER_FRAME_MAX]
            await self._gossip.say(PresenceFrame(self.source, part))

    # -- persons -------------------------------------------------------------------------------

    def _person(self, user_id: str, *, make: bool) -> Person | None:
        """The person, new if need be and if there are not too many to keep one more."""
        person = self._persons.get(user_id)
        if person is None and make and len(self._persons) < PERSONS_MAX:
            person = self._persons[user_id] = Person()
        return person

    def _refresh(self, user_id: str, person: Person) -> None:
        """Draw the conclusions of whatever changed, and say when to look again."""
        now = self._clock()
        person.expire(now)
        if person.here(now) != person.told:
            self._untold.add(user_id)
        if (at := person.next_look(now)) is not None:
            self._deadlines.set(user_id, at)
        self._somebody.set()
        shown = person.show(now)
        is_changed, person.shown = shown != person.shown, shown
        self._place(user_id, shown)
        if is_changed:
            self._versions.bump(user_id)
            for listener in self._listeners:
                listener(user_id)

    def _place(self, user_id: str, shown: Shown) -> None:
        if shown.presence != "offline":
            self._present[user_id] = None
            self._offline.pop(user_id, None)
            return
        self._present.pop(user_id, None)
        self._offline.setdefault(user_id)
        if len(self._offline) > OFFLINE_KEPT_MAX:
            forgotten, _ = self._offline.popitem(last=False)
            self._persons.pop(forgotten, None)

    def sweep(self) -> None:
        """Look at everybody whose presence the passing of time may have changed."""
        for user_id in self._deadlines.pop_due(self._clock()):
            if (person := self._persons.get(user_id)) is not None:
                self._refresh(user_id, person)

    async def _run(self) -> None:
        while True:
            await self._somebody.wait()
            await asyncio.sleep(TICK_SECONDS)
            self.sweep()
            await self.flush()
            if not self._deadlines and not self._untold:
                self._somebody.clear()


def _sender(facts: bytes) -> str:
    """The sender in encoded facts, which begin `["type","sender"`; "" if that is not so plain."""
    parts = facts.split(b'"', 4)
    return parts[3].decode() if len(parts) == 5 else ""


def _at(now: float, ago: float | None) -> float | None:
    return None if ago is None else now - max(0.0, ago)


def _content(shown: Shown, last_active_ago_ms: int | None) -> dict[str, Any]:
    optional: Iterable[tuple[str, Any]] = (
        ("last_active_ago", last_active_ago_ms),
        ("currently_active", shown.currently_active if shown.presence == "online" else None),
        ("status_msg", shown.status_msg),
    )
    found = {name: value for name, value in optional if value is not None}
    return {"presence": shown.presence, **found}
