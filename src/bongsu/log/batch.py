"""The rows of one transaction, filled by planners and written by the pen."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from bongsu.log.entry import Entry, Kind
from bongsu.log.position import partition_of


class Head(NamedTuple):
    """Where a partition stands in the hands of its owner."""

    epoch: int
    position: int


class StateRow(NamedTuple):
    room_id: str
    type: str
    state_key: str
    position: int
    event_id: str


class MembershipRow(NamedTuple):
    user_id: str
    room_id: str
    position: int
    membership: str
    event_id: str
    sender: str
    stripped_state: bytes | None
    notify_total: int
    main_total: int


class RelationRow(NamedTuple):
    room_id: str
    parent_id: str
    position: int
    event_id: str
    rel_type: str
    type: str
    sender: str
    key: str | None


class MentionRow(NamedTuple):
    user_id: str
    room_id: str
    position: int
    thread: str | None
    silent: bool


class RoomRow(NamedTuple):
    room_id: str
    version: str
    creator: str
    created_position: int
    joined_count: int
    invited_count: int
    position: int


class ReceiptRow(NamedTuple):
    room_id: str
    user_id: str
    receipt_type: str
    thread_id: str
    position: int
    event_position: int
    body: bytes


class AccountDataRow(NamedTuple):
    user_id: str
    room_id: str
    type: str
    position: int
    content: bytes | None


class ProfileRow(NamedTuple):
    user_id: str
    field: str
    position: int
    value: bytes | None


class DeviceListRow(NamedTuple):
    user_id: str
    partition: int
    position: int


class SignedUserRow(NamedTuple):
    user_id: str
    signed: str
    position: int


class ToDeviceRow(NamedTuple):
    """A message for one device, or with `*` for each that its user has."""

    user_id: str
    device_id: str
    position: int
    seq: int
    body: bytes


class ForgottenRow(NamedTuple):
    user_id: str
    room_id: str
    leave_position: int


class Unrelate(NamedTuple):
    """A relation undone by the redaction of its child."""

    room_id: str
    parent_id: str
    position: int


class Unmention(NamedTuple):
    """A mention undone by the redaction of its event."""

    user_id: str
    room_id: str
    position: int


class Rewrite(NamedTuple):
    """The redacted form of an earlier event, in the transaction of its redaction."""

    partition: int
    position: int
    body: bytes
    facts: bytes


class Batch:
    """Entries with the positions they will have, and the rows of the tables that follow."""

    def __init__(self, heads: dict[int, Head]) -> None:
        self._heads = heads
        self._positions: dict[int, int] = {}
        self.entries: list[Entry] = []
        self.body_bytes = 0
        self.request_ids: list[bytes | None] = []
        # Keyed by row class, then by the row's key, so that the last of several changes wins.
        self.rows: dict[type[tuple[Any, ...]], dict[Any, Any]] = {}

    def append(
        self,
        kind: Kind,
        key: str,
        body: bytes,
        *,
        facts: bytes = b"",
        event_id: str = "",
        request_id: bytes | None = None,
        partition: int | None = None,
    ) -> Entry:
        """Give the next position of the key's partition to a new entry."""
        p = partition_of(key) if partition is None else partition
        position = self.next_position(p)
        self._positions[p] = position
        entry = Entry(p, position, kind, key, event_id, body, facts)
        self.entries.append(entry)
        self.body_bytes += len(body)
        self.request_ids.append(request_id)
        return entry

    def next_position(self, partition: int) -> int:
        """The position that the next entry of `partition` will get."""
        last = self._positions.get(partition)
        return (self._heads[partition].position if last is None else last) + 1

    def add(self, key: Any, row: tuple[Any, ...]) -> None:
        """Write `row` with this batch; of several rows with one key the last one counts."""
        self.rows.setdefault(type(row), {})[key] = row

    def heads(self) -> Iterable[tuple[int, int, int, int]]:
        """(partition, epoch, old head, new head) of every partition in this batch."""
        for partition, position in self._positions.items():
            head = self._heads[partition]
            yield partition, head.epoch, head.position, position

    @property
    def is_empty(self) -> bool:
        return not self.entries
