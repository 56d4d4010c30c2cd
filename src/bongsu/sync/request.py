"""What a client asks of `GET /sync`. Spec: client-server API, "Syncing"."""

from typing import NamedTuple

from bongsu.rooms.client_event import Device
from bongsu.sync.filter import Filter

WAIT_SECONDS_MAX = 60.0


class SyncRequest(NamedTuple):
    """Parameters of `GET /sync`, parsed. `state_key`: see `View`."""

    device: Device
    filter: Filter
    since: str | None
    timeout_seconds: float
    full_state: bool = False
    set_presence: str = "online"
    state_key: str = "state"
