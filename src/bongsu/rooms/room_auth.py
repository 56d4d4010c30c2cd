"""What the authorisation rules need to know of a room, parsed once and kept up event by event."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from bongsu.ids import EventId, RoomId, UserId
from bongsu.rooms.event import Event
from bongsu.rooms.join_rules import JoinRules, join_rules_from
from bongsu.rooms.power_levels import PowerLevels
from bongsu.rooms.room_version import RoomVersion

StateKey = tuple[str, str]
"""(type, state_key) of a piece of state."""


class RoomAuth(Protocol):
    """The part of a room's state that the rules look at. All of it is as before the event."""

    @property
    def version(self) -> RoomVersion: ...
    @property
    def room_id(self) -> RoomId: ...
    @property
    def create_sender(self) -> UserId: ...
    @property
    def creators(self) -> frozenset[UserId]: ...
    @property
    def federate(self) -> bool: ...
    @property
    def only_create(self) -> bool:
        """Whether the create event is the only one: the next may be the creator's join."""
        ...

    @property
    def power_levels(self) -> PowerLevels: ...
    @property
    def join_rules(self) -> JoinRules: ...
    def membership(self, user_id: UserId) -> str | None:
        """join, invite, knock, leave or ban; None for who was never in the room."""
        ...

    def third_party_invite(self, token: str) -> tuple[UserId, Mapping[str, Any]] | None:
        """Sender and content of m.room.third_party_invite with that state key."""
        ...


class AuthState:
    """A `RoomAuth` in memory, fed with the room's state events in order by `apply`.

    It holds the memberships it was given: a caller that loads members by need must load those of
    `auth_event_keys` before it asks. `event_ids` names the event behind each piece of state.
    """

    __slots__ = (
        "create_sender", "creators", "event_ids", "federate", "join_rules", "members",
        "only_create", "power_levels", "room_id", "third_party_invites", "version",
    )  # fmt: skip

    def __init__(self, version: RoomVersion, create: Event) -> None:
        self.version = version
        self.room_id = create.room_id
        self.create_sender = create.sender
        self.creators = creators_of(version, create.sender, create.content)
        self.federate = create.content.get("m.federate") is not False
        self.only_create = True
        self.power_levels = PowerLevels(version, self.creators)
        self.join_rules = JoinRules()
        self.members: dict[UserId, str] = {}
        self.third_party_invites: dict[str, tuple[UserId, Mapping[str, Any]]] = {}
        self.event_ids: dict[StateKey, EventId] = {("m.room.create", ""): create.event_id}

    def apply(self, event: Event) -> None:
        """Take in an authorised event of the room; messages only end `only_create`."""
        self.only_create = False
        if event.state_key is None:
            return
        key = (event.type, event.state_key)
        if key == ("m.room.power_levels", ""):
            self.power_levels = PowerLevels(self.version, self.creators, event.content)
        elif key == ("m.room.join_rules", ""):
            self.join_rules = join_rules_from(event.content)
        elif event.type == "m.room.member":
            self.members[UserId(event.state_key)] = event.content["membership"]
        elif event.type == "m.room.third_party_invite":
            self.third_party_invites[event.state_key] = (event.sender, event.content)
        else:
            return
        self.event_ids[key] = event.event_id

    def membership(self, user_id: UserId) -> str | None:
        return self.members.get(user_id)

    def third_party_invite(self, token: str) -> tuple[UserId, Mapping[str, Any]] | None:
        return self.third_party_invites.get(token)

    def auth_events(self, keys: Sequence[StateKey]) -> list[EventId]:
        """The events behind `keys` (of `auth_event_keys`), leaving out what the room has not."""
        return [self.event_ids[key] for key in keys if key in self.event_ids]


def creators_of(
    version: RoomVersion, sender: UserId, content: Mapping[str, Any]
) -> frozenset[UserId]:
    """The creators of a room from its create event: one, or in v12 also `additional_creators`."""
    if not version.privileged_creators:
        return frozenset({sender})
    additional = cast("list[UserId]", content.get("additional_creators", []))
    return frozenset({sender, *additional})
