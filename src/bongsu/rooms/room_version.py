"""Room versions 10, 11 and 12, and what tells them apart.

All three know knocking, `restricted` and `knock_restricted` joins, event ids that are hashes, power
levels that are strictly integers, and canonical JSON strictly enforced: no flag says so.
"""

from dataclasses import dataclass

from bongsu.errors import Refused


@dataclass(frozen=True, slots=True)
class RoomVersion:
    """One room version. Each flag names a change and the version that brought it."""

    identifier: str
    updated_redaction_rules: bool = False
    """v11: more survives: all of create, `invite` levels, `signed` of third-party invites."""
    redacts_in_content: bool = False
    """v11: a redaction names its target in `content`, not at the top level."""
    creator_in_content: bool = True
    """Up to v10: the create event repeats its sender as `content.creator`."""
    room_id_is_create_hash: bool = False
    """v12: the room id is the create event's id with `!`, so `auth_events` need not name it."""
    privileged_creators: bool = False
    """v12: creators have infinite power, may be several, and never stand in power levels."""


ROOM_VERSIONS = {
    "10": RoomVersion("10"),
    "11": RoomVersion(
        "11", updated_redaction_rules=True, redacts_in_content=True, creator_in_content=False
    ),
    "12": RoomVersion(
        "12",
        updated_redaction_rules=True,
        redacts_in_content=True,
        creator_in_content=False,
        room_id_is_create_hash=True,
        privileged_creators=True,
    ),
}


def room_version(identifier: str) -> RoomVersion:
    """The version of that name; `Refused` M_UNSUPPORTED_ROOM_VERSION if this server has it not."""
    version = ROOM_VERSIONS.get(identifier)
    if version is None:
        raise Refused(
            f"Room version {identifier[:32]!r} is not supported",
            code="M_UNSUPPORTED_ROOM_VERSION",
        )
    return version
