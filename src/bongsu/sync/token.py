"""Tokens: how far a client has come, as an opaque text. One grammar for every endpoint.

    sync token    next_batch, since, from/to of /messages and /relations, at of /members, from/to
                  of /keys/changes
    position      of sliding sync: a sync token and a suffix; good wherever a token is, but /sync
    room token    "t" and a position in the partition of the room at hand: prev_batch, and the
                  start and end of pages. It means "right after that position".

A sync token holds a whole vector, so that any node of any site can go on from it. It is written
with the narrowest integers that hold the vector: some 180 characters for a young server, 350 for
a common one. Nothing in it is a secret or a right: whoever forges one sees only what is theirs.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from hashlib import blake2b
from struct import Struct, error
from typing import NamedTuple

from bongsu.errors import InvalidParam
from bongsu.log.position import PARTITIONS, Vector, partition_of

VERSION = b"b"  # first character; another one with every change of the layout
_TEXT = re.compile(VERSION.decode() + "[A-Za-z0-9_-]*")
MARK_BYTES = 8  # of the incarnation, and of the source of ephemeral data
TYPING_ROOMS_MAX = 32
TOKEN_CHARS_MAX = 2_500
TOKENS_CACHED_MAX = 20_000
POSITION_SEPARATOR = "~"  # between the token in a sliding sync position and what follows it
POSITION_MAX = 2**63 - 1

_HEADER = Struct(f">{MARK_BYTES}s{MARK_BYTES}sQQQB")
_WIDTHS = {1: Struct(f">{PARTITIONS}B"), 2: Struct(f">{PARTITIONS}H"),
           4: Struct(f">{PARTITIONS}I"), 8: Struct(f">{PARTITIONS}Q")}  # fmt: skip


class Pin(NamedTuple):
    """The point in everything that one answer speaks of."""

    vector: Vector
    moment: int
    typing: int
    presence: int


class SyncToken:
    """A point in everything that a sync shows.

    `incarnation` and `source` are marks (`mark_of`) of the log and of the process that the
    ephemeral cursors belong to. `typing_rooms` are marks of the rooms whose typing list was not
    empty when last shown. `moment` is this process's memory of when it gave the token out, and
    no part of it: 0 if it does not know.
    """

    __slots__ = (
        "incarnation", "moment", "presence", "source", "to_device", "typing", "typing_rooms",
        "vector",
    )  # fmt: skip

    def __init__(
        self,
        incarnation: bytes,
        vector: Vector,
        *,
        to_device: int = 0,
        source: bytes = bytes(MARK_BYTES),
        typing: int = 0,
        presence: int = 0,
        typing_rooms: frozenset[bytes] = frozenset(),
        moment: int = 0,
    ) -> None:
        self.incarnation = incarnation
        self.vector = vector
        self.to_device = to_device
        self.source = source
        self.typing = typing
        self.presence = presence
        self.typing_rooms = typing_rooms
        self.moment = moment

    def moved_on(self, vector: Vector, moment: int) -> "SyncToken":
        """Further in the log, the rest as it was."""
        return SyncToken(
            self.incarnation, vector, to_device=self.to_device, source=self.source,
            typing=self.typing, presence=self.presence, typing_rooms=self.typing_rooms,
            moment=moment,
        )  # fmt: skip

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SyncToken) and self._parts() == other._parts()

    def __hash__(self) -> int:
        return hash(self._parts())

    def _parts(self) -> tuple[object, ...]:
        return (self.incarnation, self.vector, self.to_device, self.source, self.typing,
                self.presence, self.typing_rooms)  # fmt: skip


def mark_of(text: str) -> bytes:
    """A short fingerprint: of an incarnation, a source of ephemeral data, or a room."""
    return blake2b(text.encode(), digest_size=MARK_BYTES).digest()


class TokenCodec:
    """Writes and reads sync tokens; what went out lately comes in without being parsed."""

    def __init__(self, incarnation: str) -> None:
        self.incarnation = mark_of(incarnation)
        self._known: OrderedDict[str, SyncToken] = OrderedDict()
        # Everyone who is answered between two batches of the log has the very same vector.
        self._vector: Vector = ()
        self._vector_bytes = b""
        self._last: tuple[SyncToken, str] | None = None

    def encode(self, token: SyncToken) -> str:
        if self._last is not None and self._last[0] == token:
            return self._last[1]
        if token.vector is not self._vector:
            self._vector, self._vector_bytes = token.vector, _pack_vector(token.vector)
        rooms = sorted(token.typing_rooms)[:TYPING_ROOMS_MAX]
        packed = self._vector_bytes + _HEADER.pack(
            token.incarnation, token.source, token.to_device, token.typing, token.presence,
            len(rooms),
        ) + b"".join(rooms)  # fmt: skip
        text = (VERSION + urlsafe_b64encode(packed).rstrip(b"=")).decode()
        self._last = (token, text)
        self._remember(text, token)
        return text

    def decode(self, text: str) -> SyncToken:
        """The token; `InvalidParam` if it is none. It may be of another incarnation."""
        token = self._known.get(text)
        if token is None:
            token = _unpack(text)
            self._remember(text, token)
        else:
            self._known.move_to_end(text)
        return token

    def known(self, text: str) -> SyncToken | None:
        """A token that went out or came in lately."""
        return self._known.get(text)

    def is_foreign(self, token: SyncToken) -> bool:
        """Whether the token speaks of another incarnation of the log, or of another log."""
        return token.incarnation != self.incarnation

    def room_position(self, text: str, room_id: str) -> int | None:
        """The position in the room's partition that a sync or room token stands for.

        None for a token of a foreign incarnation. `InvalidParam` if it is no token.
        """
        if text[:1] == "t":
            return parse_room_token(text)
        token = self.decode(text.partition(POSITION_SEPARATOR)[0])
        return None if self.is_foreign(token) else token.vector[partition_of(room_id)]

    def _remember(self, text: str, token: SyncToken) -> None:
        self._known[text] = token
        if len(self._known) > TOKENS_CACHED_MAX:
            self._known.popitem(last=False)


def room_token(position: int) -> str:
    """The token of the place right after `position` in a room."""
    return f"t{position}"


def parse_room_token(text: str) -> int:
    digits = text[1:]
    if text[:1] != "t" or not (digits.isascii() and digits.isdigit()) or len(digits) > 19:
        raise InvalidParam("Not a valid token")
    position = int(digits)
    if position > POSITION_MAX:
        raise InvalidParam("Not a valid token")
    return position


def _pack_vector(vector: Vector) -> bytes:
    """The vector, its first byte the width of its integers in bytes."""
    highest = max(vector)
    width = 1 if highest < 2**8 else 2 if highest < 2**16 else 4 if highest < 2**32 else 8
    return bytes((width,)) + _WIDTHS[width].pack(*vector)


def _unpack(text: str) -> SyncToken:
    try:
        return _parse(text)
    except (ValueError, KeyError, IndexError, error):
        raise InvalidParam("Not a valid token") from None


def _parse(text: str) -> SyncToken:
    if len(text) > TOKEN_CHARS_MAX or _TEXT.fullmatch(text) is None:
        raise ValueError
    packed = urlsafe_b64decode(text[1:].encode("ascii") + b"=" * (-(len(text) - 1) % 4))
    layout = _WIDTHS[packed[0]]
    vector: Vector = layout.unpack_from(packed, 1)
    end = 1 + layout.size
    incarnation, source, to_device, typing, presence, rooms = _HEADER.unpack_from(packed, end)
    end += _HEADER.size
    if len(packed) != end + rooms * MARK_BYTES or max(*vector, to_device) > POSITION_MAX:
        raise ValueError
    marks = [packed[at : at + MARK_BYTES] for at in range(end, len(packed), MARK_BYTES)]
    return SyncToken(
        incarnation, vector, to_device=to_device, source=source, typing=typing,
        presence=presence, typing_rooms=frozenset(marks),
    )  # fmt: skip
