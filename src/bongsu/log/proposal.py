"""What gateways ask a sequencer to append, and how a retry is recognised.

Every proposal carries a request id that is scoped to its asker. The id is recorded in the row it
produced, so a retry through another node, site or primary gets the first answer, for ever.
"""

import secrets
from hashlib import blake2b
from typing import ClassVar

import msgspec

from bongsu.errors import BongsuError, Refused, Unavailable

REQUEST_ID_BYTES = 16

# What this release understands. A proposal that leads to a kind of entry unknown to the release
# before says so by its own `level`: it waits until every live node has announced as much.
FEATURE_LEVEL = 1


class Proposal(msgspec.Struct, frozen=True, kw_only=True, tag_field="proposal"):
    """Base of all proposals. `key` is the room or user whose partition decides."""

    level: ClassVar[int] = 1  # of the kinds of entry that it leads to

    key: str
    request_id: bytes


class Accepted(msgspec.Struct, frozen=True):
    """Durable. `position` is that of the last entry, 0 if nothing had to be appended."""

    partition: int
    position: int
    key: str
    event_id: str = ""


class NotOwner(BongsuError):
    """This node does not write the partition (any more). Nothing was written; ask the owner."""


class OwnershipLost(BongsuError):
    """The pen failed or was taken: the outcome of what it was writing is unknown."""


class PoisonedBatch(BongsuError):
    """The engine refused the rows of a batch for what they hold. Nothing was written."""


class Outcome(msgspec.Struct, frozen=True):
    """An answer of a sequencer as it crosses the bus: accepted, refused, or try another."""

    accepted: Accepted | None = None
    unavailable: str | None = None  # too busy, or too late
    refused: tuple[int, str, str, dict[str, object]] | None = None  # status, code, message, extra

    def unwrap(self) -> Accepted:
        """The acceptance; raises `Refused` or `Unavailable`, or `NotOwner` if it is neither."""
        if self.accepted is not None:
            return self.accepted
        if self.refused is not None:
            status, code, message, extra = self.refused
            raise Refused(message, code=code, status=status, extra=extra)
        if self.unavailable is not None:
            raise Unavailable(self.unavailable)
        raise NotOwner()


def outcome_of(refused: Refused) -> Outcome:
    return Outcome(refused=(refused.status, refused.code, refused.message, refused.extra))


def fresh_request_id() -> bytes:
    """For a request without a transaction id: unique, and kept over the gateway's own retries."""
    return secrets.token_bytes(REQUEST_ID_BYTES)


def scoped_request_id(user_id: str, device_id: str, endpoint: str, *rest: str) -> bytes:
    """The id of a client's transaction: (user, device, endpoint with its path parts, txn id).

    A narrower scope would swallow another room's message. The first half depends on the device
    alone, which keeps one device's ids together in the index.
    """
    device = _digest((user_id, device_id))
    return device + _digest((endpoint, *rest))


def _digest(parts: tuple[str, ...]) -> bytes:
    state = blake2b(digest_size=REQUEST_ID_BYTES // 2)
    for part in parts:
        data = part.encode()
        state.update(len(data).to_bytes(4, "big"))
        state.update(data)
    return state.digest()
