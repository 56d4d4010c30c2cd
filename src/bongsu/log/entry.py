"""What the log holds: entries, and the facts that the sequencer derived for every room event."""

from enum import IntEnum
from typing import Any

import msgspec


class Kind(IntEnum):
    """What an entry is. A new kind is written only once every live node knows it."""

    EVENT = 1  # key: room; body: canonical JSON of the event; facts: EventFacts
    RECEIPT = 2  # key: room; body: Receipt
    ACCOUNT_DATA = 3  # key: user; body: AccountData
    PROFILE = 4  # key: user; body: ProfileField
    DEVICE_LIST = 5  # key: user; body: empty, or SignedUsers
    FORGET = 6  # key: user; body: Forget
    TO_DEVICE = 7  # key: user; body: ToDevice
    ONE_TIME_KEYS = 8  # key: user; body: DeviceIds


KINDS = frozenset(Kind)


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """One place in the log. `facts` is empty for all kinds but EVENT.

    The routing fields come first and `body` and `facts` stay undecoded bytes, so that a follower
    touches only what its connected people need.
    """

    partition: int
    position: int
    kind: int
    key: str
    event_id: str
    body: bytes
    facts: bytes


class Relation(msgspec.Struct, frozen=True, array_like=True):
    """What `m.relates_to` says. `key` is the emoji of an annotation."""

    rel_type: str
    event_id: str
    key: str | None = None


class EventFacts(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """What the sequencer knows of an event and nobody should have to derive again."""

    type: str
    sender: str
    state_key: str | None = None
    visibility: str = "shared"  # m.room.history_visibility in force for the event
    visibility_before: str | None = None  # set on the event that changes it
    membership: str | None = None  # of an m.room.member
    membership_before: str | None = None
    replaces_state: str | None = None  # event id of the state event it replaces
    relation: Relation | None = None
    thread: str | None = None  # root of the thread it belongs to
    redacts: str | None = None
    redacted_by: str | None = None  # event id of the redaction, once there is one
    device_id: str | None = None  # with txn_id: shown to this device as unsigned.transaction_id
    txn_id: str | None = None
    notifies: bool = False  # would notify under the default push rules
    mentions: tuple[str, ...] = ()
    mentions_room: bool = False
    # Running totals of notifying events, this one included: an unread count is a difference.
    notify_total: int = 0  # in the room, threads included
    main_total: int = 0  # in the room's main timeline
    thread_total: int = 0  # in its thread: of the release before, nobody reads it
    # (partition, position) of messages to devices that the sender knew to be sent: see `needs`.
    after: tuple[tuple[int, int], ...] = ()


class Receipt(msgspec.Struct, frozen=True, array_like=True):
    """A receipt as it stands after this entry. Totals are those of the event read."""

    user_id: str
    receipt_type: str  # m.read, m.read.private or m.fully_read
    event_id: str
    thread_id: str | None  # None: unthreaded; "main"; or the root's event id
    ts: int  # ms since the epoch
    event_position: int
    notify_total: int = 0
    main_total: int = 0


class AccountData(msgspec.Struct, frozen=True):
    """`content` None: deleted (only by a client that may, and for `m.push_rules` never)."""

    room_id: str | None
    type: str
    content: msgspec.Raw | None


class ProfileField(msgspec.Struct, frozen=True):
    """`value` None: removed."""

    field: str
    value: msgspec.Raw | None


class Forget(msgspec.Struct, frozen=True):
    """The leave that was forgotten, by its position in the room's partition."""

    room_id: str
    leave_position: int


class ToDevice(msgspec.Struct, frozen=True, array_like=True):
    """Messages for some of the user's devices lie in the table; `*` means all of them."""

    sender: str
    sender_device_id: str
    device_ids: tuple[str, ...]


class SignedUsers(msgspec.Struct, frozen=True, array_like=True):
    """Users whose keys look different to this user alone, who signed them."""

    user_ids: tuple[str, ...]


class DeviceIds(msgspec.Struct, frozen=True, array_like=True):
    """Devices of the user whose one-time or fallback keys became more or fewer."""

    device_ids: tuple[str, ...]


def encode_facts(facts: EventFacts) -> bytes:
    return _ENCODER.encode(facts)


def decode_facts(data: bytes) -> EventFacts:
    return _FACTS.decode(data)


def encode_body(
    body: Receipt | AccountData | ProfileField | Forget | ToDevice | DeviceIds | SignedUsers,
) -> bytes:
    return _ENCODER.encode(body)


def decode_receipt(data: bytes) -> Receipt:
    return _RECEIPT.decode(data)


def decode_account_data(data: bytes) -> AccountData:
    stored = _ACCOUNT_DATA.decode(data)
    content = None if bytes(stored.content) == b"null" else stored.content
    return AccountData(stored.room_id, stored.type, content)


def decode_forget(data: bytes) -> Forget:
    return _FORGET.decode(data)


def decode_to_device(data: bytes) -> ToDevice:
    return _TO_DEVICE.decode(data)


def decode_signed_users(data: bytes) -> SignedUsers:
    return _SIGNED_USERS.decode(data)


def decode_device_ids(data: bytes) -> DeviceIds:
    return _DEVICE_IDS.decode(data)


def needs(entry: Entry) -> tuple[tuple[int, int], ...]:
    """What must be applied before this entry, as (partition, position).

    A room event needs the room keys that its sender had sent before it. Nearly all entries need
    nothing, and that is seen at their last bytes: only `after` ends in three brackets.
    """
    if not entry.facts.endswith(b"]]]"):
        return ()
    return decode_facts(entry.facts).after


class _StoredAccountData(msgspec.Struct):
    """`AccountData` as it is read: a union with `Raw` would take nothing but null."""

    room_id: str | None
    type: str
    content: msgspec.Raw


_ENCODER = msgspec.json.Encoder()
_FACTS = msgspec.json.Decoder(EventFacts)
_RECEIPT = msgspec.json.Decoder(Receipt)
_ACCOUNT_DATA = msgspec.json.Decoder(_StoredAccountData)
_FORGET = msgspec.json.Decoder(Forget)
_TO_DEVICE = msgspec.json.Decoder(ToDevice)
_SIGNED_USERS = msgspec.json.Decoder(SignedUsers)
_DEVICE_IDS = msgspec.json.Decoder(DeviceIds)


class LoggedEvent:
    """A room event as readers hold it: its place, its facts, and its JSON, parsed on demand."""

    __slots__ = (
        "_pdu",
        "body",
        "client_json",
        "event_id",
        "facts",
        "position",
        "room_id",
        "verdicts",
    )

    def __init__(
        self, room_id: str, position: int, event_id: str, body: bytes, facts: EventFacts
    ) -> None:
        self.room_id = room_id
        self.position = position
        self.event_id = event_id
        self.body = body
        self.facts = facts
        self.verdicts: dict[Any, Any] = {}  # push verdicts by rule class, memoised by `push`
        self._pdu: dict[str, Any] | None = None
        self.client_json: bytes | None = None  # beginning of its client form, kept by `rooms`

    @classmethod
    def from_entry(cls, entry: Entry) -> "LoggedEvent":
        facts = decode_facts(entry.facts)
        return cls(entry.key, entry.position, entry.event_id, entry.body, facts)

    @property
    def pdu(self) -> dict[str, Any]:
        """The event in its federation form, without its id. Not to be changed by anyone."""
        if self._pdu is None:
            self._pdu = msgspec.json.decode(self.body)
        assert self._pdu is not None
        return self._pdu

    @property
    def content(self) -> dict[str, Any]:
        return self.pdu["content"]
