"""Pushers in a real PostgreSQL."""

import asyncio

import msgspec

from bongsu.ids import DeviceId, UserId
from bongsu.postgres.database import Database
from bongsu.postgres.device_store import PostgresDeviceStore
from bongsu.postgres.pusher_store import PostgresPusherStore, delete_pushers_of
from bongsu.push.pushers import Pusher

ALICE, BOB = UserId("@alice:example.org"), UserId("@bob:example.org")
PHONE, DESK = DeviceId("PHONE"), DeviceId("DESK")
PUSHER = Pusher(
    app_id="org.example.app", pushkey="key", kind="http", app_display_name="App",
    device_display_name="Phone", lang="ko", profile_tag=None,
    data={"url": "https://push.example.org/_matrix/push/v1/notify", "x": [1, None, "\x00"]},
)  # fmt: skip


async def put(
    store: PostgresPusherStore, user: UserId, pusher: Pusher, *, device: DeviceId = PHONE,
    append: bool = False, pushers_max: int = 10,
) -> bool:  # fmt: skip
    return await store.put(user, device, pusher, append=append, pushers_max=pushers_max)


async def test_a_pusher_comes_back_as_it_was(database: Database) -> None:
    store = PostgresPusherStore(database)
    assert await put(store, ALICE, PUSHER)
    assert await store.list_pushers(ALICE) == [PUSHER]
    changed = msgspec.structs.replace(PUSHER, lang="en", profile_tag="tag")
    assert await put(store, ALICE, changed)
    assert await store.list_pushers(ALICE) == [changed]
    await store.delete(ALICE, PUSHER.app_id, PUSHER.pushkey)
    assert await store.list_pushers(ALICE) == []


async def test_a_pushkey_belongs_to_one_person_unless_appended(database: Database) -> None:
    store = PostgresPusherStore(database)
    await put(store, ALICE, PUSHER)
    await put(store, BOB, PUSHER, append=True)
    assert await store.list_pushers(ALICE) == await store.list_pushers(BOB) == [PUSHER]
    await put(store, BOB, msgspec.structs.replace(PUSHER, app_id="another"))
    assert await store.list_pushers(ALICE) == [PUSHER]
    await put(store, BOB, PUSHER)
    assert await store.list_pushers(ALICE) == []


async def test_of_people_who_race_for_a_pushkey_one_has_it(database: Database) -> None:
    store = PostgresPusherStore(database)
    people = [UserId(f"@user{n}:example.org") for n in range(20)]
    assert all(await asyncio.gather(*(put(store, user, PUSHER) for user in people)))
    held = [pusher for user in people for pusher in await store.list_pushers(user)]
    assert held == [PUSHER]


async def test_one_pusher_too_many_changes_nothing(database: Database) -> None:
    store = PostgresPusherStore(database)
    other = msgspec.structs.replace(PUSHER, pushkey="other")
    await put(store, ALICE, other)
    assert await put(store, BOB, PUSHER, pushers_max=1)
    assert await put(store, BOB, PUSHER, pushers_max=1)
    assert not await put(store, BOB, other, pushers_max=1)
    assert await store.list_pushers(ALICE) == [other]


async def test_pushers_go_with_their_device(database: Database) -> None:
    store = PostgresPusherStore(database)
    other = msgspec.structs.replace(PUSHER, pushkey="other")
    await put(store, ALICE, PUSHER)
    await put(store, ALICE, other, device=DESK)
    devices = PostgresDeviceStore(database, [delete_pushers_of])
    await devices.delete(ALICE, [PHONE, DeviceId("NONE")])
    await devices.delete(BOB, [DESK])
    assert await store.list_pushers(ALICE) == [other]
