"""What a client asks of /search, checked; and the tokens by which it asks for more.

A token names the last result that was shown, so what is said meanwhile moves nothing. Within a
group it also names the group. Nothing in it is a right: it only narrows what one may see.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Literal, NamedTuple

import msgspec

from bongsu.errors import BadJson, InvalidParam
from bongsu.log.entry import LoggedEvent
from bongsu.rooms.event_filter import RELATED_NAMES_MAX, RoomEventFilter
from bongsu.search.documents import Kind
from bongsu.search.terms import Wording
from bongsu.sync.filter import NAMES_MAX, Selection

TERM_CHARACTERS_MAX = 500
RESULTS_DEFAULT = 10
RESULTS_MAX = 50
CONTEXT_DEFAULT = 5
CONTEXT_MAX = 20  # events on either side of a result
TOKEN_CHARACTERS_MAX = 1_000
PARTITION_MAX, NUMBER_MAX = 63, 2**63 - 2  # what follows the last one is a bigint still

Key = Literal["content.body", "content.name", "content.topic"]
GroupKey = Literal["room_id", "sender"]
RelatedBy = tuple[list[str] | None, list[str] | None]  # senders, relation types; None: any
_KINDS = {"content.body": Kind.BODY, "content.name": Kind.NAME, "content.topic": Kind.TOPIC}


class EventContext(msgspec.Struct, frozen=True):
    before_limit: Annotated[int, msgspec.Meta(ge=0)] = CONTEXT_DEFAULT
    after_limit: Annotated[int, msgspec.Meta(ge=0)] = CONTEXT_DEFAULT
    include_profile: bool = False


class Group(msgspec.Struct, frozen=True):
    key: GroupKey


class Groupings(msgspec.Struct, frozen=True):
    group_by: Annotated[list[Group], msgspec.Meta(max_length=RELATED_NAMES_MAX)] = []


class Criteria(msgspec.Struct, frozen=True):
    """`search_categories.room_events` of the request."""

    search_term: str
    keys: list[Key] | None = None
    filter: RoomEventFilter = RoomEventFilter()
    order_by: Literal["rank", "recent"] = "rank"
    event_context: EventContext | None = None
    include_state: bool = False
    groupings: Groupings = Groupings()


Partition = Annotated[int, msgspec.Meta(ge=0, le=PARTITION_MAX)]
Number = Annotated[int, msgspec.Meta(ge=0, le=NUMBER_MAX)]


class Spot(NamedTuple):
    """Where a document stands in time: the newer ones are greater."""

    ts: Number
    partition: Partition
    position: Number

    @property
    def following(self) -> "Spot":
        return self._replace(position=self.position + 1)


class Place(NamedTuple):
    """Where a result stands among all: the greater ones come first. `rank` is 0 by recency."""

    rank: float
    ts: int
    partition: int
    position: int

    @property
    def spot(self) -> Spot:
        return Spot(*self[1:])


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """What a token holds: the last result shown, how many there are, and the group it is of.

    `ceiling` is above the newest result there was: ranks are given among those below it.
    """

    rank: float
    ts: Number
    partition: Partition
    position: Number
    count: Number
    group_key: GroupKey | None = None
    group: str = ""
    ceiling: Spot | None = None

    @property
    def place(self) -> Place:
        return Place(self.rank, self.ts, self.partition, self.position)


class Search:
    """Criteria made ready to search by."""

    def __init__(self, criteria: Criteria, token: str | None) -> None:
        """`InvalidParam` or `BadJson` for what cannot be searched by."""
        _check(criteria)
        self.criteria = criteria
        self.wording = Wording(criteria.search_term)
        self.cursor = None if token is None else parse_token(token)
        self.by_rank = criteria.order_by == "rank"
        keys = criteria.keys or list(_KINDS)
        self.kinds = sorted({int(_KINDS[key]) for key in keys})
        wanted = criteria.filter.limit
        self.limit = RESULTS_DEFAULT if wanted is None else max(1, min(wanted, RESULTS_MAX))
        self.rooms = criteria.filter.rooms
        self.senders = criteria.filter.senders
        if self.cursor is not None:
            if self.cursor.group_key == "room_id":
                self.rooms = _only(self.cursor.group, self.rooms)
            if self.cursor.group_key == "sender":
                self.senders = _only(self.cursor.group, self.senders)
        self._selection = Selection(
            msgspec.structs.replace(criteria.filter, rooms=self.rooms, senders=self.senders)
        )

    @property
    def group_keys(self) -> list[GroupKey]:
        return list(dict.fromkeys(group.key for group in self.criteria.groupings.group_by))

    def allows_room(self, room_id: str) -> bool:
        return self._selection.allows_room(room_id)

    def allows(self, event: LoggedEvent) -> bool:
        """Whether the filter lets an event through, `related_by` left aside."""
        if not self._selection.allows(event.facts.type, event.facts.sender):
            return False
        wanted = self._selection.contains_url
        return wanted is None or isinstance(event.content.get("url"), str) == wanted

    @property
    def related_by(self) -> RelatedBy | None:
        """Of which an event must have a child; None where it needs none."""
        senders = self.criteria.filter.related_by_senders
        rel_types = self.criteria.filter.related_by_rel_types
        return None if senders is None and rel_types is None else (senders, rel_types)

    def token(
        self,
        place: Place,
        count: int,
        ceiling: Spot | None,
        key: GroupKey | None = None,
        group: str = "",
    ) -> str:
        """Where the search goes on after `place`, within a group if one is named."""
        if key is None and self.cursor is not None:
            key, group = self.cursor.group_key, self.cursor.group
        packed = msgspec.msgpack.encode(Cursor(*place, count, key, group, ceiling))
        return urlsafe_b64encode(packed).rstrip(b"=").decode()


def parse_token(text: str) -> Cursor:
    """`InvalidParam` if it is none of ours."""
    try:
        if len(text) > TOKEN_CHARACTERS_MAX:
            raise ValueError
        packed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        cursor = msgspec.msgpack.decode(packed, type=Cursor)
        if "\0" in cursor.group:
            raise ValueError
    except (ValueError, msgspec.MsgspecError):
        raise InvalidParam("Not a valid token") from None
    return cursor


def _only(name: str, names: list[str] | None) -> list[str]:
    return [name] if names is None or name in names else []


def _check(criteria: Criteria) -> None:
    if len(criteria.search_term) > TERM_CHARACTERS_MAX:
        raise InvalidParam(f"The search term is longer than {TERM_CHARACTERS_MAX} characters")
    if "\0" in criteria.search_term:
        raise InvalidParam("The search term holds a NUL")
    definition = criteria.filter
    if definition.limit is not None and definition.limit < 0:
        raise BadJson("limit is below 0")
    for names, most in (
        (definition.rooms, NAMES_MAX),
        (definition.not_rooms, NAMES_MAX),
        (definition.senders, NAMES_MAX),
        (definition.not_senders, NAMES_MAX),
        (definition.types, NAMES_MAX),
        (definition.not_types, NAMES_MAX),
        (definition.related_by_senders, RELATED_NAMES_MAX),
        (definition.related_by_rel_types, RELATED_NAMES_MAX),
    ):
        if names is not None and (len(names) > most or any("\0" in name for name in names)):
            raise BadJson("A list is too long, or holds a NUL")
