"""A transaction in the making: bounded, and once encoded never changed.

Names with a dot are those of proposals that the spec has not taken up yet: MSC2409's messages to
devices and MSC3202's device lists and key counts, as bridges know them from other servers.
"""

from collections.abc import Mapping, Sequence

import msgspec

from bongsu.log.entry import LoggedEvent

EVENTS_MAX = 100
EPHEMERAL_MAX = 100
MESSAGES_MAX = 100
BYTES_MAX = 512 * 1024  # with the last event: services commonly read up to 1 MiB

EPHEMERAL = "ephemeral"
EPHEMERAL_UNSTABLE = "de.sorunome.msc2409.ephemeral"
TO_DEVICE = "de.sorunome.msc2409.to_device"
DEVICE_LISTS = "org.matrix.msc3202.device_lists"
KEY_COUNTS = "org.matrix.msc3202.device_one_time_keys_count"
FALLBACK_TYPES = "org.matrix.msc3202.device_unused_fallback_key_types"

Counts = Mapping[str, int]


class AddressedMessage(msgspec.Struct, frozen=True):
    """What a message to a device says besides of whom it is for."""

    to_user_id: str
    to_device_id: str


class Content(msgspec.Struct, frozen=True):
    """What a body holds that is to be forgotten here once it is taken."""

    to_device: list[AddressedMessage] = msgspec.field(
        default_factory=list[AddressedMessage], name=TO_DEVICE
    )


class Draft:
    """Gathers what one transaction tells. `ephemeral_name` is where the service looks for that."""

    def __init__(self, ephemeral_name: str = EPHEMERAL) -> None:
        self.events: list[LoggedEvent] = []
        self.ephemeral: list[bytes] = []
        self.to_device: list[bytes] = []
        self.changed: dict[str, None] = {}
        self.counts: dict[str, dict[str, Counts]] = {}
        self.fallback_types: dict[str, dict[str, Sequence[str]]] = {}
        self.size = 0
        self._ephemeral_name = ephemeral_name

    @property
    def is_empty(self) -> bool:
        lists = self.events, self.ephemeral, self.to_device, self.changed, self.counts
        return not any(lists)

    @property
    def is_full(self) -> bool:
        return (
            self.size >= BYTES_MAX
            or len(self.events) >= EVENTS_MAX
            or len(self.ephemeral) >= EPHEMERAL_MAX
            or len(self.to_device) >= MESSAGES_MAX
        )

    def add_event(self, event: LoggedEvent) -> None:
        self.events.append(event)
        self.size += len(event.body)

    def add_ephemeral(self, event: bytes) -> None:
        self.ephemeral.append(event)
        self.size += len(event)

    def add_message(self, user_id: str, device_id: str, message: bytes) -> None:
        """A message to a device, with whom it is for."""
        whom = msgspec.json.encode({"to_user_id": user_id, "to_device_id": device_id})
        self.to_device.append(message[:-1] + b"," + whom[1:])
        self.size += len(message)

    def add_counts(
        self, user_id: str, device_id: str, counts: Counts, fallback_types: Sequence[str]
    ) -> None:
        """How many one-time keys of each algorithm a device has left."""
        self.counts.setdefault(user_id, {})[device_id] = counts
        self.fallback_types.setdefault(user_id, {})[device_id] = fallback_types

    def encode(self, events: Sequence[bytes]) -> bytes:
        """The body, with `events` rendered as clients get them."""
        body: dict[str, object] = {"events": _raw(events)}
        if self.ephemeral:
            body[self._ephemeral_name] = _raw(self.ephemeral)
        if self.to_device:
            body[TO_DEVICE] = _raw(self.to_device)
        if self.changed:
            body[DEVICE_LISTS] = {"changed": list(self.changed), "left": []}
        if self.counts:
            body[KEY_COUNTS] = self.counts
            body[FALLBACK_TYPES] = self.fallback_types
        return msgspec.json.encode(body)


def _raw(events: Sequence[bytes]) -> list[msgspec.Raw]:
    return [msgspec.Raw(event) for event in events]
