"""The event nearest to a moment, without an index of moments.

A room's events are stamped as they are given their places, so origin_server_ts grows with the
position but for a clock that was set back: a binary search over positions finds the place, and a
look at its neighbours makes up for the clock.
"""

from typing import Protocol

import msgspec

from bongsu.errors import NotFound
from bongsu.log.entry import LoggedEvent
from bongsu.rooms.access import RoomAccess, RoomView
from bongsu.rooms.history import LOOKED_AT_MAX
from bongsu.users.requester import Requester

NEIGHBOURS = 50  # looked at before the place found
BATCH_EVENTS = 200


class TimedReader(Protocol):
    async def list_events(
        self, room_id: str, after: int, through: int, limit: int, *, backwards: bool
    ) -> list[LoggedEvent]: ...


class EventAtTime(msgspec.Struct):
    event_id: str
    origin_server_ts: int


class TimeSearch:
    def __init__(self, access: RoomAccess, reader: TimedReader) -> None:
        self._access = access
        self._reader = reader

    async def find(
        self, requester: Requester, room_id: str, ts: int, *, backwards: bool
    ) -> EventAtTime:
        """The visible event closest to `ts` (ms): at or after it, `backwards` at or before it."""
        view = await self._access.view(requester, room_id)
        through = view.through or 0
        place = await self._first_since(room_id, ts, through)
        found = await self._closest(view, place, through, ts, backwards)
        if found is None:
            direction = "backward" if backwards else "forward"
            raise NotFound(f"Unable to find event from {ts} in {direction} direction")
        return EventAtTime(found.event_id, stamp_of(found))

    async def _first_since(self, room_id: str, ts: int, through: int) -> int:
        """The position of the first event at or after `ts`, if stamps only grew."""
        low, high = 0, through + 1  # all at or below `low` are older, `high` and above are not
        while high - low > 1:
            middle = (low + high) // 2
            # The first event above `middle - 1` stands for all places up to its own.
            batch = await self._reader.list_events(
                room_id, middle - 1, high - 1, 1, backwards=False
            )
            if not batch or stamp_of(batch[0]) >= ts:
                high = middle
            else:
                low = batch[0].position
        return high

    async def _closest(
        self, view: RoomView, place: int, through: int, ts: int, backwards: bool
    ) -> LoggedEvent | None:
        """The first that fits, beginning a few events on the wrong side of `place`."""
        around = await self._reader.list_events(
            view.room_id,
            place - 1 if backwards else 0,
            through if backwards else place - 1,
            NEIGHBOURS,
            backwards=not backwards,
        )
        after, last = 0, through
        if around and backwards:
            last = around[-1].position
        elif around:
            after = around[-1].position - 1
        for _ in range(LOOKED_AT_MAX // BATCH_EVENTS):
            batch = await self._reader.list_events(
                view.room_id, after, last, BATCH_EVENTS, backwards=backwards
            )
            for event in batch:
                stamp = stamp_of(event)
                if (stamp <= ts if backwards else stamp >= ts) and view.shows(event):
                    return event
            if len(batch) < BATCH_EVENTS:
                return None
            if backwards:
                last = batch[-1].position - 1
            else:
                after = batch[-1].position
        return None


def stamp_of(event: LoggedEvent) -> int:
    return event.pdu["origin_server_ts"]
