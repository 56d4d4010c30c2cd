"""Power as it stands in a room, for what is decided outside its sequencer."""

from bongsu.errors import Forbidden
from bongsu.ids import UserId
from bongsu.rooms.power_levels import PowerLevels
from bongsu.rooms.reading import RoomInfo, RoomReader
from bongsu.rooms.room_auth import creators_of
from bongsu.rooms.room_version import room_version


async def power_levels(rooms: RoomReader, info: RoomInfo) -> PowerLevels:
    """The levels in force."""
    version = room_version(info.version)
    create = await rooms.state_event(info.room_id, "m.room.create", "")
    content = create.content if create else {}
    creators = creators_of(version, UserId(info.creator), content)
    event = await rooms.state_event(info.room_id, "m.room.power_levels", "")
    return PowerLevels(version, creators, event.content if event else None)


async def may_send_state(rooms: RoomReader, info: RoomInfo, user_id: UserId, type: str) -> bool:
    """Whether the user is joined and has the power to set state of `type`."""
    member = await rooms.member(info.room_id, user_id)
    if member is None or member.membership != "join":
        return False
    levels = await power_levels(rooms, info)
    return levels.level_of(user_id) >= levels.required_for(type, is_state=True)


async def check_joined(rooms: RoomReader, info: RoomInfo, user_id: UserId) -> None:
    member = await rooms.member(info.room_id, user_id)
    if member is None or member.membership != "join":
        raise Forbidden("You are not in the room")
