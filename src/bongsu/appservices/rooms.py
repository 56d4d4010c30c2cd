"""Rooms that services list under the networks they bridge. Spec: "Published room directories"."""

from typing import Protocol

from bongsu.errors import InvalidParam, NotFound
from bongsu.ids import RoomId
from bongsu.rooms.reading import RoomReader

NETWORK_ID_CHARACTERS_MAX = 255


class ServiceRoomStore(Protocol):
    async def publish(
        self, service_id: str, network_id: str, room_id: str, public: bool
    ) -> None: ...


class ServiceRooms:
    def __init__(self, store: ServiceRoomStore, rooms: RoomReader) -> None:
        self._store = store
        self._rooms = rooms

    async def publish(
        self, service_id: str, network_id: str, room_id: RoomId, public: bool
    ) -> None:
        if len(network_id) > NETWORK_ID_CHARACTERS_MAX:
            raise InvalidParam("The network id is too long")
        if await self._rooms.room(room_id) is None:
            raise NotFound("Room not found")
        await self._store.publish(service_id, network_id, room_id, public)
