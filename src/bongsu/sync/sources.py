"""What sync needs of others, each as the narrowest Protocol it uses."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from bongsu.log.entry import Entry, LoggedEvent
from bongsu.log.position import Vector
from bongsu.rooms.client_event import Device
from bongsu.rooms.extras import ExtrasReader


class FollowerLike(Protocol):
    """The log as far as this process has applied it."""

    incarnation: str
    applied: Vector

    def listen(
        self,
        listener: Callable[[Sequence[Entry]], None],
        jumped: Callable[[int], None] | None = None,
    ) -> None: ...

    async def wait_until(self, vector: Vector, timeout_seconds: float) -> bool: ...


class TypingSource(Protocol):
    """Who is typing where, in the memory of this process.

    `cursor` grows with every change; `version` is the cursor's value at a room's last change, 0
    if this process never saw one. Both mean something only together with `source`, which
    differs for every process and start.
    """

    @property
    def source(self) -> str: ...

    @property
    def cursor(self) -> int: ...

    def version(self, room_id: str) -> int: ...

    def users(self, room_id: str) -> Sequence[str]:
        """User ids typing in a room, in a stable order."""
        ...

    def active_rooms(self) -> Collection[str]:
        """Rooms in which somebody types."""
        ...

    def listen(self, listener: Callable[[str], None]) -> None:
        """`listener(room_id)` after each change of a room's list, once `cursor` counts it."""
        ...


class PresenceSource(Protocol):
    """Everybody's presence as this process knows it. `cursor` as in `TypingSource`."""

    @property
    def source(self) -> str: ...

    @property
    def cursor(self) -> int: ...

    def version(self, user_id: str) -> int: ...

    def event(self, user_id: str) -> bytes | None:
        """The JSON of the user's `m.presence` event; None if nothing is known."""
        ...

    def active_users(self) -> Collection[str]:
        """Users who are not offline."""
        ...

    def listen(self, listener: Callable[[str], None]) -> None:
        """`listener(user_id)` after each change worth showing to others."""
        ...

    def touch(self, device: Device, presence: str) -> None:
        """A sync of this device with its `set_presence`: online, unavailable or offline."""
        ...


MESSAGES_PER_ANSWER_MAX = 100


class DeviceAnswer(NamedTuple):
    """What belongs to a device and its encryption.

    `counts` are rendered members like `b'"device_one_time_keys_count":{...}'`, `messages` rendered
    events up to the cursor `to_device`. `has_news` says whether they are a reason to answer a
    waiting client at once.
    """

    counts: Sequence[bytes]
    to_device: int
    has_news: bool
    is_full: bool = False  # more messages wait: what was sent after them is not to be shown yet
    messages: Sequence[bytes] = ()

    @property
    def parts(self) -> list[bytes]:
        """Members of an answer to `/sync`."""
        if not self.messages:
            return list(self.counts)
        return [*self.counts, b'"to_device":{"events":[' + b",".join(self.messages) + b"]}"]


class DeviceSource(Protocol):
    """To-device messages and key counts, for the answer to one device."""

    async def answer(
        self,
        device: Device,
        since: Vector | None,
        to_device: int,
        pinned: Vector,
        limit: int = MESSAGES_PER_ANSWER_MAX,
    ) -> DeviceAnswer:
        """At most `limit` messages after the cursor. `since` None: nothing is acknowledged."""
        ...

    def at_once(
        self, device: Device, since: Vector, to_device: int, pinned: Vector
    ) -> DeviceAnswer | None:
        """The same if nothing has to be read for it, which is never so while messages wait."""
        ...

    def standing(self, device: Device) -> Sequence[bytes]:
        """The parts that every answer has, even one without news, as last shown."""
        ...


class MemberChange(NamedTuple):
    """What became of one member of a room within a span: `before` it, at its end, and between."""

    user_id: str
    before: str
    membership: str
    joined: bool  # at any place within the span


class DeviceListStore(Protocol):
    """Whose devices changed, and who shares rooms with whom. Bounded by the caller's positions."""

    async def load_changed(self, since: Vector, user_id: str, rooms: Sequence[str]) -> set[str]:
        """Users whose devices changed after `since`: those in `rooms`, and `user_id`."""
        ...

    async def load_member_changes(self, spans: "Sequence[Span]") -> Sequence[MemberChange]: ...

    async def load_joined(self, rooms: Sequence[tuple[str, int]]) -> set[str]:
        """Users joined to any of (room id, at position)."""
        ...

    async def load_sharing_at(
        self, user_ids: Sequence[str], rooms: Sequence[tuple[str, int]]
    ) -> set[str]:
        """Those of `user_ids` who are joined to any of (room id, at position)."""
        ...


class MembershipRecord(NamedTuple):
    """One member event of a user. Totals are the room's of notifying events then."""

    room_id: str
    position: int
    membership: str
    sender: str
    notify_total: int
    main_total: int


class AccountDataRecord(NamedTuple):
    room_id: str  # "" for global
    type: str
    position: int
    content: bytes | None


class ForgottenRecord(NamedTuple):
    room_id: str
    leave_position: int


class ReceiptRecord(NamedTuple):
    room_id: str
    position: int
    body: bytes  # log.entry.Receipt


class Counts(NamedTuple):
    """How many are joined to a room, and invited."""

    joined: int
    invited: int


class Span(NamedTuple):
    """A stretch of one room: after < position <= through."""

    room_id: str
    after: int
    through: int


class StateWish(NamedTuple):
    """State of a room: what changed after `after` (0: all), as it is at `through`.

    `members`: None for everybody's member events, else only those of these users.
    """

    room_id: str
    after: int
    through: int
    members: tuple[str, ...] | None = None


class SyncStore(ExtrasReader, Protocol):
    """Reads of the log's tables. Every position is bounded by the caller's pinned vector."""

    async def reach(self, vector: Vector) -> None:
        """Return once the database that answers reads has all of `vector`."""
        ...

    async def load_memberships(self, user_id: str) -> Sequence[MembershipRecord]:
        """All member events of a user, by room and position."""
        ...

    async def load_forgotten(self, user_id: str) -> Sequence[ForgottenRecord]: ...

    async def load_account_data(
        self, user_id: str, after: int, types: Sequence[str] | None = None
    ) -> Sequence[AccountDataRecord]:
        """Latest of each (room, type) at positions > after; `types` restricts to global ones."""
        ...

    async def load_account_data_position(self, user_id: str) -> int:
        """Of the latest change of any of it; 0 if there is none."""
        ...

    async def load_stripped_state(
        self, user_id: str, memberships: Sequence[tuple[str, int]]
    ) -> dict[str, bytes]:
        """Stripped state by room, of member events named by (room id, position)."""
        ...

    async def load_changed_rooms(self, spans: Sequence[Span]) -> set[str]:
        """Of these, the rooms with an event or a receipt in their span."""
        ...

    async def load_timelines(
        self, spans: Sequence[Span], limit: int
    ) -> dict[str, list[LoggedEvent]]:
        """The last `limit` events of each span, oldest first."""
        ...

    async def load_state(self, wishes: Sequence[StateWish]) -> dict[str, list[LoggedEvent]]: ...

    async def load_facts(self, spans: Sequence[Span], limit: int) -> dict[str, list[LoggedEvent]]:
        """As `load_timelines`, the events without their bodies."""
        ...

    async def load_members(self, wishes: Sequence[tuple[str, str, int, int]]) -> list[LoggedEvent]:
        """Member events of (room id, user id), the latest at after < position <= through."""
        ...

    async def load_receipts(self, spans: Sequence[Span], user_id: str) -> Sequence[ReceiptRecord]:
        """Public receipts of everyone and all of `user_id`, whose latest entry is in the span."""
        ...

    async def load_own_receipts(
        self, user_id: str, rooms: Sequence[str]
    ) -> Sequence[ReceiptRecord]: ...

    async def load_counts(self, rooms: Sequence[tuple[str, int]]) -> dict[str, Counts]:
        """Of (room id, at position)."""
        ...

    async def load_heroes(self, rooms: Sequence[tuple[str, int]]) -> dict[str, list[str]]:
        """Of (room id, at position): a few members by age, the joined and invited before others."""
        ...

    async def count_mentions(self, user_id: str, spans: Sequence[Span]) -> dict[str, int]:
        """Events by room that mention the user or everybody."""
        ...

    async def load_sharing(self, user_ids: Sequence[str], rooms: Sequence[str]) -> set[str]:
        """Those of `user_ids` who are joined to any of `rooms`."""
        ...

    async def load_joined_rooms(self, user_id: str) -> Sequence[str]: ...
