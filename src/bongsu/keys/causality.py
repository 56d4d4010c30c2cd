"""No room event is shown before the room key that opens it.

A client sends room keys to devices, waits for the 200, then sends the event. The keys lie in the
partitions of their receivers, the event in that of its room, and a follower may learn of one
partition before another: a frame lost on the bus, two owners, a catch-up from the tables. So the
first event that a device sends to a room after its messages to devices carries where those lie
(`EventFacts.after`), and a follower applies it, and so whatever follows it in that room, only once
it has applied those. One owner writes both in this order anyway, and then nothing ever waits.

What a device sent is learnt from the log, by every node. The node that answered for the keys knows
them before its 200. A client that then sends its event through another node relies on that node
having applied the keys as well; should it be behind, that one event goes without its condition.
"""

from collections import OrderedDict
from collections.abc import Sequence

from bongsu.log.entry import Entry, Kind, decode_to_device

DEVICES_MAX = 10_000
ROOMS_PER_DEVICE_MAX = 200

Places = tuple[tuple[int, int], ...]


class _Sent:
    """What one device sent: its latest position in each partition, and which rooms say so."""

    __slots__ = ("places", "positions", "rooms")

    def __init__(self) -> None:
        self.positions: dict[int, int] = {}
        self.places: Places | None = None
        self.rooms: dict[str, Places] = {}


class SentToDevice:
    """Implements `rooms.sending.SentKeys`. Listens to the log."""

    def __init__(self) -> None:
        self._devices: OrderedDict[tuple[str, str], _Sent] = OrderedDict()

    def on_entries(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.kind == Kind.TO_DEVICE:
                notice = decode_to_device(entry.body)
                self._add((notice.sender, notice.sender_device_id), entry)

    def before(self, user_id: str, device_id: str, room_id: str) -> Places:
        sent = self._devices.get((user_id, device_id))
        if sent is None:
            return ()
        if sent.places is None:
            sent.places = tuple(sorted(sent.positions.items()))
        return () if sent.rooms.get(room_id) == sent.places else sent.places

    def told(self, user_id: str, device_id: str, room_id: str, after: Places) -> None:
        sent = self._devices.get((user_id, device_id))
        if sent is not None:
            sent.rooms[room_id] = after
            if len(sent.rooms) > ROOMS_PER_DEVICE_MAX:
                del sent.rooms[next(iter(sent.rooms))]

    def _add(self, device: tuple[str, str], entry: Entry) -> None:
        sent = self._devices.get(device)
        if sent is None:
            sent = self._devices[device] = _Sent()
            if len(self._devices) > DEVICES_MAX:
                self._devices.popitem(last=False)
        else:
            self._devices.move_to_end(device)
        sent.positions[entry.partition] = entry.position
        sent.places = None
