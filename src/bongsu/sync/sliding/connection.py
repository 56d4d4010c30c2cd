"""What was sent on a connection, and the position by which a client names it. Pure.

A position is a sync token and the marks of a connection and of its state. The state says of each
room that was sent how it was asked for, and up to where it was sent if not up to the token. It
changes when a room is shown for the first time or falls out of the ranges, not with every message:
so it is stored under a mark of its content, and most answers name the same one.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from bongsu.rooms.client_event import Device
from bongsu.sync.sliding.required_state import StateSpec
from bongsu.sync.token import MARK_BYTES, POSITION_SEPARATOR, mark_of

STATE_VERSION = 1
THREADS_VERSION = 2  # with thread subscriptions: one that says so, and nothing else
STATE_MARK_BYTES = 16
ACCOUNT_DATA, RECEIPTS = 1, 2  # extensions, as bits


class Behind(NamedTuple):
    """How far a room was sent: positions in its partition and in the reader's own."""

    room: int
    user: int


class Sent(NamedTuple):
    """How a room was last sent. `behind` None: as far as the token says."""

    limit: int
    spec: StateSpec
    extensions: int  # those that it was sent with
    behind: Behind | None = None


class ConnectionState(NamedTuple):
    """`account_data`: whether the global account data was sent; `threads`: whether the thread
    subscriptions were."""

    rooms: Mapping[str, Sent]
    account_data: bool = False
    threads: bool = False


EMPTY = ConnectionState({})
EMPTY_MARK = bytes(STATE_MARK_BYTES)


class ConnectionId(NamedTuple):
    user_id: str
    device_id: str
    conn_id: str

    @property
    def device(self) -> Device:
        """Stands for the connection where things are remembered by device."""
        return Device(self.user_id, f"{self.device_id}\x00{self.conn_id}")


class Position(NamedTuple):
    """A `pos`: a sync token, whose it is, and what was sent."""

    token: str
    owner: bytes
    state: bytes


def owner_mark(connection: ConnectionId) -> bytes:
    return mark_of("\x00".join(connection))


def encode_position(position: Position) -> str:
    marks = urlsafe_b64encode(position.owner + position.state).rstrip(b"=").decode()
    return f"{position.token}{POSITION_SEPARATOR}{marks}"


def decode_position(text: str) -> Position | None:
    """None if it is no position."""
    token, _, marks = text.partition(POSITION_SEPARATOR)
    try:
        packed = urlsafe_b64decode(marks.encode("ascii") + b"=" * (-len(marks) % 4))
    except ValueError:
        return None
    if len(packed) != MARK_BYTES + STATE_MARK_BYTES:
        return None
    return Position(token, packed[:MARK_BYTES], packed[MARK_BYTES:])


def encode_state(state: ConnectionState) -> bytes:
    """The same bytes for the same state; eight for a room, and few more."""
    groups: dict[tuple[Any, ...], list[bytes]] = {}
    behind: list[tuple[bytes, int, int]] = []
    for room_id, sent in state.rooms.items():
        key = (sent.limit, _plain(sent.spec), sent.extensions)
        groups.setdefault(key, []).append(_room_mark(room_id))
        if sent.behind is not None:
            behind.append((_room_mark(room_id), sent.behind.room, sent.behind.user))
    rooms = [[*key, b"".join(sorted(marks))] for key, marks in sorted(groups.items())]
    version = THREADS_VERSION if state.threads else STATE_VERSION
    return msgspec.msgpack.encode([version, state.account_data, rooms, sorted(behind)])


def decode_state(encoded: bytes, room_ids: Iterable[str]) -> ConnectionState | None:
    """The state, as far as it speaks of these rooms; None if a later version wrote it."""
    version, account_data, groups, behind = msgspec.msgpack.decode(encoded)
    if version not in (STATE_VERSION, THREADS_VERSION):
        return None
    by_mark = {_room_mark(room_id): room_id for room_id in room_ids}
    late = {mark: Behind(room, user) for mark, room, user in behind}
    rooms: dict[str, Sent] = {}
    for limit, spec, extensions, marks in groups:
        sent = Sent(limit, _spec(spec), extensions)
        for at in range(0, len(marks), MARK_BYTES):
            mark = marks[at : at + MARK_BYTES]
            if (room_id := by_mark.get(mark)) is not None:
                is_late = mark in late
                rooms[room_id] = sent._replace(behind=late[mark]) if is_late else sent
    return ConnectionState(rooms, account_data, version == THREADS_VERSION)


def mark_state(encoded: bytes) -> bytes:
    return blake2b(encoded, digest_size=STATE_MARK_BYTES).digest()


@lru_cache(65_536)
def _room_mark(room_id: str) -> bytes:
    return mark_of(room_id)


def _plain(spec: StateSpec) -> tuple[Any, ...]:
    return (tuple(sorted(spec.pairs)), spec.everything, tuple(sorted(spec.apart)), spec.lazy)


def _spec(plain: list[Any]) -> StateSpec:
    pairs, everything, apart, lazy = plain
    return StateSpec(
        frozenset((kind, key) for kind, key in pairs), everything, frozenset(apart), lazy
    )
