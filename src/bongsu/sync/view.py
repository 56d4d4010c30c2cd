"""One answer in the making: who asks, since when, as of when, and how they want it shown."""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from bongsu.log.entry import LoggedEvent
from bongsu.rooms.client_event import NO_EXTRAS, Device, Extras, project, render
from bongsu.sync.filter import Filter, Selection
from bongsu.sync.history import History
from bongsu.sync.hot_user import HotUser
from bongsu.sync.sent_members import SentMembers
from bongsu.sync.token import Pin, SyncToken

encode = msgspec.json.encode


class View(NamedTuple):
    """`since` None: a first sync. `state_key` is the member of the answer that holds state:
    `state`, or `state_after` under one of its two names."""

    user: HotUser
    device: Device
    filter: Filter
    since: SyncToken | None
    pin: Pin
    full_state: bool
    state_key: str
    sent: SentMembers

    @property
    def state_is_after(self) -> bool:
        return self.state_key != "state"

    def after(self, partition: int) -> int | None:
        return None if self.since is None else self.since.vector[partition]

    def render(self, event: LoggedEvent, history: History, extras: Extras = NO_EXTRAS) -> bytes:
        """One event for this reader, as their filter wants it."""
        shown = render(
            event,
            membership=history.at(event.position),
            device=self.device,
            extras=extras,
            federation=self.filter.federation,
        )
        fields = self.filter.event_fields
        return shown if fields is None else project(shown, fields)

    def shows(self, event: LoggedEvent, history: History) -> bool:
        """Whether this reader may see an event, and wants to see its sender."""
        facts = event.facts
        if facts.state_key is None and facts.sender in self.user.ignored:
            return False
        return history.viewer.sees(event.position, facts.visibility, facts.visibility_before)


def passes(selection: Selection, event: LoggedEvent) -> bool:
    """Whether a filter lets an event through."""
    if selection.is_trivial:
        return True
    facts = event.facts
    if not (selection.allows_room(event.room_id) and selection.allows(facts.type, facts.sender)):
        return False
    wanted = selection.contains_url
    return wanted is None or isinstance(event.content.get("url"), str) == wanted


def events_object(events: Sequence[bytes]) -> bytes:
    """`{"events":[...]}`."""
    return b'{"events":[' + b",".join(events) + b"]}"


EMPTY_EVENTS = events_object(())
