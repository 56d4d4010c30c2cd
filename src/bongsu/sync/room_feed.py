"""What lately happened in one watched room, kept once for all who watch it.

A feed holds every event after its `floor`, as the log brought them or, further back, as somebody
read them from the database, and every receipt after its own; what lies before is read. The JSON of
a stretch of events is built once and shared by all the members who wait for it.
"""

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from bongsu.log.entry import LoggedEvent, Receipt
from bongsu.rooms.client_event import NO_EXTRAS, Device, Extras, render

if TYPE_CHECKING:
    from bongsu.sync.hot_user import HotUser

EVENTS_PER_ROOM_MAX = 100
RECEIPTS_PER_ROOM_MAX = 256
RECEIPT_WATCHERS_MAX = 1_000  # where more watch, nobody is shown the receipts of others
CHUNKS_PER_ROOM_MAX = 8
EVENT_BYTES_MAX = 64 * 1024 * 1024  # of all feeds together
MEMBER = "m.room.member"


class Chunk(NamedTuple):
    """Rendered events for members who were joined all along.

    Not for the `devices` that sent one of them (they see their transaction id), not for who
    ignores one of `senders`, nor for who joined after `shows_from`: the position of the oldest
    earlier content it shows from under a visibility that hides the past.
    """

    events: Sequence[LoggedEvent]
    body: bytes
    senders: frozenset[str]
    devices: frozenset[Device]
    has_state: bool
    members_changed: int  # position of its last member event, 0 for none
    shows_from: int


EMPTY = Chunk((), b"", frozenset(), frozenset(), False, 0, 2**63)


class Stretch(NamedTuple):
    """What happened in a room in an interval, all of it, ready to be shown. `timeline` is the
    member of that name."""

    chunk: Chunk
    receipts: Sequence[Receipt]
    timeline: bytes


class RoomFeed:
    __slots__ = (
        "_chunks",
        "_stretch",
        "events",
        "extras",
        "floor",
        "partition",
        "receipts",
        "receipts_are_due",
        "receipts_floor",
        "redactions",
        "room_id",
        "shown_from",
        "watchers",
    )  # fmt: skip

    def __init__(self, room_id: str, partition: int, floor: int) -> None:
        self.room_id = room_id
        self.partition = partition
        self.floor = floor
        self.receipts_floor = floor
        self.events: deque[LoggedEvent] = deque()
        self.receipts: deque[tuple[int, Receipt]] = deque()
        self.receipts_are_due = False  # all who watch are about to be told of the latest
        self.watchers: set[HotUser] = set()
        # By event id, of those events that have some, and the position of the oldest they show.
        self.extras: dict[str, Extras] = {}
        self.shown_from: dict[str, int] = {}
        self.redactions = 0  # so far
        self._chunks: dict[tuple[int, int], Chunk] = {}
        self._stretch: tuple[int, int, Stretch] | None = None  # the last that was asked for

    def append(self, event: LoggedEvent) -> None:
        """The next event. A redaction makes the feed forget its target and all before it."""
        target = event.facts.redacts
        if target is not None:
            self.redactions += 1
            self._chunks.clear()
            self._stretch = None
            self.extras.clear()  # they may show the target's content beside another event
            self.shown_from.clear()
            if any(each.event_id == target for each in self.events):
                while self.drop_oldest() != target:
                    pass
        self.events.append(event)
        if len(self.events) > EVENTS_PER_ROOM_MAX:
            self.drop_oldest()

    def append_receipt(self, position: int, receipt: Receipt) -> None:
        self.receipts.append((position, receipt))
        if len(self.receipts) > RECEIPTS_PER_ROOM_MAX:
            self.receipts_floor = self.receipts.popleft()[0]

    def put_before(self, events: Sequence[LoggedEvent], floor: int) -> None:
        """All events between `floor` and the floor of now, read from the database."""
        self.events.extendleft(reversed(events))
        self.floor = floor

    def latest(self, after: int, through: int, limit: int) -> list[LoggedEvent] | None:
        """The last `limit` events of the interval; None if some of them may be missing here."""
        events = self.between(max(after, self.floor), through) or []
        return events[-limit:] if after >= self.floor or len(events) >= limit else None

    def drop_oldest(self) -> str:
        """Forget the oldest event; gives its id."""
        event = self.events.popleft()
        self.floor = event.position
        self.extras.pop(event.event_id, None)
        self.shown_from.pop(event.event_id, None)
        self._chunks.clear()
        self._stretch = None
        return event.event_id

    def between(self, after: int, through: int) -> list[LoggedEvent] | None:
        """Events at after < position <= through; None if some may be missing here."""
        if after < self.floor:
            return None
        found: list[LoggedEvent] = []
        for event in reversed(self.events):
            if event.position <= after:
                break
            if event.position <= through:
                found.append(event)
        found.reverse()
        return found

    def receipts_between(self, after: int, through: int) -> list[Receipt] | None:
        """Receipts whose entries are in the interval, oldest first; None if some may be missing."""
        if after < self.receipts_floor:
            return None
        found: list[Receipt] = []
        for position, receipt in reversed(self.receipts):
            if position <= after:
                break
            if position <= through:
                found.append(receipt)
        found.reverse()
        return found

    @property
    def shows_receipts(self) -> bool:
        """Whether members are shown the receipts of others."""
        return len(self.watchers) <= RECEIPT_WATCHERS_MAX

    def stretch(self, after: int, through: int) -> Stretch | None:
        """The interval; None if some of it may be missing here, or while extras are not loaded.
        Members who wait mostly ask for the same one."""
        last = self._stretch
        if last is not None and last[0] == after and last[1] == through:
            return last[2]
        events, receipts = self.between(after, through), self.receipts_between(after, through)
        chunk = None if events is None else self.chunk(events)
        if events is None or receipts is None or chunk is None:
            return None
        start = events[0].position if events else through + 1
        stretch = Stretch(chunk, receipts, _timeline(chunk.body, start))
        self._stretch = (after, through, stretch)
        return stretch

    def chunk(self, events: Sequence[LoggedEvent]) -> Chunk | None:
        """These events of the feed rendered; None while extras of one are not loaded."""
        if not events:
            return EMPTY
        key = (events[0].position, events[-1].position)
        chunk = self._chunks.get(key)
        if chunk is None:
            if any(needs_extras(e) and e.event_id not in self.extras for e in events):
                return None
            chunk = self._chunks[key] = self._render(events)
            if len(self._chunks) > CHUNKS_PER_ROOM_MAX:
                self._chunks.pop(next(iter(self._chunks)))
        return chunk

    def timeline_for(self, device: Device, chunk: Chunk) -> bytes:
        """The member `timeline` for one of the chunk's `devices`."""
        return _timeline(self._json(chunk.events, device), chunk.events[0].position)

    def incomplete(self, after: int, through: int) -> list[LoggedEvent]:
        """Events in the interval whose extras are not loaded yet."""
        events = self.between(after, through) or ()
        return [e for e in events if needs_extras(e) and e.event_id not in self.extras]

    def _render(self, events: Sequence[LoggedEvent]) -> Chunk:
        return Chunk(
            events,
            self._json(events, None),
            frozenset(e.facts.sender for e in events),
            frozenset(
                Device(e.facts.sender, e.facts.device_id) for e in events if e.facts.device_id
            ),
            any(e.facts.state_key is not None for e in events),
            max((e.position for e in events if e.facts.type == MEMBER), default=0),
            min((self.shown_from.get(e.event_id, 2**63) for e in events), default=2**63),
        )

    def _json(self, events: Sequence[LoggedEvent], device: Device | None) -> bytes:
        extras = self.extras
        return b",".join(
            render(
                e, membership="join", device=device, extras=extras.get(e.event_id, NO_EXTRAS)
            )
            for e in events
        )  # fmt: skip


def _timeline(events: bytes, start: int) -> bytes:
    return b'"timeline":{"events":[%b],"limited":false,"prev_batch":"t%d"}' % (events, start - 1)


def needs_extras(event: LoggedEvent) -> bool:
    """Whether parts of other events are shown with it (bundled aggregations aside)."""
    return event.facts.replaces_state is not None or event.facts.redacted_by is not None
