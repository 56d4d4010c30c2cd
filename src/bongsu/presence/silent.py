"""Presence on a server whose operator turned it off: nothing is known of anybody."""

from collections.abc import Callable, Collection

from bongsu.rooms.client_event import Device


class SilentPresence:
    """Implements `sync.sources.PresenceSource`."""

    source = "silent"
    cursor = 0

    def version(self, user_id: str) -> int:
        return 0

    def event(self, user_id: str) -> bytes | None:
        return None

    def active_users(self) -> Collection[str]:
        return ()

    def listen(self, listener: Callable[[str], None]) -> None:
        return None

    def touch(self, device: Device, presence: str) -> None:
        return None
