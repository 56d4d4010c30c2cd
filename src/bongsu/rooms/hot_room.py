"""A room in the memory of its sequencer: what deciding on its next event takes, and no more.

Members are looked up by key and kept as they are needed, so a room of 100,000 costs what its
active people cost. All other state is known by event id, and by content where the rules, an
invitation or a repeated state event need it.
"""

from collections import OrderedDict
from typing import Any

from bongsu.ids import EventId
from bongsu.log.entry import LoggedEvent, Receipt
from bongsu.rooms.event import Event
from bongsu.rooms.room_auth import AuthState, StateKey
from bongsu.rooms.visibility import history_visibility_of

# Caches may grow to twice their bound before they are cut back to it: a cut makes what is being
# loaded for the room start again.
RECENT_EVENTS_MAX = 256  # remembered as targets of relations, redactions and receipts
RECEIPTS_MAX = 4096
ANNOTATIONS_MAX = 256

# State whose content stays in memory: for the rules, and shown to who is invited.
STRIPPED_TYPES = (
    "m.room.create",
    "m.room.name",
    "m.room.avatar",
    "m.room.topic",
    "m.room.join_rules",
    "m.room.canonical_alias",
    "m.room.encryption",
)
KEPT_TYPES = frozenset(
    {
        *STRIPPED_TYPES,
        "m.room.power_levels",
        "m.room.history_visibility",
        "m.room.third_party_invite",
        "m.room.guest_access",
        "m.room.member",
    }
)

ReceiptKey = tuple[str, str, str | None]  # user, type, thread


class HotRoom:
    """Changed only while a batch is planned; thrown away whenever a commit did not succeed."""

    def __init__(self, auth: AuthState, partition: int) -> None:
        self.auth = auth
        self.partition = partition
        self.state: dict[StateKey, EventId] = {}
        self.kept: dict[StateKey, Event] = {}
        self.loaded_members: set[str] = set()
        self.visibility = "shared"
        self.created_position = 0
        self.last_event_id: EventId | None = None
        self.depth = 0
        self.joined_count = 0
        self.invited_count = 0
        self.notify_total = 0
        self.main_total = 0
        self.recent: OrderedDict[str, LoggedEvent | None] = OrderedDict()  # None: no such event
        self.receipts: OrderedDict[ReceiptKey, Receipt | None] = OrderedDict()
        self.annotations: OrderedDict[tuple[str, str, str], bool] = OrderedDict()
        self.cuts = 0  # how often a value may have left memory that a running load does not know

    @property
    def room_id(self) -> str:
        return self.auth.room_id

    def apply(self, event: Event) -> None:
        """Take in an event that the rules let in."""
        self.auth.apply(event)
        self.last_event_id = event.event_id
        self.depth = event.depth
        if event.state_key is None:
            return
        key = (event.type, event.state_key)
        self.state[key] = event.event_id
        if event.type in KEPT_TYPES:
            self.kept[key] = event
        if event.type == "m.room.member":
            self.loaded_members.add(event.state_key)
        if key == ("m.room.history_visibility", ""):
            self.visibility = history_visibility_of(event.content.get("history_visibility"))

    def count(self, before: str | None, after: str) -> None:
        """Keep the numbers of joined and invited members."""
        self.joined_count += (after == "join") - (before == "join")
        self.invited_count += (after == "invite") - (before == "invite")

    def count_notifying(self, thread: str | None) -> None:
        """Count a notifying event of the main timeline (None) or of a thread."""
        self.notify_total += 1
        self.main_total += thread is None

    def remember(self, event: LoggedEvent) -> None:
        self.recent[event.event_id] = event

    def trim(self) -> None:
        """Cut the caches to their bounds; only while all they hold is durable."""
        for cache, limit in (
            (self.recent, RECENT_EVENTS_MAX),
            (self.receipts, RECEIPTS_MAX),
            (self.annotations, ANNOTATIONS_MAX),
        ):
            if len(cache) > 2 * limit:
                self.cuts += 1
                _cut(cache, limit)

    def stripped_state(self, invitation: Event) -> list[dict[str, Any]]:
        """What an invited or knocking user may see (spec: "Stripped state")."""
        events = [self.kept[key] for type in STRIPPED_TYPES if (key := (type, "")) in self.kept]
        inviter = self.kept.get(("m.room.member", invitation.sender))
        if inviter is not None and invitation.sender != invitation.state_key:  # no knock
            events.append(inviter)
        events.append(invitation)
        return [_strip(event) for event in events]


def _strip(event: Event) -> dict[str, Any]:
    return {
        "type": event.type,
        "state_key": event.state_key,
        "sender": event.sender,
        "content": event.content,
    }


def _cut(cache: "OrderedDict[Any, Any]", limit: int) -> None:
    while len(cache) > limit:
        cache.popitem(last=False)
