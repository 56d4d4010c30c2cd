"""Which members a lazily loading device was already shown: a saving, never a promise.

What is noted here counts only once the device comes back with the token of the answer that showed
it, so a lost answer loses no member. Spec: client-server API, "Lazy-loading room members".
"""

from collections import OrderedDict
from collections.abc import Iterable

from bongsu.rooms.client_event import Device

ROOMS_MAX = 50_000
MEMBERS_PER_ROOM_MAX = 1_000

_Key = tuple[Device, str]


class SentMembers:
    def __init__(self) -> None:
        # By device and room, the moment at which each member was last shown.
        self._sent: OrderedDict[_Key, dict[str, int]] = OrderedDict()

    def missing(
        self, device: Device, room_id: str, members: Iterable[str], moment: int
    ) -> list[str]:
        """Those of `members` that the holder of a token of `moment` was not shown."""
        sent = self._sent.get((device, room_id), {})
        return [each for each in members if sent.get(each, moment + 1) > moment]

    def forget(self, device: Device, room_id: str) -> None:
        self._sent.pop((device, room_id), None)

    def note(self, device: Device, room_id: str, members: Iterable[str], moment: int) -> None:
        key = (device, room_id)
        sent = self._sent.setdefault(key, {})
        self._sent.move_to_end(key)
        for member in members:
            if member in sent or len(sent) < MEMBERS_PER_ROOM_MAX:
                # Known from before, it stays known from before.
                sent.setdefault(member, moment)
        if len(self._sent) > ROOMS_MAX:
            self._sent.popitem(last=False)
