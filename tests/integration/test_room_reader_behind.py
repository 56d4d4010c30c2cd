"""A node that has not heard of the latest entries yet says no only after it has caught up."""

import pytest
from fixtures.room_house import ALICE, BOB, RoomHouse, requester

from bongsu.errors import Forbidden, NotFound
from bongsu.log.follower import Follower
from bongsu.postgres.database import Database
from bongsu.postgres.entry_reader import PostgresEntryReader
from bongsu.postgres.history_store import PostgresHistoryStore
from bongsu.postgres.sync_store import PostgresSyncStore
from bongsu.rooms.access import RoomAccess
from bongsu.rooms.history import History
from bongsu.rooms.presenting import Presenter
from bongsu.rooms.room_state import RoomStates


async def test_no_stale_no(database_dsn: str, database: Database) -> None:
    """A second follower hears nothing of the bus, so it learns of entries only by polling."""
    house = RoomHouse(database_dsn, database)
    await house.heart.start()
    follower = Follower(PostgresEntryReader(database), "test")
    store, snapshots = PostgresHistoryStore(database), PostgresSyncStore(database)
    access = RoomAccess(follower, store, snapshots)
    history = History(access, store, Presenter(snapshots), house.tokens)
    states = RoomStates(access, store, house.tokens)
    try:
        room = await house.room()
        await follower.start()
        await house.member(room, BOB, "join")
        event_id = await house.say(room, "hello")
        assert (await access.view(requester(BOB), room)).membership == "join"
        event_id = await house.say(room, "hello again")
        shown = await history.event(requester(BOB), room, event_id)
        assert b"hello again" in bytes(shown)
        await house.send(room, ALICE, {"name": "x"}, "m.room.name", "")
        _, event = await states.event(requester(BOB), room, "m.room.name", "")
        assert event.content == {"name": "x"}
        with pytest.raises(Forbidden):
            await access.view(requester("@carol:test"), room)
        with pytest.raises(NotFound):
            await history.event(requester(BOB), room, "$nothing")
    finally:
        await follower.stop()
        await house.heart.stop()
