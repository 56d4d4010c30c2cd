"""Events as one reader is shown them, outside /sync: rendered with what belongs beside them."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from bongsu.log.entry import LoggedEvent
from bongsu.rooms.access import RoomView
from bongsu.rooms.client_event import NO_EXTRAS, Extras, render
from bongsu.rooms.extras import ExtrasReader, load_extras


class PresentedReader(ExtrasReader, Protocol):
    async def load_members(self, wishes: Sequence[tuple[str, str, int, int]]) -> list[LoggedEvent]:
        """Member events of (room id, user id), the latest at after < position <= through."""
        ...


class Presenter:
    """Turns events into JSON, with bundled aggregations and `unsigned`."""

    def __init__(self, reader: PresentedReader) -> None:
        self._reader = reader

    async def present(self, view: RoomView, events: Sequence[LoggedEvent]) -> list[msgspec.Raw]:
        """Events in the order given. The caller has checked that the reader may see them."""
        extras = await load_extras(
            self._reader,
            events,
            view.reader,
            vector=view.vector,
            with_relations=True,
            is_visible=view.shows,
            membership=view.membership_at,
        )
        return [
            msgspec.Raw(show(view, event, extras.get(event.event_id, NO_EXTRAS)))
            for event in events
        ]

    async def senders_of(self, view: RoomView, events: Sequence[LoggedEvent]) -> list[LoggedEvent]:
        """Member events of the senders, as of the latest of these events (lazy loading)."""
        if not events:
            return []
        through = max(event.position for event in events)
        senders = sorted({event.facts.sender for event in events})
        return await self._reader.load_members(
            [(view.room_id, sender, 0, through) for sender in senders]
        )


def show(view: RoomView, event: LoggedEvent, extras: Extras = NO_EXTRAS) -> bytes:
    """The JSON of one event for one reader, with its room id."""
    return render(
        event,
        membership=view.membership_at(event),
        device=view.device,
        extras=extras,
        room_id=True,
    )
