"""What may be asked of the sequencer of a user's own partition. `key` is the user id."""

import msgspec

from bongsu.log.proposal import Proposal


class PutAccountData(Proposal, tag="account_data", frozen=True):
    """Set account data, global (`room_id` None) or of a room, to this JSON.

    With `expected` it is set only if the last change stands at that position, 0 for none.
    """

    type: str
    content: bytes
    room_id: str | None = None
    expected: int | None = None


class PutProfileField(Proposal, tag="profile", frozen=True):
    """Set a field of the profile to this JSON, or (value None) remove it."""

    field: str
    value: bytes | None


class ChangeDeviceList(Proposal, tag="device_list", frozen=True):
    """Say that the user's devices or their keys changed; or, with `signed`, that to this user
    alone the keys of those look different: they were signed."""

    signed: tuple[str, ...] = ()


class Message(msgspec.Struct, frozen=True, array_like=True):
    """For one device of a user, or with `*` for all: JSON of the event."""

    user_id: str
    device_id: str
    body: bytes


class SendToDevice(Proposal, tag="to_device", frozen=True):
    """Put messages into the inboxes of devices whose users all live in the partition of `key`."""

    sender: str
    device_id: str
    messages: list[Message]


class ChangeOneTimeKeys(Proposal, tag="one_time_keys", frozen=True):
    """Say that keys of these (user, device) came or went; all users live where `key` does."""

    devices: list[tuple[str, str]]


class ForgetRoom(Proposal, tag="forget", frozen=True):
    """Forget a room after the leave at `leave_position`."""

    room_id: str
    leave_position: int


UserProposal = (
    PutAccountData
    | PutProfileField
    | ChangeDeviceList
    | ForgetRoom
    | SendToDevice
    | ChangeOneTimeKeys
)
