"""The audit log: every operator's act as a link of a chain of hashes.

    hash n = SHA-256(hash n-1 ‖ canonical JSON of [number, ts, actor, action, subject, detail])

Whoever changes, removes or slips in an entry has to change every hash after it, the head too.
An entry is appended in the transaction of its act, so neither is ever there without the other.
"""

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from bongsu.rooms.canonical_json import canonical_json

ORIGIN = bytes(32)
DETAIL_BYTES_MAX = 64 * 1024


class Act(NamedTuple):
    """What is done. `actor`: a user id or a part of the desk; `action`: area.verb.

    `detail` is JSON without floats and without anything personal: it is never erased.
    """

    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any] = {}


class Entry(NamedTuple):
    """An act as it stands in the log."""

    number: int
    ts: int
    actor: str
    action: str
    subject: str
    detail: str  # canonical JSON
    hash: bytes


class Break(NamedTuple):
    """The first place where the chain does not hold."""

    number: int
    reason: str


class Head(NamedTuple):
    number: int
    hash: bytes


class AuditReader(Protocol):
    def stream_entries(self) -> AsyncIterator[Entry]:
        """All entries in order of their numbers."""
        ...

    async def load_head(self) -> Head: ...


class AuditLister(Protocol):
    async def list_latest(
        self, limit: int, *, before: int = 2**62, subject: str = ""
    ) -> Sequence[Entry]:
        """Entries numbered below `before`, latest first; all, or those about `subject`."""
        ...


def link(head: Head, act: Act, ts: int) -> Entry:
    """The entry that follows `head`. `ValueError` for a detail that is too long."""
    detail = canonical_json(msgspec.to_builtins(dict(act.detail))).decode()
    if len(detail) > DETAIL_BYTES_MAX:
        raise ValueError(f"The detail of {act.action} is longer than {DETAIL_BYTES_MAX} bytes")
    number = head.number + 1
    digest = _digest(head.hash, number, ts, act.actor, act.action, act.subject, detail)
    return Entry(number, ts, act.actor, act.action, act.subject, detail, digest)


async def verify(reader: AuditReader) -> tuple[int, Break | None]:
    """How many entries hold from the first on, and the first break if there is one.

    Entries that are appended meanwhile are no break: the head is read before them.
    """
    head = await reader.load_head()
    reached = Head(0, ORIGIN)
    async for entry in reader.stream_entries():
        if broken := _break(reached, entry):
            return reached.number, broken
        reached = Head(entry.number, entry.hash)
        if reached.number == head.number and reached.hash != head.hash:
            return reached.number - 1, Break(reached.number, "its hash is not the head's")
    if reached.number < head.number:
        return reached.number, Break(reached.number + 1, "missing: the head has a later number")
    return reached.number, None


def _break(before: Head, entry: Entry) -> Break | None:
    if entry.number != before.number + 1:
        return Break(before.number + 1, "missing")
    if entry.hash != _digest(before.hash, *entry[:-1]):
        return Break(entry.number, "changed: its content or the entry before it is not what it was")
    return None


def _digest(
    before: bytes, number: int, ts: int, actor: str, action: str, subject: str, detail: str
) -> bytes:
    content = canonical_json([number, ts, actor, action, subject, detail])
    return hashlib.sha256(before + content).digest()
