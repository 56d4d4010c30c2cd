"""What may be asked of a room's sequencer."""

from typing import Any

import msgspec

from bongsu.log.proposal import Proposal


class SendEvent(Proposal, tag="send", frozen=True):
    """Append one event to the room `key`. State if `state_key` is given.

    `device_id` and `txn_id` are shown to that device as `unsigned.transaction_id`. The time `ts`
    (ms) stands in the event instead of the sequencer's, if an application service gives one.
    """

    sender: str
    type: str
    content: dict[str, Any]
    state_key: str | None = None
    redacts: str | None = None
    device_id: str | None = None
    txn_id: str | None = None
    after: tuple[tuple[int, int], ...] = ()  # see log.entry.EventFacts
    ts: int | None = None


class InitialEvent(msgspec.Struct, frozen=True, array_like=True):
    """A state event of a new room, sent by its creator."""

    type: str
    state_key: str
    content: dict[str, Any]


class CreateRoom(Proposal, tag="create", frozen=True):
    """Make the room `key` with all its first events at once, or none of them.

    `created_at` (ms) is that of the create event, whose hash is the room id from version 12 on.
    `events` begins with the create event.
    """

    version: str
    creator: str
    created_at: int
    events: list[InitialEvent]


class MarkRead(Proposal, tag="receipt", frozen=True):
    """Move a user's receipt forward to an event of the room `key`; never back."""

    user_id: str
    receipt_type: str
    event_id: str
    thread_id: str | None
    ts: int


RoomProposal = SendEvent | CreateRoom | MarkRead
